//! Writing a blob: one stream, one answer for each message.

use std::time::Duration;

use containerd_client::services::v1::{WriteAction, WriteContentRequest, WriteContentResponse};
use mvm_core::Digest;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use super::Containerd;
use crate::Error;

/// The first pause while somebody else writes the same blob; doubled up to [`LONGEST`].
const PAUSE: Duration = Duration::from_millis(16);
const LONGEST: Duration = Duration::from_secs(2);

/// What came of beginning to write.
pub enum Opened {
    /// The blob is there, and now under the lease.
    Complete,
    /// It can be written from [`Ingest::offset`] on.
    Begun(Box<Ingest>),
}

/// A blob that is being written.
pub struct Ingest {
    requests: mpsc::Sender<WriteContentRequest>,
    answers: Streaming<WriteContentResponse>,
    name: String,
    digest: Digest,
    size: u64,
    offset: u64,
    /// A message whose answer was not read yet: the next bytes come meanwhile.
    waiting: bool,
}

impl Containerd {
    /// Begins to write a blob, or goes on where somebody was broken off. `kind` is `index`,
    /// `manifest`, `config` or `layer`: with it other clients know that it is the same blob. Waits
    /// while one of them writes it.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn ingest(&self, kind: &str, digest: &Digest, size: u64) -> Result<Opened, Error> {
        let name = format!("{kind}-{digest}");
        let mut pause = PAUSE;
        loop {
            match self.begin(&name, digest, size).await {
                Ok(ingest) => return Ok(Opened::Begun(Box::new(ingest))),
                Err(status) if status.code() == Code::AlreadyExists => return Ok(Opened::Complete),
                Err(status) if is_locked(&status) => sleep(pause).await,
                Err(status) => return Err(Error::refused("Content.Write", name, status)),
            }
            pause = (pause * 2).min(LONGEST);
        }
    }

    async fn begin(&self, name: &str, digest: &Digest, size: u64) -> Result<Ingest, Status> {
        let (requests, receiver) = mpsc::channel(1);
        let stat = WriteContentRequest {
            action: WriteAction::Stat.into(),
            r#ref: name.to_owned(),
            total: i64::try_from(size).unwrap_or(i64::MAX),
            expected: digest.to_string(),
            ..WriteContentRequest::default()
        };
        let _ = requests.send(stat).await;
        let request = self.patient(ReceiverStream::new(receiver));
        let mut answers = self.client.content().write(request).await?.into_inner();
        let answer = answers.message().await?.ok_or_else(|| Status::unavailable("no answer"))?;
        let offset = u64::try_from(answer.offset).unwrap_or(0);
        let (name, digest) = (name.to_owned(), digest.clone());
        Ok(Ingest { requests, answers, name, digest, size, offset, waiting: false })
    }
}

/// Another client holds the ingest; a containerd that went away has the same code and another text.
fn is_locked(status: &Status) -> bool {
    status.code() == Code::Unavailable && status.message().contains("locked")
}

impl Ingest {
    /// Bytes that are there.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// When containerd refuses these or the bytes before.
    pub async fn write(&mut self, data: Vec<u8>) -> Result<(), Error> {
        let offset = i64::try_from(self.offset).unwrap_or(i64::MAX);
        let length = data.len() as u64;
        self.answered().await?;
        let request = WriteContentRequest {
            action: WriteAction::Write.into(),
            offset,
            data,
            ..WriteContentRequest::default()
        };
        self.send(request).await?;
        self.offset += length;
        Ok(())
    }

    /// Makes a blob of what was written.
    ///
    /// # Errors
    /// [`Error::Digest`] when it is another one; what was written is thrown away then.
    pub async fn commit(mut self, containerd: &Containerd) -> Result<(), Error> {
        self.answered().await?;
        let request = WriteContentRequest {
            action: WriteAction::Commit.into(),
            total: i64::try_from(self.size).unwrap_or(i64::MAX),
            expected: self.digest.to_string(),
            offset: i64::try_from(self.offset).unwrap_or(i64::MAX),
            ..WriteContentRequest::default()
        };
        self.send(request).await?;
        match self.answers.message().await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Error::Write(self.name)),
            Err(status) if status.code() == Code::AlreadyExists => Ok(()),
            Err(status) if status.code() == Code::FailedPrecondition => {
                let Self { requests, answers, name, digest, .. } = self;
                drop((requests, answers));
                containerd.abort(&name).await?;
                Err(Error::Digest { object: name, expected: digest.to_string() })
            }
            Err(status) => Err(Error::refused("Content.Write", self.name, status)),
        }
    }

    async fn send(&mut self, request: WriteContentRequest) -> Result<(), Error> {
        self.waiting = true;
        let sent = self.requests.send(request).await;
        sent.map_err(|_| Error::Write(self.name.clone()))
    }

    async fn answered(&mut self) -> Result<(), Error> {
        if !std::mem::take(&mut self.waiting) {
            return Ok(());
        }
        match self.answers.message().await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Error::Write(self.name.clone())),
            Err(status) => Err(Error::refused("Content.Write", &self.name, status)),
        }
    }
}
