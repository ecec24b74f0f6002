//! Carries out the plan: makes keys and certificates.

use std::path::Path;

use mvm_core::{Roots, atomic};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use time::OffsetDateTime;
use x509_parser::pem::Pem;

use crate::Error;
use crate::observe::{beside, pair};
use crate::plan::{FOLDER, Span, Step};

/// Makes what the step says. The key comes first and an existing one is kept, so that a kill between
/// the two files leaves no certificate with another one's key.
///
/// # Errors
/// A key or certificate cannot be made, read or written; what was there before is as it was.
pub fn apply(roots: &Roots, step: &Step) -> Result<(), Error> {
    let folder = roots.at(FOLDER);
    let stem = folder.join(step.stem());
    let failed = |source| Error::Make { stem: step.stem(), source };
    let key = own_key(&stem, &step.stem())?;
    let params = params(step)?;
    let text = match step {
        Step::Authority(_) => params.self_signed(&key).map_err(failed)?.pem(),
        _ => {
            let authority = own_key(&folder.join("ca"), "ca")?;
            let authority_pem = text(&folder.join("ca.crt"))?;
            let issuer = Issuer::from_ca_cert_pem(&authority_pem, authority).map_err(failed)?;
            let made = params.signed_by(&key, &issuer).map_err(failed)?.pem();
            // A server shows its authority as well, by which this host knows its own flintlockd
            // while that still has the certificate from before.
            if matches!(step, Step::Server { .. }) { made + &authority_pem } else { made }
        }
    };
    atomic::write(&beside(&stem, "crt"), text.as_bytes(), 0o644).map_err(Error::File)
}

/// Takes over an authority that is kept elsewhere, such as that of another host: clients have one
/// authority for all hosts of a cluster. One that is here already is not replaced.
///
/// # Errors
/// The files are no certificate of an authority and its key, another authority is here, or it cannot
/// be written.
pub fn import(roots: &Roots, certificate: &Path, key: &Path) -> Result<(), Error> {
    let refused =
        |path: &Path, why: &str| Error::NoAuthority { path: path.to_owned(), why: why.to_owned() };
    let key_pair = pair(key).map_err(|why| refused(key, &why))?;
    let key_pair = key_pair.ok_or_else(|| refused(key, "there is no such file"))?;
    let certificate_pem = text(certificate)?;
    let parsed = Pem::iter_from_buffer(certificate_pem.as_bytes()).next();
    let parsed = parsed.and_then(Result::ok);
    let parsed = parsed.ok_or_else(|| refused(certificate, "it holds no certificate"))?;
    let parsed =
        parsed.parse_x509().map_err(|_| refused(certificate, "it holds no certificate"))?;
    if !parsed.is_ca() {
        return Err(refused(certificate, "its certificate may not sign others"));
    }
    if rcgen::PublicKeyData::subject_public_key_info(&key_pair) != parsed.public_key().raw {
        return Err(refused(key, "it is not the key of that certificate"));
    }
    let folder = roots.at(FOLDER);
    let here = folder.join("ca.crt");
    if here.exists() && text(&here)? != certificate_pem {
        return Err(refused(&here, "another authority is here already"));
    }
    let pem = key_pair.serialize_pem();
    atomic::write(&folder.join("ca.key"), pem.as_bytes(), 0o600).map_err(Error::File)?;
    atomic::write(&here, certificate_pem.as_bytes(), 0o644).map_err(Error::File)
}

fn text(path: &Path) -> Result<String, Error> {
    let bytes = atomic::read_linked(path, crate::observe::LARGEST).map_err(Error::File)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The key of this stem; made when there is none. One that cannot be read stays as it is.
fn own_key(stem: &Path, name: &str) -> Result<KeyPair, Error> {
    let failed = |source| Error::Make { stem: name.to_owned(), source };
    let path = beside(stem, "key");
    match pair(&path) {
        Ok(Some(key)) => Ok(key),
        Ok(None) => {
            let key = KeyPair::generate().map_err(failed)?;
            let pem = key.serialize_pem();
            atomic::write(&path, pem.as_bytes(), 0o600).map_err(Error::File)?;
            Ok(key)
        }
        Err(why) => Err(Error::NoAuthority { path, why }),
    }
}

fn params(step: &Step) -> Result<CertificateParams, Error> {
    let failed = |source| Error::Make { stem: step.stem(), source };
    let names = match step {
        Step::Server { names, .. } => names.iter().cloned().collect(),
        Step::Authority(_) | Step::Client { .. } => Vec::new(),
    };
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    let (common, usages, purposes) = match step {
        Step::Authority(_) => {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            (
                "mvmhost authority",
                vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
                vec![],
            )
        }
        Step::Server { .. } => (
            "flintlockd",
            vec![KeyUsagePurpose::DigitalSignature],
            vec![ExtendedKeyUsagePurpose::ServerAuth],
        ),
        Step::Client { name, .. } => (
            name.as_str(),
            vec![KeyUsagePurpose::DigitalSignature],
            vec![ExtendedKeyUsagePurpose::ClientAuth],
        ),
    };
    params.distinguished_name.push(DnType::CommonName, common);
    params.key_usages = usages;
    params.extended_key_usages = purposes;
    params.use_authority_key_identifier_extension = true;
    let Span { from, until } = step.span();
    params.not_before = OffsetDateTime::from_unix_timestamp(from).map_err(Error::Date)?;
    params.not_after = OffsetDateTime::from_unix_timestamp(until).map_err(Error::Date)?;
    Ok(params)
}
