//! `mvmhost adopt`: a host that flintlock's provision.sh made goes on with the same pool.
//!
//! provision.sh's direct_lvm is a thin pool of LVM's on one disk, which LVM brings back at every
//! boot; its profile for growing is written and never attached (hack/scripts/provision.sh,
//! `apply_lvm_profile`, commit 7112122).
//!
//! provision.sh's devpool is two sparse files, loop devices on them, and a pool with blocks of 64 KiB
//! that does not zero them. Nothing brings it back after a reboot. Its name stands in the live
//! device, in containerd's configuration and in the name of containerd's database; the files'
//! lengths are the pool's. What is found becomes a fragment of the configuration and a record of the
//! pool; files, table and name stay.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use mvm_config::model::Instance;
use mvm_config::places;
use mvm_config::quantities::Bytes;
use mvm_containerd::{devmapper, string};
use mvm_core::Finding;
use mvm_core::catalogue::adopt as messages;

use crate::loopback::{Desired, Observed};
use crate::thinpool::{Device, Receipt, Shape, Superblock, quote};

/// The fragment's first line, by which a later run knows it.
const HEAD: &str = "# Written by `mvmhost adopt`: what provision.sh left on this host.\n";
/// The fragment's name: before those of the operator, who has the last word.
pub const FRAGMENT: &str = "10-adopted.toml";
/// What provision.sh adds to the table.
const FEATURE: &str = "skip_block_zeroing";
/// What a pool of direct_lvm is called after its group and a hyphen.
pub const POOL_SUFFIX: &str = "-thinpool";
/// The name that provision.sh gives unless told.
const NAME: &str = "flintlock-dev-thinpool";

/// What the host shows, beside the files.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    /// Length of the data file in bytes; `None` when there is none.
    pub data: Option<u64>,
    /// Length of the metadata file in bytes.
    pub metadata: Option<u64>,
    /// The device-mapper names of what stands on the loop devices of either file.
    pub live: Vec<String>,
    /// Names of the databases beside the files, without `.db`.
    pub databases: Vec<String>,
    /// The configuration of the containerd of its own that provision.sh writes.
    pub containerd: Option<String>,
    /// That of the distribution's containerd.
    pub system_containerd: Option<String>,
    /// flintlockd's configuration as provision.sh writes it.
    pub flintlockd: Option<String>,
    /// The operator's units and drop-ins with their texts.
    pub units: Vec<(PathBuf, String)>,
    /// Live pools of LVM's that provision.sh's direct_lvm would have made.
    pub lvm: Vec<LvmPool>,
}

/// A live pool of LVM's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LvmPool {
    /// Its device-mapper name, `GROUP-thinpool`.
    pub name: String,
    /// The disks under it, each by a path below /dev/disk/by-id; `Err` with the kernel's name of one
    /// that has none.
    pub devices: Result<Vec<String>, String>,
}

/// The pool of provision.sh that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its device-mapper name.
    pub name: String,
    /// Files or disks, which `[thinpool]` then has to name.
    pub place: Place,
}

/// What a pool of provision.sh is on, by the two ways in which that makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// devpool's files.
    Files {
        /// Length of the data file in bytes.
        data: u64,
        /// Length of the metadata file in bytes.
        metadata: u64,
    },
    /// direct_lvm's disk.
    Disks {
        /// The volume group, from the pool's device-mapper name.
        group: String,
        /// Paths below /dev/disk/by-id.
        devices: Vec<String>,
    },
}

/// Which pool there is.
///
/// # Errors
/// None, or several names for one.
pub fn find(host: &HostFacts) -> Result<Found, Vec<Finding>> {
    let directory = places::devmapper_root(Instance::Dedicated);
    let (Some(data), Some(metadata)) = (host.data, host.metadata) else {
        return on_disks(host, directory).map_err(|finding| vec![finding]);
    };
    let configured = host.containerd.as_deref().and_then(pool_name);
    let mut candidates = host.live.clone();
    candidates.extend(configured);
    if candidates.is_empty() {
        let databases = host.databases.iter().filter(|name| *name != "metadata");
        candidates.extend(databases.cloned());
    }
    candidates.sort();
    candidates.dedup();
    if let [_, _, ..] = candidates.as_slice() {
        let finding = messages::several_names(directory, candidates.join(", "));
        return Err(vec![finding]);
    }
    let name = candidates.pop().unwrap_or_else(|| NAME.to_owned());
    Ok(Found { name, place: Place::Files { data, metadata } })
}

/// Of several pools on disks it is the one that a containerd is told to use.
fn on_disks(host: &HostFacts, directory: &str) -> Result<Found, Finding> {
    let is_configured = |pool: &&LvmPool| instance(host, &pool.name).is_some();
    let pool = match host.lvm.as_slice() {
        [] => return Err(messages::nothing(directory)),
        [only] => only,
        several => several.iter().find(is_configured).ok_or_else(|| {
            let names: Vec<&str> = several.iter().map(|pool| pool.name.as_str()).collect();
            messages::several_names("LVM", names.join(", "))
        })?,
    };
    let devices =
        pool.devices.clone().map_err(|disk| messages::no_lasting_name(&pool.name, disk))?;
    // device-mapper writes a hyphen of LVM's twice.
    let group = pool.name.strip_suffix(POOL_SUFFIX).unwrap_or(&pool.name).replace("--", "-");
    Ok(Found { name: pool.name.clone(), place: Place::Disks { group, devices } })
}

