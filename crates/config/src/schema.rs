//! THE table of every key: its name, the sort of value it holds, where the model keeps it, and
//! what it means. Reading, unknown keys, merging, `config show`, `config schema` and the manual
//! page all follow from it. To add a key: a field in `model`, its default in `defaults`, a row
//! here, a line in `packaging/config/mvmhost.toml`.

mod choices;
mod kinds;
mod records;
pub(crate) mod suggest;
mod texts;

use toml::Spanned;
use toml::de::DeValue;

use crate::Config;
use crate::model::{Backend, Compatibility, Instance, LogLevel, NetworkMode, OnFailure, Provider};
use crate::names::AbsPath;
use kinds::{Bool, Kind, List, Maybe, Mtu, Number, OneOf, PercentKind, Quoted};
use records::{AlsoEntry, IgnoreEntry, ReservationEntry, ReservedEntry, RouteEntry, VlanEntry};
use texts::{
    Address, Argument, Direct, Disk, Dm, DomainName, Image, Interface, Ip, Ipv4, Listen, Mirrors,
    Path, Platform, Program, ProxyUrl, Range, Registry, Size, Space, Subnet, Time, Unit, Vg,
};

pub(crate) use kinds::{At, Shape, TABLES, quote, shown};

/// A configuration while it is read: what the model holds in another form than the file stands
/// beside it.
pub(crate) struct Draft {
    pub(crate) config: Config,
    pub(crate) tls_cert: Option<AbsPath>,
    pub(crate) tls_key: Option<AbsPath>,
    pub(crate) tls_client_ca: Option<AbsPath>,
}

impl Draft {
    /// The draft that `config` would come from.
    pub(crate) fn of(config: Config) -> Self {
        let (tls_cert, tls_key, tls_client_ca) = match config.flintlockd.tls.clone() {
            Some(tls) => (Some(tls.cert), Some(tls.key), tls.client_ca),
            None => (None, None, None),
        };
        Self { config, tls_cert, tls_key, tls_client_ca }
    }
}

/// One table of the file.
pub(crate) struct Section {
    /// `thinpool.loop`
    pub(crate) path: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) rows: &'static [Row],
}

