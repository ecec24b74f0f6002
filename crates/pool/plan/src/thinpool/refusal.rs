//! What an operator may type when state and receipt do not match: the commands that choose.

use std::path::PathBuf;

use mvm_core::{Entry, Finding};

use super::{Device, Observed, Pool, quote};

/// What of a pool and around it is there and can be set aside. A backend adds what it alone knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside<'a> {
    /// What the file asks for, with the units that use the pool.
    pub pool: &'a Pool,
    /// The device under the pool's name is a live pool.
    pub live: bool,
    /// `GROUP/VOLUME` of the logical volume that the pool is, where it is there.
    pub volume: Option<String>,
    /// The files, in the order in which they are named.
    pub files: Vec<PathBuf>,
    /// Something stands where the receipt says what the pool is.
    pub recorded: bool,
}

impl<'a> Aside<'a> {
    /// What every pool has, its device and containerd's databases, after the pool's own `files`.
    pub fn new(pool: &'a Pool, observed: &Observed, mut files: Vec<PathBuf>) -> Self {
        files.extend(observed.databases.iter().cloned());
        files.extend(observed.containerd_metadata.iter().cloned());
        let live = matches!(observed.device, Device::Pool(_));
        Self { pool, live, volume: None, files, recorded: false }
    }

    /// The commands that set everything aside that belongs to the old pool and exists. Not one byte
    /// is deleted: all of it stays in a folder next to where it was; but for a volume, whose group
    /// has no room for two, and about which LVM asks. None is run when the one before it failed, or
    /// the files of a live pool would go from under it.
    fn commands(&self) -> String {
        let mut lines = Vec::new();
        if self.live {
            // Refused while something uses the pool, and nothing is forced.
            lines.push("mvmhost pool remove".to_owned());
        }
        if let Some(volume) = &self.volume {
            lines.push(format!(
                "# this deletes what is in the pool; LVM asks first:\nlvremove {volume}"
            ));
        }
        if !self.files.is_empty() {
            let names: Vec<String> = self.files.iter().map(|file| quote(file)).collect();
            let old = quote(&self.pool.aside.join("old"));
            lines.push(format!("mkdir -p {old}"));
            lines.push(format!("mv --backup=numbered -t {old} {}", names.join(" ")));
        }
        if self.recorded {
            lines.push(FORGET.to_owned());
        }
        if self.volume.is_some() {
            lines.push("mvmhost pool create".to_owned());
        }
        lines.push("mvmhost apply".to_owned());
        lines.join(" &&\n")
    }
}

/// The command that makes mvmhost forget its pool without touching the pool.
const FORGET: &str =
    "mv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old";

/// A refusal with the data that the remedies `accept` and `start over` are made of.
pub fn refusal(entry: &'static Entry, subject: impl Into<String>, aside: &Aside<'_>) -> Finding {
    Finding::chosen(entry, subject)
        .with("directory", quote(&aside.pool.aside))
        .with("units", aside.pool.units())
        .with("aside", aside.commands())
}
