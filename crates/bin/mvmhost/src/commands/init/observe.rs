//! What init looks at. Nothing is opened for writing, and no disk is read: udev has.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use mvm_checks as checks;
use mvm_cli::context::Context;
use mvm_config::Config;
use mvm_config::model::Provider;
use mvm_core::catalogue::init as messages;
use mvm_core::{Finding, Roots, interfaces};
use mvm_network_kernel::{Kernel, Network as _};
use mvm_network_plan::network;
use mvm_units_plan::init::{Answers, Disk, Observed, Uplink};
use mvm_validate::observe;
use nix::sys::statvfs::statvfs;

/// A registry on another continent answers within this time.
const DIAL: Duration = Duration::from_secs(4);
/// Devices that are no disks of a machine.
const NO_DISKS: [&str; 8] = ["loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"];

pub(super) fn observe(context: &Context) -> Observed {
    let roots = &context.roots;
    let config = Config::default();
    let observed = observe::observe(roots, &config, None);
    let no_kvm = checks::kvm(&config, &observed);
    let directory = roots.at("/var/lib");
    let free = statvfs(&directory).map_or(0, |filesystem| {
        filesystem.blocks_available().saturating_mul(filesystem.fragment_size())
    });
    let mut observed = Observed {
        disks: disks(roots),
        free,
        dhcp_served: observed.dhcp_served,
        no_kvm: no_kvm.first().map(Finding::message),
        programs: programs(roots, config),
        ..Observed::default()
    };
    if let Ok(network) = Kernel::connect(roots).and_then(|mut kernel| kernel.observe()) {
        observed.uplink = network::parent(None, &network).map(|name| uplink(roots, &name));
        observed.subnets = subnets(&network);
    }
    observed
}

/// What is said beside the configuration.
pub(super) fn findings(observed: &Observed, answers: &Answers) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(observed.no_kvm.as_ref().map(messages::no_kvm));
    let vmm = if answers.cloud_hypervisor { "cloud-hypervisor-static" } else { "firecracker" };
    for name in ["flintlockd", vmm] {
        if !observed.programs.iter().any(|(program, _)| program == name) {
            findings.push(messages::no_program(name));
        }
    }
    let config = Config::default();
    let images = config.images.root.iter().chain(&config.images.kernel);
    let registries: BTreeSet<&str> =
        images.filter_map(|image| image.as_str().split('/').next()).collect();
    for registry in registries {
        if let Err(why) = dial(registry) {
            findings.push(messages::no_registry(registry, why));
        }
    }
    findings
}

fn dial(registry: &str) -> Result<(), String> {
    let (host, port) = registry.rsplit_once(':').unwrap_or((registry, "443"));
    let port = port.parse().unwrap_or(443);
    let addresses = (host, port).to_socket_addrs().map_err(|error| error.to_string())?;
    let mut last = "the name has no address".to_owned();
    for address in addresses.take(3) {
        match TcpStream::connect_timeout(&address, DIAL) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

fn programs(roots: &Roots, mut config: Config) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for provider in [Provider::Firecracker, Provider::CloudHypervisor] {
        config.flintlockd.provider = provider;
        let [flintlockd, vmm] = observe::programs(roots, &config);
        for (name, program) in [("flintlockd", flintlockd), ("", vmm)] {
            let name = if name.is_empty() { program.name.clone() } else { name.to_owned() };
            let is_new = !found.iter().any(|(known, _)| *known == name);
            if program.path.is_some() && is_new {
                found.push((name, program.version.unwrap_or_else(|| "unknown".to_owned())));
            }
        }
    }
    found
}

fn uplink(roots: &Roots, name: &str) -> Uplink {
    let wireless = interfaces::find(roots, name).is_some_and(|found| found.wireless);
    Uplink { name: name.to_owned(), wireless, manager: manager(roots, name).to_owned() }
}

/// By what each of them writes down of an interface.
fn manager(roots: &Roots, name: &str) -> &'static str {
    let number = fs::read_to_string(roots.at(format!("/sys/class/net/{name}/ifindex")));
    let number = number.unwrap_or_default();
    let number = number.trim();
    let text = |path: String| fs::read_to_string(roots.at(path)).unwrap_or_default();
    let networkd = text(format!("/run/systemd/netif/links/{number}"));
    if networkd.contains("ADMIN_STATE=configured") || networkd.contains("ADMIN_STATE=configuring") {
        return "systemd-networkd";
    }
    let device = text(format!("/run/NetworkManager/devices/{number}"));
    if device.contains("managed=true") || device.contains("connection-uuid=") {
        return "NetworkManager";
    }
    match text("/run/network/ifstate".to_owned())
        .lines()
        .any(|line| line.starts_with(&format!("{name}=")))
    {
        true => "ifupdown",
        false => "no known program",
    }
}

