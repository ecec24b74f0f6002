//! containerd's client: the calls that a pull needs, all in one namespace and, once one is held, under
//! one lease.

use std::path::{Path, PathBuf};
use std::time::Duration;

use containerd_client::Client;
use containerd_client::services::v1::{CreateNamespaceRequest, Namespace};
use mvm_config::names;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Code, Request, Status};

mod content;
mod ingest;
mod leases;
mod records;
mod snapshots;

pub use content::Blob;
pub use ingest::{Ingest, Opened};
pub use records::Record;
pub use snapshots::Prepared;

use crate::Error;

/// For one answer about something that containerd has at hand.
const ANSWER: Duration = Duration::from_secs(60);

/// A gRPC connection; each call is in `namespace` and, once one is held, under `lease`.
pub struct Containerd {
    client: Client,
    namespace: AsciiMetadataValue,
    lease: Option<AsciiMetadataValue>,
}

impl Containerd {
    /// Connects, for work in `namespace`; nothing is changed.
    ///
    /// # Errors
    /// When the socket is not there.
    pub async fn connect(socket: &Path, namespace: &names::Namespace) -> Result<Self, Error> {
        let at = || PathBuf::from(socket);
        let name = namespace.as_str();
        let namespace = AsciiMetadataValue::try_from(name).map_err(|_| {
            Error::refused("Namespaces", name, Status::invalid_argument("no text of a header"))
        })?;
        let client = Client::from_path(socket)
            .await
            .map_err(|source| Error::Connect { socket: at(), source })?;
        Ok(Self { client, namespace, lease: None })
    }

    /// Makes the namespace, where flintlockd was never started.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn make_namespace(&self) -> Result<(), Error> {
        let name = self.namespace.to_str().unwrap_or_default();
        let namespace = Namespace { name: name.to_owned(), ..Namespace::default() };
        let request = self.request(CreateNamespaceRequest { namespace: Some(namespace) });
        let made = self.client.namespaces().create(request).await;
        unless(Code::AlreadyExists, made, "Namespaces.Create", name).map(drop)
    }

    /// A request with the headers that every call has, and a deadline.
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = self.patient(message);
        request.set_timeout(ANSWER);
        request
    }

    /// The same for work whose end cannot be foreseen.
    fn patient<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let headers = request.metadata_mut();
        headers.insert("containerd-namespace", self.namespace.clone());
        if let Some(lease) = &self.lease {
            headers.insert("containerd-lease", lease.clone());
        }
        request
    }
}

/// The answer, `None` for a refusal with this code, and an error for any other.
fn unless<T>(
    code: Code,
    answer: Result<tonic::Response<T>, Status>,
    call: &'static str,
    subject: &str,
) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer.into_inner())),
        Err(status) if status.code() == code => Ok(None),
        Err(status) => Err(Error::refused(call, subject, status)),
    }
}
