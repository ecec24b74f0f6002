//! Where a registry is asked, and what its answers mean.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;

use super::hosts::{Headers, Hosts, Server, Tls};
use super::limits::LARGE;
use super::manifest::Descriptor;

/// How much earlier a large layer starts than the next one.
const HEAD_START: Duration = Duration::from_millis(100);

/// A server that may have the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `https://host[:port]`, without a slash at the end.
    pub base: String,
    /// Where the API is on it: `/v2`, or with a mirror's own path.
    pub root: String,
    /// `host[:port]`, under which logins are kept.
    pub host: String,
    /// The registry that a mirror stands in for.
    pub mirror_of: Option<String>,
    /// Whether plain HTTP is allowed: the registry is listed in `insecure-registries`, or is this
    /// host itself.
    pub plain: bool,
    /// Asked only when the server before it turned out to speak TLS.
    pub only_for_tls: bool,
    /// Asked at last, and alone where the others brought wrong bytes: the registry itself, or what
    /// containerd's hosts.toml has for `server`.
    pub itself: bool,
    /// Whether it may be asked what a tag stands for.
    pub resolves: bool,
    /// Whether it may be asked for what has a digest.
    pub pulls: bool,
    /// Certificates for it alone.
    pub tls: Tls,
    /// `header` of containerd's hosts.toml; empty for a mirror of `[images.mirrors]`.
    pub headers: Headers,
}

impl Endpoint {
    /// Under which path the login file may have a login for `repository` here.
    pub fn login_path(&self, repository: &str) -> String {
        let own = self.root.split('/').filter(|part| !part.is_empty() && *part != "v2");
        own.chain([repository]).collect::<Vec<_>>().join("/")
    }
}

/// The servers to ask for an image of `registry`, in this order: its mirrors, the servers of
/// containerd's hosts.toml, then itself. As containerd's client has it, a registry on this host is
/// asked over plain HTTP; one that speaks TLS there is asked once more.
pub fn endpoints(
    registry: &str,
    mirrors: &BTreeMap<String, Vec<String>>,
    insecure: &[String],
    hosts: &Hosts,
) -> Vec<Endpoint> {
    let host = match registry {
        "docker.io" => "registry-1.docker.io",
        other => other,
    };
    let is_plain = |host: &str| insecure.iter().any(|listed| listed == host);
    let mirrors = mirrors.get(registry).into_iter().flatten().map(|url| mirror(url));
    let mut all: Vec<Endpoint> = mirrors
        .chain(hosts.first.iter().cloned())
        .map(|server| {
            let (scheme, name) = server.base.split_once("://").unwrap_or(("https", &server.base));
            let (name, scheme) = (name.to_owned(), scheme.to_owned());
            let plain = scheme == "http" || is_plain(&name);
            let mirror_of = (name != host && name != registry).then(|| registry.to_owned());
            Endpoint { mirror_of, plain, itself: false, ..Endpoint::at(server, name) }
        })
        .collect();
    if !hosts.last.base.is_empty() {
        let base = &hosts.last.base;
        let (scheme, name) = base.split_once("://").unwrap_or(("https", base));
        let mirror_of = (name != host && name != registry).then(|| registry.to_owned());
        let plain = scheme == "http" || is_plain(name);
        let endpoint = if mirror_of.is_none() { registry } else { name };
        let endpoint = Endpoint::at(hosts.last.clone(), endpoint.to_owned());
        all.push(Endpoint { mirror_of, plain, ..endpoint });
        return all;
    }
    let plain = is_plain(registry) || is_local(registry);
    let scheme = if plain { "http" } else { "https" };
    let server = Server { base: format!("{scheme}://{host}"), ..hosts.last.clone() };
    let itself = Endpoint { plain, ..Endpoint::at(server, registry.to_owned()) };
    let over_tls = (plain && !is_plain(registry)).then(|| Endpoint {
        base: format!("https://{host}"),
        only_for_tls: true,
        // docker and containerd's client take any certificate of this host itself.
        tls: Tls { any: true, ..itself.tls.clone() },
        ..itself.clone()
    });
    all.push(itself);
    all.extend(over_tls);
    all
}

/// The server of an address in a manifest, from which a layer comes that its registry need not have;
/// `None` for what is none of a stranger's business: this host, and what is only on its own wire.
pub fn foreign(url: &str) -> Option<Endpoint> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next().filter(|host| !host.contains('@'))?;
    let name = bare(host).to_lowercase();
    let near = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some()
        }
    };
    let here = name == "localhost" || name.ends_with(".localhost");
    if name.is_empty() || here || name.parse().is_ok_and(near) {
        return None;
    }
    let base = match scheme {
        "http" | "https" => format!("{scheme}://{host}"),
        _ => return None,
    };
    let plain = scheme == "http";
    let server = Server { base, root: String::new(), ..Server::default() };
    Some(Endpoint { plain, itself: false, ..Endpoint::at(server, host.to_owned()) })
}

