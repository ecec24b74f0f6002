//! Names and addresses of the network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::{checked_text, foreign};
use crate::Invalid;

/// An interface name: `[A-Za-z0-9_.-]`, 1 to 15 bytes (IFNAMSIZ is 16 with its NUL).
///
/// Narrower than the kernel's `dev_valid_name`, which also takes quotes and `%`: the name goes into
/// nft rules, unit files and sysctl paths. `all` and `default` are sysctl's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfName(String);
checked_text!(IfName);

impl IfName {
    /// Checks and holds a name.
    ///
    /// # Errors
    /// Empty, longer than 15 bytes, another character, `.`, `..`, `all`, `default`, a leading `-`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let instead = "write for example \"br-mvm\"";
        if text.len() > 15 {
            return Err(Invalid::new("an interface name longer than 15 bytes", instead));
        }
        let reserved = matches!(text, "" | "." | ".." | "all" | "default");
        if reserved || text.starts_with('-') || foreign(text, "_.-").is_some() {
            return Err(Invalid::new(
                "not an interface name: letters, digits and \"_.-\", no leading \"-\"",
                instead,
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Where a server listens: `host:port`. An empty host is every interface, as Go reads `:9090`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// Reads `localhost:9090`, `192.0.2.1:9090`, `[2001:db8::1]:9090` or `:9090`.
    ///
    /// # Errors
    /// No port, port 0, an IPv6 address without brackets, a host that is neither name nor address.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = |message: &str| Invalid::new(message, "write for example \"localhost:9090\"");
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(invalid("not an endpoint: the port is missing"));
        };
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|port: &u16| digits && *port != 0);
        let Some(port) = port else {
            return Err(invalid("not an endpoint: the port is not a number from 1 to 65535"));
        };
        if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            return match Ipv6Addr::from_str(inner) {
                Ok(address) => Ok(Self { host: address.to_string(), port }),
                Err(_) => Err(invalid("not an endpoint: no IPv6 address in the brackets")),
            };
        }
        if host.contains(':') {
            return Err(Invalid::new(
                "an IPv6 address without brackets",
                "write for example \"[::1]:9090\"",
            ));
        }
        if host.is_empty() || is_host_name(host) || Ipv4Addr::from_str(host).is_ok() {
            return Ok(Self { host: host.to_owned(), port });
        }
        Err(invalid("not an endpoint: the host is neither a name nor an address"))
    }

    /// A built-in default; a test reads every one of them back through `parse`.
    pub(crate) fn from_static(host: &'static str, port: u16) -> Self {
        Self { host: host.to_owned(), port }
    }

    /// A name, an IPv4 address or an IPv6 address without brackets; empty means every interface.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// 1 to 65535.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether only this machine can reach it: localhost, 127.0.0.0/8, ::1.
    pub fn is_loopback(&self) -> bool {
        match IpAddr::from_str(&self.host) {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

/// Whether the text is a host name: labels of `[A-Za-z0-9-]` with a letter or digit at both ends,
/// at most 63 characters each and 253 together, and not all digits and dots (that is an address).
pub fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let ends = bytes.first().zip(bytes.last());
        bytes.len() <= 63
            && ends.is_some_and(|(a, b)| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    };
    text.len() <= 253
        && text.split('.').all(label)
        && !text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// A unicast Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr([u8; 6]);

impl MacAddr {
    /// Reads six pairs of hexadecimal digits joined by colons, in either letter case.
    ///
    /// # Errors
    /// Another shape, all zeros, or a multicast address.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let instead = "write for example \"aa:fc:00:00:00:01\"";
        let shape = || Invalid::new("not a MAC address", instead);
        let mut octets = [0_u8; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().ok_or_else(shape)?;
            if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(shape());
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| shape())?;
        }
        if parts.next().is_some() || octets == [0; 6] {
            return Err(shape());
        }
        if octets[0] & 1 == 1 {
            return Err(Invalid::new(
                "a multicast MAC address (its first octet is odd), which no interface can have",
                instead,
            ));
        }
        Ok(Self(octets))
    }

    /// The six octets in the order they are sent.
    pub fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddr {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}
