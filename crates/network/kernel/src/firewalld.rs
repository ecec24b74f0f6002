//! firewalld, over D-Bus.
//!
//! Interfaces are assigned to zones in what it calls its runtime configuration, which a reload keeps
//! and a restart forgets. Both make it write its rules again, which mvm-net-watch sees.

use mvm_core::{Roots, exec};
use mvm_network_plan::nat::{Firewalld, ZONE};
use zbus::{Connection, DynamicType, Message};

use crate::bus;
use crate::error::Error;

const NAME: &str = "org.fedoraproject.FirewallD1";
const PATH: &str = "/org/fedoraproject/FirewallD1";
const ZONES: &str = "org.fedoraproject.FirewallD1.zone";

/// What firewalld says of the interface.
///
/// # Errors
/// The bus or firewalld does not answer.
pub(crate) fn observe(roots: &Roots, interface: &str) -> Result<Firewalld, Error> {
    // A host without firewalld need not have a bus.
    if exec::find(roots, "firewalld").is_none() || !bus::is_there(roots) {
        return Ok(Firewalld::Absent);
    }
    let request = "ask firewalld for the zone of an interface";
    bus::run(roots, request, async |bus| {
        if !bus::runs(&bus, NAME).await? {
            return Ok(Firewalld::Absent);
        }
        let zone = call(&bus, "getZoneOfInterface", &interface).await?;
        match zone.body().deserialize::<String>()?.as_str() {
            "" => {}
            ZONE => return Ok(Firewalld::InZone),
            _ => return Ok(Firewalld::Assigned),
        }
        let zones: Vec<String> = call(&bus, "getZones", &()).await?.body().deserialize()?;
        let has_zone = zones.iter().any(|zone| zone == ZONE);
        Ok(if has_zone { Firewalld::Unassigned } else { Firewalld::Unaware })
    })
}

/// Puts the interface into the zone.
///
/// # Errors
/// The bus or firewalld refuses.
pub(crate) fn assign(roots: &Roots, interface: &str, zone: &str) -> Result<(), Error> {
    bus::run(roots, "give firewalld a zone for an interface", async |bus| {
        call(&bus, "addInterface", &(zone, interface)).await.map(drop)
    })
}

/// Takes the interface out of the zone.
///
/// # Errors
/// The bus or firewalld refuses.
pub(crate) fn unassign(roots: &Roots, interface: &str, zone: &str) -> Result<(), Error> {
    bus::run(roots, "have firewalld take an interface out of a zone", async |bus| {
        call(&bus, "removeInterface", &(zone, interface)).await.map(drop)
    })
}

async fn call<B>(bus: &Connection, method: &str, body: &B) -> zbus::Result<Message>
where
    B: serde::Serialize + DynamicType,
{
    bus.call_method(Some(NAME), PATH, Some(ZONES), method, body).await
}
