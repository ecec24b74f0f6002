//! The one place for names of packages and of the program that installs them, on distributions
//! with apt, dnf and zypper.

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

/// The value of a placeholder that no finding has to give: `{install_thin_check}` is the command
/// that installs thin_check here, `{install_subject}` that for the subject.
pub fn value(manager: Manager, name: &str, subject: &str) -> Option<String> {
    match name.strip_prefix("install_")? {
        "subject" => manager.install(subject),
        "mkfs" => manager.install("mkfs.ext4"),
        program => manager.install(program),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
