//! Programs that are missing, and come back from the distribution.

use anyhow::Result;

use super::Says::{Command, Journal};
use super::{State, UP, all, state};
use crate::scenario::Context;

/// Packages that the image has and its repository lacks, packed again from their installed files.
const AGAIN: &str = r#"mkdir -p /srv/again && cd / && for p in dmsetup e2fsprogs util-linux; do
        d=$(mktemp -d) && chmod 755 $d && mkdir $d/DEBIAN
        dpkg -L $p | while read -r f; do
            f=$(realpath "$(dirname "$f")")/$(basename "$f")
            if [ ! -d "$f" ] && { [ -L "$f" ] || [ -f "$f" ]; }; then cp -a --parents ".$f" $d/; fi
        done
        dpkg-query -s $p | sed '/^Status:/d; /^Conffiles:/d; /^ \/.* [0-9a-f]\{32\}/d' >$d/DEBIAN/control
        dpkg-deb -b -Znone $d /srv/again/$p.deb >/dev/null
        { cat $d/DEBIAN/control; echo "Filename: ./$p.deb"; echo "Size: $(stat -c %s /srv/again/$p.deb)"
          echo "SHA256: $(sha256sum </srv/again/$p.deb | cut -d ' ' -f 1)"; echo; } >>/srv/again/Packages
        rm -r $d
    done
    echo 'deb [trusted=yes] file:/srv/again ./' >/etc/apt/sources.list.d/again.list && apt-get -qq update
    printf '[flintlockd]\nunit = "teller.service"\n' >/root/teller.toml"#;

/// Without dmsetup, and without what would notice that at the start.
const NO_DMSETUP: &str = "d=/run/systemd/system/containerd-dev.service.d
    mkdir -p $d && printf '[Service]\\nExecStartPre=\\nExecStartPost=\\n' >$d/99-ungated.conf
    systemctl daemon-reload; rm $(command -v dmsetup); systemctl restart containerd-dev.service; sleep 3
    rm -r $d; systemctl daemon-reload; journalctl --sync";

/// What the snapshotter of the suite reports, through flintlockd.
const NO_MKFS: &str = r#"rm $(command -v mkfs.ext4)
    said=$(ctr -a /run/containerd-dev/containerd.sock -n flintlock snapshots --snapshotter devmapper prepare new '' 2>&1) || true
    echo "level=error msg=\"failed to reconcile vmid ns/a/u: mounting volume: ${said#ctr: }\"" >/root/said
    grep -q 'initialize' /root/said || { cat /root/said; exit 1; }
    systemd-run --wait -q --unit=teller.service cat /root/said
    journalctl --sync"#;

const STATES: &[State] = &[
    state(
        "MVM-DHCP-002",
        "rm /usr/sbin/dnsmasq; systemctl restart mvm-dhcp.service || journalctl --sync",
        Journal,
        "",
        UP,
    ),
    state(
        "MVM-POOL-028",
        "systemctl stop mvm-guard.service flintlockd.service containerd-dev.service; mvmhost pool remove
         rm /usr/sbin/thin_check; systemctl start mvm-thinpool.service || journalctl --sync",
        Journal,
        "",
        UP,
    ),
    state(
        "MVM-CTRD-101",
        "rm $(command -v mkfs.ext4)",
        Command("check"),
        "",
        "command -v mkfs.ext4",
    ),
    state(
        "MVM-POOL-503",
        NO_MKFS,
        Command("--config /root/teller.toml diagnose"),
        "",
        "ctr -a /run/containerd-dev/containerd.sock -n flintlock snapshots --snapshotter devmapper prepare new2 ''",
    ),
    state(
        "MVM-VMM-505",
        "chmod 0644 /usr/local/bin/firecracker
         systemd-run --wait -q --unit=teller.service echo 'level=error msg=\"starting firecracker process: fork/exec /usr/local/bin/firecracker: permission denied\"'
         journalctl --sync",
        Command("--config /root/teller.toml diagnose"),
        "",
        "test -x /usr/local/bin/firecracker && mvmhost plan",
    ),
    state("MVM-CTRD-511", NO_DMSETUP, Command("diagnose"), "", UP),
    state(
        "MVM-CTRD-006",
        "rm /usr/bin/containerd",
        Command("check"),
        "",
        "test -x /usr/bin/containerd",
    ),
];

/// # Errors
/// A remedy does not bring a missing program back.
pub fn missing_programs_come_back(context: &mut Context) -> Result<()> {
    context.guest.ok(AGAIN)?;
    all(&mut context.guest, STATES)
}
