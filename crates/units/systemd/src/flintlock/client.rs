//! The real API.

use std::sync::Arc;
use std::time::Duration;

use mvm_config::names::Endpoint;
use mvm_core::atomic;
use mvm_units_plan::microvm as plan;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{self, Channel, ClientTlsConfig, Identity};
use tonic::{Code, Request, Status};

use super::trust::Trust;
use super::wire::{
    ByUid, CREATE, CreateRequest, DELETE, Empty, GET, LIST, ListRequest, ListResponse, OneResponse,
    Vm,
};
use super::{Details, MicroVm, Named, Tls};
use crate::Error;

const METHOD: &str = "MicroVM.ListMicroVMs";
/// Certificates and keys are a few KiB.
const LARGEST_PEM: u64 = 1024 * 1024;
/// A microVM's specification with its user data is some 10 KiB; tonic's own limit is 4 MiB.
const LARGEST_REPLY: usize = 256 * 1024 * 1024;

/// A connection to flintlockd. Every call blocks.
#[derive(Debug)]
pub struct Api {
    runtime: tokio::runtime::Runtime,
    channel: Channel,
    token: Option<MetadataValue<Ascii>>,
    server: String,
    /// Spoken to over TLS, without a client certificate.
    anonymous_tls: bool,
}

impl Api {
    /// Connects within `deadline`. An endpoint on every interface (`0.0.0.0`, `[::]`, no host) is
    /// dialled on loopback. `token` is flintlockd's basic-auth token, without a line break.
    ///
    /// # Errors
    /// When a certificate or key cannot be used, or the server cannot be reached in time. Plain
    /// text to a TLS server, TLS to a plain text one and a client certificate that the server
    /// misses may be noticed only by the first call.
    pub fn connect(
        endpoint: &Endpoint,
        tls: Option<&Tls>,
        token: Option<&str>,
        deadline: Duration,
    ) -> Result<Self, Error> {
        let server = endpoint.to_string();
        let made = |source| Error::GrpcClient { server: server.clone(), source };
        let token = token.map(header).transpose().map_err(made)?;
        let remote = remote(endpoint, tls)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        let connect = async { tokio::time::timeout(deadline, remote.connect()).await };
        let channel = match runtime.block_on(connect) {
            Ok(Ok(channel)) => channel,
            Ok(Err(source)) => return Err(Error::GrpcConnect { server, source }),
            Err(_) => {
                return Err(Error::GrpcSilent { server, request: "a connection", after: deadline });
            }
        };
        let anonymous_tls = tls.is_some_and(|tls| tls.client.is_none());
        Ok(Self { runtime, channel, token, server, anonymous_tls })
    }

    /// Every microVM of every namespace, within `deadline`. flintlockd reads them from containerd,
    /// so this proves that containerd answers it as well.
    ///
    /// # Errors
    /// When the server refuses ([`Error::answered`]), breaks off or does not answer in time.
    pub fn list_microvms(&self, deadline: Duration) -> Result<Vec<MicroVm>, Error> {
        let method = Method { path: LIST, name: METHOD };
        let reply: ListResponse = self.call(method, ListRequest::default(), deadline)?;
        Ok(reply.microvm.into_iter().map(MicroVm::from).collect())
    }

    /// The same, each with the images that it names, within `deadline`.
    ///
    /// # Errors
    /// As [`Self::list_microvms`].
    pub fn list_images(&self, deadline: Duration) -> Result<Vec<Named>, Error> {
        let method = Method { path: LIST, name: METHOD };
        let reply: ListResponse = self.call(method, ListRequest::default(), deadline)?;
        let with_images = |vm: Vm| (vm.images(), MicroVm::from(vm));
        Ok(reply.microvm.into_iter().map(with_images).map(|(images, vm)| (vm, images)).collect())
    }

    /// Asks for a microVM, within `deadline`; flintlockd makes it afterwards.
    ///
    /// # Errors
    /// As [`Self::list_microvms`]; [`Error::said`] is what flintlockd has against it.
    pub fn create(&self, spec: &plan::Spec, deadline: Duration) -> Result<Details, Error> {
        let method = Method { path: CREATE, name: "MicroVM.CreateMicroVM" };
        let request = CreateRequest { microvm: Some(spec.into()) };
        let reply: OneResponse = self.call(method, request, deadline)?;
        Ok(reply.microvm.unwrap_or_default().into())
    }

