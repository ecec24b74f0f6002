//! Facts of what microVMs' network passes through: firewalls, and the server of addresses.

use mvm_config::model::NetworkMode;
use mvm_config::{Config, Roots};
use mvm_host::exec::System;
use mvm_host::{chain, port};
use mvm_network::{Kernel, Network as _, firewalls};
use mvm_plan::checks::Forward;
use mvm_plan::units::follows_default_route;

use super::Unasked;

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

/// What firewalls do with what microVMs send.
pub(super) fn forward(roots: &Roots, config: &Config, unasked: &mut Unasked) -> Forward {
    if config.network.mode != NetworkMode::Tap {
        return Forward::default();
    }
    firewalls::forward(roots, &System).unwrap_or_else(|error| {
        unasked.push(("what firewalls drop".to_owned(), chain(&error)));
        Forward::default()
    })
}

/// Whether a server has its port open; which interface it serves is proven by `check --deep`.
pub(super) fn dhcp_served(roots: &Roots, unasked: &mut Unasked) -> bool {
    port::has_udp_server(roots, DHCP).unwrap_or_else(|error| {
        unasked.push(("DHCP".to_owned(), error.to_string()));
        true
    })
}
