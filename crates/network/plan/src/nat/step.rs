//! One change of forwarding, translation or another firewall, and what it is called.

use std::fmt;

use serde::Serialize;

use super::{Iptables, Switch, Table};

/// One change of the kernel's switches, of the table `inet mvmhost` or of another firewall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Step {
    /// Put the switches on file, so that sysctl(8) keeps them when it is run again.
    WriteSysctl {
        /// The file's text.
        text: String,
    },
    /// Remove that file. The switches stay as they are: others may need them by now.
    RemoveSysctl,
    /// Write a switch of the kernel below /proc/sys.
    Set(Switch),
    /// Put the table in place in one transaction.
    Load {
        /// The table as it is afterwards, with all its chains.
        table: Table,
        /// The first of those that are served; it is put on record before the table is loaded.
        interface: String,
        /// Whether there is one that it replaces: the kernel takes 15 ms to forget one.
        replace: bool,
        /// Whether the one that was loaded before is gone, or was changed by somebody.
        lost: bool,
    },
    /// Remove the table, and the records of what was loaded and of whom others were told.
    Remove,
    /// Put the interface into a zone of firewalld, until firewalld is stopped.
    Assign {
        /// One that carries microVMs' traffic alone.
        interface: String,
        /// `mvmhost`, which the package brings.
        zone: &'static str,
    },
    /// Put a rule first in the chain DOCKER-USER.
    AcceptBesideDocker {
        /// The interface that `rule` names; it is put on record before the rule is made.
        interface: String,
        /// The firewall that has the chain.
        iptables: Iptables,
        /// Words for iptables.
        rule: Vec<String>,
    },
    /// Take the interface out of the zone.
    Unassign {
        /// One that is in the zone, and no longer served or no longer microVMs' alone.
        interface: String,
        /// `mvmhost`; out of another zone no interface is taken.
        zone: &'static str,
    },
    /// Take a rule out of the chain DOCKER-USER.
    ForgetBesideDocker {
        /// The firewall that has the chain.
        iptables: Iptables,
        /// Words for iptables, the same with which the rule was made.
        rule: Vec<String>,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteSysctl { .. } => f.write_str("write the switches for sysctl"),
            Self::RemoveSysctl => f.write_str("remove the file of switches for sysctl"),
            Self::Set(switch) => write!(f, "set {switch}"),
            Self::Load { .. } => f.write_str("load the nftables table inet mvmhost"),
            Self::Remove => f.write_str("remove the nftables table inet mvmhost"),
            Self::Assign { interface, zone } => {
                write!(f, "put {interface} into firewalld's zone {zone}")
            }
            Self::AcceptBesideDocker { iptables, rule, .. } => {
                write!(f, "insert into {iptables}'s chain DOCKER-USER: {}", rule.join(" "))
            }
            Self::Unassign { interface, zone } => {
                write!(f, "take {interface} out of firewalld's zone {zone}")
            }
            Self::ForgetBesideDocker { iptables, rule } => {
                write!(f, "delete from {iptables}'s chain DOCKER-USER: {}", rule.join(" "))
            }
        }
    }
}