    /// The microVM of this UID, within `deadline`; `None` when flintlockd knows none.
    ///
    /// # Errors
    /// As [`Self::list_microvms`].
    pub fn get(&self, uid: &str, deadline: Duration) -> Result<Option<Details>, Error> {
        let method = Method { path: GET, name: "MicroVM.GetMicroVM" };
        let request = ByUid { uid: uid.to_owned() };
        match self.call::<_, OneResponse>(method, request, deadline) {
            Ok(reply) => Ok(reply.microvm.map(Details::from)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Marks the microVM of this UID for deletion, within `deadline`; flintlockd deletes it
    /// afterwards. False when flintlockd knows none.
    ///
    /// # Errors
    /// As [`Self::list_microvms`].
    pub fn delete(&self, uid: &str, deadline: Duration) -> Result<bool, Error> {
        let method = Method { path: DELETE, name: "MicroVM.DeleteMicroVM" };
        let request = ByUid { uid: uid.to_owned() };
        match self.call::<_, Empty>(method, request, deadline) {
            Ok(Empty {}) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn call<Q, R>(&self, method: Method, message: Q, deadline: Duration) -> Result<R, Error>
    where
        Q: prost::Message + Send + Sync + 'static,
        R: prost::Message + Default + Send + Sync + 'static,
    {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            request.metadata_mut().insert("authorization", token.clone());
        }
        let call = unary(&self.channel, method.path, request);
        let call = async { tokio::time::timeout(deadline, call).await };
        let (server, name) = (self.server.clone(), method.name);
        match self.runtime.block_on(call) {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(status)) => {
                let source = Box::new(status);
                // A status that the server sent has no source.
                match self.anonymous_tls && std::error::Error::source(&*source).is_some() {
                    true => Err(Error::GrpcShutOut { server }),
                    false => Err(Error::GrpcCall { server, request: name, source }),
                }
            }
            Err(_) => Err(Error::GrpcSilent { server, request: name, after: deadline }),
        }
    }
}

#[derive(Clone, Copy)]
struct Method {
    path: &'static str,
    /// What errors show: `MicroVM.ListMicroVMs`.
    name: &'static str,
}

async fn unary<Q, R>(
    channel: &Channel,
    path: &'static str,
    request: Request<Q>,
) -> Result<R, Status>
where
    Q: prost::Message + Send + Sync + 'static,
    R: prost::Message + Default + Send + Sync + 'static,
{
    let mut grpc =
        tonic::client::Grpc::new(channel.clone()).max_decoding_message_size(LARGEST_REPLY);
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let codec = tonic_prost::ProstCodec::default();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(path);
    grpc.unary(request, path, codec).await.map(tonic::Response::into_inner)
}

fn remote(endpoint: &Endpoint, tls: Option<&Tls>) -> Result<transport::Endpoint, Error> {
    let server = endpoint.to_string();
    let made = |source: transport::Error| Error::GrpcClient {
        server: server.clone(),
        source: source.into(),
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let host = match endpoint.host() {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "[::1]".to_owned(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    let uri = format!("{scheme}://{host}:{}", endpoint.port());
    let remote = transport::Endpoint::from_shared(uri).map_err(made)?;
    let Some(tls) = tls else { return Ok(remote) };
    let trust = Trust::new(&tls.trust, &atomic::read_linked(&tls.trust, LARGEST_PEM)?)?;
    let mut config = ClientTlsConfig::new();
    if let Some((cert, key)) = &tls.client {
        let cert = atomic::read_linked(cert, LARGEST_PEM)?;
        config = config.identity(Identity::from_pem(cert, atomic::read_linked(key, LARGEST_PEM)?));
    }
    remote.tls_config_with_verifier(config, Arc::new(trust)).map_err(made)
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// `basic` and the token itself in base64, without a user: what flintlockd expects.
fn header(token: &str) -> Result<MetadataValue<Ascii>, AnyError> {
    let mut value = MetadataValue::try_from(format!("basic {}", base64(token.as_bytes())))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Standard base64 with padding (RFC 4648, 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let octet = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for at in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * at) & 0x3f) as usize).copied();
            let digit = digit.filter(|_| at <= chunk.len()).unwrap_or(b'=');
            text.push(char::from(digit));
        }
    }
    text
}

impl Error {
    /// Whether the failure itself shows that a server is there and works, but does not let this
    /// client in: a token is missing or wrong, or a client certificate is missing.
    pub fn answered(&self) -> bool {
        match self {
            Self::GrpcCall { source, .. } => {
                matches!(source.code(), Code::Unauthenticated | Code::PermissionDenied)
            }
            Self::GrpcShutOut { .. } => true,
            _ => false,
        }
    }

    /// What a server that works has to say against this request: its own words.
    pub fn message(&self) -> Option<&str> {
        match self {
            // A status with a source is of this side: the connection broke.
            Self::GrpcCall { source, .. } if std::error::Error::source(&**source).is_none() => {
                Some(source.message())
            }
            _ => None,
        }
    }

    /// Application errors of flintlockd have no code of their own: its text tells.
    fn is_not_found(&self) -> bool {
        let message = self.message().unwrap_or_default();
        message.contains("not found") && message.contains("microvm spec")
    }
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }
}
