//! Image records: names for blobs, and what garbage collection starts from.

use containerd_client::services::v1::{
    CreateImageRequest, DeleteImageRequest, GetImageRequest, Image, UpdateImageRequest,
};
use containerd_client::types::Descriptor;
use mvm_core::Digest;
use prost_types::FieldMask;
use tonic::Code;

use super::{Containerd, unless};
use crate::Error;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Of the index or the manifest.
    pub media_type: String,
    /// Of the index or the manifest.
    pub digest: Digest,
    /// Length of the index or the manifest in bytes.
    pub size: u64,
}

impl Containerd {
    /// What a name stands for; `None` when there is no such record or it holds no sha256 digest.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn record(&self, name: &str) -> Result<Option<Record>, Error> {
        let request = self.request(GetImageRequest { name: name.to_owned() });
        let answer = self.client.images().get(request).await;
        let answer = unless(Code::NotFound, answer, "Images.Get", name)?;
        let target = answer.and_then(|answer| answer.image).and_then(|image| image.target);
        Ok(target.and_then(|target| {
            let digest = Digest::parse(&target.digest)?;
            let size = u64::try_from(target.size).unwrap_or(0);
            Some(Record { media_type: target.media_type, digest, size })
        }))
    }

    /// Takes a name away, if it is there; what nothing else leads to is garbage then.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn delete_record(&self, name: &str) -> Result<(), Error> {
        let request = DeleteImageRequest { name: name.to_owned(), ..DeleteImageRequest::default() };
        let deleted = self.client.images().delete(self.request(request)).await;
        unless(Code::NotFound, deleted, "Images.Delete", name).map(drop)
    }

    /// Makes a name stand for something; labels that others put on the record stay.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn set_record(&self, name: &str, record: &Record) -> Result<(), Error> {
        let target = Descriptor {
            media_type: record.media_type.clone(),
            digest: record.digest.to_string(),
            size: i64::try_from(record.size).unwrap_or(i64::MAX),
            ..Descriptor::default()
        };
        let image = Image { name: name.to_owned(), target: Some(target), ..Image::default() };
        loop {
            let create =
                CreateImageRequest { image: Some(image.clone()), ..CreateImageRequest::default() };
            let made = self.client.images().create(self.request(create)).await;
            if unless(Code::AlreadyExists, made, "Images.Create", name)?.is_some() {
                return Ok(());
            }
            let paths = vec!["target".to_owned()];
            let update = UpdateImageRequest {
                image: Some(image.clone()),
                update_mask: Some(FieldMask { paths }),
                ..UpdateImageRequest::default()
            };
            let changed = self.client.images().update(self.request(update)).await;
            if unless(Code::NotFound, changed, "Images.Update", name)?.is_some() {
                return Ok(());
            }
        }
    }
}
