//! The pool: what uses it, what is open, a node that is missing.

use anyhow::Result;

use super::Says::{Command, Journal};
use super::{State, UP, all, state};
use crate::scenario::Context;
use crate::scenarios::host;

const DOWN: &str = "! dmsetup info flintlock-dev-thinpool";

/// containerd has its list of devices open while the pool is not there, which its unit prevents.
const OPEN: &str = "d=/run/systemd/system; mkdir -p $d/mvm-thinpool.service.d $d/containerd-dev.service.d
    printf '[Service]\\nExecStart=\\nExecStart=/bin/true\\n' >$d/mvm-thinpool.service.d/99-lab.conf
    printf '[Service]\\nType=exec\\nRestart=no\\nExecStartPre=\\nExecStartPost=\\nExecStart=\\nExecStart=/usr/bin/flock -x -o /var/lib/containerd-dev/snapshotter/devmapper/flintlock-dev-thinpool.db sleep 900\\n' \
        >$d/containerd-dev.service.d/99-lab.conf
    systemctl daemon-reload; systemctl mask -q --runtime flintlockd.service; systemctl start containerd-dev.service; sleep 1";

const STATES: &[State] = &[
    state("MVM-POOL-131", "true", Command("pool remove"), "", DOWN),
    state(
        "MVM-POOL-154",
        OPEN,
        Command("pool repair"),
        "",
        "! mvmhost pool repair --dry-run 2>&1 | grep MVM-POOL-154",
    ),
    state(
        "MVM-POOL-039",
        "rm -r /run/systemd/system/mvm-thinpool.service.d /run/systemd/system/containerd-dev.service.d
         systemctl unmask -q --runtime flintlockd.service; systemctl daemon-reload
         systemctl stop mvm-thinpool.service; dmsetup info flintlock-dev-thinpool 2>/dev/null && mvmhost pool remove
         systemctl stop systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udevd.service
         systemctl start mvm-thinpool.service || journalctl --sync",
        Journal,
        "systemctl start systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udevd.service",
        UP,
    ),
    state("MVM-POOL-153", "true", Command("pool repair"), "", DOWN),
];

/// # Errors
/// A remedy does not heal the pool, or the data are not the same.
pub fn the_pool_heals(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    all(guest, STATES)?;
    guest.ok("systemctl start mvmhost.target")?;
    host::settles(guest, host::HEALS)?;
    host::data_is_intact(guest)
}
