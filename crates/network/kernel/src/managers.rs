//! Tells other managers of networks what is not theirs.

use std::{fs, io};

use mvm_core::{Roots, atomic};
use mvm_network_plan::network::{Manager, unmanaged_file};
use zbus::Connection;

use crate::bus;
use crate::error::Error;

/// Read by daemons that are not root.
const MODE: u32 = 0o644;
/// A few names; anything of this size is nothing of ours.
const LIMIT: u64 = 64 << 10;
/// Of NetworkManager's Reload: its own configuration, and no names of hosts.
const CONFIGURATION: u32 = 1;

/// Puts the names into the manager's file, and has it read it when it runs. One that is started
/// later reads it then.
///
/// # Errors
/// The file cannot be written, or the manager does not read it.
pub(crate) fn set_unmanaged(
    roots: &Roots,
    manager: Manager,
    names: &[String],
) -> Result<(), Error> {
    let path = roots.at(manager.path());
    let bytes = atomic::read_bounded(&path, LIMIT).ok();
    let text = bytes.as_deref().map(String::from_utf8_lossy);
    match unmanaged_file(manager, names, text.as_deref()) {
        None => return Ok(()),
        Some(Some(text)) => {
            atomic::write(&path, text.as_bytes(), MODE).map_err(|source| Error::Keep { source })?
        }
        Some(None) => match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Set { path, source });
            }
            _ => {}
        },
    }
    if !bus::is_there(roots) {
        return Ok(());
    }
    bus::run(roots, "have a manager of networks read its files", async |bus| match manager {
        Manager::NetworkManager => reload(&bus, &NETWORK_MANAGER, &CONFIGURATION).await,
        Manager::Networkd => reload(&bus, &NETWORKD, &()).await,
    })
}

/// Where its method Reload is.
struct Address {
    name: &'static str,
    path: &'static str,
    interface: &'static str,
}

const NETWORK_MANAGER: Address = Address {
    name: "org.freedesktop.NetworkManager",
    path: "/org/freedesktop/NetworkManager",
    interface: "org.freedesktop.NetworkManager",
};
const NETWORKD: Address = Address {
    name: "org.freedesktop.network1",
    path: "/org/freedesktop/network1",
    interface: "org.freedesktop.network1.Manager",
};

async fn reload<B>(bus: &Connection, to: &Address, body: &B) -> zbus::Result<()>
where
    B: serde::Serialize + zbus::DynamicType,
{
    if bus::runs(bus, to.name).await? {
        bus.call_method(Some(to.name), to.path, Some(to.interface), "Reload", body).await?;
    }
    Ok(())
}
