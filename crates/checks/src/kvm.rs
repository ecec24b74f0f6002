//! The kernel makes virtual machines.

use mvm_config::Config;
use mvm_core::Finding;
use mvm_core::catalogue::kvm;
use serde::Deserialize;

use super::Observed;

/// The node that every VMM opens.
const NODE: &str = "/dev/kvm";
/// `KVM_API_VERSION`, the same since Linux 2.6.22.
const VERSION: i32 = 12;

/// What /dev/kvm answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kvm {
    /// There is no node.
    Absent,
    /// There is a node and no driver behind it: the kernel's words.
    NoDriver(String),
    /// It cannot be opened: the kernel's words.
    Refused(String),
    /// It was opened and asked.
    Opened {
        /// KVM_GET_API_VERSION.
        version: i32,
        /// Why no virtual machine could be made, if none could.
        no_vm: Option<String>,
        /// Extensions that Firecracker needs and this kernel has not, without `KVM_CAP_`.
        missing: Vec<String>,
    },
}

/// What keeps the kernel from making virtual machines; empty when nothing does.
pub fn check(_: &Config, observed: &Observed) -> Vec<Finding> {
    match &observed.kvm {
        Kvm::Absent => vec![kvm::no_node(NODE)],
        Kvm::NoDriver(why) => vec![kvm::no_driver(NODE, why).evidence(why)],
        Kvm::Refused(why) => vec![kvm::refused(NODE, why).evidence(why)],
        Kvm::Opened { version, .. } if *version != VERSION => {
            vec![kvm::wrong_api(NODE, version)]
        }
        Kvm::Opened { no_vm: Some(why), .. } => {
            vec![kvm::no_vm(NODE, why).evidence(why)]
        }
        Kvm::Opened { missing, .. } if !missing.is_empty() => {
            let missing = missing.join(", ");
            vec![kvm::no_extension(NODE, &missing).evidence(missing)]
        }
        Kvm::Opened { .. } => Vec::new(),
    }
}
