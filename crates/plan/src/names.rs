//! Every unit, socket and directory name that mvmhost gives or relies on.

use mvm_config::Config;
use mvm_config::model::{Backend, Instance};

/// The oneshot that activates the pool.
pub const THINPOOL_UNIT: &str = "mvm-thinpool.service";
/// The oneshot that brings up the network.
pub const NET_UNIT: &str = "mvm-net.service";
/// The service that keeps rules where they were loaded.
pub const WATCH_UNIT: &str = "mvm-net-watch.service";
/// The service that puts an uplink back that nobody confirmed.
pub const REVERT_UNIT: &str = "mvm-net-revert.service";
/// dnsmasq.
pub const DHCP_UNIT: &str = "mvm-dhcp.service";
/// The oneshot that clears stale PID files.
pub const HYGIENE_UNIT: &str = "mvm-hygiene.service";
/// The service that watches the pool.
pub const GUARD_UNIT: &str = "mvm-guard.service";
/// The oneshot that makes images complete.
pub const IMAGES_UNIT: &str = "mvm-images.service";
/// The registry on this host.
pub const REGISTRY_UNIT: &str = "mvm-registry.service";
/// Where it finds containerd's content store and [`SERVED`], which its user could not reach.
pub const REGISTRY_RUNTIME: &str = "/run/mvm-registry";
/// What it gives out: written whenever images have changed, read by it alone.
pub const SERVED: &str = "/var/lib/mvmhost/served/list.json";
/// What starts it again from time to time.
pub const IMAGES_RETRY_UNIT: &str = "mvm-images-retry.timer";
/// containerd of our own.
pub const CONTAINERD_DEV_UNIT: &str = "containerd-dev.service";
/// The distribution's containerd.
pub const CONTAINERD_UNIT: &str = "containerd.service";
/// Everything together.
pub const TARGET: &str = "mvmhost.target";

/// What mvmhost keeps from boot to boot.
pub const STATE: &str = "/var/lib/mvmhost";
/// What the last apply that left the host as desired notes down.
pub const LEFT: &str = "/var/lib/mvmhost/applied.json";
/// The operator's files of the last applies, for `mvmhost undo`.
pub const HISTORY: &str = "/var/lib/mvmhost/history.json";
/// While this file is there flintlockd does not start; it holds the reason. Written and removed by
/// mvm-guard, gone with the next boot.
pub const BRAKE: &str = "/run/mvmhost/brake";
/// Until when mvm-guard does not brake, because an operator said so; gone with the next boot.
pub const BRAKE_OFF: &str = "/run/mvmhost/brake-off";
/// The pool's figures for Prometheus.
pub const METRICS: &str = "/run/mvmhost/mvmhost.prom";

/// Where the programs that units run are installed.
pub const LIBEXEC: &str = "/usr/libexec/mvmhost";
/// The containerd configuration that mvmhost renders.
pub const CONTAINERD_DEV_CONFIG: &str = "/run/mvmhost/containerd-dev.toml";
/// What it imports: a pattern that matches nothing, or containerd would import what it does unless
/// told.
pub const CONTAINERD_DEV_IMPORTS: &str = "/run/mvmhost/containerd-dev.d/*.toml";
/// What containerd 2.2 and later import where a file names nothing.
pub const CONTAINERD_IMPORTS: &str = "/etc/containerd/conf.d/*.toml";
/// What the last run of [`IMAGES_UNIT`] in this boot left incomplete.
pub const IMAGES_REPORT: &str = "/run/mvmhost/images.json";
/// The configuration of dnsmasq that mvmhost renders.
pub const DNSMASQ_CONFIG: &str = "/run/mvmhost/dnsmasq.conf";
/// The distribution's containerd reads this; provision.sh writes it unless told `--dev`.
pub const SYSTEM_CONTAINERD_CONFIG: &str = "/etc/containerd/config.toml";
/// The operator's own, which wins when it is there; provision.sh writes it.
pub const OPERATOR_CONTAINERD_CONFIG: &str = "/etc/containerd/config-dev.toml";
/// XDG_CONFIG_HOME of flintlockd when a token goes in by file: it reads
/// `$XDG_CONFIG_HOME/flintlockd/config.yaml`, after `/etc/opt/flintlockd/config.yaml`.
pub const FLINTLOCKD_CONFIG_HOME: &str = "/run/mvmhost/flintlockd";
/// flintlockd's own configuration file; the first hit wins over ours.
pub const FLINTLOCKD_OPERATOR_CONFIG: &str = "/etc/opt/flintlockd/config.yaml";
/// flintlockd's state directory unless told otherwise.
pub const FLINTLOCKD_STATE: &str = "/var/lib/flintlock";

