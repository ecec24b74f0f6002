//! The built-in defaults, and those that follow from other keys.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

use crate::model::{
    Backend, Bridge, Compatibility, Config, Containerd, Dhcp, Explicit, Flintlockd, Guard, Images,
    Instance, LogLevel, Loopback, Lvm, Macvtap, Nat, Network, NetworkMode, OnFailure, Provider,
    Proxy, Serve, Thinpool, Tls, Validate,
};
use crate::names::{AbsPath, DmName, Endpoint, IfName, ImageRef, Namespace, UnitName, VgName};
use crate::quantities::{Bytes, Percent};
use crate::schema::Draft;

impl Default for Config {
    /// What an empty file means.
    fn default() -> Self {
        let draft = Draft::of(written_out());
        complete(draft, |_| false)
    }
}

/// flintlockd's own default.
const STATE_DIR: &str = "/var/lib/flintlock";

/// Every default that does not follow from another key.
pub(crate) fn written_out() -> Config {
    Config {
        thinpool: Thinpool {
            backend: Backend::Loop,
            name: DmName::from_static("flintlock-dev-thinpool"),
            loopback: Loopback {
                directory: AbsPath::from_static("/var/lib/containerd-dev/snapshotter/devmapper"),
                data_size: Bytes(100 << 30),
                metadata_size: Bytes(10 << 30),
                max_data_size: Bytes(100 << 30),
            },
            lvm: Lvm { devices: Vec::new(), volume_group: VgName::from_static("flintlock") },
            guard: Guard {
                warn_percent: Percent(80),
                grow_percent: Percent(20),
                brake_percent: Percent(95),
            },
        },
        containerd: Containerd {
            instance: Instance::Dedicated,
            binary: AbsPath::from_static("/usr/bin/containerd"),
            namespace: Namespace::from_static("flintlock"),
            base_image_size: Bytes(10_000_000_000),
            discard_blocks: true,
            log_level: LogLevel::Info,
            metrics_address: Some(Endpoint::from_static("127.0.0.1", 1338)),
        },
        flintlockd: Flintlockd {
            unit: UnitName::from_static("flintlockd.service"),
            binary: AbsPath::from_static("/usr/local/bin/flintlockd"),
            grpc_endpoint: Endpoint::from_static("localhost", 9090),
            insecure: false,
            provider: Provider::Firecracker,
            compatibility: Compatibility::Current,
            firecracker_binary: "firecracker".to_owned(),
            cloudhypervisor_binary: "cloud-hypervisor-static".to_owned(),
            state_dir: AbsPath::from_static(STATE_DIR),
            basic_auth_token_file: None,
            extra_args: Vec::new(),
            tls: None,
        },
        network: network(),
        proxy: Proxy::default(),
        images: images(),
        validate: Validate { ignore: Vec::new() },
    }
}

fn network() -> Network {
    let address = Ipv4Net::new(Ipv4Addr::new(10, 42, 0, 1), 24);
    Network {
        mode: NetworkMode::Tap,
        bridge: Bridge {
            name: IfName::from_static("br-mvm"),
            addresses: address.ok().map(IpNet::V4).into_iter().collect(),
            uplink: None,
            mtu: None,
        },
        macvtap: Macvtap { enabled: false, parent: None, addresses: Vec::new() },
        vlans: Vec::new(),
        reserved: Vec::new(),
        dhcp: Dhcp {
            enabled: false,
            interface: None,
            range: None,
            lease_time: Duration::from_secs(600),
            router: None,
            dns: Vec::new(),
            dns_server: true,
            domain: None,
            ntp: Vec::new(),
            routes: Vec::new(),
            reservations: Vec::new(),
            also: Vec::new(),
        },
        nat: Nat { enabled: false, sources: Vec::new(), uplink: None },
        tailscale_routes: Vec::new(),
        explicit: Explicit::default(),
    }
}

fn images() -> Images {
    Images {
        root: vec![ImageRef::from_static("ghcr.io/liquidmetal-dev/capmvm-kubernetes:1.23.10")],
        kernel: vec![ImageRef::from_static("ghcr.io/liquidmetal-dev/flintlock-kernel:5.10.77")],
        archives: Vec::new(),
        platform: None,
        auth_file: None,
        insecure_registries: Vec::new(),
        mirrors: BTreeMap::new(),
        on_failure: OnFailure::Warn,
        timeout: Duration::from_secs(1800),
        parallel: 4,
        serve: Serve { enabled: false, listen: Endpoint::from_static("127.0.0.1", 5000) },
    }
}

/// Fills in what follows from other keys, unless the operator wrote it (`set`). An empty text or
/// list is the same as nothing written, so that the result reads back to itself.
pub(crate) fn complete(draft: Draft, set: impl Fn(&str) -> bool) -> Config {
    let Draft { mut config, tls_cert, tls_key, tls_client_ca } = draft;
    config.flintlockd.tls =
        tls_cert.zip(tls_key).map(|(cert, key)| Tls { cert, key, client_ca: tls_client_ca });
    if !set("flintlockd.state-dir") {
        let named = state_dir_argument(&config.flintlockd.extra_args);
        let named = named.and_then(|path| AbsPath::parse(path).ok());
        config.flintlockd.state_dir = named.unwrap_or(AbsPath::from_static(STATE_DIR));
    }
    let pool = &mut config.thinpool;
    if pool.backend == Backend::Lvm && !set("thinpool.name") {
        // The group's name is at most 100 characters, the whole below device-mapper's 127.
        let name = format!("{}thinpool", pool.lvm.volume_group.dm_prefix());
        pool.name = DmName::parse(&name).unwrap_or_else(|_| pool.name.clone());
    }
    if !set("thinpool.loop.max-data-size") {
        pool.loopback.max_data_size = pool.loopback.data_size;
    }
    complete_network(&mut config.network, set);
    config
}

