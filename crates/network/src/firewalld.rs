//! firewalld, over D-Bus.
//!
//! Interfaces are assigned to zones in what it calls its runtime configuration, which a reload keeps
//! and a restart forgets. Both make it write its rules anew, which mvm-net-watch sees.

use std::io;
use std::time::Duration;

use mvm_config::Roots;
use mvm_host::exec;
use mvm_plan::nat::{Firewalld, ZONE};
use zbus::connection::Builder;
use zbus::{Connection, DynamicType, Message};

use crate::error::Error;

const NAME: &str = "org.fedoraproject.FirewallD1";
const PATH: &str = "/org/fedoraproject/FirewallD1";
const ZONES: &str = "org.fedoraproject.FirewallD1.zone";
const BUS: (&str, &str) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
const SOCKET: &str = "/run/dbus/system_bus_socket";
/// It answers between two commands: after a reload, which takes seconds on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What firewalld says of the interface.
///
/// # Errors
/// The bus or firewalld does not answer.
pub(crate) fn observe(roots: &Roots, interface: &str) -> Result<Firewalld, Error> {
    // A host without firewalld need not have a bus.
    if exec::find(roots, "firewalld").is_none() || !roots.at(SOCKET).exists() {
        return Ok(Firewalld::Absent);
    }
    let request = "ask firewalld for the zone of an interface";
    run(roots, request, async |bus| {
        let named = bus.call_method(Some(BUS.0), BUS.1, Some(BUS.0), "NameHasOwner", &NAME).await?;
        if !named.body().deserialize::<bool>()? {
            return Ok(Firewalld::Absent);
        }
        let zone = call(&bus, "getZoneOfInterface", &interface).await?;
        if !zone.body().deserialize::<String>()?.is_empty() {
            return Ok(Firewalld::Assigned);
        }
        let zones: Vec<String> = call(&bus, "getZones", &()).await?.body().deserialize()?;
        let known = zones.iter().any(|zone| zone == ZONE);
        Ok(if known { Firewalld::Unassigned } else { Firewalld::Unaware })
    })
}

/// Puts the interface into the zone.
///
/// # Errors
/// The bus or firewalld refuses.
pub(crate) fn assign(roots: &Roots, interface: &str, zone: &str) -> Result<(), Error> {
    run(roots, "give firewalld a zone for an interface", async |bus| {
        call(&bus, "addInterface", &(zone, interface)).await.map(drop)
    })
}

fn run<T>(
    roots: &Roots,
    request: &'static str,
    ask: impl AsyncFnOnce(Connection) -> zbus::Result<T>,
) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let address = format!("unix:path={}", roots.at(SOCKET).display());
    let asked = async {
        let asked = async {
            let bus = Builder::address(address.as_str()).method_timeout(PATIENCE).build().await?;
            ask(bus).await
        };
        let late = |_| zbus::Error::from(io::Error::from(io::ErrorKind::TimedOut));
        tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
    };
    let failed = |error| Error::Firewalld { request, source: Box::new(error) };
    runtime.map_err(Error::Runtime)?.block_on(asked).map_err(failed)
}

async fn call<B>(bus: &Connection, method: &str, body: &B) -> zbus::Result<Message>
where
    B: serde::Serialize + DynamicType,
{
    bus.call_method(Some(NAME), PATH, Some(ZONES), method, body).await
}
