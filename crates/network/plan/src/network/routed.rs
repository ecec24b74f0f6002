//! How the kernel routes packets of microVMs, as it answers when it is asked.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::Deserialize;

/// Somebody on the Internet, whom no rule is likely to name.
pub const FAR: Ipv4Addr = Ipv4Addr::new(8, 0, 0, 77);
/// The same of IPv6.
pub const FAR_V6: Ipv6Addr = Ipv6Addr::new(0x2a00, 0x1450, 0x4001, 0x77, 0, 0, 0, 0x77);

/// An answer of the kernel's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Routed {
    /// What was asked.
    pub question: Question,
    /// What the kernel does with it.
    pub end: RouteResult,
    /// The rules of policy routing before those that every host has, as far as one may be met.
    #[serde(default)]
    pub rules: Vec<PolicyRule>,
    /// The VRF that the interface of the microVMs is in.
    #[serde(default)]
    pub vrf: Option<String>,
}

/// A packet that is forwarded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Question {
    /// The address of a microVM; with `back` one far away.
    pub from: IpAddr,
    /// An address far away; with `back` that of a microVM.
    pub to: IpAddr,
    /// The interface of the microVMs; with `back` the one by which the packet left.
    pub comes_in: String,
    /// The subnet that the microVM is in, without host bits.
    pub subnet: IpNet,
    /// Whether it is the answer to one of a microVM's.
    pub back: bool,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ip route get {} from {} iif {}", self.to, self.from, self.comes_in)
    }
}

/// What the kernel does with a packet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteResult {
    /// Out by this interface.
    By(String),
    /// No interface: the kernel drops the packet, for this reason.
    Refused(Refusal),
}

/// Why a packet is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// No route leads there.
    NoRoute,
    /// A rule or a route says `unreachable`, or forwarding is off.
    Unreachable,
    /// A rule or a route says `prohibit`.
    Prohibited,
    /// A rule or a route says `blackhole`.
    Blackhole,
    /// The kernel takes it only from the interface by which it would answer.
    StrictPath,
    /// The kernel's own words.
    Other(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRoute => "no route",
            Self::Unreachable => "unreachable",
            Self::Prohibited => "prohibit",
            Self::Blackhole => "blackhole",
            Self::StrictPath => "rp_filter",
            Self::Other(text) => text,
        })
    }
}

/// A line of `ip rule`; rules that every host has are left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PolicyRule {
    /// Its preference: the lower, the sooner it is asked.
    pub preference: u32,
    /// As ip(8) writes it, shortened.
    pub text: String,
}

/// The questions about microVMs of `subnet` on `interface`, of which this host has the address. The
/// second one is asked of `comes_in`, by which the first one left.
pub fn question(interface: &str, subnet: &IpNet, comes_in: Option<&str>) -> Option<Question> {
    // The first address of a subnet of IPv6 is its router's own (RFC 4291, 2.6.1).
    let is_host = |ip: &IpAddr| *ip != subnet.addr() && *ip != subnet.network();
    let microvm = subnet.hosts().find(is_host)?;
    let far = if subnet.addr().is_ipv6() { IpAddr::V6(FAR_V6) } else { IpAddr::V4(FAR) };
    let (from, to) = if comes_in.is_some() { (far, microvm) } else { (microvm, far) };
    let (back, comes_in) = (comes_in.is_some(), comes_in.unwrap_or(interface).to_owned());
    Some(Question { from, to, comes_in, subnet: subnet.trunc(), back })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_microvm_is_asked_for_and_no_router() {
        let shown = |subnet: &str, comes_in| {
            question("br-mvm", &subnet.parse().unwrap(), comes_in)
                .map(|expected| expected.to_string())
        };
        let expected = |shown: &str| Some(shown.to_owned());
        let out = expected("ip route get 8.0.0.77 from 10.42.0.2 iif br-mvm");
        assert_eq!(shown("10.42.0.1/24", None), out);
        let back = expected("ip route get 10.42.0.1 from 8.0.0.77 iif eth0");
        assert_eq!(shown("10.42.0.9/24", Some("eth0")), back);
        let back = expected("ip route get fd00:42::2 from 2a00:1450:4001:77::77 iif eth0");
        assert_eq!(shown("fd00:42::1/64", Some("eth0")), back);
        assert_eq!(shown("10.42.0.1/32", None), None);
    }
}
