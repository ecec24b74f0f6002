//! The names and addresses by which clients may call this host.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mvm_config::Config;
use nix::ifaddrs::getifaddrs;

/// This host's name, loopback, its addresses that are not of one link only, those of the
/// configuration, and the host part of flintlockd's endpoint. What cannot be asked is left out.
pub fn names(config: &Config) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    if let Ok(name) = nix::unistd::gethostname()
        && let Some(name) = name.to_str().filter(|name| is_name(name))
    {
        found.insert(name.to_owned());
        found.extend(name.split_once('.').map(|(short, _)| short.to_owned()));
    }
    let network = &config.network;
    let vlans = network.vlans.iter().flat_map(|vlan| &vlan.addresses);
    let configured = network.bridge.addresses.iter().chain(&network.macvtap.addresses).chain(vlans);
    let mut addresses: Vec<IpAddr> = configured.map(|net| net.addr()).collect();
    addresses.extend(getifaddrs().into_iter().flatten().filter_map(|one| {
        let address = one.address?;
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
    }));
    found.extend(addresses.into_iter().filter(is_of_host).map(|address| address.to_string()));
    let endpoint = config.flintlockd.grpc_endpoint.host();
    let everywhere = ["", "0.0.0.0", "::"].contains(&endpoint);
    if !everywhere && (endpoint.parse::<IpAddr>().is_ok() || is_name(endpoint)) {
        found.insert(endpoint.to_owned());
    }
    found
}

fn is_of_host(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_link_local() && *address != Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(address) => {
            !address.is_unicast_link_local() && *address != Ipv6Addr::UNSPECIFIED
        }
    }
}

/// Whether it is a host name, as a certificate can have it.
pub fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}