/// root of containerd-dev.
pub const CONTAINERD_DEV_ROOT: &str = "/var/lib/containerd-dev";
/// state of containerd-dev.
pub const CONTAINERD_DEV_STATE: &str = "/run/containerd-dev";

/// Where flintlockd keeps a directory of each microVM, `NAMESPACE/NAME/UID`.
pub fn microvms(config: &Config) -> String {
    format!("{}/vm", config.flintlockd.state_dir.as_str())
}

/// The unit of the containerd that flintlockd talks to.
pub fn containerd_unit(instance: Instance) -> &'static str {
    match instance {
        Instance::Dedicated => CONTAINERD_DEV_UNIT,
        Instance::System => CONTAINERD_UNIT,
    }
}

/// The socket of the containerd that flintlockd talks to.
pub fn containerd_socket(instance: Instance) -> &'static str {
    match instance {
        Instance::Dedicated => "/run/containerd-dev/containerd.sock",
        Instance::System => "/run/containerd/containerd.sock",
    }
}

/// The configuration that somebody else gives it, which a containerd of flintlock's own need not have.
pub fn containerd_config(instance: Instance) -> &'static str {
    match instance {
        Instance::Dedicated => OPERATOR_CONTAINERD_CONFIG,
        Instance::System => SYSTEM_CONTAINERD_CONFIG,
    }
}

/// Where the devmapper snapshotter keeps `metadata.db` and `<pool>.db`: as provision.sh has it, or
/// the plugin's own directory below the distribution's root.
pub fn devmapper_root(instance: Instance) -> &'static str {
    match instance {
        Instance::Dedicated => "/var/lib/containerd-dev/snapshotter/devmapper",
        Instance::System => "/var/lib/containerd/io.containerd.snapshotter.v1.devmapper",
    }
}

/// The node of the pool.
pub fn pool_node(config: &Config) -> String {
    format!("/dev/mapper/{}", config.thinpool.name.as_str())
}

/// Paths that must be mounted before the pool is touched.
pub fn pool_directories(config: &Config) -> Vec<&str> {
    let mut paths = vec!["/var/lib/mvmhost"];
    if config.thinpool.backend == Backend::Loop {
        paths.push(config.thinpool.loopback.directory.as_str());
    }
    paths.push(devmapper_root(config.containerd.instance));
    paths.dedup();
    paths
}

/// The network's units that this configuration wants beside [`NET_UNIT`].
pub fn network_units(config: &Config) -> Vec<&'static str> {
    let dhcp = config.network.dhcp.enabled.then_some(DHCP_UNIT);
    let watch = crate::nat::desired(config).map(|_| WATCH_UNIT);
    dhcp.into_iter().chain(watch).collect()
}

/// containerd's content store: a blob is the file `blobs/sha256/HEX` in it.
pub fn content(instance: Instance) -> &'static str {
    match instance {
        Instance::Dedicated => "/var/lib/containerd-dev/io.containerd.content.v1.content",
        Instance::System => "/var/lib/containerd/io.containerd.content.v1.content",
    }
}

/// Every unit of the chain, in its order.
pub fn chain(config: &Config) -> Vec<String> {
    let containerd = containerd_unit(config.containerd.instance);
    let mut units = vec![THINPOOL_UNIT, NET_UNIT];
    units.extend(network_units(config));
    units.extend([HYGIENE_UNIT, GUARD_UNIT, containerd, config.flintlockd.unit.as_str()]);
    units.into_iter().map(str::to_owned).collect()
}
