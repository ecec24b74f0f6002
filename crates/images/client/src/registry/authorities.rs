//! Certificates as they lie in files: authorities, and what this host shows of itself.

use std::path::PathBuf;
use std::sync::Arc;

use mvm_core::{Roots, atomic, chain};
use mvm_images_plan::hosts::Tls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Error;

/// Bytes of one file.
const LONGEST: u64 = 4 << 20;
/// Files of one registry.
const MOST: usize = 64;

/// Certificates, DER, that vouch for servers.
pub(super) type Authorities = Arc<Vec<CertificateDer<'static>>>;

/// Who this host says that it is: certificates, its own first, and the key.
pub(super) type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Those of the host, for every registry.
pub(super) fn of_host() -> Authorities {
    let loaded = rustls_native_certs::load_native_certs();
    for error in &loaded.errors {
        log::debug!("authorities: {error}");
    }
    Arc::new(loaded.certs)
}

/// The certificates of those files; what cannot be read is told to nobody but the log, and missed
/// when the registry shows its certificate.
pub(super) fn of_files(roots: &Roots, files: &[PathBuf]) -> Vec<CertificateDer<'static>> {
    let mut all = Vec::new();
    for file in files.iter().take(MOST) {
        match atomic::read_linked(&roots.at(file), LONGEST) {
            Ok(text) => all.extend(CertificateDer::pem_slice_iter(&text).filter_map(Result::ok)),
            Err(error) => log::warn!("{}", chain(&error)),
        }
    }
    all
}

/// What is shown to a registry that asks for it: the first pair, where there is one.
///
/// # Errors
/// When a file of it cannot be read or holds none.
pub(super) fn own(roots: &Roots, tls: &Tls) -> Result<Option<Own>, Error> {
    let Some((certificate, key)) = tls.client.first() else { return Ok(None) };
    let key = key.as_ref().unwrap_or(certificate);
    let read = |path: &PathBuf| {
        let failed = |why: String| Error::ClientCertificate { path: path.clone(), why };
        atomic::read_linked(&roots.at(path), LONGEST).map_err(|error| failed(chain(&error)))
    };
    let text = read(certificate)?;
    let all: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&text).filter_map(Result::ok).collect();
    if all.is_empty() {
        let why = "it holds no certificate in PEM".to_owned();
        return Err(Error::ClientCertificate { path: certificate.clone(), why });
    }
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?);
    // The library's words may quote the text, which is a secret.
    let why = || "it holds no private key in PEM".to_owned();
    let secret = secret.map_err(|_| Error::ClientCertificate { path: key.clone(), why: why() })?;
    Ok(Some((all, secret)))
}
