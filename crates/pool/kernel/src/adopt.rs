//! What provision.sh left on this host, and taking it over.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mvm_config::model::Instance;
use mvm_config::places;
use mvm_core::{Roots, atomic, names};
use mvm_pool_plan::adopt::{self, HostFacts, LvmPool};
use mvm_pool_plan::thinpool::Device;
use mvm_pool_plan::{Observation, loopback, lvm};

use crate::loops::{self, LoopDevices};
use crate::thinpool::{self, System};
use crate::{Error, files, receipt};

/// No configuration or unit is longer than this, in bytes.
const LIMIT: u64 = 1 << 20;
/// Where udev names disks by what stays the same.
const BY_ID: &str = "/dev/disk/by-id";
/// The same by the slot that a disk is in, for one without a serial number.
const BY_PATH: &str = "/dev/disk/by-path";
/// Where the operator's units are.
const UNITS: &str = "/etc/systemd/system";

/// Gathers what there is. Changes nothing.
///
/// # Errors
/// When loop devices or the pool's directory cannot be looked at.
pub fn observe(roots: &Roots, flintlockd_unit: &str) -> Result<HostFacts, Error> {
    observe_with(roots, &loops::Kernel::new(roots), flintlockd_unit)
}

fn observe_with(
    roots: &Roots,
    loops: &dyn LoopDevices,
    flintlockd_unit: &str,
) -> Result<HostFacts, Error> {
    let directory = Path::new(places::devmapper_root(Instance::Dedicated));
    let look = |name: &str| files::facts(&roots.at(directory.join(name)));
    let regular = |file: &mvm_pool_plan::thinpool::FileFacts| file.regular;
    let (data, metadata) = (look("data")?.filter(regular), look("metadata")?.filter(regular));
    let text = |path: &str| text(&roots.at(path));
    let containerd = |path: &str| crate::containerd_config::read(roots, path).ok();
    let mut host = HostFacts {
        data: data.as_ref().map(|file| file.size),
        metadata: metadata.as_ref().map(|file| file.size),
        databases: names_in(&roots.at(directory), ".db"),
        containerd: containerd(names::OPERATOR_CONTAINERD_CONFIG),
        system_containerd: containerd(names::SYSTEM_CONTAINERD_CONFIG),
        flintlockd: text(names::FLINTLOCKD_OPERATOR_CONFIG),
        lvm: lvm_pools(roots),
        ..HostFacts::default()
    };
    let own_files: Vec<_> = data.iter().chain(&metadata).map(|file| file.id).collect();
    if !own_files.is_empty() {
        let sys = roots.at("/sys");
        for attached in
            loops.attached()?.iter().filter(|attached| own_files.contains(&attached.file))
        {
            let holders = files::holders(&sys, &attached.device);
            let names = holders.iter().map(|dm| files::block_attribute(&sys, dm, "dm/name"));
            host.live.extend(names.filter(|name| !name.is_empty()));
        }
    }
    for unit in [names::CONTAINERD_DEV_UNIT, flintlockd_unit] {
        units(roots, unit, &mut host.units);
    }
    Ok(host)
}

/// A unit of the operator's with its drop-ins.
fn units(roots: &Roots, unit: &str, into: &mut Vec<(PathBuf, String)>) {
    let path = Path::new(UNITS).join(unit);
    let folder = Path::new(UNITS).join(format!("{unit}.d"));
    let dropins = names_in(&roots.at(&folder), ".conf");
    let dropins = dropins.iter().map(|name| folder.join(format!("{name}.conf")));
    for path in std::iter::once(path).chain(dropins) {
        if let Some(text) = text(&roots.at(&path)) {
            into.push((path, text));
        }
    }
}

/// The names of a folder's files with this ending, without it, sorted.
fn names_in(folder: &Path, ending: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let name = |entry: fs::DirEntry| {
        entry.file_name().to_str().and_then(|name| name.strip_suffix(ending)).map(str::to_owned)
    };
    let mut names: Vec<String> = entries.filter_map(name).collect();
    names.sort_unstable();
    names
}