/// One key of the file.
pub(crate) struct Row {
    /// `thinpool.loop.data-size`
    pub(crate) path: &'static str,
    /// `data-size`
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    /// The default in words, where it follows from other keys.
    pub(crate) computed: Option<&'static str>,
    pub(crate) shape: fn() -> Shape,
    /// Puts the value into the draft; false after complaining.
    pub(crate) read: fn(&mut Draft, &Spanned<DeValue<'_>>, &mut At<'_, '_>) -> bool,
    /// Appends the draft's value as TOML.
    pub(crate) write: fn(&Draft, &mut String),
}

macro_rules! computed {
    () => {
        None
    };
    ($text:literal) => {
        Some($text)
    };
}

macro_rules! schema {
    ($( [$section:literal] $about:literal {
        $( $key:literal: $kind:ty, |$draft:ident| $place:expr, $doc:literal $(, $computed:literal)?; )*
    } )*) => {
        /// Every table with its keys, in the order in which they are shown.
        pub(crate) static SECTIONS: &[Section] = &[$( Section {
            path: $section,
            doc: $about,
            rows: &[$( Row {
                path: concat!($section, ".", $key),
                name: $key,
                doc: $doc,
                computed: computed!($($computed)?),
                shape: <$kind as Kind>::shape,
                read: |$draft, value, at| match <$kind as Kind>::read(value, at) {
                    Some(read) => {
                        <$kind as Kind>::store(&mut $place, read);
                        true
                    }
                    None => false,
                },
                write: |$draft, text| <$kind as Kind>::write(&$place, text),
            } ),*],
        } ),*];
    };
}

schema! {
    ["thinpool"] "The thin pool that holds every microVM's disks." {
        "backend": OneOf<Backend>, |d| d.config.thinpool.backend, "loop: two sparse files; lvm: whole disks; external: the operator makes the pool, and mvmhost only checks it";
        "name": Quoted<Dm>, |d| d.config.thinpool.name, "name of the pool in device-mapper", "flintlock-dev-thinpool, with lvm VOLUME-GROUP-thinpool";
    }
    ["thinpool.loop"] "With backend = \"loop\"." {
        "directory": Quoted<Path>, |d| d.config.thinpool.loopback.directory, "folder of the files data and metadata";
        "data-size": Quoted<Size>, |d| d.config.thinpool.loopback.data_size, "size of the sparse file data";
        "metadata-size": Quoted<Size>, |d| d.config.thinpool.loopback.metadata_size, "size of the sparse file metadata, 2MiB to 16GiB";
        "max-data-size": Quoted<Size>, |d| d.config.thinpool.loopback.max_data_size, "largest size to which mvm-guard grows the data file", "data-size, which means never";
    }
    ["thinpool.lvm"] "With backend = \"lvm\"." {
        "devices": List<Quoted<Disk>>, |d| d.config.thinpool.lvm.devices, "disks by their names in /dev/disk/by-id, which stay the same after a reboot; a disk without such a name by its slot in /dev/disk/by-path";
        "volume-group": Quoted<Vg>, |d| d.config.thinpool.lvm.volume_group, "name of the volume group on these disks";
    }
    ["thinpool.guard"] "What mvm-guard does as the pool fills." {
        "warn-percent": PercentKind, |d| d.config.thinpool.guard.warn_percent, "fill level at which mvm-guard warns and grows the pool: of data, of metadata, and of the file system with the loop files while the pool still takes space from it";
        "grow-percent": PercentKind, |d| d.config.thinpool.guard.grow_percent, "how much mvm-guard adds at warn-percent, in percent of the current size, while there is room";
        "brake-percent": PercentKind, |d| d.config.thinpool.guard.brake_percent, "fill level at which mvm-guard stops flintlockd, so that no new microVMs are made";
    }
    ["containerd"] "Which containerd flintlockd uses, and its settings." {
        "instance": OneOf<Instance>, |d| d.config.containerd.instance, "dedicated: containerd-dev.service in /run/containerd-dev; system: the distribution's containerd.service, which mvmhost starts after the pool and never stops, restarts or configures";
        "binary": Quoted<Path>, |d| d.config.containerd.binary, "program that containerd-dev.service runs";
        "namespace": Quoted<Space>, |d| d.config.containerd.namespace, "namespace in containerd in which flintlock keeps everything";
        "base-image-size": Quoted<Size>, |d| d.config.containerd.base_image_size, "size of each microVM's root disk; GB is decimal, GiB is binary";
        "discard-blocks": Bool, |d| d.config.containerd.discard_blocks, "whether deleted disks give their space back to the pool";
        "log-level": OneOf<LogLevel>, |d| d.config.containerd.log_level, "log level of containerd-dev.service";
        "metrics-address": Maybe<Listen>, |d| d.config.containerd.metrics_address, "address at which Prometheus reads containerd's metrics; \"\" turns it off";
    }
    ["flintlockd"] "How flintlockd runs." {
        "unit": Quoted<Unit>, |d| d.config.flintlockd.unit, "systemd service that runs flintlockd";
        "binary": Quoted<Path>, |d| d.config.flintlockd.binary, "path of the program flintlockd";
        "grpc-endpoint": Quoted<Listen>, |d| d.config.flintlockd.grpc_endpoint, "address at which flintlockd listens; one that is not loopback needs [flintlockd.tls] or insecure = true";
        "insecure": Bool, |d| d.config.flintlockd.insecure, "allow an address that others can reach without TLS";
        "provider": OneOf<Provider>, |d| d.config.flintlockd.provider, "VMM of a microVM whose specification names none";
        "compatibility": OneOf<Compatibility>, |d| d.config.flintlockd.compatibility, "current: flintlock 0.7 or later; before-0.7: an older flintlock, with macvtap by Liquid Metal's fork of Firecracker";
        "firecracker-binary": Quoted<Program>, |d| d.config.flintlockd.firecracker_binary, "path of the program, or its name in PATH";
        "cloudhypervisor-binary": Quoted<Program>, |d| d.config.flintlockd.cloudhypervisor_binary, "path of the program, or its name in PATH";
        "state-dir": Quoted<Path>, |d| d.config.flintlockd.state_dir, "folder of flintlockd's state; the files of each microVM are in its folder vm", "that of extra-args, else /var/lib/flintlock";
        "basic-auth-token-file": Maybe<Path>, |d| d.config.flintlockd.basic_auth_token_file, "file with the token that clients must send; the token is on no command line";
        "extra-args": List<Quoted<Argument>>, |d| d.config.flintlockd.extra_args, "more flags for flintlockd run, but none that mvmhost sets itself";
    }
    ["flintlockd.tls"] "Certificates of the gRPC endpoint." {
        "cert": Maybe<Path>, |d| d.tls_cert, "certificate of flintlockd, PEM";
        "key": Maybe<Path>, |d| d.tls_key, "key of that certificate, PEM";
        "client-ca": Maybe<Path>, |d| d.tls_client_ca, "authority of client certificates, PEM; when set, a client without one is refused";
    }
    ["network"] "How microVMs reach the network." {
        "mode": OneOf<NetworkMode>, |d| d.config.network.mode, "tap: on a bridge; macvtap: on a parent interface, needs Cloud Hypervisor (or compatibility); none: the operator makes the network";
        "vlan": List<VlanEntry>, |d| d.config.network.vlans, "VLAN interfaces; they are made before bridge and macvtap, which can use them";
        "reserved": List<ReservedEntry>, |d| d.config.network.reserved, "addresses in the microVMs' network that DHCP never gives out, such as that of a control plane";
    }
    ["network.bridge"] "With mode = \"tap\"." {
        "name": Quoted<Interface>, |d| d.config.network.bridge.name, "name of the bridge";
        "addresses": List<Quoted<Address>>, |d| d.config.network.bridge.addresses, "addresses of this host on the bridge, IPv4 and IPv6; a bridge that other machines use gets only addresses that the file names";
        "uplink": Maybe<Interface>, |d| d.config.network.bridge.uplink, "interface that becomes a port of the bridge; its addresses and routes move to the bridge";
        "mtu": Mtu, |d| d.config.network.bridge.mtu, "MTU of the bridge in bytes; 0: the MTU of the uplink, or 1500 without one";
    }
    ["network.macvtap"] "With mode = \"macvtap\", or beside the taps." {
        "enabled": Bool, |d| d.config.network.macvtap.enabled, "whether microVMs may have macvtaps; with mode = \"tap\" the host serves both types, and a macvtap needs Cloud Hypervisor", "true with mode = \"macvtap\"";
        "parent": Maybe<Interface>, |d| d.config.network.macvtap.parent, "wired interface that carries the macvtaps; \"\": the interface of the default route";
        "addresses": List<Quoted<Address>>, |d| d.config.network.macvtap.addresses, "addresses of this host on the parent, for a port that has none";
    }
    ["network.dhcp"] "Addresses for microVMs, by dnsmasq." {
        "enabled": Bool, |d| d.config.network.dhcp.enabled, "whether mvmhost serves DHCP; on an interface that other machines use, only when the file says true and no other server answers there", "true for a bridge with an IPv4 address and no uplink";
        "interface": Maybe<Interface>, |d| d.config.network.dhcp.interface, "interface on which DHCP is served", "the bridge, or the macvtap parent";
        "range": Range, |d| d.config.network.dhcp.range, "first and last IPv4 address that DHCP gives out", "the subnet without its first nine addresses";
        "lease-time": Quoted<Time>, |d| d.config.network.dhcp.lease_time, "how long a lease lasts, at least 2m";
        "router": Maybe<Ip>, |d| d.config.network.dhcp.router, "router (gateway) that DHCP gives to microVMs", "this host's address on that interface";
        "dns": List<Quoted<Ip>>, |d| d.config.network.dhcp.dns, "name servers that DHCP gives to microVMs; []: this host, which forwards";
        "dns-server": Bool, |d| d.config.network.dhcp.dns_server, "whether dnsmasq also answers DNS; false leaves port 53 free";
        "domain": Maybe<DomainName>, |d| d.config.network.dhcp.domain, "domain that DHCP gives to microVMs; \"\": none";
        "ntp": List<Quoted<Ipv4>>, |d| d.config.network.dhcp.ntp, "time servers that DHCP gives to microVMs, IPv4";
        "routes": List<RouteEntry>, |d| d.config.network.dhcp.routes, "static routes that DHCP gives to microVMs; the default route goes with them, as RFC 3442 asks";
        "reservations": List<ReservationEntry>, |d| d.config.network.dhcp.reservations, "addresses that always go to the same MAC address";
        "also": List<AlsoEntry>, |d| d.config.network.dhcp.also, "more interfaces on which DHCP is served, such as the bridge of a hub that serves a VLAN; lease-time, domain, ntp and reservations hold for all";
    }
    ["network.nat"] "Address translation (NAT) for what microVMs send to other networks." {
        "enabled": Bool, |d| d.config.network.nat.enabled, "whether mvmhost translates addresses", "true where DHCP is served and the bridge has no uplink";
        "sources": List<Quoted<Subnet>>, |d| d.config.network.nat.sources, "subnets whose addresses are translated", "the subnets of the DHCP interface";
        "uplink": Maybe<Interface>, |d| d.config.network.nat.uplink, "interface to which addresses are translated; \"\": that of the default route, also after it changes";
    }
    ["network.tailscale"] "With the host's own tailscale." {
        "advertise-routes": List<Quoted<Subnet>>, |d| d.config.network.tailscale_routes, "subnets that this host advertises in its tailnet";
    }
    ["proxy"] "Proxies for registries; mvm-images, containerd-dev and flintlockd use them." {
        "http": Maybe<ProxyUrl>, |d| d.config.proxy.http, "proxy for registries over plain HTTP; \"\": none";
        "https": Maybe<ProxyUrl>, |d| d.config.proxy.https, "proxy for all other registries; \"\": none";
        "no-proxy": List<Quoted<Direct>>, |d| d.config.proxy.no_proxy, "hosts that need no proxy: a name and all names below it; .name or *.name, the names below it only; an address; a subnet; each with or without :port";
    }
    ["images"] "Images that the host pulls before the first microVM needs them." {
        "root": List<Quoted<Image>>, |d| d.config.images.root, "images of root disks, unpacked with the devmapper snapshotter";
        "kernel": List<Quoted<Image>>, |d| d.config.images.kernel, "images of kernels, unpacked with the native snapshotter";
        "archives": List<Quoted<Path>>, |d| d.config.images.archives, "tar archives to import, OCI layout or docker save, for hosts without a registry";
        "platform": Maybe<Platform>, |d| d.config.images.platform, "platform of the images, such as linux/arm64; \"\": that of this machine";
        "auth-file": Maybe<Path>, |d| d.config.images.auth_file, "docker config.json with logins; \"\": the systemd credential mvmhost.registry-auth";
        "insecure-registries": List<Quoted<Registry>>, |d| d.config.images.insecure_registries, "registries that are asked over plain HTTP, as host or host:port";
        "mirrors": Mirrors, |d| d.config.images.mirrors, "for each registry the base URLs of its mirrors, which are asked first";
        "on-failure": OneOf<OnFailure>, |d| d.config.images.on_failure, "warn: the host comes up without them; block: flintlockd waits for them";
        "timeout": Quoted<Time>, |d| d.config.images.timeout, "how long pulling all images may take";
        "parallel": Number<u8, 1, 64>, |d| d.config.images.parallel, "how many downloads run at the same time";
    }
    ["images.serve"] "A read-only registry on this host with the images above, for hosts that cannot reach one." {
        "enabled": Bool, |d| d.config.images.serve.enabled, "whether mvm-registry.service serves them";
        "listen": Quoted<Listen>, |d| d.config.images.serve.listen, "address at which it listens; every client that reaches it can read the images";
    }
    ["validate"] "The checks before flintlockd starts." {
        "ignore": List<IgnoreEntry>, |d| d.config.validate.ignore, "findings that the operator accepts on this host";
    }
}

/// The row at a path such as `network.nat.enabled`.
pub(crate) fn row(path: &str) -> Option<&'static Row> {
    SECTIONS.iter().flat_map(|section| section.rows).find(|row| row.path == path)
}

/// What there is to say of `[thinpool.loop] data-size`.
pub(crate) fn help(key: &str) -> &'static str {
    let path = key.trim_start_matches('[').replacen("] ", ".", 1);
    row(&path).map_or("", |row| row.doc)
}