/// The state directory that `extra-args` names: files that were written before the key was there.
pub(crate) fn state_dir_argument(arguments: &[String]) -> Option<&str> {
    const FLAG: &str = "--state-dir";
    let mut found = None;
    let mut remaining = arguments.iter();
    while let Some(word) = remaining.next() {
        if word == FLAG {
            found = remaining.next().map(String::as_str);
        } else if let Some(value) = word.strip_prefix(FLAG).and_then(|rest| rest.strip_prefix('='))
        {
            found = Some(value);
        }
    }
    found
}

fn complete_network(network: &mut Network, set: impl Fn(&str) -> bool) {
    let uplink = network.mode == NetworkMode::Tap && network.bridge.uplink.is_some();
    network.explicit = Explicit {
        addresses: set("network.bridge.addresses"),
        dhcp: set("network.dhcp.enabled"),
        nat: set("network.nat.enabled"),
    };
    if !set("network.macvtap.enabled") {
        network.macvtap.enabled = network.mode == NetworkMode::Macvtap;
    }
    if network.dhcp.interface.is_none() {
        network.dhcp.interface = match network.mode {
            NetworkMode::Tap => Some(network.bridge.name.clone()),
            NetworkMode::Macvtap => network.macvtap.parent.clone(),
            NetworkMode::None => None,
        };
    }
    if !set("network.dhcp.enabled") {
        let has_ipv4 = network.bridge.addresses.iter().any(|net| matches!(net, IpNet::V4(_)));
        network.dhcp.enabled = network.mode == NetworkMode::Tap && has_ipv4 && !uplink;
    }
    let own = network.dhcp_addresses().to_vec();
    complete_served(&own, &mut network.dhcp.range, &mut network.dhcp.router);
    let also: Vec<Vec<IpNet>> =
        network.dhcp.also.iter().map(|one| network.addresses_of(&one.interface).to_vec()).collect();
    for (one, own) in network.dhcp.also.iter_mut().zip(also) {
        complete_served(&own, &mut one.range, &mut one.router);
    }
    if !set("network.nat.enabled") {
        network.nat.enabled = network.dhcp.enabled && !uplink;
    }
    if network.nat.sources.is_empty() {
        let own = network.served_addresses();
        let routed = own.iter().filter(|net| !is_link_local(net));
        network.nat.sources = routed.map(IpNet::trunc).collect();
        network.nat.sources.dedup();
    }
}

/// Range and router of an interface on which this host has these addresses.
fn complete_served(
    own: &[IpNet],
    range: &mut Option<(Ipv4Addr, Ipv4Addr)>,
    router: &mut Option<IpAddr>,
) {
    let subnet = own.iter().find_map(|net| match net {
        IpNet::V4(net) => Some(*net),
        IpNet::V6(_) => None,
    });
    if range.is_none() {
        *range = subnet.and_then(|subnet| default_range(subnet, own));
    }
    if router.is_none() {
        let of_range = range.and_then(|(first, _)| {
            own.iter().find(|net| net.contains(&IpAddr::V4(first))).map(IpNet::addr)
        });
        *router = of_range.or(subnet.map(|net| IpAddr::V4(net.addr())));
    }
}

/// The subnet without its first nine addresses and its broadcast address; where this host's own
/// address lies inside, the larger part beside it. `None` when nothing is left.
fn default_range(subnet: Ipv4Net, own: &[IpNet]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let first = u32::from(subnet.network()).checked_add(10)?;
    let last = u32::from(subnet.broadcast()).checked_sub(1)?;
    let mut taken: Vec<u32> = own
        .iter()
        .filter_map(|net| match net.addr() {
            IpAddr::V4(address) => Some(u32::from(address)),
            IpAddr::V6(_) => None,
        })
        .filter(|address| (first..=last).contains(address))
        .collect();
    taken.sort_unstable();
    taken.push(last.checked_add(1)?);
    let mut start = first;
    let mut widest: Option<(u32, u32)> = None;
    for address in taken {
        let wider = widest.is_none_or(|(from, to)| to - from < (address - 1).saturating_sub(start));
        if start < address && wider {
            widest = Some((start, address - 1));
        }
        start = address + 1;
    }
    widest.map(|(from, to)| (Ipv4Addr::from(from), Ipv4Addr::from(to)))
}

/// Whether addresses of this subnet never leave their link (fe80::/10, 169.254.0.0/16).
pub(crate) fn is_link_local(net: &IpNet) -> bool {
    match net {
        IpNet::V4(net) => net.addr().is_link_local(),
        IpNet::V6(net) => net.addr().is_unicast_link_local(),
    }
}