fn text(path: &Path) -> Option<String> {
    let bytes = atomic::read_linked(path, LIMIT).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Live pools of LVM's with the name that provision.sh direct_lvm gives: `GROUP-thinpool`.
fn lvm_pools(roots: &Roots) -> Vec<LvmPool> {
    let sys = roots.at("/sys");
    let devices = fs::read_dir(sys.join("block")).into_iter().flatten().flatten();
    let devices = devices.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let attribute = |device: &str, name| files::block_attribute(&sys, device, name);
    let mut pools: Vec<LvmPool> = devices
        .filter(|device| attribute(device, "dm/uuid").starts_with("LVM-"))
        .map(|device| (attribute(&device, "dm/name"), device))
        .filter(|(name, _)| name.ends_with(adopt::POOL_SUFFIX))
        .map(|(name, device)| LvmPool { name, devices: lasting_names(roots, &device) })
        .collect();
    pools.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    pools
}

/// A path below /dev/disk/by-id, else by-path, for each disk under a device; otherwise the disk that has
/// none.
fn lasting_names(roots: &Roots, device: &str) -> Result<Vec<String>, String> {
    let links_by_folder = [BY_ID, BY_PATH].map(|folder| (folder, links(roots, folder)));
    let path = |disk: &String| {
        let link_path = links_by_folder.iter().find_map(|(folder, links)| {
            let link = links.iter().find(|(target, _)| target == disk);
            link.map(|(_, name)| format!("{folder}/{name}"))
        });
        link_path.ok_or_else(|| disk.clone())
    };
    disks(&roots.at("/sys"), device).iter().map(path).collect()
}

/// Which disk each name in the folder leads to.
fn links(roots: &Roots, folder: &str) -> Vec<(String, String)> {
    let links = fs::read_dir(roots.at(folder)).into_iter().flatten().flatten();
    let mut links: Vec<(String, String)> = links
        .filter_map(|link| {
            let target = fs::read_link(link.path()).ok()?;
            let target = target.file_name()?.to_str()?.to_owned();
            Some((target, link.file_name().to_str()?.to_owned()))
        })
        // LVM's own name for what is on the disk says nothing about the disk.
        .filter(|(_, name)| !name.starts_with("lvm-pv-uuid-"))
        .collect();
    links.sort_unstable();
    links
}

/// What a device of device-mapper's stands on in the end.
fn disks(sys: &Path, device: &str) -> BTreeSet<String> {
    let mut disks = BTreeSet::new();
    let mut open = vec![device.to_owned()];
    let mut visited = BTreeSet::new();
    while let Some(device) = open.pop() {
        let below = files::slaves(sys, &device);
        if below.is_empty() {
            disks.insert(device);
        } else if visited.insert(device) {
            open.extend(below);
        }
    }
    disks
}

/// Puts the pool on record: the live one as it is, one that is down with the table that it had. One
/// of LVM's that nobody makes longer gets its profile.
///
/// # Errors
/// The record could not be written: the one there was, if any, is as it was; or LVM did not take the
/// profile: the pool is on record then.
pub fn record(roots: &Roots, observation: &Observation<'_>) -> Result<(), Error> {
    let live = matches!(observation.device(), Device::Pool(_));
    thinpool::with_kernel(roots, |system| match observation {
        Observation::Loop(desired, observed) if live => {
            let plan = loopback::plan(desired, observed);
            crate::loopback::apply(system, &plan, desired).map(drop)
        }
        Observation::Loop(desired, observed) => match adopt::record(desired, observed) {
            Some(record) => receipt::write(roots, &record),
            None => Ok(()),
        },
        Observation::Lvm(desired, observed) if live => on_lvm(system, desired, observed),
        // LVM knows its pool, and one of somebody else's is theirs to know.
        Observation::Lvm(..) | Observation::External(..) => Ok(()),
    })
}

/// Puts a live pool on record, and attaches the profile by which dmeventd makes it longer, which
/// provision.sh only writes.
fn on_lvm(
    system: &System<'_>,
    desired: &lvm::Desired,
    observed: &lvm::Observed,
) -> Result<(), Error> {
    crate::lvm::apply(system, &lvm::plan(desired, observed))?;
    if !lvm::is_unattached(desired, observed) {
        return Ok(());
    }
    let volume_desired = &desired.volume;
    crate::lvm::lvm(system.roots, system.programs)?
        .attach(&volume_desired.path(), &volume_desired.profile())
}

#[cfg(test)]
mod tests {
    use mvm_pool_plan::Backend;
    use mvm_pool_plan::loopback::Desired;

    use super::*;
    use crate::fake::Machine;

    #[test]
    fn what_is_there_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::new(folder.path());
        let put = |path: &str, text: &str| {
            let path = machine.roots.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let none = observe_with(&machine.roots, &machine, "flintlockd.service").unwrap();
        assert_eq!((none.data, none.live.len(), none.units.len()), (None, 0, 0));
        let directory = places::devmapper_root(Instance::Dedicated);
        put(&format!("{directory}/data"), "1234");
        put(&format!("{directory}/metadata"), "12");
        put(&format!("{directory}/mine-thinpool.db"), "");
        put(&format!("{directory}/metadata.db"), "");
        put("/etc/containerd/config-dev.toml", "version = 2");
        put("/etc/systemd/system/containerd-dev.service", "[Service]");
        put("/etc/systemd/system/flintlockd.service.d/a.conf", "[Service]");
        put("/sys/block/dm-9/dm/name", "flintlock-thinpool\n");
        put("/sys/block/dm-9/dm/uuid", "LVM-abc\n");
        put("/sys/block/dm-9/slaves/dm-7", "");
        put("/sys/block/dm-9/slaves/dm-8", "");
        put("/sys/block/dm-7/slaves/vdb", "");
        put("/sys/block/dm-8/slaves/vdb", "");
        machine.attach(&machine.roots.at(directory).join("data")).unwrap();
        put("/sys/block/loop7/holders/dm-3", "");
        put("/sys/block/dm-3/dm/name", "mine-thinpool\n");
        let host = observe_with(&machine.roots, &machine, "flintlockd.service").unwrap();
        assert_eq!((host.data, host.metadata), (Some(4), Some(2)));
        assert_eq!(host.live, ["mine-thinpool"]);
        assert_eq!(host.databases, ["metadata", "mine-thinpool"]);
        assert_eq!((host.containerd.as_deref(), host.flintlockd), (Some("version = 2"), None));
        let units: Vec<_> = host.units.iter().map(|(path, _)| path.to_str().unwrap()).collect();
        let expected = [
            "/etc/systemd/system/containerd-dev.service",
            "/etc/systemd/system/flintlockd.service.d/a.conf",
        ];
        assert_eq!(units, expected);
        let pool = |devices| LvmPool { name: "flintlock-thinpool".to_owned(), devices };
        assert_eq!(host.lvm, [pool(Err("vdb".to_owned()))]);
        let by_path = machine.roots.at(BY_PATH);
        fs::create_dir_all(&by_path).unwrap();
        std::os::unix::fs::symlink("../../vdb", by_path.join("pci-0000:00:05.0")).unwrap();
        let host = observe_with(&machine.roots, &machine, "flintlockd.service").unwrap();
        let slot = "/dev/disk/by-path/pci-0000:00:05.0".to_owned();
        assert_eq!(host.lvm, [pool(Ok(vec![slot]))], "it has no serial number");
        let by_id = machine.roots.at(BY_ID);
        fs::create_dir_all(&by_id).unwrap();
        for name in ["lvm-pv-uuid-x", "virtio-disk", "zz-disk"] {
            std::os::unix::fs::symlink("../../vdb", by_id.join(name)).unwrap();
        }
        let host = observe_with(&machine.roots, &machine, "flintlockd.service").unwrap();
        assert_eq!(host.lvm, [pool(Ok(vec!["/dev/disk/by-id/virtio-disk".to_owned()]))]);
    }

    /// Files of provision.sh's after a reboot: the table that was live comes back.
    #[test]
    fn a_pool_that_is_down_is_recorded_with_the_table_it_had() {
        // Not below /tmp, which may be a tmpfs: that is refused.
        let program = std::env::current_exe().unwrap();
        let folder = tempfile::TempDir::new_in(program.parent().unwrap()).unwrap();
        let machine = Machine::new(folder.path());
        let system = thinpool::System {
            roots: &machine.roots,
            loops: &machine,
            mapper: &machine,
            programs: &mvm_core::exec::Recording::default(),
            timeout: std::time::Duration::from_millis(20),
        };
        let text = "[thinpool.loop]\ndata-size = \"64MiB\"\nmetadata-size = \"4MiB\"\n";
        let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
        let config = mvm_config::load::parse(&[source]).unwrap().config;
        let (desired, files) = (Backend::new(&config, None), Desired::new(&config, None));
        let look = || crate::observe_with(&system, &desired).unwrap();
        thinpool::reconcile(&system, &files);
        machine.reboot();
        fs::remove_file(machine.roots.receipt()).unwrap();
        record(&machine.roots, &look()).unwrap();
        let steps: Vec<String> = look().plan().steps.iter().map(ToString::to_string).collect();
        assert!(steps[3].ends_with("128 32768 1 skip_block_zeroing"), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("receipt")), "{steps:?}");
        let receipt = fs::read(machine.roots.receipt()).unwrap();
        record(&machine.roots, &look()).unwrap();
        assert_eq!(fs::read(machine.roots.receipt()).unwrap(), receipt);
    }
}
