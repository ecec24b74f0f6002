//! What must be true before flintlockd starts. A check is one file: a pure function from observed
//! facts to findings.
//!
//! What could not be observed is a fact of its own and never passes for "fine".

use mvm_config::Config;
use mvm_diagnostics::Finding;

use crate::thinpool::PoolState;

mod binaries;
mod containerd;
mod endpoint;
mod pool;
mod secrets;
#[cfg(test)]
mod tests;

pub use containerd::check as plugin;
pub use pool::check as pool;

/// Everything the checks look at, gathered by mvm-validate.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The device of the pool's name; an error text when device-mapper could not be asked.
    pub pool: Result<PoolState, String>,
    /// The devmapper plugin of flintlockd's containerd.
    pub plugin: Plugin,
    /// Programs by the name or path that the configuration gives: found there and executable?
    pub flintlockd: Program,
    /// The VMM of the configured provider.
    pub vmm: Program,
    /// flintlockd's TCP endpoint.
    pub endpoint: Endpoint,
    /// Files that flintlockd reads at its start, with why one cannot be read.
    pub unreadable: Vec<(Secret, String, String)>,
    /// `/etc/opt/flintlockd/config.yaml` is there.
    pub flintlockd_config: bool,
}

/// containerd's answer about its devmapper snapshotter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plugin {
    /// Loaded with its pool.
    Ok,
    /// Not loaded: its own words.
    NotOk(String),
    /// containerd could not be asked: why.
    NoAnswer(String),
}

/// A program that the configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// As configured: a path, or a name that is looked up in PATH.
    pub name: String,
    /// Where it was found, a regular file that may be executed.
    pub path: Option<String>,
    /// The version it tells, where it was asked.
    pub version: Option<String>,
}

/// Whether flintlockd will be able to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// basic-auth-token-file
    Token,
    /// A file of [flintlockd.tls].
    Tls,
}

/// A check.
pub type Check = fn(&Config, &Facts) -> Vec<Finding>;

/// All of them, in the order of the chain: pool, containerd, programs, endpoint, secrets.
pub const ALL: [(&str, Check); 5] = [
    ("pool", |config, facts| pool(config, &facts.pool)),
    ("containerd", |config, facts| plugin(config, &facts.plugin)),
    ("binaries", binaries::check),
    ("endpoint", endpoint::check),
    ("secrets", secrets::check),
];

/// What all checks have to say.
pub fn run(config: &Config, facts: &Facts) -> Vec<Finding> {
    ALL.iter().flat_map(|(_, check)| check(config, facts)).collect()
}
