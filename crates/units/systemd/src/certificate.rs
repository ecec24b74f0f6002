//! From when to when a certificate holds.

use std::path::Path;

use mvm_core::atomic;
use x509_parser::pem::Pem;

/// Certificates and their chains are a few KiB.
const LARGEST: u64 = 1024 * 1024;

/// notBefore and notAfter of a certificate in seconds since 1970, or why it is none, for people.
type Validity = Result<(i64, i64), String>;

/// That of the first certificate of a PEM file, which is the server's own.
///
/// # Errors
/// Why there is none, for people.
pub fn validity(path: &Path) -> Validity {
    all(path)?.into_iter().next().unwrap_or_else(|| Err(none()))
}

/// That of the certificate of a PEM file that ranks highest. What is broken is passed over, as Go
/// does when it takes a file for a pool of certificates (crypto/x509 AppendCertsFromPEM).
///
/// # Errors
/// Why there is none, for people.
pub fn validity_in_pool<K: Ord>(path: &Path, rank: impl Fn(i64, i64) -> K) -> Validity {
    let all = all(path)?;
    let best = all.iter().flatten().max_by_key(|(from, until)| rank(*from, *until)).copied();
    best.map_or_else(|| all.into_iter().next().unwrap_or_else(|| Err(none())), Ok)
}

fn all(path: &Path) -> Result<Vec<Validity>, String> {
    let bytes = atomic::read_linked(path, LARGEST).map_err(|error| mvm_core::chain(&error))?;
    let blocks = Pem::iter_from_buffer(&bytes);
    let blocks = blocks.filter(|block| !matches!(block, Ok(pem) if pem.label != "CERTIFICATE"));
    Ok(blocks.map(|block| read(&block.map_err(|error| format!("no PEM: {error}"))?)).collect())
}

fn read(block: &Pem) -> Validity {
    let certificate = block.parse_x509().map_err(|error| format!("no certificate: {error}"))?;
    let validity = certificate.validity();
    Ok((validity.not_before.timestamp(), validity.not_after.timestamp()))
}

fn none() -> String {
    "there is no PEM block of a certificate".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_what_is_none_is_refused() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let (from, until) = validity(&data.join("server.crt")).unwrap();
        assert!(from < until && from > 1_700_000_000, "{from} {until}");
        assert!(validity(&data.join("server.key")).unwrap_err().contains("no PEM block"));
        assert!(validity(&data.join("none")).is_err());
        let folder = tempfile::tempdir().unwrap();
        let broken = folder.path().join("x");
        for text in
            ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN"]
        {
            std::fs::write(&broken, text).unwrap();
            assert!(validity(&broken).is_err(), "{text}");
            assert!(validity_in_pool(&broken, |_, until| until).is_err(), "{text}");
        }
    }

    #[test]
    fn of_a_pool_the_best_counts_and_what_is_broken_does_not() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let [old, new] = ["expired.crt", "server.crt"].map(|name| data.join(name));
        let text = |path: &Path| std::fs::read_to_string(path).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("ca.crt");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&bundle, format!("{broken}{}# new\n{}", text(&old), text(&new))).unwrap();
        let [old, new] = [old, new].map(|path| validity(&path).unwrap());
        assert!(old.1 < new.0, "{old:?} {new:?}");
        assert_eq!(validity_in_pool(&bundle, |_, until| until), Ok(new));
        assert_eq!(validity_in_pool(&bundle, |_, until| -until), Ok(old));
        assert!(validity(&bundle).is_err());
    }
}
