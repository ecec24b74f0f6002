//! What a microVM has on this host, and what of it is left after it was deleted.

use std::time::{Duration, Instant};
use std::{fs, thread};

use mvm_config::places;
use mvm_core::chain;
use mvm_images_client::microvm::snapshots;
use mvm_units_systemd::flintlock::{Details, MicroVm};

use crate::leases;
use crate::session::{Session, id};

const PAUSE: Duration = Duration::from_millis(500);

/// What a microVM has on this host; every name is read before it is deleted.
pub(super) struct Traces {
    id: String,
    taps: Vec<String>,
    disks: Vec<String>,
    macs: Vec<String>,
}

impl Traces {
    pub(super) fn of(microvm: &MicroVm, details: Option<&Details>) -> Self {
        let (taps, disks) = devices(details);
        let cards = details.map(|details| details.cards.clone()).unwrap_or_default();
        Self {
            id: id(microvm),
            taps,
            disks,
            macs: cards.into_iter().map(|card| card.mac).collect(),
        }
    }

    /// What is still there after `timeout`: flintlockd forgets a microVM before it takes its tap and
    /// its directory away, and containerd's collector comes after that.
    pub(super) fn leftovers(&self, session: &Session<'_>, timeout: Duration) -> Vec<String> {
        let started = Instant::now();
        loop {
            let leftovers = self.now(session);
            if leftovers.is_empty() || started.elapsed() >= timeout {
                return leftovers;
            }
            thread::sleep(PAUSE);
        }
    }

    fn now(&self, session: &Session<'_>) -> Vec<String> {
        let roots = &session.context.roots;
        let there = |path: &str| fs::symlink_metadata(roots.at(path)).is_ok();
        let taps = self.taps.iter().filter(|name| there(&format!("/sys/class/net/{name}")));
        let mut leftovers: Vec<String> = taps.map(|name| format!("the interface {name}")).collect();
        let disks = self.disks.iter().filter(|path| path.starts_with("/dev/") && there(path));
        leftovers.extend(disks.map(|path| format!("the thin device {path}")));
        let folder = format!("{}/{}", places::microvms(session.config()), self.id);
        if there(&folder) {
            leftovers.push(format!("the folder {folder}"));
        }
        match snapshots(session.config(), roots, &self.id) {
            Ok(found) => {
                leftovers.extend(found.into_iter().map(|name| format!("the snapshot {name}")))
            }
            Err(error) => log::debug!("{}", chain(&error)),
        }
        leftovers
    }

    /// Its lease, which nobody gives back.
    pub(super) fn lease(&self, session: &Session<'_>) -> Option<String> {
        let leases = leases::read(session.context).ok()?;
        let found =
            leases.into_iter().find(|lease| self.macs.contains(&lease.mac.to_lowercase()))?;
        Some(format!("{} {}", found.address, found.mac))
    }
}

/// What the microVM has on this host by flintlockd's words.
fn devices(details: Option<&Details>) -> (Vec<String>, Vec<String>) {
    details.map_or((Vec::new(), Vec::new()), |details| {
        let taps = details.devices.iter().map(|device| device.name.clone());
        (taps.filter(|name| !name.is_empty()).collect(), details.disks.clone())
    })
}
