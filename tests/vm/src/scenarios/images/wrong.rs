//! Images that are there and of no use to flintlock.

use anyhow::Result;

use super::super::checks::{Fault, fault, one};
use crate::guest::Guest;

/// As somebody pulls who does not know of snapshotters.
const ELSEWHERE: &str = "c='ctr -a /run/containerd-dev/containerd.sock -n flintlock images'; r=127.0.0.1:5000/test/root:1
    $c rm --sync $r && $c pull --plain-http $r >/dev/null";
const LOST: &str =
    "find /var/lib/containerd-dev/io.containerd.snapshotter.v1.native -name vmlinux -delete";
/// An image that never held a kernel.
const NO_KERNEL: &str =
    "sed -i '/^kernel/s,test/kernel,test/root,' /etc/mvmhost.toml && mvmhost apply
    systemctl start --wait mvm-images.service";
const ANOTHER: &str = "sed -i '/^kernel/s,test/root,test/kernel,' /etc/mvmhost.toml";

const FAULTS: &[Fault] = &[
    fault("MVM-IMG-024", "overlayfs", ELSEWHERE, "").warns().only_checked(),
    fault("MVM-IMG-006", "boot/vmlinux", LOST, "").warns().only_checked(),
    fault("MVM-IMG-006", "boot/vmlinux", NO_KERNEL, ANOTHER).warns().only_checked(),
];

/// Each is a warning of `mvmhost check`, and heals by its remedy.
pub(super) fn of_no_use_to_flintlock(guest: &mut Guest) -> Result<()> {
    for fault in FAULTS {
        one(guest, fault).map_err(|error| error.context(fault.code))?;
    }
    Ok(())
}