/// Whose containerd is told to use this pool.
fn instance(host: &HostFacts, name: &str) -> Option<Instance> {
    let is_configured =
        |text: &Option<String>| text.as_deref().and_then(pool_name).as_deref() == Some(name);
    if is_configured(&host.containerd) {
        Some(Instance::Dedicated)
    } else {
        is_configured(&host.system_containerd).then_some(Instance::System)
    }
}

fn pool_name(containerd: &str) -> Option<String> {
    let table: toml::Table = containerd.parse().ok()?;
    devmapper(&table)?.get("pool_name")?.as_str().map(str::to_owned)
}

/// The fragment that makes mvmhost go on with what is there. `set` tells which keys the operator
/// wrote himself: those are left to him.
pub fn fragment(found: &Found, host: &HostFacts, set: impl Fn(&str) -> bool) -> String {
    let mut out = HEAD.to_owned();
    let mut table = |name: &str, pairs: &[(&str, String)]| {
        let open: Vec<_> = pairs.iter().filter(|(key, _)| !set(&format!("{name}.{key}"))).collect();
        if !open.is_empty() {
            out.push_str(&format!("\n[{name}]\n"));
        }
        for (key, value) in open {
            out.push_str(&format!("{key} = {value}\n"));
        }
    };
    let backend = |kind| [("backend", string(kind)), ("name", string(&found.name))];
    match &found.place {
        Place::Files { data, metadata } => {
            table("thinpool", &backend("loop"));
            let data = string(&Bytes(*data).to_string());
            let pairs = [
                ("directory", string(places::devmapper_root(Instance::Dedicated))),
                ("data-size", data.clone()),
                ("metadata-size", string(&Bytes(*metadata).to_string())),
                ("max-data-size", data),
            ];
            table("thinpool.loop", &pairs);
        }
        Place::Disks { group, devices } => {
            table("thinpool", &backend("lvm"));
            let devices: Vec<String> = devices.iter().map(|path| string(path)).collect();
            let devices = format!("[{}]", devices.join(", "));
            table("thinpool.lvm", &[("volume-group", string(group)), ("devices", devices)]);
            if instance(host, &found.name) == Some(Instance::System) {
                table("containerd", &[("instance", string("system"))]);
            }
        }
    }
    if let Some(text) = &host.flintlockd {
        let value = |key: &str| value(text, key);
        let endpoint = value("grpc-endpoint").map(|text| ("grpc-endpoint", string(text)));
        let insecure = value("insecure").filter(|text| *text == "true");
        let insecure = insecure.map(|text| ("insecure", text.to_owned()));
        let pairs: Vec<_> = endpoint.into_iter().chain(insecure).collect();
        table("flintlockd", &pairs);
        let tls = [("cert", "tls-cert"), ("key", "tls-key"), ("client-ca", "tls-client-ca")];
        let pairs: Vec<_> =
            tls.iter().filter_map(|(setting, key)| Some((*setting, string(value(key)?)))).collect();
        table("flintlockd.tls", &pairs);
        // The bridge or parent that the file names is somebody else's work.
        table("network", &[("mode", string("none"))]);
    }
    out
}

/// Whether a file is a fragment of an earlier run.
pub fn is_ours(text: &str) -> bool {
    text.starts_with(HEAD)
}

/// The value of a key in flintlockd's configuration, which is flat.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    Some(value.trim_matches(['"', '\''])).filter(|value| !value.is_empty())
}

/// The record of a pool that is down: with provision.sh's table, which no file keeps. `None` when
/// the files are not a pool's, or it is on record already.
pub fn record(desired: &Desired, observed: &Observed) -> Option<Receipt> {
    let (Device::Absent, Superblock::Pool(superblock)) =
        (&observed.pool.device, &observed.superblock)
    else {
        return None;
    };
    if observed.receipt.pool().is_some() {
        return None;
    }
    let block = u64::from(superblock.data_block_sectors);
    let mut table = Shape::new_pool(superblock.data_blocks.saturating_mul(block * 512));
    table.block_sectors = superblock.data_block_sectors;
    table.features = vec![FEATURE.to_owned()];
    Receipt::of(desired, observed, &table)
}

/// The operator's units and drop-ins that decide what mvmhost is to decide.
pub fn conflicts(host: &HostFacts) -> Vec<Finding> {
    let decides = |line: &str| {
        let (key, value) = line.split_once('=')?;
        let keys = ["ExecStart", "Type", "KillMode", "BindsTo", "Requires"];
        let own = keys.contains(&key.trim()) && !value.trim().is_empty();
        own.then(|| line.trim().to_owned())
    };
    let conflict = |(path, text): &(PathBuf, String)| {
        let lines: Vec<String> = text.lines().filter_map(decides).collect();
        (!lines.is_empty()).then(|| {
            messages::conflict(path.display().to_string(), quote(path)).evidence(lines.join("\n"))
        })
    };
    host.units.iter().filter_map(conflict).collect()
}