fn subnets(network: &network::Observed) -> Vec<IpNet> {
    // That of an earlier apply is not in the way of the next.
    let own_bridge = Config::default().network.bridge.name;
    let others = network.links.iter().filter(|link| link.name != own_bridge.as_str());
    let own = others.flat_map(|link| link.addresses.iter().copied());
    let mut found: Vec<IpNet> = own.map(|net| net.trunc()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn disks(roots: &Roots) -> Vec<Disk> {
    let entries = fs::read_dir(roots.at("/sys/block")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_disk = |name: &String| !NO_DISKS.iter().any(|begin| name.starts_with(begin));
    let mut names: Vec<String> = names.filter(is_disk).collect();
    names.sort_unstable();
    names.iter().filter_map(|name| disk(roots, name)).collect()
}

fn disk(roots: &Roots, name: &str) -> Option<Disk> {
    let folder = roots.at("/sys/block").join(name);
    let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
    let size = text("size").trim().parse::<u64>().ok()?.checked_mul(512)?;
    let read_only = text("ro").trim() == "1";
    if size == 0 || read_only {
        return None;
    }
    Some(Disk {
        name: name.to_owned(),
        path: lasting(roots, name, "/dev/disk/by-id")
            .or_else(|| lasting(roots, name, "/dev/disk/by-path")),
        size,
        holds: holds(roots, name, &folder),
    })
}

/// The name that udev gives the disk in this folder: by what it is, or by the slot that it is in.
fn lasting(roots: &Roots, name: &str, folder: &str) -> Option<String> {
    let links = fs::read_dir(roots.at(folder)).into_iter().flatten().flatten();
    let links = links.filter(|link| {
        let target = fs::read_link(link.path()).ok();
        target.and_then(|target| Some(target.file_name()? == name)).unwrap_or(false)
    });
    let mut paths: Vec<String> =
        links.filter_map(|link| link.file_name().into_string().ok()).collect();
    // Of several the one that tells most: with model and serial number.
    paths.sort_by_key(|path| (path.starts_with("wwn-"), path.starts_with("lvm-"), path.clone()));
    paths.first().map(|path| format!("{folder}/{path}"))
}

/// By sysfs, and by what udev read when the disk appeared.
fn holds(roots: &Roots, name: &str, folder: &Path) -> String {
    let entries = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    };
    let mut parts = Vec::new();
    let partitions: Vec<String> = entries(folder)
        .into_iter()
        .filter(|entry| folder.join(entry).join("partition").exists())
        .collect();
    if !partitions.is_empty() {
        parts.push(format!("partitions {}", partitions.join(" ")));
    }
    let holders = entries(&folder.join("holders"));
    if !holders.is_empty() {
        parts.push(format!("devices {}", holders.join(" ")));
    }
    let number = fs::read_to_string(folder.join("dev")).unwrap_or_default();
    let properties = fs::read_to_string(roots.at(format!("/run/udev/data/b{}", number.trim())));
    let properties = properties.unwrap_or_default();
    let value = |key: &str| {
        properties
            .lines()
            .find_map(|line| line.strip_prefix("E:")?.strip_prefix(key)?.strip_prefix('='))
    };
    for key in ["ID_FS_TYPE", "ID_PART_TABLE_TYPE"] {
        parts.extend(value(key).filter(|kind| !kind.is_empty()).map(str::to_owned));
    }
    let mounts = fs::read_to_string(roots.at("/proc/mounts")).unwrap_or_default();
    let device = format!("/dev/{name}");
    let mounted = mounts.lines().filter_map(|line| line.split_once(' '));
    if mounted.into_iter().any(|(source, _)| source == device) {
        parts.push("a mounted file system".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_core::atomic::write;

    #[test]
    fn disks_are_told_apart_by_what_is_on_them() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let put = |path: &str, text: &str| write(&roots.at(path), text.as_bytes(), 0o644).unwrap();
        for (name, number) in [("sda", "8:0"), ("sdb", "8:16"), ("sdc", "8:32"), ("loop0", "7:0")] {
            put(&format!("/sys/block/{name}/size"), "419430400\n");
            put(&format!("/sys/block/{name}/ro"), "0\n");
            put(&format!("/sys/block/{name}/dev"), &format!("{number}\n"));
        }
        put("/sys/block/sda/sda1/partition", "1\n");
        let slots = roots.at("/dev/disk/by-path");
        fs::create_dir_all(&slots).unwrap();
        for (slot, name) in [("pci-0000:00:04.0", "sda"), ("pci-0000:00:06.0", "sdc")] {
            std::os::unix::fs::symlink(format!("../../{name}"), slots.join(slot)).unwrap();
        }
        put("/run/udev/data/b8:16", "S:disk/by-id/x\nE:ID_FS_TYPE=ext4\n");
        fs::create_dir_all(roots.at("/dev/disk/by-id")).unwrap();
        for name in ["wwn-0x5", "ata-MODEL_SERIAL"] {
            std::os::unix::fs::symlink("../../sdc", roots.at(format!("/dev/disk/by-id/{name}")))
                .unwrap();
        }
        let found = disks(&roots);
        let names: Vec<&str> = found.iter().map(|disk| disk.name.as_str()).collect();
        assert_eq!(names, ["sda", "sdb", "sdc"]);
        assert_eq!(found[0].holds, "partitions sda1");
        assert_eq!(found[1].holds, "ext4");
        assert!(!found[1].is_free() && found[2].is_free());
        assert_eq!(found[2].path.as_deref(), Some("/dev/disk/by-id/ata-MODEL_SERIAL"));
        assert_eq!(found[0].path.as_deref(), Some("/dev/disk/by-path/pci-0000:00:04.0"));
        assert_eq!(found[1].path, None);
    }
}
