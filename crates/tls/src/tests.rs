//! Everything that is made is read back, and a strict TLS library takes it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mvm_core::Roots;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;

use super::*;
use crate::plan::{CLUSTER_CLIENT, Desired, File, KeyState, OWN_CLIENT, plan};

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

fn desired() -> Desired {
    Desired {
        names: ["localhost", "192.0.2.7", "fd00::7"].map(str::to_owned).into(),
        by_name: true,
        clients: [OWN_CLIENT, CLUSTER_CLIENT].map(str::to_owned).into(),
        renewed: BTreeSet::new(),
    }
}

/// One run; how many steps it had.
fn run(roots: &Roots, desired: &Desired, now: i64) -> usize {
    let _lock = lock(roots).unwrap();
    let plan = plan(desired, &observe(roots, now).unwrap());
    assert!(!plan.is_refused(), "{plan:?}");
    for step in &plan.steps {
        apply(roots, step).unwrap();
    }
    plan.steps.len()
}

fn der(roots: &Roots, file: &str) -> Vec<CertificateDer<'static>> {
    let bytes = fs::read(roots.at(format!("/etc/mvmhost/tls/{file}"))).unwrap();
    CertificateDer::pem_slice_iter(&bytes).map(Result::unwrap).collect()
}

#[test]
fn what_is_made_is_trusted_for_its_names_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots::new(folder.path());
    assert_eq!(run(&roots, &desired(), now()), 4);
    assert_eq!(run(&roots, &desired(), now()), 0);
    for (file, mode) in [
        ("ca.key", 0o600),
        ("server.key", 0o600),
        ("clients/capmvm.key", 0o600),
        ("ca.crt", 0o644),
        ("server.crt", 0o644),
        ("clients", 0o755),
    ] {
        let found = fs::metadata(roots.at(format!("/etc/mvmhost/tls/{file}"))).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, mode, "{file}");
    }
    let mut trusted = RootCertStore::empty();
    trusted.add(der(&roots, "ca.crt").remove(0)).unwrap();
    let trusted = Arc::new(trusted);
    let provider = Arc::new(ring::default_provider());
    let servers =
        WebPkiServerVerifier::builder_with_provider(Arc::clone(&trusted), Arc::clone(&provider));
    let servers = servers.build().unwrap();
    let chain = der(&roots, "server.crt");
    let time = UnixTime::since_unix_epoch(Duration::from_secs(now().unsigned_abs()));
    let names_server = |name: &'static str| {
        let name = ServerName::try_from(name).unwrap();
        servers.verify_server_cert(&chain[0], &chain[1..], &name, &[], time).is_ok()
    };
    assert!(names_server("localhost") && names_server("192.0.2.7") && names_server("fd00::7"));
    assert!(!names_server("192.0.2.8") && !names_server("example.org"));
    let clients = WebPkiClientVerifier::builder_with_provider(trusted, provider).build().unwrap();
    let client = der(&roots, "clients/capmvm.crt");
    assert!(clients.verify_client_cert(&client[0], &[], time).is_ok());
    assert!(clients.verify_client_cert(&chain[0], &[], time).is_err(), "a server is no client");
}

#[test]
fn a_renewal_keeps_the_key_and_a_lost_key_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots::new(folder.path());
    run(&roots, &desired(), now());
    let file = |name: &str| fs::read(roots.at(format!("/etc/mvmhost/tls/{name}"))).unwrap();
    let before = (file("server.key"), file("server.crt"), file("ca.crt"));
    // In ten months server and own client are due; what clients have a copy of is not.
    assert_eq!(run(&roots, &desired(), now() + 300 * 86400), 2);
    assert_eq!(file("server.key"), before.0);
    assert_eq!(file("ca.crt"), before.2);
    assert_ne!(file("server.crt"), before.1);
    fs::remove_file(roots.at("/etc/mvmhost/tls/server.key")).unwrap();
    assert_eq!(run(&roots, &desired(), now()), 1);
    let File::Read(server) = observe(&roots, now()).unwrap().server else { panic!() };
    assert!(server.ours && server.key == KeyState::Fits);
}

#[test]
fn another_host_takes_the_same_authority() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (Roots::new(first.path()), Roots::new(second.path()));
    run(&first, &desired(), now());
    let path = |name: &str| first.at(format!("/etc/mvmhost/tls/{name}"));
    drop(lock(&second).unwrap());
    for (crt, key) in [("server.crt", "server.key"), ("ca.crt", "server.key"), ("ca.crt", "none")] {
        assert!(import(&second, &path(crt), &path(key)).is_err(), "{crt} {key}");
    }
    for _ in 0..2 {
        import(&second, &path("ca.crt"), &path("ca.key")).unwrap();
    }
    assert_eq!(run(&second, &desired(), now()), 3);
    let third = Roots::new(tempfile::tempdir().unwrap().path());
    run(&third, &desired(), now());
    let other = |name: &str| third.at(format!("/etc/mvmhost/tls/{name}"));
    assert!(import(&second, &other("ca.crt"), &other("ca.key")).is_err(), "it is never replaced");
    fs::remove_dir_all(third.at("/")).unwrap();
}

#[test]
fn hostile_files_are_named_and_nothing_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots::new(folder.path());
    run(&roots, &desired(), now());
    let at = |name: &str| roots.at(format!("/etc/mvmhost/tls/{name}"));
    fs::write(at("server.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    assert!(matches!(observe(&roots, now()).unwrap().server, File::Broken(_)));
    fs::remove_file(at("server.crt")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", at("server.crt")).unwrap();
    assert!(matches!(observe(&roots, now()).unwrap().server, File::Broken(_)));
    fs::write(at("clients/a b.crt"), "").unwrap();
    assert_eq!(observe(&roots, now()).unwrap().clients.len(), 2);
}

#[test]
fn a_secret_is_what_cluster_api_reads() {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots::new(folder.path());
    run(&roots, &desired(), now());
    let data = material(&roots, CLUSTER_CLIENT).unwrap();
    let text = secret(Opaque { name: "tls", namespace: "default", data: &data });
    let keys: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert!(keys.iter().any(|line| line.starts_with("tls.key: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS")));
    assert!(keys.iter().any(|line| line.starts_with("ca.crt: LS0tLS1CRUdJTiBDRVJUSUZJQ0FUR")));
    assert!(text.contains("kind: Secret\n") && text.contains("type: Opaque\n"));
    assert!(material(&roots, "nobody").is_err());
}
