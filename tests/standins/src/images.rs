//! What flintlockd does with images at each create: it asks the registry in the reference, also for
//! what is on this host, lets containerd's own client pull and unpack, and makes a snapshot of it.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::api::flintlock::types::MicroVm;
use crate::store;

/// For the next bytes of a registry, as Go's dialler waits.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Indexes that lead to one another.
const INDEXES: usize = 4;
/// Bytes of an answer to HEAD.
const HEAD: u64 = 64 << 10;
/// As containerd's client asks for a manifest.
const ACCEPT: &str = "application/vnd.docker.distribution.manifest.v2+json, \
                      application/vnd.docker.distribution.manifest.list.v2+json, \
                      application/vnd.oci.image.manifest.v1+json, \
                      application/vnd.oci.image.index.v1+json, */*";

/// Whose images, and how kernels are unpacked.
#[derive(Debug, Clone)]
pub struct Containerd {
    /// `containerd-socket`
    pub socket: PathBuf,
    /// `containerd-ns`
    pub namespace: String,
    /// `containerd-kernel-ss`
    pub kernel_snapshotter: String,
}

impl Containerd {
    /// Makes the snapshots of a microVM that are not there yet. What is there is not asked about.
    ///
    /// # Errors
    /// In flintlockd's words.
    pub fn ensure(&self, vm: &MicroVm) -> Result<()> {
        let spec = vm.spec.clone().unwrap_or_default();
        let roots = spec.root_volume.iter().chain(&spec.additional_volumes);
        let mut images: Vec<(String, String, &str, Option<String>)> = Vec::new();
        for volume in roots {
            let source = volume.source.as_ref().and_then(|source| source.container_source.clone());
            images.extend(source.map(|image| (volume.id.clone(), image, "devmapper", None)));
        }
        if let Some(kernel) = &spec.kernel {
            let (name, image) = ("kernel".to_owned(), kernel.image.clone());
            images.push((name, image, &self.kernel_snapshotter, kernel.filename.clone()));
        }
        for (name, image, snapshotter, file) in images {
            let key = format!("flintlock/{}/{name}", store::vmid(vm));
            if self.has(snapshotter, &key) {
                continue;
            }
            resolve(&image).with_context(|| format!("getting image {image} for {name}"))?;
            self.pull(snapshotter, &image)?;
            self.prepare(snapshotter, &image, &key, file.as_deref())?;
        }
        Ok(())
    }

    fn ctr(&self) -> Command {
        let mut ctr = Command::new("ctr");
        ctr.arg("-a").arg(&self.socket).args(["-n", &self.namespace]);
        ctr
    }

    fn snapshots(&self, snapshotter: &str, arguments: &[&str]) -> Result<String> {
        ok(self.ctr().args(["snapshots", "--snapshotter", snapshotter]).args(arguments))
    }

    fn has(&self, snapshotter: &str, key: &str) -> bool {
        self.snapshots(snapshotter, &["info", key]).is_ok()
    }

    /// Fetches what containerd lacks, and unpacks what is not unpacked there.
    fn pull(&self, snapshotter: &str, image: &str) -> Result<()> {
        let pull = |more: &[&str]| {
            let mut pull = self.ctr();
            pull.args(["images", "pull"]).args(more);
            ok(pull.args(["--snapshotter", snapshotter, image]))
        };
        // containerd 2 leaves it to its daemon unless told; 1.6 has no such word.
        pull(&["--local"]).or_else(|_| pull(&[])).map(drop)
    }

    /// A snapshot for this microVM alone, under the key that flintlockd gives it. A kernel must be in
    /// it.
    fn prepare(&self, snapshotter: &str, image: &str, key: &str, file: Option<&str>) -> Result<()> {
        let top = self.top(snapshotter, image)?;
        self.snapshots(snapshotter, &["prepare", key, &top])?;
        let Some(file) = file.filter(|_| snapshotter == "native") else { return Ok(()) };
        // mount -t bind SOURCE TARGET -o OPTIONS
        let mount = self.snapshots(snapshotter, &["mounts", "/target", key])?;
        let source = mount.split_whitespace().nth(3).unwrap_or_default();
        let there = Path::new(source).join(file).is_file();
        ensure!(there, "The kernel file cannot be opened: {source}/{file}");
        Ok(())
    }

    /// The uppermost snapshot of an image, by the label that the pull has left.
    fn top(&self, snapshotter: &str, image: &str) -> Result<String> {
        let listed = ok(self.ctr().args(["images", "ls", &format!("name=={image}")]))?;
        let row = listed.lines().find(|line| line.starts_with(image)).unwrap_or_default();
        let mut digest = row.split_whitespace().nth(2).unwrap_or_default().to_owned();
        for _ in 0..INDEXES {
            let text = ok(self.ctr().args(["content", "get", &digest]))?;
            let document: serde_json::Value = serde_json::from_str(&text)?;
            if let Some(config) = document["config"]["digest"].as_str() {
                return self
                    .label(config, &format!("containerd.io/gc.ref.snapshot.{snapshotter}="));
            }
            let entries = document["manifests"].as_array().into_iter().flatten();
            let mut amd64 = entries.filter(|one| one["platform"]["architecture"] == "amd64");
            let next = amd64.next().and_then(|one| one["digest"].as_str());
            digest = next.context("no match for platform in manifest")?.to_owned();
        }
        bail!("{image} leads to no manifest")
    }

