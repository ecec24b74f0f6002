//! What the file says once it is read, merged, completed with defaults and validated.
//! Field order and names are those of the file; `loop` is spelt `loopback` because Rust keeps it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::names::{AbsPath, DmName, Endpoint, ImageRef, Namespace, UnitName, VgName};
use crate::quantities::{Bytes, Percent};

mod network;

pub use network::{
    Also, Bridge, Dhcp, Explicit, Macvtap, Nat, Network, NetworkMode, Reservation, Reserved,
    StaticRoute, Vlan,
};

/// One host, completely: every key has a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[thinpool]`
    pub thinpool: Thinpool,
    /// `[containerd]`
    pub containerd: Containerd,
    /// `[flintlockd]`
    pub flintlockd: Flintlockd,
    /// `[network]`
    pub network: Network,
    /// `[proxy]`
    pub proxy: Proxy,
    /// `[images]`
    pub images: Images,
    /// `[validate]`
    pub validate: Validate,
}

/// Who makes the thin pool, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Two sparse files on loop devices.
    Loop,
    /// A thin pool LV on whole disks.
    Lvm,
    /// Somebody else makes it; mvmhost only checks it.
    External,
}

/// `[thinpool]`
#[derive(Debug, Clone, PartialEq)]
pub struct Thinpool {
    /// `backend`: who makes the pool and of what; default `loop`.
    pub backend: Backend,
    /// `name`: the device-mapper name. Default `flintlock-dev-thinpool`, with lvm `flintlock-thinpool`.
    pub name: DmName,
    /// `[thinpool.loop]`
    pub loopback: Loopback,
    /// `[thinpool.lvm]`
    pub lvm: Lvm,
    /// `[thinpool.guard]`
    pub guard: Guard,
}

/// `[thinpool.loop]`
#[derive(Debug, Clone, PartialEq)]
pub struct Loopback {
    /// `directory` of the files `data` and `metadata`; default: that of provision.sh,
    /// `/var/lib/containerd-dev/snapshotter/devmapper`.
    pub directory: AbsPath,
    /// `data-size` of the sparse file `data`; default 100 GiB.
    pub data_size: Bytes,
    /// `metadata-size` of the sparse file `metadata`, 2 MiB to 16 GiB; default 10 GiB.
    pub metadata_size: Bytes,
    /// `max-data-size`; default: equal to `data-size`, which means never grown.
    pub max_data_size: Bytes,
}

/// `[thinpool.lvm]`
#[derive(Debug, Clone, PartialEq)]
pub struct Lvm {
    /// `devices`: names below /dev/disk/by-id or by-path only.
    pub devices: Vec<AbsPath>,
    /// `volume-group`: the group that mvmhost makes of the devices; default `flintlock`.
    pub volume_group: VgName,
}

/// `[thinpool.guard]`
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// `warn-percent`: fill level of data and of metadata, default 80.
    pub warn_percent: Percent,
    /// `grow-percent` of the current size, default 20.
    pub grow_percent: Percent,
    /// `brake-percent`: fill level at which flintlockd is stopped, default 95.
    pub brake_percent: Percent,
}

/// Whose containerd flintlockd talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instance {
    /// containerd-dev.service with its own root, state and socket.
    Dedicated,
    /// The distribution's containerd.service.
    System,
}

/// `[containerd]`
#[derive(Debug, Clone, PartialEq)]
pub struct Containerd {
    /// `instance`; default `dedicated`.
    pub instance: Instance,
    /// `binary` of containerd-dev.service; default `/usr/bin/containerd`.
    pub binary: AbsPath,
    /// `namespace` of containerd that flintlockd works in; default `flintlock`.
    pub namespace: Namespace,
    /// `base-image-size` of the devmapper snapshotter. `10GB` means 10^10 bytes here as everywhere;
    /// containerd would read the same text as 10 GiB, so it is to be handed the bare number.
    pub base_image_size: Bytes,
    /// `discard-blocks`: deleted disks give their blocks back to the pool; default true.
    pub discard_blocks: bool,
    /// `log-level` of containerd-dev.service; default `info`.
    pub log_level: LogLevel,
    /// `metrics-address`; `None` is written `""` and turns metrics off.
    pub metrics_address: Option<Endpoint>,
}

/// containerd's log levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// `trace`
    Trace,
    /// `debug`
    Debug,
    /// `info`, the default.
    Info,
    /// `warn`
    Warn,
    /// `error`
    Error,
}

/// The VMM that flintlockd uses when a microVM does not name one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// `firecracker`, the default: taps only, unless `compatibility` is `before-0.7`.
    Firecracker,
    /// `cloudhypervisor`: taps and macvtaps.
    CloudHypervisor,
}

