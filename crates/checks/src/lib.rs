//! What must be true before flintlockd starts. A check is one file: a pure function from what
//! was observed to findings.
//!
//! What could not be observed is reported as not checked, and never as sound.

use mvm_config::Config;
use mvm_core::{Finding, Severity, catalogue};
use mvm_firewalls::{Forward, Reported};
use mvm_images_plan::{RequestedImage, State};
use mvm_pool_plan::thinpool::PoolState;
use mvm_units_plan::overrides::Override;
use serde::Deserialize;

mod asked;
mod binaries;
mod brake;
mod certificates;
mod clock;
mod containerd;
mod deep;
mod dhcp;
pub mod diagnosis;
mod endpoint;
mod forward;
mod ignore;
mod images;
mod interfaces;
mod kvm;
mod live;
mod network;
mod pool;
mod programs;
pub mod redact;
mod routes;
mod secrets;
mod services;
#[cfg(test)]
mod tests;
mod tools;
mod unasked;
pub mod versions;

pub use asked::{ImageAnswer, registry_answers};
pub use brake::off as brake_off;
pub use certificates::Validity;
pub use containerd::check as plugin;
pub use deep::{Probe, Probes, probes};
pub use ignore::split;
pub use interfaces::Interface;
pub use kvm::{Kvm, check as kvm};
pub use live::containerd_program;
pub use network::ObservedNetwork;
pub use pool::{check as pool, for_containerd as pool_for_containerd};
pub use programs::Flaw;
pub use routes::check as routes;
pub use services::{Condition, Services};
pub use tools::TOOLS;

/// Everything the checks look at, gathered by mvm-validate.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The device of the pool's name; an error text when device-mapper could not be asked.
    pub pool: Result<PoolState, String>,
    /// Why mvm-guard holds flintlockd back, while it does.
    pub brake: Option<String>,
    /// The brake is switched off: for how many seconds yet, and what it was set for.
    pub brake_off: Option<(u64, Option<String>)>,
    /// The devmapper plugin of flintlockd's containerd.
    pub plugin: Plugin,
    /// Programs by the name or path that the configuration gives: found there and executable?
    pub flintlockd: Program,
    /// The VMM of the configured provider.
    pub vmm: Program,
    /// Cloud Hypervisor, where macvtaps are beside the taps of Firecracker.
    pub second_vmm: Option<Program>,
    /// The version that containerd tells, where it was asked.
    pub containerd_version: Option<String>,
    /// The kernel's version, from /proc/sys/kernel/osrelease: `6.1.0-49-amd64`.
    pub kernel: Option<String>,
    /// The first line of `systemctl --version`.
    pub systemd: Option<String>,
    /// flintlockd's TCP endpoint.
    pub endpoint: Endpoint,
    /// Files that flintlockd reads at its start, with why one cannot be read.
    pub unreadable: Vec<(FileSetting, String, String)>,
    /// `/etc/opt/flintlockd/config.yaml` is there.
    pub flintlockd_config: bool,
    /// What /dev/kvm answered when it was opened and asked.
    pub kvm: Kvm,
    /// The interface of the default route, where macvtaps follow it.
    pub default_interface: Option<String>,
    /// The bridge, or the parent of macvtaps; `None` when it is not there.
    pub interface: Option<Interface>,
    /// The parent of macvtaps, where there are taps as well; `None` when it is not there.
    pub parent: Option<Interface>,
    /// Why no tap can be made.
    pub no_tun: Option<String>,
    /// Taps of flintlock that no process has open.
    pub stale_taps: Vec<String>,
    /// What firewalls do with what microVMs send.
    pub forward: Forward,
    /// What the kernel does for microVMs' network.
    pub network: ObservedNetwork,
    /// Somebody has UDP port 67 open.
    pub dhcp_served: bool,
    /// Of [`TOOLS`], what is not installed.
    pub missing_tools: Vec<String>,
    /// Each certificate of [flintlockd.tls], or why it is none.
    pub certificates: Vec<(String, Result<Validity, String>)>,
    /// Files that hold a secret, with their permissions.
    pub secret_modes: Vec<(String, u32)>,
    /// The configured images; those that containerd could be asked about, where somebody asked.
    pub images: Vec<(RequestedImage, State)>,
    /// The clock, in seconds since 1970.
    pub now: i64,
    /// A file that is older than this boot, and when it was written: no clock shows less.
    pub newest: Option<(String, i64)>,
    /// What systemd has loaded of flintlockd's unit, where a stop of it ends its microVMs.
    pub ends_microvms: Option<String>,
    /// microVMs that count as created and have no VMM, each with flintlockd's last line about it.
    pub without_vmm: Vec<(String, String)>,
    /// Unit files of others that override what mvmhost sets.
    pub overrides: Vec<Override>,
    /// What a look into containerd's databases found.
    pub databases: Vec<Finding>,
    /// Why the program of containerd-dev cannot be run, where it cannot; may be empty.
    pub containerd_flaw: Option<String>,
    /// The units as a whole, where somebody asked; not while they start.
    pub services: Option<Services>,
    /// What could not be asked, and why.
    pub unasked: Vec<(String, String)>,
}

