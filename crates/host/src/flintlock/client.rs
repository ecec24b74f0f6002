//! The real API.

use std::sync::Arc;
use std::time::Duration;

use mvm_config::names::Endpoint;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{self, Channel, ClientTlsConfig, Identity};
use tonic::{Code, Request, Status};

use super::trust::Trust;
use super::wire::{LIST, ListRequest, ListResponse};
use super::{MicroVm, Tls};
use crate::{Error, atomic};

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
        let mut request = Request::new(ListRequest::default());
        if let Some(token) = &self.token {
            request.metadata_mut().insert("authorization", token.clone());
        }
        let call = async { tokio::time::timeout(deadline, list(&self.channel, request)).await };
        let server = self.server.clone();
        match self.runtime.block_on(call) {
            Ok(Ok(reply)) => Ok(reply.microvm.into_iter().map(MicroVm::from).collect()),
            Ok(Err(status)) => {
                let source = Box::new(status);
                // A status that the server sent has no source.
                match self.anonymous_tls && std::error::Error::source(&*source).is_some() {
                    true => Err(Error::GrpcShutOut { server, source }),
                    false => Err(Error::GrpcCall { server, request: METHOD, source }),
                }
            }
            Err(_) => Err(Error::GrpcSilent { server, request: METHOD, after: deadline }),
        }
    }
}

async fn list(channel: &Channel, request: Request<ListRequest>) -> Result<ListResponse, Status> {
    let mut grpc =
        tonic::client::Grpc::new(channel.clone()).max_decoding_message_size(LARGEST_REPLY);
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let codec = tonic_prost::ProstCodec::default();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(LIST);
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
