//! What there is below /etc/mvmhost/tls.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use mvm_core::{Roots, atomic, chain};
use rcgen::{KeyPair, PublicKeyData};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;

use crate::Error;
use crate::plan::{Certificate, FOLDER, File, KeyState, Observed, is_client_name};

/// A certificate of a few hundred names has some 10 KiB.
pub(crate) const LARGEST: u64 = 256 * 1024;
/// More clients than a host has.
const MOST: usize = 1000;

/// Reads everything; `now` is the clock in seconds since 1970.
///
/// # Errors
/// The folder of clients cannot be listed.
pub fn observe(roots: &Roots, now: i64) -> Result<Observed, Error> {
    let folder = roots.at(FOLDER);
    let authority = read(&folder.join("ca"), None);
    let issuer = first(&folder.join("ca.crt")).ok().flatten();
    let mut clients = BTreeMap::new();
    for name in listed(&folder.join("clients"))? {
        let file = read(&folder.join("clients").join(&name), issuer.as_ref());
        clients.insert(name, file);
    }
    Ok(Observed { now, authority, server: read(&folder.join("server"), issuer.as_ref()), clients })
}

fn listed(folder: &Path) -> Result<BTreeSet<String>, Error> {
    let failed = |source| Error::File(mvm_core::Error::Read { path: folder.to_owned(), source });
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = BTreeSet::new();
    for entry in entries.take(2 * MOST) {
        let name = entry.map_err(failed)?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".crt"));
        names.extend(stem.filter(|stem| is_client_name(stem)).map(str::to_owned));
    }
    Ok(names)
}

/// The first certificate of a file; `None` when there is no file.
fn first(path: &Path) -> Result<Option<Pem>, String> {
    let bytes = match atomic::read_bounded(path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) => {
            let absent = matches!(&error, mvm_core::Error::Read { source, .. }
                if source.kind() == io::ErrorKind::NotFound);
            return if absent { Ok(None) } else { Err(chain(&error)) };
        }
    };
    let found = Pem::iter_from_buffer(&bytes).next();
    let found = found.ok_or("there is no PEM block of a certificate")?;
    found.map(Some).map_err(|error| format!("no PEM: {error}"))
}

/// `stem` is the path without an extension; without an issuer it is the authority itself.
fn read(stem: &Path, issuer: Option<&Pem>) -> File {
    let pem = match first(&beside(stem, "crt")) {
        Ok(Some(pem)) => pem,
        Ok(None) => return File::Absent,
        Err(why) => return File::Broken(why),
    };
    let parsed = match pem.parse_x509() {
        Ok(parsed) => parsed,
        Err(error) => return File::Broken(format!("no certificate: {error}")),
    };
    let is_authority = stem.file_name().is_some_and(|name| name == "ca");
    let ours = match issuer.map(Pem::parse_x509) {
        None if is_authority => parsed.is_ca() && signed(&parsed, &parsed),
        Some(Ok(issuer)) => signed(&parsed, &issuer),
        _ => false,
    };
    File::Read(Certificate {
        from: parsed.validity().not_before.timestamp(),
        until: parsed.validity().not_after.timestamp(),
        names: subject_names(&parsed),
        ours,
        key: key(&beside(stem, "key"), &parsed),
    })
}

fn signed(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    certificate.issuer() == issuer.subject()
        && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

fn subject_names(certificate: &X509Certificate<'_>) -> BTreeSet<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.map(|extension| extension.value.general_names.as_slice());
    names.unwrap_or_default().iter().filter_map(name).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn key(path: &Path, certificate: &X509Certificate<'_>) -> KeyState {
    match pair(path) {
        Ok(None) => KeyState::Absent,
        Ok(Some(pair)) if pair.subject_public_key_info() == certificate.public_key().raw => {
            KeyState::Fits
        }
        _ => KeyState::Other,
    }
}

/// The file beside others of the same stem, whatever dots are in it.
pub(crate) fn beside(stem: &Path, extension: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(".");
    path.push(extension);
    path.into()
}

/// The key in a file; `None` when there is no file.
pub(crate) fn pair(path: &Path) -> Result<Option<KeyPair>, String> {
    let text = match atomic::read_bounded(path, LARGEST) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| error.to_string())?,
        Err(mvm_core::Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(chain(&error)),
    };
    KeyPair::from_pem(&text).map(Some).map_err(|error| error.to_string())
}