/// containerd's answer about its devmapper snapshotter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plugin {
    /// Loaded with its pool.
    Ok,
    /// Not loaded: its own words.
    NotOk(String),
    /// containerd could not be asked: why.
    NoAnswer(String),
}

/// A program that the configuration names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Program {
    /// As configured: a path, or a name that is looked up in PATH.
    pub name: String,
    /// Where it was found, a regular file.
    pub path: Option<String>,
    /// The version it tells, where it was asked.
    pub version: Option<String>,
    /// Why it does not run, although it is there.
    pub flaw: Option<Flaw>,
}

/// Whether flintlockd will be able to listen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// Nobody holds it, or flintlockd itself does.
    Free,
    /// Somebody else listens there: who, as far as it can be told.
    Taken(String),
    /// The host part is no address of this machine.
    NoAddress,
    /// The kernel refuses for another reason: its words.
    Refused(String),
}

/// Which setting of flintlockd names a file of [`Observed::unreadable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileSetting {
    /// basic-auth-token-file
    Token,
    /// A file of [flintlockd.tls].
    Tls,
}

/// One check: what it finds wrong in what was observed; empty when all is well.
pub type Check = fn(&Config, &Observed) -> Vec<Finding>;

/// All of them, in the order of the chain: clock, kernel, pool, containerd, programs, network, API.
pub const ALL: &[(&str, Check)] = &[
    ("clock", clock::check),
    ("kvm", kvm::check),
    ("tools", tools::check),
    ("pool", pool::of_host),
    ("databases", live::databases),
    ("brake", brake::check),
    ("containerd-program", live::containerd),
    ("containerd", |config, observed| plugin(config, &observed.plugin)),
    ("images", images::check),
    ("binaries", binaries::check),
    ("programs", programs::check),
    ("versions", versions::check),
    ("interfaces", interfaces::check),
    ("network", network::check),
    ("forward", forward::check),
    ("dhcp", dhcp::check),
    ("endpoint", endpoint::check),
    ("secrets", secrets::check),
    ("certificates", certificates::check),
    ("flintlockd-unit", live::unit),
    ("microvms", live::microvms),
    ("overrides", live::overrides),
    ("unasked", unasked::check),
];

/// What all checks have to say; the chain of units last, which follows from the rest.
pub fn run(config: &Config, observed: &Observed) -> Vec<Finding> {
    let fresh = is_fresh(observed);
    let applicable = ALL.iter().filter(|(name, _)| !fresh || BEFORE_APPLY.contains(name));
    let mut found: Vec<(&str, Vec<Finding>)> =
        applicable.map(|(name, check)| (*name, check(config, observed))).collect();
    if fresh {
        let never = ("units", vec![catalogue::chain::never_applied("/etc/mvmhost.toml")]);
        found.insert(0, never);
    } else {
        let keeping = found.iter().filter(|(name, _)| !OF_MICROVMS.contains(name));
        let errors = keeping.flat_map(|(_, findings)| findings);
        let errors = errors.filter(|finding| finding.severity() == Severity::Error).cloned();
        let more = services::check(config, observed, &errors.collect::<Vec<_>>());
        // That nobody serves follows from a server that is down.
        let down = more.units.contains(&mvm_core::names::DHCP_UNIT);
        for (_, findings) in found.iter_mut().filter(|(name, _)| down && *name == "dhcp") {
            *findings = dhcp::permits(config, observed);
        }
        found.push(("units", more.findings));
    }
    found.into_iter().flat_map(|(_, findings)| findings).collect()
}

/// Whether no `mvmhost apply` has succeeded yet, as far as somebody asked.
fn is_fresh(observed: &Observed) -> bool {
    observed.services.as_ref().is_some_and(|services| services.never_applied)
}

/// What [`run`] says of the ways that packets take, so that it is not said again.
pub fn reported(config: &Config, observed: &Observed) -> Reported {
    let all = !is_fresh(observed);
    Reported { obstacles: all, elsewhere: all && network::leads_elsewhere(config, observed) }
}

/// The checks of microVMs: what is wrong with those keeps no unit from starting.
const OF_MICROVMS: [&str; 2] = ["flintlockd-unit", "microvms"];

/// What an operator can see to before the first apply; the rest is what that apply sets up.
const BEFORE_APPLY: [&str; 14] = [
    "clock",
    "kvm",
    "tools",
    "databases",
    "containerd-program",
    "binaries",
    "programs",
    "endpoint",
    "secrets",
    "certificates",
    "flintlockd-unit",
    "microvms",
    "overrides",
    "unasked",
];

/// The names of the checks that `mvmhost check` runs.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name).chain(["units", "api", "declared"])
}

/// What `mvmhost check` leaves to `--deep` and `mvmhost smoke`.
pub const NOT_LOOKED_AT: &[&str] = &[
    "writing to the thin pool",
    "the answer of the DHCP server",
    "test packets of a microVM",
    "the answers of the registries of [images] to flintlockd",
    "the boot of a microVM",
];
