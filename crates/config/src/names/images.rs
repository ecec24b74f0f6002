//! Names of images and registries.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::{checked_text, is_host_name};
use crate::Invalid;

/// An image reference with its registry and a tag or a digest, kept to the letter: containerd and
/// flintlock look an image up by exactly this text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef(String);
checked_text!(ImageRef);

impl ImageRef {
    /// Reads `host[:port]/path:tag`, `host/path@sha256:…` or both.
    ///
    /// # Errors
    /// No registry host, no tag and no digest, a path in upper case, more than 255 characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = |message: &str| {
            Invalid::new(
                message,
                "write for example \"ghcr.io/liquidmetal-dev/flintlock-kernel:5.10.77\"",
            )
        };
        if text.len() > 255 {
            return Err(invalid("an image reference longer than 255 characters"));
        }
        let Some((host, rest)) = text.split_once('/').filter(|(host, _)| is_explicit(host)) else {
            return Err(invalid("an image reference without its registry"));
        };
        if !is_registry(host) {
            return Err(invalid("an image reference whose registry is not a host name"));
        }
        let (name, digest) = match rest.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (rest, None),
        };
        let (path, tag) = match name.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (name, None),
        };
        if path.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(invalid("an image path in upper case, which no registry takes"));
        }
        if !path.split('/').all(is_path_component) {
            return Err(invalid("not an image reference"));
        }
        if tag.is_none() && digest.is_none() {
            return Err(invalid("an image reference with neither tag nor digest"));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(invalid("an image reference whose tag has a wrong form"));
        }
        if digest.is_some_and(|digest| !is_sha256_digest(digest)) {
            return Err(Invalid::new(
                "an image reference whose digest has a wrong form",
                "write \"@sha256:\" and 64 lower-case hexadecimal digits",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// `ghcr.io` or `localhost:5000`.
    pub fn registry(&self) -> &str {
        self.0.split_once('/').map_or("", |(host, _)| host)
    }

    /// The path in the registry, without tag and digest.
    pub fn repository(&self) -> &str {
        self.name().split(':').next().unwrap_or("")
    }

    /// Such as `1.23.10`, at most 128 characters; `None` for a reference with a digest alone.
    pub fn tag(&self) -> Option<&str> {
        self.name().split_once(':').map(|(_, tag)| tag)
    }

    /// `sha256:` and 64 hexadecimal digits, where a digest is written.
    pub fn digest(&self) -> Option<&str> {
        self.0.split_once('@').map(|(_, digest)| digest)
    }

    fn name(&self) -> &str {
        let rest = self.0.split_once('/').map_or("", |(_, rest)| rest);
        rest.split('@').next().unwrap_or("")
    }
}

/// Whether Docker's rule reads the first component as a host and not as a part of the path.
fn is_explicit(host: &str) -> bool {
    host.contains('.') || host.contains(':') || host == "localhost"
}

/// Whether the text is `host[:port]` with a name, an IPv4 address or a bracketed IPv6 address.
pub(crate) fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    if port.is_some_and(|port| !digits(port) || !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return false;
    }
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => Ipv6Addr::from_str(inner).is_ok(),
        None => is_host_name(host) || Ipv4Addr::from_str(host).is_ok(),
    }
}

/// `[a-z0-9]+` joined by `.`, `_`, `__` or any number of hyphens (OCI distribution specification).
fn is_path_component(part: &str) -> bool {
    let bytes = part.as_bytes();
    let word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if !bytes.first().is_some_and(word) || !bytes.last().is_some_and(word) {
        return false;
    }
    part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|joint| matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|b| b == b'-'))
}

/// `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`
fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

/// `sha256:` and 64 lower-case hexadecimal digits.
fn is_sha256_digest(text: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.strip_prefix("sha256:").is_some_and(|digest| digest.len() == 64 && digest.bytes().all(hex))
}
