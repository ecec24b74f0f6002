//! What containerd, docker and podman know of single registries on this host: the folders that are
//! named after one.

use std::fs;
use std::path::{Path, PathBuf};

use mvm_core::{Roots, atomic};
use mvm_images_plan::fetch::Endpoint;
use mvm_images_plan::hosts::{self, Hosts, Server, Tls};

/// containerd's folders; the last one is for every registry without a folder of its own.
const CONTAINERD: &str = "/etc/containerd/certs.d";
const DEFAULT: &str = "_default";
/// docker's and podman's.
const OTHERS: [&str; 2] = ["/etc/docker/certs.d", "/etc/containers/certs.d"];
/// containerd's file in such a folder.
const HOSTS: &str = "hosts.toml";
/// Bytes of a hosts.toml; a longer one is passed over.
const LONGEST: u64 = 1 << 20;
/// Files of one folder.
const MOST: usize = 64;

/// What containerd's folder of a registry says. A hosts.toml that cannot be read is passed over, as
/// containerd does it, and what else lies there counts.
pub(super) fn hosts(roots: &Roots, registry: &str) -> Hosts {
    // A port is written host_5000_ where a colon would be in the way.
    let other = registry.rsplit_once(':').map(|(name, port)| format!("{name}_{port}_"));
    let names = other.iter().map(String::as_str).chain([registry, DEFAULT]);
    let mut folders = names.map(|name| Path::new(CONTAINERD).join(name));
    let Some(folder) = folders.find(|folder| roots.at(folder).is_dir()) else {
        return Hosts::default();
    };
    let file = folder.join(HOSTS);
    let read = match atomic::read_linked(&roots.at(&file), LONGEST) {
        Ok(text) if text.is_empty() => None,
        Ok(text) => Some(hosts::parse(&String::from_utf8_lossy(&text), &folder)),
        Err(_) if !roots.at(&file).exists() => None,
        Err(error) => Some(Err(mvm_core::chain(&error))),
    };
    match read {
        Some(Ok(hosts)) => return hosts,
        Some(Err(why)) => log::warn!("{} is not read: {why}", file.display()),
        None => {}
    }
    let mut tls = Tls::default();
    certificates(roots, &folder, &mut tls);
    Hosts { last: Server { tls, ..Server::default() }, ..Hosts::default() }
}

/// The certificates for one server: those of containerd's file, and docker's and podman's.
pub(super) fn tls(roots: &Roots, endpoint: &Endpoint) -> Tls {
    let mut tls = endpoint.tls.clone();
    if endpoint.mirror_of.is_some() && tls == Tls::default() {
        // A mirror of our own file is a registry as others.
        tls = hosts(roots, &endpoint.host).last.tls;
    }
    for folder in OTHERS {
        certificates(roots, &Path::new(folder).join(&endpoint.host), &mut tls);
    }
    tls
}

/// docker's names: `*.crt` for authorities, `*.cert` for what is shown, with `*.key` beside it.
fn certificates(roots: &Roots, folder: &Path, tls: &mut Tls) {
    let entries = fs::read_dir(roots.at(folder)).into_iter().flatten().take(MOST).flatten();
    let mut names: Vec<PathBuf> = entries.map(|entry| folder.join(entry.file_name())).collect();
    names.sort();
    for path in names {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("crt") => tls.authorities.push(path),
            Some("cert") => {
                let key = path.with_extension("key");
                let beside = roots.at(&key).exists();
                tls.client.push((path, beside.then_some(key)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mvm_images_plan::fetch::endpoints;

    use super::*;

    /// What counts for `registry` and for a mirror of it, by `files`.
    fn found(files: &[(&str, &str)], registry: &str) -> (Hosts, Vec<Tls>) {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        for (path, text) in files {
            let path = roots.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let hosts = hosts(&roots, registry);
        let mirrors = BTreeMap::from([(registry.to_owned(), vec!["https://m.test".to_owned()])]);
        let all = endpoints(registry, &mirrors, &[], &hosts);
        (hosts, all.iter().map(|one| tls(&roots, one)).collect())
    }

    fn authorities(files: &[&str]) -> Tls {
        Tls { authorities: files.iter().map(PathBuf::from).collect(), ..Tls::default() }
    }

    #[test]
    fn a_registry_has_certificates_where_docker_podman_and_containerd_look() {
        let text =
            "ca = [\"/etc/ours.pem\", \"near.pem\"]\n[host.\"https://n.test\"]\nca = \"n.pem\"\n";
        let (_, all) = found(
            &[
                ("/etc/docker/certs.d/r.test:5000/ca.crt", ""),
                ("/etc/docker/certs.d/r.test:5000/client.cert", ""),
                ("/etc/docker/certs.d/r.test:5000/client.key", ""),
                ("/etc/docker/certs.d/r.test:5000/README", ""),
                ("/etc/docker/certs.d/r.test/other.crt", ""),
                ("/etc/containers/certs.d/r.test:5000/podman.crt", ""),
                ("/etc/containers/certs.d/m.test/both.cert", ""),
                ("/etc/containerd/certs.d/r.test_5000_/hosts.toml", text),
                ("/etc/containerd/certs.d/m.test/ca.crt", ""),
            ],
            "r.test:5000",
        );
        let near = "/etc/containerd/certs.d/r.test_5000_";
        let docker = Path::new("/etc/docker/certs.d/r.test:5000");
        let own = Tls {
            client: vec![(docker.join("client.cert"), Some(docker.join("client.key")))],
            ..authorities(&[
                "/etc/ours.pem",
                &format!("{near}/near.pem"),
                "/etc/docker/certs.d/r.test:5000/ca.crt",
                "/etc/containers/certs.d/r.test:5000/podman.crt",
            ])
        };
        let mirror = Tls {
            client: vec![("/etc/containers/certs.d/m.test/both.cert".into(), None)],
            ..authorities(&["/etc/containerd/certs.d/m.test/ca.crt"])
        };
        assert_eq!(all, [mirror, authorities(&[&format!("{near}/n.pem")]), own]);
    }

    #[test]
    fn a_broken_file_is_passed_over_and_the_default_is_for_whom_no_folder_is() {
        let broken = [
            ("/etc/containerd/certs.d/r.test/hosts.toml", "server = 7"),
            ("/etc/containerd/certs.d/r.test/ca.crt", ""),
        ];
        let (hosts, _) = found(&broken, "r.test");
        assert_eq!(hosts.last.tls, authorities(&["/etc/containerd/certs.d/r.test/ca.crt"]));
        assert!(hosts.first.is_empty());
        let everybody = "[host.\"https://cache.test\"]\ncapabilities = [\"pull\", \"resolve\"]\n";
        let everybody = ("/etc/containerd/certs.d/_default/hosts.toml", everybody);
        assert_eq!(found(&[everybody], "r.test").0.first.len(), 1);
        assert!(found(&[everybody, broken[1]], "r.test").0.first.is_empty());
        assert_eq!(found(&[], "r.test").0, Hosts::default());
    }
}
