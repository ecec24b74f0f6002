//! Every unit, socket and directory name that mvmhost gives or relies on.

/// The oneshot that activates the pool.
pub const THINPOOL_UNIT: &str = "mvm-thinpool.service";
/// The oneshot that brings up the network.
pub const NET_UNIT: &str = "mvm-net.service";
/// The service that keeps rules where they were loaded.
pub const WATCH_UNIT: &str = "mvm-net-watch.service";
/// The service that puts an uplink back that nobody confirmed.
pub const REVERT_UNIT: &str = "mvm-net-revert.service";
/// The service that runs dnsmasq: DHCP for microVMs, and DNS unless `dns-server` is false.
pub const DHCP_UNIT: &str = "mvm-dhcp.service";
/// The oneshot that clears stale PID files.
pub const HYGIENE_UNIT: &str = "mvm-hygiene.service";
/// The service that watches the pool.
pub const GUARD_UNIT: &str = "mvm-guard.service";
/// The oneshot that makes images complete.
pub const IMAGES_UNIT: &str = "mvm-images.service";
/// The service of `[images.serve]`, a read-only registry on this host.
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

/// `root` in the configuration of containerd-dev, kept from boot to boot.
pub const CONTAINERD_DEV_ROOT: &str = "/var/lib/containerd-dev";
/// `state` in the configuration of containerd-dev, gone with the next boot; its socket is there.
pub const CONTAINERD_DEV_STATE: &str = "/run/containerd-dev";
/// What the names of flintlock's tap devices begin with.
pub const FLINTLOCK_TAP: &str = "fltap";
