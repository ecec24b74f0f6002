//! Which server certificate is trusted: what Go and OpenSSL take, and so flintlockd and curl.
//!
//! webpki refuses a server whose certificate may sign others (`CA:TRUE`), which is what
//! `openssl req -x509` writes and half of the private registries show. Where this host vouches for
//! such a certificate itself, or for who signed it, it is taken here; names, times and purposes are
//! held to in any case, and the handshake proves that the server has its key.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::authorities::{Authorities, Own};

/// Certificates between a server's own and an authority.
const DEPTH: usize = 8;

/// TLS with these authorities, and with this certificate of our own where a server asks for one. With
/// `any`, every certificate is taken: containerd's `skip_verify`, which is for whoever wrote it there.
///
/// # Errors
/// When the certificate does not fit its key.
pub(super) fn tls(
    authorities: Authorities,
    own: Option<Own>,
    any: bool,
) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(authorities, Arc::clone(&provider));
    let verifier = Arc::new(Verifier { any, ..verifier });
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder?.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match own {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// What this host vouches for.
#[derive(Debug)]
struct Verifier {
    authorities: Authorities,
    /// Whether a server may show what it likes.
    any: bool,
    /// `None` where no authority is known at all.
    usual: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(authorities: Authorities, provider: Arc<CryptoProvider>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities.iter().cloned());
        let usual =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        Self { authorities, any: false, usual: usual.build().ok(), provider }
    }

    /// The verdict on a certificate that may sign others.
    fn authority(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        verify_server_name(&ParsedCertificate::try_from(server)?, name)?;
        let leaf = read(server)?;
        in_time(&leaf, now)?;
        let purposes = leaf.extended_key_usage().map_err(|_| bad(CertificateError::BadEncoding))?;
        if purposes.is_some_and(|purposes| !purposes.value.server_auth && !purposes.value.any) {
            return Err(bad(CertificateError::InvalidPurpose));
        }
        let between: Vec<X509Certificate<'_>> =
            between.iter().take(DEPTH).filter_map(|one| read(one).ok()).collect();
        // As Go has it, a certificate that stands among the authorities needs no other.
        if self.authorities.iter().any(|authority| authority == server) {
            return Ok(ServerCertVerified::assertion());
        }
        let mut at = &leaf;
        for _ in 0..DEPTH {
            if self.authorities.iter().any(|one| signed(at, one, now)) {
                return Ok(ServerCertVerified::assertion());
            }
            let Some(issuer) = between.iter().find(|one| is_issuer(at, one, now)) else { break };
            at = issuer;
        }
        Err(bad(CertificateError::UnknownIssuer))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if self.any {
            return Ok(ServerCertVerified::assertion());
        }
        let Some(usual) = &self.usual else {
            return Err(bad(CertificateError::UnknownIssuer));
        };
        let verdict =
            usual.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verdict {
            // Its words for a certificate that may sign others; the library has no variant for it.
            Err(TlsError::InvalidCertificate(CertificateError::Other(_))) => {
                self.authority(end_entity, intermediates, server_name, now)
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn bad(why: CertificateError) -> TlsError {
    TlsError::InvalidCertificate(why)
}

fn read<'c>(certificate: &'c CertificateDer<'_>) -> Result<X509Certificate<'c>, TlsError> {
    let read = X509Certificate::from_der(certificate);
    read.map(|(_, certificate)| certificate).map_err(|_| bad(CertificateError::BadEncoding))
}

fn in_time(certificate: &X509Certificate<'_>, now: UnixTime) -> Result<(), TlsError> {
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let time = |seconds: i64| {
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds.max(0).unsigned_abs()))
    };
    let validity = certificate.validity();
    let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    if seconds < from {
        let not_before = time(from);
        return Err(bad(CertificateError::NotValidYetContext { time: now, not_before }));
    }
    if seconds > until {
        return Err(bad(CertificateError::ExpiredContext { time: now, not_after: time(until) }));
    }
    Ok(())
}

/// Whether an authority of this host signed it.
fn signed(
    certificate: &X509Certificate<'_>,
    authority: &CertificateDer<'_>,
    now: UnixTime,
) -> bool {
    read(authority).is_ok_and(|authority| is_issuer(certificate, &authority, now))
}

fn is_issuer(
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
    now: UnixTime,
) -> bool {
    certificate.issuer().as_raw() == issuer.subject().as_raw()
        && issuer.is_ca()
        && issuer.key_usage().ok().flatten().is_none_or(|usage| usage.value.key_cert_sign())
        && in_time(issuer, now).is_ok()
        && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

#[cfg(test)]
mod tests;
