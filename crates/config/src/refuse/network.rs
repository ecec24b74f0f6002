//! Refusals about interfaces: which is what, and who may stand on whom.

use std::collections::{BTreeMap, BTreeSet};

use super::Refusals;
use crate::defaults::written_out;
use crate::model::NetworkMode;
use crate::names::IfName;

pub(super) fn combinations(refusals: &mut Refusals<'_, '_, '_>) {
    modes(refusals);
    both(refusals);
    interfaces(refusals);
    vlans(refusals);
    nat(refusals);
}

/// Settings of the mode that is not chosen.
fn modes(refusals: &mut Refusals<'_, '_, '_>) {
    let network = &refusals.config.network;
    if network.mode == NetworkMode::Tap {
        if network.macvtap.parent.is_some() && !network.macvtap.enabled {
            refusals.refuse(
                &["network.macvtap.parent", "network.mode"],
                "a macvtap parent with mode = \"tap\"",
                "write mode = \"macvtap\", or for both enabled = true below [network.macvtap], or \
                 name the interface as uplink below [network.bridge]",
            );
        }
        if !network.macvtap.addresses.is_empty() && !network.macvtap.enabled {
            refusals.refuse(
                &["network.macvtap.addresses", "network.mode"],
                "macvtap addresses with mode = \"tap\"",
                "write mode = \"macvtap\", or for both enabled = true below [network.macvtap], or \
                 write them below [network.bridge]",
            );
        }
    }
    if network.mode == NetworkMode::Macvtap {
        let usual = written_out().network.bridge;
        let bridge = &network.bridge;
        // Values, not keys: `config show` writes every key and must read back.
        let different = [
            ("network.bridge.name", bridge.name != usual.name),
            ("network.bridge.addresses", bridge.addresses != usual.addresses),
            ("network.bridge.uplink", bridge.uplink != usual.uplink),
            ("network.bridge.mtu", bridge.mtu != usual.mtu),
        ];
        for (path, _) in different.into_iter().filter(|(_, different)| *different) {
            refusals.refuse(
                &[path, "network.mode"],
                "a bridge setting with mode = \"macvtap\"",
                "write mode = \"tap\", or write it below [network.macvtap]",
            );
        }
    }
}

/// Taps and macvtaps on one host, and macvtaps that the mode has no use for.
fn both(refusals: &mut Refusals<'_, '_, '_>) {
    let network = &refusals.config.network;
    let paths = ["network.macvtap.enabled", "network.mode"];
    match network.mode {
        NetworkMode::Macvtap if !network.macvtap.enabled => refusals.refuse(
            &paths,
            "no macvtaps with mode = \"macvtap\"",
            "remove it, or write mode = \"tap\"",
        ),
        NetworkMode::None if network.macvtap.enabled => refusals.refuse(
            &paths,
            "macvtaps with mode = \"none\"",
            "remove it, or write mode = \"macvtap\"",
        ),
        _ => {}
    }
    let uplink = network.bridge.uplink.as_ref().filter(|_| network.has_both());
    if uplink.is_some() && uplink == network.macvtap.parent.as_ref() {
        refusals.refuse(
            &["network.macvtap.parent", "network.bridge.uplink"],
            "a port of the bridge, which has no macvtaps",
            "name another wired interface or a VLAN",
        );
    }
}

fn interfaces(refusals: &mut Refusals<'_, '_, '_>) {
    let network = &refusals.config.network;
    let bridge = &network.bridge;
    if network.mode != NetworkMode::None && bridge.name.as_str() == "lo" {
        let paths = ["network.bridge.name"];
        refusals.refuse(&paths, "the loopback interface", "write for example \"br-mvm\"");
    }
    if bridge.uplink.as_ref().is_some_and(|uplink| *uplink == bridge.name || is_lo(uplink)) {
        refusals.refuse(
            &["network.bridge.uplink", "network.bridge.name"],
            "no interface that the bridge could enslave",
            "name the wired interface that leads out",
        );
    }
    if network.macvtap.enabled
        && network
            .macvtap
            .parent
            .as_ref()
            .is_some_and(|parent| *parent == bridge.name || is_lo(parent))
    {
        refusals.refuse(
            &["network.macvtap.parent", "network.bridge.name"],
            "a bridge or the loopback interface cannot be the parent of a macvtap",
            "name a wired interface or a VLAN",
        );
    }
}

fn is_lo(name: &IfName) -> bool {
    name.as_str() == "lo"
}

fn vlans(refusals: &mut Refusals<'_, '_, '_>) {
    let network = &refusals.config.network;
    let path = ["network.vlan"];
    let mut names = BTreeSet::new();
    let mut ids = BTreeMap::new();
    for (index, vlan) in network.vlans.iter().enumerate() {
        if !names.insert(&vlan.name) {
            let message = format!("a second VLAN interface {}", vlan.name);
            refusals.refuse_entry(&path, index, "name", message, "write another name");
        }
        if let Some(other) = ids.insert((&vlan.parent, vlan.id), &vlan.name) {
            let message = format!("{} is on {} with this id already", other, vlan.parent);
            refusals.refuse_entry(&path, index, "id", message, "write another id");
        }
        if network.mode == NetworkMode::Tap && vlan.parent == network.bridge.name {
            let message = "on the bridge, which is made after the VLANs";
            let instead = "name the interface that carries the VLAN";
            refusals.refuse_entry(&path, index, "parent", message, instead);
        }
        let taken = network.mode == NetworkMode::Tap && vlan.name == network.bridge.name;
        if taken || vlan.name == vlan.parent || is_lo(&vlan.name) {
            let message = format!("{} is another interface already", vlan.name);
            refusals.refuse_entry(&path, index, "name", message, "write another name");
        }
    }
}

fn nat(refusals: &mut Refusals<'_, '_, '_>) {
    let network = &refusals.config.network;
    if !network.nat.enabled {
        return;
    }
    let paths = ["network.nat.enabled", "network.nat.uplink", "network.bridge.uplink"];
    let out = network.nat.uplink.as_ref();
    let tap = network.mode == NetworkMode::Tap;
    let bridged = network.bridge.uplink.as_ref().filter(|_| tap);
    if let Some(uplink) = bridged.filter(|uplink| out.is_none() || out == Some(*uplink)) {
        refusals.refuse(
            &[paths[2], paths[0]],
            format!("microVMs are on {uplink}'s own network, so nothing there is to be translated"),
            "write enabled = false below [network.nat], or name another uplink there",
        );
    } else if out.is_some() && out == network.dhcp.interface.as_ref() {
        refusals.refuse(
            &[paths[1], "network.dhcp.interface"],
            "the interface that microVMs are on",
            "name the interface that leads out, or write \"\" for the default route's",
        );
    }
    if network.nat.sources.is_empty() {
        refusals.refuse(
            &[paths[0], "network.nat.sources"],
            "nothing to translate: the DHCP interface has no addresses here",
            "add sources = [\"10.42.0.0/24\"] with the microVMs' subnet, or write enabled = false",
        );
    }
}