/// Which releases of flintlock the host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatibility {
    /// `current`, the default: flintlock 0.7 or later.
    Current,
    /// `before-0.7`: macvtap with Liquid Metal's fork of Firecracker.
    BeforeMacvtapRule,
}

/// `[flintlockd]`
#[derive(Debug, Clone, PartialEq)]
pub struct Flintlockd {
    /// `unit` that starts flintlockd; default `flintlockd.service`.
    pub unit: UnitName,
    /// `binary`; default `/usr/local/bin/flintlockd`.
    pub binary: AbsPath,
    /// `grpc-endpoint`: where flintlockd listens; default `localhost:9090`.
    pub grpc_endpoint: Endpoint,
    /// `insecure`: the operator's own word for an endpoint that is not loopback.
    pub insecure: bool,
    /// `provider`; default `firecracker`.
    pub provider: Provider,
    /// `compatibility`; default `current`.
    pub compatibility: Compatibility,
    /// `firecracker-binary`: a path, or a name looked up in PATH.
    pub firecracker_binary: String,
    /// `cloudhypervisor-binary`: a path, or a name looked up in PATH.
    pub cloudhypervisor_binary: String,
    /// `state-dir`: where flintlockd keeps what it writes of each microVM.
    pub state_dir: AbsPath,
    /// `basic-auth-token-file`; `None` is written `""`.
    pub basic_auth_token_file: Option<AbsPath>,
    /// `extra-args`: more arguments of flintlockd, one word each.
    pub extra_args: Vec<String>,
    /// `[flintlockd.tls]`; `None` when cert and key are empty.
    pub tls: Option<Tls>,
}

/// `[flintlockd.tls]`
#[derive(Debug, Clone, PartialEq)]
pub struct Tls {
    /// `cert`: the certificate that flintlockd shows, PEM.
    pub cert: AbsPath,
    /// `key` of the certificate, PEM.
    pub key: AbsPath,
    /// `client-ca`: set means that clients must show a certificate.
    pub client_ca: Option<AbsPath>,
}

/// What a missing image means for flintlockd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The host comes up without it.
    Warn,
    /// flintlockd waits for it.
    Block,
}

/// `[images]`
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    /// `root`: unpacked with the devmapper snapshotter
    pub root: Vec<ImageRef>,
    /// `kernel`: unpacked with the native snapshotter
    pub kernel: Vec<ImageRef>,
    /// `archives`: tar archives of an OCI layout or `docker save`, for hosts without a registry.
    pub archives: Vec<AbsPath>,
    /// `platform`; `None` is written `""`: this machine's
    pub platform: Option<String>,
    /// `auth-file`: the config.json of Docker with logins; `None`, written `""`, is the systemd credential.
    pub auth_file: Option<AbsPath>,
    /// `insecure-registries`: `host` or `host:port` of those that are asked over plain HTTP.
    pub insecure_registries: Vec<String>,
    /// `mirrors`: host to base URLs
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// `on-failure`: what a missing image means; default `warn`.
    pub on_failure: OnFailure,
    /// `timeout` for all images together; default 30 min.
    pub timeout: Duration,
    /// `parallel`: downloads at a time, 1 to 64, default 4.
    pub parallel: u8,
    /// `[images.serve]`
    pub serve: Serve,
}

/// `[images.serve]`
#[derive(Debug, Clone, PartialEq)]
pub struct Serve {
    /// `enabled`; default false.
    pub enabled: bool,
    /// `listen`: address and port, default `127.0.0.1:5000`.
    pub listen: Endpoint,
}

/// `[proxy]`: for mvm-images, containerd-dev and flintlockd alike.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Proxy {
    /// `http`: a URL; `None` is written `""`
    pub http: Option<String>,
    /// `https`: a URL; `None` is written `""`
    pub https: Option<String>,
    /// `no-proxy`: what is asked without it
    pub no_proxy: Vec<String>,
}

impl Proxy {
    /// Whether one is named.
    pub fn is_used(&self) -> bool {
        self.http.is_some() || self.https.is_some()
    }
}

/// `[validate]`
#[derive(Debug, Clone, PartialEq)]
pub struct Validate {
    /// `ignore`: findings that the operator has answered.
    pub ignore: Vec<Ignore>,
}

/// One entry of `[validate] ignore`: each finding with this code is only reported as accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Ignore {
    /// `code`, such as `MVM-NET-020`
    pub code: String,
    /// `reason`, in the words of the operator.
    pub reason: String,
    /// `until`, `YYYY-MM-DD`; the last day on which the entry holds
    pub until: Option<String>,
}
