//! What the host's files say of its network: whom it asks for names, and whether it has IPv6.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use mvm_core::{Roots, atomic};

/// With systemd-resolved the first names its own stub, and the second those whom that asks.
const RESOLVERS: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
/// Three name servers and some domains; anything of this size is no such file.
const LIMIT: u64 = 64 << 10;

/// The name servers of the host; none where no file names one.
pub(crate) fn name_servers(roots: &Roots) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    for path in RESOLVERS {
        let bytes = atomic::read_bounded(&roots.at(path), LIMIT).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let servers = text.lines().filter_map(|line| line.strip_prefix("nameserver"));
        found.extend(servers.filter_map(|rest| rest.trim().parse::<IpAddr>().ok()));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether IPv6 is turned off: no such folder with ipv6.disable=1, and a switch of its own otherwise.
pub(crate) fn has_no_ipv6(roots: &Roots) -> bool {
    let net = roots.at("/proc/sys/net");
    if !net.exists() {
        return false;
    }
    let is_off = |switch: &str| is_off(&net, switch);
    !net.join("ipv6").exists() || is_off("all") || is_off("default")
}

/// Whether IPv6 is turned off for this interface.
pub(crate) fn lacks_ipv6(roots: &Roots, name: &str) -> bool {
    is_off(&roots.at("/proc/sys/net"), name)
}

fn is_off(net: &Path, switch: &str) -> bool {
    let path = net.join("ipv6/conf").join(switch).join("disable_ipv6");
    fs::read_to_string(path).is_ok_and(|text| text.trim() == "1")
}
