//! Other managers of networks: what mvmhost made is not theirs to touch. The interfaces that
//! flintlock makes have fixed beginnings, which stand in files of the package.

/// A manager that reads from files what it is to leave alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// It leaves alone what a `[device]` section has `managed=0` for.
    NetworkManager,
    /// It leaves alone what a `.network` file has `Unmanaged=yes` for.
    Networkd,
}

impl Manager {
    /// Each gets its file, whether it runs or not.
    pub const ALL: [Self; 2] = [Self::NetworkManager, Self::Networkd];

    /// The file in /run, gone with the boot as what it names. networkd goes by the first file in
    /// which an interface is named, also by a pattern, whatever folder it is in.
    pub fn path(self) -> &'static str {
        match self {
            Self::NetworkManager => "/run/NetworkManager/conf.d/80-mvmhost-interfaces.conf",
            Self::Networkd => "/run/systemd/network/00-00-mvmhost-interfaces.network",
        }
    }

    /// Its name in findings.
    pub fn name(self) -> &'static str {
        match self {
            Self::NetworkManager => "NetworkManager",
            Self::Networkd => "systemd-networkd",
        }
    }

    /// What makes it read its files again.
    pub fn reload(self) -> &'static str {
        match self {
            Self::NetworkManager => "systemctl reload NetworkManager.service",
            Self::Networkd => "systemctl restart systemd-networkd.service",
        }
    }

    /// The text that has it leave these interfaces alone. Their names are typed: none has a space, a
    /// character of a pattern or one that begins a comment.
    fn text(self, names: &[String]) -> String {
        let head = "# Written by mvm-net: interfaces that mvmhost made; gone at the next boot.\n";
        match self {
            Self::NetworkManager => {
                let names: Vec<_> =
                    names.iter().map(|name| format!("interface-name:={name}")).collect();
                let devices = names.join(",");
                format!("{head}[device-mvmhost-interfaces]\nmatch-device={devices}\nmanaged=0\n")
            }
            Self::Networkd => {
                format!("{head}[Match]\nName={}\n\n[Link]\nUnmanaged=yes\n", names.join(" "))
            }
        }
    }
}

/// What the manager's file is to hold, when it does not: `None` within is no file.
pub fn unmanaged_file(
    manager: Manager,
    names: &[String],
    text: Option<&str>,
) -> Option<Option<String>> {
    let desired = (!names.is_empty()).then(|| manager.text(names));
    (desired.as_deref() != text).then_some(desired)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_in_its_own_words_and_once() {
        let names = ["bond0.1000".to_owned(), "br-mvm".to_owned()];
        let file = |manager| unmanaged_file(manager, &names, None).unwrap().unwrap();
        let head = "# Written by mvm-net: interfaces that mvmhost made; gone at the next boot.\n";
        assert_eq!(
            file(Manager::NetworkManager),
            format!(
                "{head}[device-mvmhost-interfaces]\n\
                 match-device=interface-name:=bond0.1000,interface-name:=br-mvm\nmanaged=0\n"
            )
        );
        assert_eq!(
            file(Manager::Networkd),
            format!("{head}[Match]\nName=bond0.1000 br-mvm\n\n[Link]\nUnmanaged=yes\n")
        );
        for manager in Manager::ALL {
            assert_eq!(unmanaged_file(manager, &names, Some(&file(manager))), None);
            assert_eq!(unmanaged_file(manager, &names, Some("")), Some(Some(file(manager))));
            assert_eq!(unmanaged_file(manager, &[], Some("")), Some(None));
            assert_eq!(unmanaged_file(manager, &[], None), None);
        }
    }
}
