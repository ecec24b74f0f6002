//! The one place for what remedies have to name differently: packages and the program that installs
//! them, on distributions with apt, dnf and zypper, and the kernel's driver for KVM.

use std::path::Path;
use std::sync::OnceLock;

/// What installs packages on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// Debian and Ubuntu.
    Apt,
    /// Fedora, RHEL and their kin.
    Dnf,
    /// openSUSE and SLES.
    Zypper,
}

/// A program or package by the name that remedies use, and the package that has it with apt, dnf
/// and zypper.
const PACKAGES: &[(&str, [&str; 3])] = &[
    ("dmsetup", ["dmsetup", "device-mapper", "device-mapper"]),
    ("mkfs.ext4", ["e2fsprogs", "e2fsprogs", "e2fsprogs"]),
    ("blkdiscard", ["util-linux", "util-linux", "util-linux"]),
    (
        "snapshotter",
        [
            "dmsetup util-linux e2fsprogs",
            "device-mapper util-linux e2fsprogs",
            "device-mapper util-linux e2fsprogs",
        ],
    ),
    (
        "thin_check",
        ["thin-provisioning-tools", "device-mapper-persistent-data", "thin-provisioning-tools"],
    ),
    ("lvm", ["lvm2", "lvm2", "lvm2"]),
    ("dnsmasq", ["dnsmasq-base", "dnsmasq", "dnsmasq"]),
    ("containerd", ["containerd", "containerd", "containerd"]),
    ("mvmhost", ["mvmhost", "mvmhost", "mvmhost"]),
];

impl Manager {
    /// The one of this machine; apt where none is found.
    pub fn of_machine() -> Self {
        static FOUND: OnceLock<Manager> = OnceLock::new();
        *FOUND.get_or_init(|| {
            let known = [("apt-get", Self::Apt), ("dnf", Self::Dnf), ("zypper", Self::Zypper)];
            let there = |name: &str| Path::new("/usr/bin").join(name).exists();
            known.into_iter().find(|(name, _)| there(name)).map_or(Self::Apt, |(_, found)| found)
        })
    }

    /// The command that installs what has `program`; `None` for a program that is not listed.
    pub fn install(self, program: &str) -> Option<String> {
        let (_, names) = PACKAGES.iter().find(|(name, _)| *name == program)?;
        let [apt, dnf, zypper] = names;
        Some(match self {
            Self::Apt => format!("apt-get install --reinstall {apt}"),
            Self::Dnf => format!("dnf install {dnf}"),
            Self::Zypper => format!("zypper install --force {zypper}"),
        })
    }
}

/// The command that brings KVM's driver to the kernel, or says why it is not there: it is a module on
/// x86, and part of the kernel on Arm.
const fn driver(machine: &str) -> &'static str {
    match machine.as_bytes() {
        b"x86_64" => "modprobe --all kvm_intel kvm_amd",
        _ => "journalctl -k -b --grep=kvm",
    }
}

/// The value of a placeholder that no finding has to give: `{install_thin_check}` is the command
/// that installs thin_check here, `{install_subject}` that for the subject, `{install_kvm}` what there
/// is to do for KVM's driver.
pub fn value(manager: Manager, name: &str, subject: &str) -> Option<String> {
    match name.strip_prefix("install_")? {
        "subject" => manager.install(subject),
        "mkfs" => manager.install("mkfs.ext4"),
        "kvm" => Some(driver(std::env::consts::ARCH).to_owned()),
        program => manager.install(program),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_loaded_where_kvm_is_one() {
        assert_eq!(driver("x86_64"), "modprobe --all kvm_intel kvm_amd");
        assert!(!driver("aarch64").contains("modprobe"));
        assert_eq!(
            value(Manager::Apt, "install_kvm", ""),
            Some(driver(std::env::consts::ARCH).into())
        );
    }

    #[test]
    fn each_manager_has_its_own_names() {
        let all = [Manager::Apt, Manager::Dnf, Manager::Zypper];
        let commands = all.map(|manager| manager.install("thin_check").unwrap());
        assert_eq!(
            commands,
            [
                "apt-get install --reinstall thin-provisioning-tools",
                "dnf install device-mapper-persistent-data",
                "zypper install --force thin-provisioning-tools"
            ]
        );
        assert_eq!(Manager::Dnf.install("nonsense"), None);
        assert_eq!(
            value(Manager::Dnf, "install_subject", "dmsetup").unwrap(),
            "dnf install device-mapper"
        );
        assert_eq!(value(Manager::Apt, "why", "dmsetup"), None);
    }
}
