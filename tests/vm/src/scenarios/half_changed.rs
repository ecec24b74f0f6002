//! A change of the package that fails on its way, or goes back to an earlier one, under a microVM.

use anyhow::{Context as _, Result};

use super::host;
use crate::guest::Guest;
use crate::scenario::Context;

/// A VMM as flintlockd leaves it: a process of its own in flintlockd's cgroup.
const VMM: &str =
    "bash -c '(echo $BASHPID > /sys/fs/cgroup/system.slice/flintlockd.service/cgroup.procs
    exec setsid sleep 100000 < /dev/null > /dev/null 2>&1) & echo $! > /root/vmm; disown'";

/// What an operator does next, in whatever state the package is. The microVM outlives all of it.
const HARMLESS: &str = "kill -0 $(cat /root/vmm)
    systemctl stop flintlockd.service; kill -0 $(cat /root/vmm)
    systemctl daemon-reload; systemctl start flintlockd.service || true
    test $(systemctl show -P KillMode flintlockd.service) = process
    systemctl stop flintlockd.service; kill -0 $(cat /root/vmm)";

/// Ways to end up between two packages: how dpkg is brought there, and whether it fails.
const WAYS: &[(&str, &str)] = &[
    ("the new one's preinst fails", "next preinst 'exit 1'; fails dpkg -i /srv/next.deb"),
    ("the new one's postinst fails", "next postinst 'exit 1'; fails dpkg -i /srv/next.deb"),
    (
        "both scripts before a removal fail",
        "next prerm 'exit 1'; printf '#!/bin/sh\\nexit 1\\n' >/var/lib/dpkg/info/mvmhost.prerm; fails dpkg -i /srv/next.deb",
    ),
    (
        "a removal ends half-way",
        "printf '#!/bin/sh\\nexit 1\\n' >/var/lib/dpkg/info/mvmhost.postrm; fails dpkg -r mvmhost",
    ),
    // The first release had no prerm, did not reload, and shipped no part of flintlockd's unit.
    ("back to the first release", "first; dpkg -i /srv/next.deb"),
    ("the first release is removed", "first; dpkg -i /srv/next.deb; dpkg -r mvmhost"),
];

/// `next SCRIPT LINE`: a package with a higher version in which that script does this. `first`: one as
/// the first release was.
const MAKE: &str = "fails() { if \"$@\"; then return 1; fi; }
    unpack() { rm -rf /srv/next; dpkg-deb -R /srv/mvmhost-repo/pool/mvmhost_*.deb /srv/next; }
    pack() { dpkg-deb -Znone -b /srv/next /srv/next.deb; }
    next() { unpack; sed -i 's/^Version: .*/&+next/' /srv/next/DEBIAN/control
        printf '#!/bin/sh\\n%s\\n' \"$2\" >/srv/next/DEBIAN/$1; chmod 755 /srv/next/DEBIAN/$1; pack; }
    first() { unpack; sed -i 's/^Version: .*/Version: 0.0.1/' /srv/next/DEBIAN/control
        rm -r /srv/next/DEBIAN/prerm /srv/next/usr/lib/systemd/system/flintlockd.service.d
        for script in postinst postrm; do printf '#!/bin/sh\\nexit 0\\n' >/srv/next/DEBIAN/$script; done; pack; }
    export DEBIAN_FRONTEND=noninteractive; exec </dev/null >/dev/null";

/// # Errors
/// A microVM ends, or the package that is installed afterwards does not bring the host up.
pub fn a_change_that_fails_leaves_microvms_alone(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(VMM)?;
    for (name, script) in WAYS {
        guest.ok(&format!("{MAKE}\n{script}")).with_context(|| (*name).to_owned())?;
        guest.ok(HARMLESS).with_context(|| (*name).to_owned())?;
        back(guest).with_context(|| format!("after: {name}"))?;
    }
    guest.ok("kill $(cat /root/vmm)").map(drop)
}

/// The package as it was, and the host with it.
fn back(guest: &mut Guest) -> Result<()> {
    guest.ok(
        "printf '#!/bin/sh\\nexit 0\\n' | tee /var/lib/dpkg/info/mvmhost.prerm >/var/lib/dpkg/info/mvmhost.postrm
         DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i /srv/mvmhost-repo/pool/mvmhost_*.deb </dev/null >/dev/null
         systemctl start mvmhost.target",
    )?;
    guest.ok(HARMLESS)?;
    guest.ok("systemctl start mvmhost.target")?;
    host::is_up(guest)
}
