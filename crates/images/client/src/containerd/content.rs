//! Blobs that containerd has.

use containerd_client::services::v1::{
    AbortRequest, DeleteContentRequest, Info, InfoRequest, ReadContentRequest, UpdateRequest,
};
use mvm_core::Digest;
use mvm_core::digest::Hasher;
use mvm_images_plan::labels::Labels;
use mvm_images_plan::manifest::Descriptor;
use prost_types::FieldMask;
use tonic::Code;

use super::{Containerd, unless};
use crate::Error;

/// What containerd knows of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Length in bytes.
    pub size: u64,
    /// All labels of the blob, also those that other programs set.
    pub labels: Labels,
}

impl Containerd {
    /// What is known of a blob; `None` when it is not there.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn blob(&self, digest: &Digest) -> Result<Option<Blob>, Error> {
        let request = self.request(InfoRequest { digest: digest.to_string() });
        let answer = self.client.content().info(request).await;
        let answer = unless(Code::NotFound, answer, "Content.Info", digest.as_str())?;
        Ok(answer.and_then(|answer| answer.info).map(|info| Blob {
            size: u64::try_from(info.size).unwrap_or(0),
            labels: info.labels.into_iter().collect(),
        }))
    }

    /// The whole of a small blob, `None` when it is not there, longer than `most`, or not what its
    /// digest says: the disk may have damaged it.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn read(&self, digest: &Digest, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let refused = |status| Error::refused("Content.Read", digest.as_str(), status);
        let request =
            self.request(ReadContentRequest { digest: digest.to_string(), offset: 0, size: 0 });
        let answer = self.client.content().read(request).await;
        let Some(mut stream) = unless(Code::NotFound, answer, "Content.Read", digest.as_str())?
        else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        loop {
            match stream.message().await {
                Ok(Some(message)) => bytes.extend_from_slice(&message.data),
                Ok(None) => break,
                Err(status) if status.code() == Code::NotFound => return Ok(None),
                Err(status) => return Err(refused(status)),
            }
            if bytes.len() as u64 > most {
                return Ok(None);
            }
        }
        Ok((Digest::of(&bytes) == *digest).then_some(bytes))
    }

    /// Whether the file of a blob that containerd knows is there, up to its last byte.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn is_on_disk(&self, blob: &Descriptor) -> Result<bool, Error> {
        let refused = |status| Error::refused("Content.Read", blob.digest.as_str(), status);
        let last = i64::try_from(blob.size).unwrap_or(i64::MAX).saturating_sub(1).max(0);
        let digest = blob.digest.to_string();
        let request = self.request(ReadContentRequest { digest, offset: last, size: 1 });
        let read =
            async { self.client.content().read(request).await?.into_inner().message().await };
        match read.await {
            Ok(answer) => {
                Ok(blob.size == 0 || answer.is_some_and(|answer| !answer.data.is_empty()))
            }
            Err(status) if matches!(status.code(), Code::NotFound | Code::OutOfRange) => Ok(false),
            Err(status) => Err(refused(status)),
        }
    }

    /// Hands a blob of any size to `write`, piece by piece.
    ///
    /// # Errors
    /// Of `write`; when containerd refuses, has no such blob, or one of another size or digest.
    pub async fn copy(
        &self,
        digest: &Digest,
        size: u64,
        mut write: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let refused = |status| Error::refused("Content.Read", digest.as_str(), status);
        let missing =
            || Error::Missing { place: "containerd".to_owned(), digest: digest.to_string() };
        let request =
            self.patient(ReadContentRequest { digest: digest.to_string(), offset: 0, size: 0 });
        let answer = self.client.content().read(request).await;
        let answer = unless(Code::NotFound, answer, "Content.Read", digest.as_str())?;
        let mut stream = answer.ok_or_else(missing)?;
        let (mut hasher, mut remaining) = (Hasher::default(), size);
        while let Some(message) = stream.message().await.map_err(refused)? {
            let count = message.data.len() as u64;
            remaining = remaining.checked_sub(count).ok_or_else(missing)?;
            hasher.update(&message.data);
            write(&message.data)?;
        }
        match remaining == 0 && hasher.finish() == *digest {
            true => Ok(()),
            false => Err(missing()),
        }
    }

    /// Adds labels to a blob, or changes them; others stay.
    ///
    /// # Errors
    /// When containerd refuses, or has no such blob.
    pub async fn label(&self, digest: &Digest, labels: Labels) -> Result<(), Error> {
        let current = self.blob(digest).await?.map(|blob| blob.labels).unwrap_or_default();
        let missing: Labels =
            labels.into_iter().filter(|(key, value)| current.get(key) != Some(value)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let paths = missing.keys().map(|key| format!("labels.{key}")).collect();
        let labels = missing.into_iter().collect();
        let info = Info { digest: digest.to_string(), labels, ..Info::default() };
        let request = UpdateRequest { info: Some(info), update_mask: Some(FieldMask { paths }) };
        let answer = self.client.content().update(self.request(request)).await;
        answer.map_err(|status| Error::refused("Content.Update", digest.as_str(), status))?;
        Ok(())
    }

    /// Throws away what was written under an ingest's name.
    pub(super) async fn abort(&self, name: &str) -> Result<(), Error> {
        let request = self.request(AbortRequest { r#ref: name.to_owned() });
        let aborted = self.client.content().abort(request).await;
        unless(Code::NotFound, aborted, "Content.Abort", name).map(drop)
    }

    /// Takes a damaged blob out of the store and off the disk, so that it can be written again:
    /// containerd would take the file for the blob and write nothing.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn discard(&self, digest: &Digest) -> Result<(), Error> {
        let request = self.request(DeleteContentRequest { digest: digest.to_string() });
        let deleted = self.client.content().delete(request).await;
        if unless(Code::NotFound, deleted, "Content.Delete", digest.as_str())?.is_some() {
            self.collect().await?;
        }
        Ok(())
    }
}
