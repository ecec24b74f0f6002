//! The authorities of this host, and those that it has for one registry alone: where docker, podman
//! and containerd's client look for them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mvm_config::Roots;
use mvm_host::atomic;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Folders of one registry each, named after it.
const FOLDERS: [&str; 3] =
    ["/etc/containerd/certs.d", "/etc/docker/certs.d", "/etc/containers/certs.d"];
/// containerd's file in such a folder.
const HOSTS: &str = "hosts.toml";
/// Bytes of one file of authorities.
const LONGEST: u64 = 4 << 20;
/// Files of one registry.
const MOST: usize = 64;

/// A set of authorities.
pub(super) type Authorities = Arc<Vec<CertificateDer<'static>>>;

/// Those of the host, for every registry.
pub(super) fn of_host() -> Authorities {
    let loaded = rustls_native_certs::load_native_certs();
    for error in &loaded.errors {
        log::debug!("authorities: {error}");
    }
    Arc::new(loaded.certs)
}

/// The files with authorities for `host[:port]` alone.
pub(super) fn files(roots: &Roots, host: &str) -> Vec<PathBuf> {
    let mut files = BTreeSet::new();
    for folder in FOLDERS {
        // containerd writes a port as host_5000_ where a colon would be in the way.
        let other = host.rsplit_once(':').map(|(name, port)| format!("{name}_{port}_"));
        for name in std::iter::once(host.to_owned()).chain(other) {
            let folder = roots.at(Path::new(folder).join(name));
            let named = named_in(&folder);
            if named.is_empty() {
                files.extend(certificates(&folder));
            }
            files.extend(named.into_iter().map(|path| match path.is_absolute() {
                true => roots.at(path),
                false => folder.join(path),
            }));
        }
    }
    files.into_iter().take(MOST).collect()
}

/// The certificates of those files; what cannot be read is told to nobody but the log, and missed
/// when the registry shows its certificate.
pub(super) fn of_files(files: &[PathBuf]) -> Vec<CertificateDer<'static>> {
    let mut all = Vec::new();
    for file in files {
        match atomic::read_linked(file, LONGEST) {
            Ok(text) => all.extend(CertificateDer::pem_slice_iter(&text).filter_map(Result::ok)),
            Err(error) => log::warn!("{}", mvm_host::chain(&error)),
        }
    }
    all
}

/// `*.crt` of a folder: docker's and podman's name for authorities.
fn certificates(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(MOST).flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "crt")).collect()
}

/// The `ca` of containerd's hosts.toml: of the registry, and of each server in it.
fn named_in(folder: &Path) -> Vec<PathBuf> {
    let text = atomic::read_linked(&folder.join(HOSTS), LONGEST).unwrap_or_default();
    let table: toml::Table = String::from_utf8_lossy(&text).parse().unwrap_or_default();
    let servers = table.get("host").and_then(toml::Value::as_table);
    let servers = servers.into_iter().flat_map(|servers| servers.values());
    let own = table.get("ca");
    let all = own.into_iter().chain(servers.filter_map(|server| server.get("ca")));
    all.flat_map(|value| match value {
        toml::Value::Array(list) => list.iter().filter_map(toml::Value::as_str).collect(),
        other => other.as_str().into_iter().collect::<Vec<_>>(),
    })
    .map(PathBuf::from)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_has_authorities_of_its_own_where_docker_podman_and_containerd_look() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let write = |path: &str, text: &str| {
            let path = roots.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("/etc/docker/certs.d/r.test:5000/ca.crt", "");
        write("/etc/docker/certs.d/r.test:5000/client.cert", "");
        write("/etc/docker/certs.d/r.test/ca.crt", "");
        write("/etc/containers/certs.d/r.test:5000/podman.crt", "");
        let hosts =
            "ca = [\"/etc/ours.pem\", \"near.pem\"]\n[host.\"https://m.test\"]\nca = \"m.pem\"\n";
        write("/etc/containerd/certs.d/r.test_5000_/hosts.toml", hosts);
        let found = files(&roots, "r.test:5000");
        let bare = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
        assert_eq!(
            found.iter().map(bare).collect::<Vec<_>>(),
            [
                "etc/containerd/certs.d/r.test_5000_/m.pem",
                "etc/containerd/certs.d/r.test_5000_/near.pem",
                "etc/containers/certs.d/r.test:5000/podman.crt",
                "etc/docker/certs.d/r.test:5000/ca.crt",
                "etc/ours.pem",
            ]
        );
        assert_eq!(files(&roots, "r.test").len(), 1);
        assert!(files(&roots, "other.test:5000").is_empty());
    }
}
