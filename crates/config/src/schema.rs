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
        "backend": OneOf<Backend>, |d| d.config.thinpool.backend, "loop: two sparse files; lvm: whole disks; external: someone else makes the pool and mvmhost only checks it";
        "name": Quoted<Dm>, |d| d.config.thinpool.name, "its device-mapper name", "flintlock-dev-thinpool, with lvm VOLUME-GROUP-thinpool";
    }
    ["thinpool.loop"] "With backend = \"loop\"." {
        "directory": Quoted<Path>, |d| d.config.thinpool.loopback.directory, "holds the files data and metadata";
        "data-size": Quoted<Size>, |d| d.config.thinpool.loopback.data_size, "of the sparse file data";
        "metadata-size": Quoted<Size>, |d| d.config.thinpool.loopback.metadata_size, "of the sparse file metadata, 2MiB to 16GiB";
        "max-data-size": Quoted<Size>, |d| d.config.thinpool.loopback.max_data_size, "the guard may grow the data file up to here", "data-size, which means never";
    }
    ["thinpool.lvm"] "With backend = \"lvm\"." {
        "devices": List<Quoted<Disk>>, |d| d.config.thinpool.lvm.devices, "disks below /dev/disk/by-id, names that survive a re-ordering; below /dev/disk/by-path, the slot that a disk is in, where it has no name of its own";
        "volume-group": Quoted<Vg>, |d| d.config.thinpool.lvm.volume_group, "made of the devices";
    }
    ["thinpool.guard"] "What happens as the pool fills." {
        "warn-percent": PercentKind, |d| d.config.thinpool.guard.warn_percent, "of data and metadata, and of the file system with the loop files while the pool still gets room from it";
        "grow-percent": PercentKind, |d| d.config.thinpool.guard.grow_percent, "of the current size is added at warn-percent, while there is room";
        "brake-percent": PercentKind, |d| d.config.thinpool.guard.brake_percent, "past it flintlockd takes no new microVMs";
    }
    ["containerd"] "Whose containerd flintlockd talks to, and how it is set up." {
        "instance": OneOf<Instance>, |d| d.config.containerd.instance, "dedicated: containerd-dev.service in /run/containerd-dev; system: the distribution's containerd.service, which is started after the pool and never stopped, restarted or configured by mvmhost";
        "binary": Quoted<Path>, |d| d.config.containerd.binary, "the containerd that the dedicated instance runs";
        "namespace": Quoted<Space>, |d| d.config.containerd.namespace, "containerd's, in which flintlock keeps everything";
        "base-image-size": Quoted<Size>, |d| d.config.containerd.base_image_size, "of each microVM's root disk; GB is decimal here as everywhere";
        "discard-blocks": Bool, |d| d.config.containerd.discard_blocks, "gives the space of deleted disks back to the pool";
        "log-level": OneOf<LogLevel>, |d| d.config.containerd.log_level, "of the dedicated instance";
        "metrics-address": Maybe<Listen>, |d| d.config.containerd.metrics_address, "where Prometheus reads; \"\" turns it off";
    }
    ["flintlockd"] "How flintlockd runs." {
        "unit": Quoted<Unit>, |d| d.config.flintlockd.unit, "the service that runs it";
        "binary": Quoted<Path>, |d| d.config.flintlockd.binary, "flintlockd itself";
        "grpc-endpoint": Quoted<Listen>, |d| d.config.flintlockd.grpc_endpoint, "where it listens; not loopback needs [flintlockd.tls] or insecure = true";
        "insecure": Bool, |d| d.config.flintlockd.insecure, "no TLS on an endpoint that others can reach";
        "provider": OneOf<Provider>, |d| d.config.flintlockd.provider, "the VMM of a microVM that names none";
        "compatibility": OneOf<Compatibility>, |d| d.config.flintlockd.compatibility, "current: flintlock 0.7 and later; before-0.7: an older flintlock, which serves macvtap with Liquid Metal's fork of Firecracker";
        "firecracker-binary": Quoted<Program>, |d| d.config.flintlockd.firecracker_binary, "a path, or a name in PATH";
        "cloudhypervisor-binary": Quoted<Program>, |d| d.config.flintlockd.cloudhypervisor_binary, "a path, or a name in PATH";
        "state-dir": Quoted<Path>, |d| d.config.flintlockd.state_dir, "where flintlockd keeps the files of each microVM, below vm", "that of extra-args, else /var/lib/flintlock";
        "basic-auth-token-file": Maybe<Path>, |d| d.config.flintlockd.basic_auth_token_file, "holds the token that clients show; never on a command line";
        "extra-args": List<Quoted<Argument>>, |d| d.config.flintlockd.extra_args, "more flags for flintlockd run, none that mvmhost sets itself";
    }
    ["flintlockd.tls"] "Certificates of the gRPC endpoint." {
        "cert": Maybe<Path>, |d| d.tls_cert, "the server's certificate, PEM";
        "key": Maybe<Path>, |d| d.tls_key, "its key, PEM";
        "client-ca": Maybe<Path>, |d| d.tls_client_ca, "set: clients must show a certificate of this authority";
    }
    ["network"] "How microVMs reach the network." {
        "mode": OneOf<NetworkMode>, |d| d.config.network.mode, "tap: on a bridge; macvtap: on a parent interface, needs Cloud Hypervisor (or see compatibility); none: someone else's business";
        "vlan": List<VlanEntry>, |d| d.config.network.vlans, "VLAN interfaces, made before bridge and macvtap so that either can use them";
        "reserved": List<ReservedEntry>, |d| d.config.network.reserved, "addresses in microVMs' network that DHCP gives to nobody, such as that of a control plane";
    }
    ["network.bridge"] "With mode = \"tap\"." {
        "name": Quoted<Interface>, |d| d.config.network.bridge.name, "of the bridge";
        "addresses": List<Quoted<Address>>, |d| d.config.network.bridge.addresses, "this host's on the bridge, IPv4 and IPv6; a bridge that others use as well gets them only when they are written";
        "uplink": Maybe<Interface>, |d| d.config.network.bridge.uplink, "an interface to enslave; its addresses and routes move to the bridge";
        "mtu": Mtu, |d| d.config.network.bridge.mtu, "in bytes; 0: the uplink's, else 1500";
    }
    ["network.macvtap"] "With mode = \"macvtap\", or beside the taps." {
        "enabled": Bool, |d| d.config.network.macvtap.enabled, "whether microVMs may have macvtaps; with mode = \"tap\" they may have both then, each by its type, and macvtaps need Cloud Hypervisor as the microVM's provider", "true with mode = \"macvtap\"";
        "parent": Maybe<Interface>, |d| d.config.network.macvtap.parent, "\"\": the interface of the default route, refused when that is wireless";
        "addresses": List<Quoted<Address>>, |d| d.config.network.macvtap.addresses, "for a wired port without uplink: its own private subnet";
    }
    ["network.dhcp"] "Addresses for microVMs, by dnsmasq." {
        "enabled": Bool, |d| d.config.network.dhcp.enabled, "whether mvmhost serves DHCP; on an interface that others use as well only when it is written, and no other server answers there", "true for a bridge with an IPv4 address and no uplink";
        "interface": Maybe<Interface>, |d| d.config.network.dhcp.interface, "where it serves", "the bridge, or the macvtap parent";
        "range": Range, |d| d.config.network.dhcp.range, "first and last IPv4 address given out", "the subnet without its first nine addresses";
        "lease-time": Quoted<Time>, |d| d.config.network.dhcp.lease_time, "at least 2m, which is dnsmasq's least";
        "router": Maybe<Ip>, |d| d.config.network.dhcp.router, "the way out that microVMs are told", "this host's address on that interface";
        "dns": List<Quoted<Ip>>, |d| d.config.network.dhcp.dns, "name servers that microVMs are told; none: dnsmasq forwards";
        "dns-server": Bool, |d| d.config.network.dhcp.dns_server, "false: DHCP only, port 53 stays free";
        "domain": Maybe<DomainName>, |d| d.config.network.dhcp.domain, "the domain of their names that microVMs are told; \"\": none";
        "ntp": List<Quoted<Ipv4>>, |d| d.config.network.dhcp.ntp, "time servers that microVMs are told, IPv4";
        "routes": List<RouteEntry>, |d| d.config.network.dhcp.routes, "ways beside the router that microVMs are told; the default route is told with them, as RFC 3442 has it";
        "reservations": List<ReservationEntry>, |d| d.config.network.dhcp.reservations, "addresses that always go to the same MAC";
        "also": List<AlsoEntry>, |d| d.config.network.dhcp.also, "further interfaces that are served, such as the bridge of a hub that serves a VLAN; lease-time, domain, ntp and reservations are those above";
    }
    ["network.nat"] "Translation of microVMs' addresses on their way out." {
        "enabled": Bool, |d| d.config.network.nat.enabled, "whether mvmhost translates", "true where dhcp is and the bridge has no uplink";
        "sources": List<Quoted<Subnet>>, |d| d.config.network.nat.sources, "whose addresses", "the subnets of the DHCP interface";
        "uplink": Maybe<Interface>, |d| d.config.network.nat.uplink, "\"\": whatever the default route uses, also when it changes";
    }
    ["network.tailscale"] "With the host's own tailscale." {
        "advertise-routes": List<Quoted<Subnet>>, |d| d.config.network.tailscale_routes, "subnets to make known in the tailnet";
    }
    ["proxy"] "The proxy by way of which registries are asked: by mvm-images, containerd-dev and flintlockd alike." {
        "http": Maybe<ProxyUrl>, |d| d.config.proxy.http, "for registries over plain HTTP; \"\": none";
        "https": Maybe<ProxyUrl>, |d| d.config.proxy.https, "for all other registries; \"\": none";
        "no-proxy": List<Quoted<Direct>>, |d| d.config.proxy.no_proxy, "asked without it: names with all below them, .names and *.names without the name itself, addresses, subnets, each with or without :port";
    }
    ["images"] "Images that are there before the first microVM asks." {
        "root": List<Quoted<Image>>, |d| d.config.images.root, "root disks, unpacked with the devmapper snapshotter";
        "kernel": List<Quoted<Image>>, |d| d.config.images.kernel, "kernels, unpacked with the native snapshotter";
        "archives": List<Quoted<Path>>, |d| d.config.images.archives, "OCI layout or docker-archive tarballs to import, for hosts without a registry";
        "platform": Maybe<Platform>, |d| d.config.images.platform, "such as linux/arm64; \"\": this machine's";
        "auth-file": Maybe<Path>, |d| d.config.images.auth_file, "a docker config.json; else the systemd credential mvmhost.registry-auth";
        "insecure-registries": List<Quoted<Registry>>, |d| d.config.images.insecure_registries, "host[:port] spoken to over plain HTTP";
        "mirrors": Mirrors, |d| d.config.images.mirrors, "by registry, the base URLs to ask first";
        "on-failure": OneOf<OnFailure>, |d| d.config.images.on_failure, "warn: the host comes up without them; block: flintlockd waits for them";
        "timeout": Quoted<Time>, |d| d.config.images.timeout, "for all of them together";
        "parallel": Number<u8, 1, 64>, |d| d.config.images.parallel, "downloads at a time";
    }
    ["images.serve"] "A registry on this host with the images above, for hosts whose registry is away." {
        "enabled": Bool, |d| d.config.images.serve.enabled, "whether mvm-registry.service serves them";
        "listen": Quoted<Listen>, |d| d.config.images.serve.listen, "where it listens; every client that reaches it can read the images";
    }
    ["validate"] "The checks before flintlockd starts." {
        "ignore": List<IgnoreEntry>, |d| d.config.validate.ignore, "findings that are no trouble on this host";
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
