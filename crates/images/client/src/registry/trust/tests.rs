use std::path::Path;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;

use super::*;

fn certificate(name: &str) -> CertificateDer<'static> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/trust");
    CertificateDer::from_pem_file(data.join(name).with_extension("crt")).unwrap()
}

/// The verdict on `chain`, the server's first, where this host knows `authorities`.
fn verdict(authorities: &[&str], chain: &[&str], name: &str, year: u64) -> Result<(), String> {
    let authorities = authorities.iter().map(|name| certificate(name)).collect();
    let verifier = Verifier::new(Arc::new(authorities), Arc::new(ring::default_provider()));
    let chain: Vec<_> = chain.iter().map(|name| certificate(name)).collect();
    let now = UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_557_600));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let verdict = verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], now);
    verdict.map(drop).map_err(|error| match error {
        TlsError::InvalidCertificate(why) => format!("{why:?}").chars().take(12).collect(),
        other => other.to_string(),
    })
}

#[test]
fn what_this_host_vouches_for_is_trusted_and_nothing_else() {
    let here = "registry.test";
    for (authorities, chain, name, year, expected) in [
        (&["ca"][..], &["leaf"][..], here, 2030, ""),
        // Docker's own instructions: openssl req -x509.
        (&["self"], &["self"], here, 2030, ""),
        (&["ca", "self"], &["self"], here, 2030, ""),
        (&["ca"], &["leaf-ca"], here, 2030, ""),
        (&["leaf-ca"], &["leaf-ca"], here, 2030, ""),
        (&["ca"], &["leaf-ca-below", "middle"], here, 2030, ""),
        (&["ca"], &["leaf-ca-below"], here, 2030, "UnknownIssue"),
        (&["ca"], &["self"], here, 2030, "UnknownIssue"),
        (&[], &["self"], here, 2030, "UnknownIssue"),
        (&["self"], &["leaf"], here, 2030, "UnknownIssue"),
        (&["self"], &["self"], "other.test", 2030, "NotValidForN"),
        (&["ca"], &["leaf-ca"], "other.test", 2030, "NotValidForN"),
        (&["self"], &["self"], here, 1970, "NotValidYetC"),
        (&["self"], &["self"], here, 2200, "ExpiredConte"),
        (&["ca"], &["leaf-ca-client"], here, 2030, "InvalidPurpo"),
        // A certificate that may not sign has signed.
        (&["ca"], &["below-no-issuer", "no-issuer"], here, 2030, "UnknownIssue"),
    ] {
        let error = verdict(authorities, chain, name, year).err().unwrap_or_default();
        assert_eq!(error, expected, "{authorities:?} {chain:?} {name} {year}");
    }
}
