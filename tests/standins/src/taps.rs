//! Taps as flintlockd makes them: on the bridge, one for each card. Made only when STANDIN_TAPS is
//! set, which wants root and the bridge.

use std::collections::HashMap;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::api::flintlock::types::{
    MicroVm, NetworkInterface, NetworkInterfaceStatus, network_interface::IfaceType,
};
use crate::store;

/// Makes what is not there; `None` makes nothing.
///
/// # Errors
/// A tap cannot be made, or there is no bridge.
pub fn create(
    bridge: Option<&str>,
    vm: &MicroVm,
) -> Result<HashMap<String, NetworkInterfaceStatus>> {
    let mut made = HashMap::new();
    let Some(bridge) = bridge else { return Ok(made) };
    for card in cards_of(vm).iter().filter(|card| card.r#type() == IfaceType::Tap) {
        let name = name(vm, card);
        let own = card.overrides.as_ref().and_then(|overrides| overrides.bridge_name.clone());
        let bridge = own.as_deref().unwrap_or(bridge);
        if ip(&["link", "show", "dev", &name]).is_err() {
            ip(&["link", "show", "dev", bridge]).map_err(|_| {
                anyhow::anyhow!(
                    "failed to lookup parent network interface \"{bridge}\": Link not found"
                )
            })?;
            ip(&["tuntap", "add", "dev", &name, "mode", "tap"])?;
            ip(&["link", "set", "dev", &name, "up", "master", bridge])?;
        }
        let status =
            NetworkInterfaceStatus { host_device_name: name, index: 0, mac_address: String::new() };
        made.insert(card.device_id.clone(), status);
    }
    Ok(made)
}

/// Takes away what was made.
pub fn delete(vm: &MicroVm) {
    for device in vm.status.iter().flat_map(|status| status.network_interfaces.values()) {
        // One that is gone is as it is to be.
        let _ = ip(&["link", "delete", "dev", &device.host_device_name]);
    }
}

/// What the VMM is told of its cards, in Firecracker's words.
#[must_use]
pub fn config(vm: &MicroVm) -> String {
    let status = vm.status.clone().unwrap_or_default();
    let cards: Vec<Value> = cards_of(vm)
        .iter()
        .filter_map(|card| {
            let device = status.network_interfaces.get(&card.device_id)?;
            Some(json!({"iface_id": card.device_id, "host_dev_name": device.host_device_name,
                "guest_mac": card.guest_mac}))
        })
        .collect();
    json!({ "network-interfaces": cards }).to_string() + "\n"
}

/// Tap and hardware address of each card of a VMM's configuration.
#[must_use]
pub fn cards(config: &str) -> Vec<(String, [u8; 6])> {
    let config: Value = serde_json::from_str(config).unwrap_or_default();
    let cards = config.get("network-interfaces").and_then(Value::as_array).cloned();
    let card = |card: &Value| {
        let mut mac = [0; 6];
        let text = card.get("guest_mac")?.as_str()?;
        for (octet, part) in mac.iter_mut().zip(text.split(':')) {
            *octet = u8::from_str_radix(part, 16).ok()?;
        }
        Some((card.get("host_dev_name")?.as_str()?.to_owned(), mac))
    };
    cards.unwrap_or_default().iter().filter_map(card).collect()
}

fn cards_of(vm: &MicroVm) -> Vec<NetworkInterface> {
    vm.spec.as_ref().map(|spec| spec.interfaces.clone()).unwrap_or_default()
}

/// `fltap` and seven digits.
fn name(vm: &MicroVm, card: &NetworkInterface) -> String {
    let text = format!("{}{}", store::vmid(vm), card.device_id);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("fltap{:07x}", hash & 0x0fff_ffff)
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output().context("ip")?;
    let why = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {}", arguments.join(" "), why.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vmm_reads_back_what_it_is_told() {
        let text = r#"{"network-interfaces": [{"iface_id": "eth1", "host_dev_name": "fltap1", "guest_mac": "02:00:00:00:00:2a"}]}"#;
        assert_eq!(cards(text), [("fltap1".to_owned(), [2, 0, 0, 0, 0, 42])]);
        assert!(cards("{}").is_empty() && cards("").is_empty());
    }
}
