//! From when to when a certificate holds.

use std::path::Path;

use x509_parser::pem::Pem;

use crate::atomic;

/// Certificates and their chains are a few KiB.
const LARGEST: u64 = 1024 * 1024;

/// notBefore and notAfter of the first certificate of a PEM file, in seconds since 1970.
///
/// # Errors
/// Why there is none, for people.
pub fn validity(path: &Path) -> Result<(i64, i64), String> {
    let bytes = atomic::read_linked(path, LARGEST).map_err(|error| crate::chain(&error))?;
    for block in Pem::iter_from_buffer(&bytes) {
        let block = block.map_err(|error| format!("no PEM: {error}"))?;
        if block.label == "CERTIFICATE" {
            let certificate =
                block.parse_x509().map_err(|error| format!("no certificate: {error}"))?;
            let held = certificate.validity();
            return Ok((held.not_before.timestamp(), held.not_after.timestamp()));
        }
    }
    Err("there is no PEM block of a certificate".to_owned())
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
        }
    }
}
