//! Where a registry is asked, and what its answers mean.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

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
}

impl Endpoint {
    /// Under which path the login file may have a login for `repository` here.
    pub fn login_path(&self, repository: &str) -> String {
        let own = self.root.split('/').filter(|part| !part.is_empty() && *part != "v2");
        own.chain([repository]).collect::<Vec<_>>().join("/")
    }
}

/// The servers to ask for an image of `registry`, in this order: its mirrors, then itself. As
/// containerd's client has it, a registry on this host is asked over plain HTTP; one that speaks TLS
/// there is asked once more.
pub fn endpoints(
    registry: &str,
    mirrors: &BTreeMap<String, Vec<String>>,
    insecure: &[String],
) -> Vec<Endpoint> {
    let is_plain = |host: &str| insecure.iter().any(|listed| listed == host);
    let mut all = Vec::new();
    for url in mirrors.get(registry).into_iter().flatten() {
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        all.push(Endpoint {
            base: format!("{scheme}://{host}"),
            root: root(path),
            host: host.to_owned(),
            mirror_of: Some(registry.to_owned()),
            plain: scheme == "http" || is_plain(host),
            only_for_tls: false,
        });
    }
    let host = match registry {
        "docker.io" => "registry-1.docker.io",
        other => other,
    };
    let plain = is_plain(registry) || is_local(registry);
    let scheme = if plain { "http" } else { "https" };
    let itself = Endpoint {
        base: format!("{scheme}://{host}"),
        root: "/v2".to_owned(),
        host: registry.to_owned(),
        mirror_of: None,
        plain,
        only_for_tls: false,
    };
    let over_tls = (plain && !is_plain(registry)).then(|| Endpoint {
        base: format!("https://{host}"),
        only_for_tls: true,
        ..itself.clone()
    });
    all.push(itself);
    all.extend(over_tls);
    all
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
    let host = match registry.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => registry.rsplit_once(':').map_or(registry, |(host, _)| host),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
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
    let asked = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    Next::Retry(asked.map_or_else(|| pause(attempt), |asked| asked.clamp(pause(1), LONGEST)))
}

/// What a connection that broke or fell silent means after `attempt` (from 1).
pub fn after_break(attempt: u32) -> Next {
    if attempt >= ATTEMPTS { Next::GiveUp } else { Next::Retry(pause(attempt)) }
}

/// Half a second, and twice as long after each further attempt.
fn pause(attempt: u32) -> Duration {
    Duration::from_millis(500) * 2_u32.saturating_pow(attempt.saturating_sub(1).min(6))
}
