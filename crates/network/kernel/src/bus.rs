//! The system's message bus, by which other daemons are asked.

use std::io;
use std::time::Duration;

use mvm_core::Roots;
use zbus::Connection;
use zbus::connection::Builder;

use crate::error::Error;

const BUS: (&str, &str) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
const SOCKET: &str = "/run/dbus/system_bus_socket";
/// A daemon answers between two commands: after a reload, which takes seconds on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Whether there is a bus: a small host need not have one.
pub(crate) fn is_there(roots: &Roots) -> bool {
    roots.at(SOCKET).exists()
}

/// Whether somebody answers to the name; nobody is started for it.
pub(crate) async fn runs(bus: &Connection, name: &str) -> zbus::Result<bool> {
    let named = bus.call_method(Some(BUS.0), BUS.1, Some(BUS.0), "NameHasOwner", &name).await?;
    named.body().deserialize()
}

/// Connects and asks.
///
/// # Errors
/// The bus or who is asked does not answer in time, or refuses.
pub(crate) fn run<T>(
    roots: &Roots,
    request: &'static str,
    ask: impl AsyncFnOnce(Connection) -> zbus::Result<T>,
) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let address = format!("unix:path={}", roots.at(SOCKET).display());
    let reply = async {
        let reply = async {
            let bus = Builder::address(address.as_str()).method_timeout(TIMEOUT).build().await?;
            ask(bus).await
        };
        let late = |_| zbus::Error::from(io::Error::from(io::ErrorKind::TimedOut));
        tokio::time::timeout(TIMEOUT, reply).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
    };
    let failed = |error| Error::Bus { request, source: Box::new(error) };
    runtime.map_err(Error::Runtime)?.block_on(reply).map_err(failed)
}
