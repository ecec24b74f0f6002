//! Facts of what microVMs' network passes through: firewalls, and the server of addresses.

use std::ffi::OsStr;
use std::fs;
use std::time::Duration;

use mvm_config::model::NetworkMode;
use mvm_config::{Config, Roots};
use mvm_host::exec::{self, Execute, Limits, System};
use mvm_host::{chain, port};
use mvm_network::{Kernel, Network as _};
use mvm_plan::checks::{Forward, dropping};
use mvm_plan::units::follows_default_route;

use super::Unasked;

/// nft answers in milliseconds; with ten thousands of rules it takes longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rules are read up to this many bytes: ten thousands of them.
const LIMIT: usize = 8 << 20;
const BRIDGED: &str = "/proc/sys/net/bridge/bridge-nf-call-iptables";
/// The port of a DHCP server.
const DHCP: u16 = 67;

/// The interface of the default route, where macvtaps follow it.
pub(super) fn default_interface(
    roots: &Roots,
    config: &Config,
    unasked: &mut Unasked,
) -> Option<String> {
    if !follows_default_route(config) {
        return None;
    }
    match Kernel::connect(roots).and_then(|mut kernel| kernel.observe()) {
        Ok(observed) => mvm_plan::network::parent(None, &observed),
        Err(error) => {
            unasked.push(("the default route".to_owned(), chain(&error)));
            None
        }
    }
}

/// The tables that drop what is forwarded; the rules of others are not even listed.
pub(super) fn forward(roots: &Roots, config: &Config, unasked: &mut Unasked) -> Forward {
    let bridged = fs::read_to_string(roots.at(BRIDGED)).is_ok_and(|text| text.trim() == "1");
    let mut tables = Vec::new();
    if config.network.mode == NetworkMode::Tap && exec::find(roots, "nft").is_some() {
        let listed = list(roots, &["chains"]).and_then(|chains| {
            let mut found = dropping(&chains);
            found.dedup_by(|a, b| (&a.family, &a.table) == (&b.family, &b.table));
            found.iter().map(|chain| list(roots, &["table", &chain.family, &chain.table])).collect()
        });
        match listed {
            Ok(found) => tables = found,
            Err(why) => unasked.push(("what firewalls forward".to_owned(), why)),
        }
    }
    Forward { bridged, tables }
}

/// `nft -j list WHAT`
fn list(roots: &Roots, what: &[&str]) -> Result<String, String> {
    let program = exec::find(roots, "nft").ok_or("nft is not installed")?;
    let words: Vec<&OsStr> = ["-j", "-t", "list"].iter().chain(what).map(OsStr::new).collect();
    let mut said = Vec::new();
    let mut keep = |piece: &[u8]| {
        if said.len() <= LIMIT {
            said.extend_from_slice(piece);
        }
    };
    let mut limits = Limits { stdout: Some(&mut keep), ..Limits::timeout(PATIENCE) };
    let exit = System.run(&program, &words, &mut limits).map_err(|error| chain(&error))?;
    if !exit.success() {
        return Err(exit.stderr.lines().next().unwrap_or("nft says nothing").to_owned());
    }
    if said.len() > LIMIT {
        return Err("there are too many rules".to_owned());
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Whether a server has its port open; which interface it serves is proven by `check --deep`.
pub(super) fn dhcp_served(roots: &Roots, unasked: &mut Unasked) -> bool {
    port::has_udp_server(roots, DHCP).unwrap_or_else(|error| {
        unasked.push(("DHCP".to_owned(), error.to_string()));
        true
    })
}
