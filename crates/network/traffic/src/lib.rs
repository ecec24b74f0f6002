//! Sends packets as a microVM would, for `check --deep`: from a port of the bridge, in a network
//! namespace of its own, through the rules of this host and back. The kernel decides about each, and
//! nftables' trace names the rule that took it.
//!
//! What leaves this host is one packet for each family, to an address of documentation, which the
//! gateway throws away. Its answer is not waited for: one is made here, and given to the interface by
//! which the packet left, as if it had arrived there. All that is made for it (interfaces, addresses,
//! tables) ends with the one thread and its sockets, even by a kill.

//!
//! Belongs here: scratch namespaces, packets that are sent from them or given to an interface, and who
//! offers an address there. Does not belong here: what is said of the packets (`mvm-firewalls`), and
//! changes that stay (`mvm-network-kernel`).

use std::thread;

use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_core::Roots;
use mvm_core::exec::Execute;
use mvm_firewalls::{End, Passage, Purpose};
use mvm_network_kernel::{Error, firewalls};
use mvm_network_plan::dhcp::Offer;
use nix::unistd::gettid;

mod bench;
mod bridge;
mod inject;
mod macvtaps;
mod offers;
mod packet;
mod ports;
mod scratch;
mod served;
mod trace;

pub use offers::offers;

use trace::PacketEnd;

/// What came of the test packets.
#[derive(Debug, Default)]
pub struct Results {
    /// Who offered an address.
    pub offers: Vec<Offer>,
    /// What became of the packets.
    pub passages: Vec<Passage>,
}

/// Where microVMs are, for whom packets are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// On the ports of `network.bridge.name`.
    Bridge,
    /// Beyond an interface of this host that it serves: a VLAN, or a port with a subnet of its own.
    Served(&'a str),
    /// On macvtaps of this interface, in a network of others; `None` is that of the default route.
    Macvtaps(Option<&'a str>),
}

/// Where the file has its microVMs.
pub fn place(config: &Config) -> Place<'_> {
    let network = &config.network;
    let parent = network.macvtap.parent.as_ref().map(|name| name.as_str());
    let bridge = network.bridge.name.as_str();
    let served = network.dhcp.enabled || network.nat.enabled;
    match network.dhcp.interface.as_ref().map(|name| name.as_str()) {
        Some(name) if network.mode == NetworkMode::Tap && name == bridge => Place::Bridge,
        Some(name) if served && !network.dhcp_addresses().is_empty() => Place::Served(name),
        _ if network.mode == NetworkMode::Tap => Place::Bridge,
        _ => Place::Macvtaps(parent),
    }
}

/// Sends a packet on each way that microVMs of `config` need, as far as this host can: on macvtaps what is
/// between them, and beyond an interface that it serves what it passes on. It takes about 6 s.
///
/// # Errors
/// The namespace or its interfaces could not be made, or nobody could be asked for an address.
pub fn traffic(roots: &Roots, programs: &dyn Execute, config: &Config) -> Result<Results, Error> {
    let home = gettid();
    let (offers, packets) = thread::scope(|scope| {
        let inside = thread::Builder::new().spawn_scoped(scope, || match place(config) {
            Place::Bridge => bridge::run(roots, home, config),
            Place::Served(interface) => served::run(roots, home, config, interface),
            Place::Macvtaps(parent) => macvtaps::run(roots, parent),
        });
        let inside = inside.map_err(Error::Runtime)?;
        // A thread that panicked has said so.
        inside.join().unwrap_or_else(|_| Ok(Default::default()))
    })?;
    let passage = |(way, v6, (end, rule)): (Purpose, bool, PacketEnd)| Passage {
        way,
        v6,
        end: with_rule_text(roots, programs, end, rule),
    };
    Ok(Results { offers, passages: packets.into_iter().map(passage).collect() })
}

/// The rule as nft writes it, in the namespace of the caller.
fn with_rule_text(roots: &Roots, programs: &dyn Execute, end: End, rule: Option<u64>) -> End {
    let End::Dropped(mut dropped) = end else { return end };
    dropped.rule = match rule {
        None => "policy drop".to_owned(),
        Some(number) => {
            let of = [&dropped.family, &dropped.table, &dropped.chain].map(String::as_str);
            let text = firewalls::rule(roots, programs, of, number);
            text.unwrap_or_else(|| format!("the rule with handle {number}"))
        }
    };
    End::Dropped(dropped)
}