    fn label(&self, digest: &str, label: &str) -> Result<String> {
        let listed = ok(self.ctr().args(["content", "ls"]))?;
        let row = listed.lines().find(|line| line.starts_with(digest)).unwrap_or_default();
        let value = row.split_once(label).map(|(_, rest)| rest);
        let value = value.and_then(|rest| rest.split([',', ' ', '\t']).next());
        value.map(str::to_owned).with_context(|| format!("{digest} is not unpacked"))
    }

    /// Removes a deleted microVM's snapshots.
    pub fn release(&self, vm: &MicroVm) {
        let spec = vm.spec.clone().unwrap_or_default();
        let volumes = spec.root_volume.iter().chain(&spec.additional_volumes);
        let volumes = volumes.map(|volume| ("devmapper", volume.id.clone()));
        let kernel = (self.kernel_snapshotter.as_str(), "kernel".to_owned());
        for (snapshotter, name) in volumes.chain([kernel]) {
            let key = format!("flintlock/{}/{name}", store::vmid(vm));
            // There may be none.
            let _ = self.snapshots(snapshotter, &["rm", &key]);
        }
    }
}

/// Its standard output; the error is the last line of its standard error.
fn ok(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", stderr.trim().lines().last().unwrap_or_default());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// One HEAD of the manifest, as containerd's client with its default resolver does it: plain HTTP to
/// `localhost` and loopback addresses and TLS to all others, without a login, a mirror or a proxy.
/// Whether TLS succeeds is left to the pull.
///
/// # Errors
/// In that client's words.
pub fn resolve(image: &str) -> Result<()> {
    let failed = || format!("failed to resolve reference \"{image}\"");
    let (host, rest) = image.split_once('/').context("object required").with_context(failed)?;
    let (path, digest) = rest.split_once('@').map_or((rest, None), |(path, d)| (path, Some(d)));
    let (path, tag) = path.rsplit_once(':').unwrap_or((path, "latest"));
    let plain = is_local(host);
    let scheme = if plain { "http" } else { "https" };
    let target = format!("/v2/{path}/manifests/{}", digest.unwrap_or(tag));
    let url = format!("{scheme}://{host}{target}");
    let request_failed = || format!("failed to do request: Head \"{url}\"");
    let stream = connect(host, if plain { 80 } else { 443 });
    let mut stream = stream.with_context(request_failed).with_context(failed)?;
    if !plain {
        return Ok(());
    }
    let request = format!(
        "HEAD {target} HTTP/1.1\r\nHost: {host}\r\nAccept: {ACCEPT}\r\nConnection: close\r\n\r\n"
    );
    let mut answer = Vec::new();
    let read = stream.write_all(request.as_bytes());
    let read = read.and_then(|()| stream.take(HEAD).read_to_end(&mut answer));
    read.with_context(request_failed).with_context(failed)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    match answer.split(' ').nth(1) {
        Some("200") => Ok(()),
        Some("404") => bail!("{}: {image}: not found", failed()),
        status => bail!("{}: unexpected status from HEAD request to {url}: {status:?}", failed()),
    }
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let address = if has_port { host.to_owned() } else { format!("{host}:{port}") };
    let mut last = io::Error::other(format!("dial tcp: lookup {host}: no such host"));
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// containerd's MatchLocalhost.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn this_host_is_asked_over_plain_http_and_must_have_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = thread::spawn(move || {
            let answers = ["200 OK", "404 Not Found", "401 Unauthorized"];
            answers.map(|status| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let count = stream.read(&mut request).unwrap();
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").unwrap();
                String::from_utf8_lossy(&request[..count]).into_owned()
            })
        });
        let resolved = |reference: &str| {
            resolve(&format!("localhost:{port}/{reference}")).map_err(|error| format!("{error:#}"))
        };
        resolved("a/b:1").unwrap();
        assert!(resolved("a/b@sha256:00").unwrap_err().ends_with("a/b@sha256:00: not found"));
        assert!(resolved("a/b:1").unwrap_err().contains("unexpected status from HEAD"));
        let requests = served.join().unwrap();
        assert!(
            requests[0].starts_with("HEAD /v2/a/b/manifests/1 HTTP/1.1\r\n"),
            "{}",
            requests[0]
        );
        assert!(requests[1].starts_with("HEAD /v2/a/b/manifests/sha256:00 "), "{}", requests[1]);
        assert!(!requests[2].contains("Authorization"));
    }

    #[test]
    fn a_registry_that_is_away_is_a_failure_in_containerds_words() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for reference in [format!("localhost:{port}/a/b:1"), "registry.invalid/a/b:1".to_owned()] {
            let message = format!("{:#}", resolve(&reference).unwrap_err());
            let begins =
                format!("failed to resolve reference \"{reference}\": failed to do request");
            assert!(message.starts_with(&begins), "{message}");
        }
    }

    #[test]
    fn local_is_what_containerd_takes_for_it() {
        for (host, expected) in [
            ("localhost", true),
            ("localhost:5000", true),
            ("127.4.0.1:5000", true),
            ("[::1]:5000", true),
            ("ghcr.io", false),
            ("localhost.test:5000", false),
            ("10.0.0.1:5000", false),
        ] {
            assert_eq!(is_local(host), expected, "{host}");
        }
    }
}