impl Endpoint {
    fn at(server: Server, host: String) -> Self {
        let Server { base, root, resolves, pulls, tls, headers } = server;
        let (mirror_of, plain, only_for_tls, itself) = (None, false, false, true);
        Self {
            base,
            root,
            host,
            mirror_of,
            plain,
            only_for_tls,
            itself,
            resolves,
            pulls,
            tls,
            headers,
        }
    }
}

/// A mirror of `[images.mirrors]`, such as `http://host:5000/path`; https without a scheme.
fn mirror(url: &str) -> Server {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    Server { base: format!("{scheme}://{host}"), root: root(path), ..Server::default() }
}

/// As in containerd's hosts.toml `/v2` follows a mirror's path, unless it ends with that. A path
/// that begins with it is a whole one (`override_path` there): the projects of Harbor and the like.
fn root(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let whole = parts.first() == Some(&"v2") || parts.last() == Some(&"v2");
    let last = if whole { None } else { Some("v2") };
    parts.into_iter().chain(last).map(|part| format!("/{part}")).collect()
}

/// Whether containerd's client, and so flintlockd, speaks plain HTTP to this registry without being
/// told to: `localhost` or a loopback address, with or without a port.
pub fn is_local(registry: &str) -> bool {
    let host = bare(registry);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A host without its port, and an IPv6 address without its brackets.
fn bare(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.rsplit_once(':').map_or(host, |(host, _)| host),
    }
}

/// The path of a repository at its registry; Docker's own images are under `library`.
pub fn repository(registry: &str, path: &str) -> String {
    match registry == "docker.io" && !path.contains('/') {
        true => format!("library/{path}"),
        false => path.to_owned(),
    }
}

/// What to do after an answer that is not the thing asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask the same server again, not before this long.
    Retry(Duration),
    /// This server will not give it.
    GiveUp,
}

/// Attempts at one thing with one server.
pub const ATTEMPTS: u32 = 5;
/// The longest wait that a registry can ask for.
const LONGEST: Duration = Duration::from_secs(120);

/// What an HTTP status means after `attempt` (from 1); `retry_after` is the header of that name.
pub fn after_status(status: u16, retry_after: Option<&str>, attempt: u32) -> Next {
    let passing = matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504);
    if !passing || attempt >= ATTEMPTS {
        return Next::GiveUp;
    }
    let delay = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    Next::Retry(delay.map_or_else(|| pause(attempt), |delay| delay.clamp(pause(1), LONGEST)))
}

/// What a connection that broke or fell silent means after `attempt` (from 1).
pub fn after_break(attempt: u32) -> Next {
    if attempt >= ATTEMPTS { Next::GiveUp } else { Next::Retry(pause(attempt)) }
}

/// Half a second, and twice as long after each further attempt.
fn pause(attempt: u32) -> Duration {
    Duration::from_millis(500) * 2_u32.saturating_pow(attempt.saturating_sub(1).min(6))
}

#[derive(Deserialize)]
struct Envelope {
    errors: Vec<RegistryError>,
}

#[derive(Deserialize)]
struct RegistryError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: Option<String>,
}

/// What a registry says to its status: code and message of the first error (OCI distribution
/// specification, error codes), on one short line; empty where the answer is something else. Not
/// oci-client's type: it refuses an answer whose message is null.
pub fn error_message(answer: &[u8]) -> String {
    let Ok(Envelope { errors }) = serde_json::from_slice(answer) else { return String::new() };
    let Some(RegistryError { code, message }) = errors.into_iter().next() else {
        return String::new();
    };
    let message = message.unwrap_or_default();
    let parts = [code, message].into_iter().filter(|word| !word.is_empty());
    super::manifest::shorten(&parts.collect::<Vec<_>>().join(": "))
}

/// How long each layer's transfer waits at most for the large ones below it. Layers are unpacked
/// from the lowest up: side by side on a fast link they would all arrive at the end, and nothing
/// would be unpacked until then. On a slow link, or one far away, this delays nothing that counts.
pub fn head_starts(layers: &[Descriptor]) -> Vec<Duration> {
    let mut below = 0;
    let one = |layer: &Descriptor| {
        let wait = HEAD_START * below;
        below += u32::from(layer.size >= LARGE);
        wait
    };
    layers.iter().map(one).collect()
}
