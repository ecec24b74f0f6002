//! The zone of firewalld that an interface is in.

use mvm_core::Finding;
use mvm_core::catalogue::nat;

use super::{Carries, Desired, Step};

/// The zone that the package has for firewalld: microVMs get out, and reach the host's DHCP and DNS.
pub const ZONE: &str = "mvmhost";

/// What firewalld says of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Firewalld {
    /// It does not run.
    #[default]
    Absent,
    /// The interface is in [`ZONE`].
    InZone,
    /// The interface is in a zone that the operator chose.
    Assigned,
    /// The interface is in none, so that the default zone's rules hold for it.
    Unassigned,
    /// As `Unassigned`, and firewalld does not know [`ZONE`].
    Unaware,
}

/// The step after which firewalld has the interface where it belongs, or what keeps it from that.
pub(super) fn beside_firewalld(
    desired: &Desired,
    firewalld: Firewalld,
) -> (Option<Step>, Option<Finding>) {
    let interface = || desired.interface.clone();
    let needs_zone = desired.carries == Carries::MicroVms && desired.serves();
    match firewalld {
        Firewalld::Absent | Firewalld::Assigned => (None, None),
        Firewalld::InZone if needs_zone => (None, None),
        // The host's own way in may be on it by now.
        Firewalld::InZone => (Some(Step::Unassign { interface: interface(), zone: ZONE }), None),
        Firewalld::Unassigned if needs_zone => {
            (Some(Step::Assign { interface: interface(), zone: ZONE }), None)
        }
        Firewalld::Unaware if needs_zone => (None, Some(nat::zone_unknown(interface(), ZONE))),
        // Our zone lets nobody in, and the operator may be reached here.
        Firewalld::Unassigned | Firewalld::Unaware if desired.carries == Carries::Both => {
            let open = desired.dhcp && !desired.withheld;
            (None, open.then(|| nat::zone_open(interface())))
        }
        Firewalld::Unassigned | Firewalld::Unaware => (None, None),
    }
}
