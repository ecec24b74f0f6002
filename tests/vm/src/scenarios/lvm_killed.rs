//! `mvmhost pool create` and `mvmhost pool grow` on LVM, killed in the middle.

use anyhow::{Result, ensure};

use crate::guest::Guest;
use crate::setup::SCRATCH;

/// Stands before LVM, where mvmhost looks first. At the command that /root/kill names, LVM is killed
/// when it submits the N-th block to the disk, or not run at all, or run; and then mvmhost is.
pub(super) const WRAPPER: &str = r#"#!/bin/sh
lvm=/usr/sbin/lvm
read -r command when 2> /dev/null < /root/kill || command=
[ "$1" = "$command" ] || exec $lvm "$@"
rm /root/kill
case $when in
before) ;;
after) $lvm "$@" ;;
*) strace -f -qq -o /dev/null -e trace=io_submit -e inject=io_submit:signal=KILL:when=$when $lvm "$@" ;;
esac > /root/killed 2>&1
kill -9 $PPID"#;

/// Where mvmhost is killed, and what must be seen then, so that the kill is where it is meant to be.
const KILLS: &[(&str, &str)] = &[
    ("pvcreate before", "! wipefs --no-act $D | grep ."),
    // Its label is written last.
    ("pvcreate 12", "! wipefs --no-act $D | grep ."),
    ("pvcreate after", "pvs -o pv_uuid,vg_name,pv_in_use $D && ! vgs flintlock"),
    // The disk is marked as one of a group before there is a group.
    ("vgcreate 14", "pvs --noheadings -o vg_name,pv_in_use $D | grep 'unknown.*used'"),
    ("vgcreate after", "vgs -o vg_tags flintlock | grep mvmhost-"),
    // The spare of the metadata is made first, and is not one yet.
    ("lvcreate 9", "lvs flintlock/lvol0"),
    // The pool begins as its metadata.
    ("lvcreate 11", "lvs -o segtype flintlock/thinpool | grep linear"),
    ("lvcreate after", "lvs -o segtype flintlock/thinpool | grep thin-pool"),
];

/// Every run but the last one is killed at another step. `token` is the operator's leave.
///
/// # Errors
/// A later run refuses what an earlier one left, or the pool is not whole at the end.
pub(super) fn a_killed_create_converges(guest: &mut Guest, token: &str) -> Result<()> {
    guest.ok(&format!(
        "cat > /usr/local/sbin/lvm <<'X'\n{WRAPPER}\nX\nchmod +x /usr/local/sbin/lvm"
    ))?;
    let mut create = format!("mvmhost pool create --wipe {token}");
    for (kill, proof) in KILLS {
        let killed = guest.run(&format!("echo {kill} > /root/kill; {create}; exit $?"))?;
        ensure!(killed.status == 137, "{kill}: {killed:?}");
        guest
            .ok(&format!("D={SCRATCH}; grep creating /var/lib/mvmhost/receipt.json && {proof}"))?;
        // Nothing is left to lose, so that nothing has to be allowed.
        "mvmhost pool create".clone_into(&mut create);
        let boot = guest.run("/usr/libexec/mvmhost/mvm-thinpool")?;
        ensure!(boot.success() == (*kill == "lvcreate after"), "{kill}, at boot: {boot:?}");
    }
    guest.ok(&create)?;
    guest.ok("rm /usr/local/sbin/lvm; ! grep creating /var/lib/mvmhost/receipt.json").map(drop)
}

/// LVM's own table, the one that the kernel has, and a pool that runs.
const GROWN: &str = "test $(lvs --noheadings --nosuffix --units m -o lv_size flintlock/thinpool | cut -d. -f1) -eq $size &&
    test $(dmsetup table flintlock-thinpool | cut -d' ' -f2) -eq $((size * 2048)) &&
    ! dmsetup info -c --noheadings -o suspended,tables_loaded | grep -v Active:Live";

/// lvextend is killed before, while and after its tables are loaded, and the pool suspended.
///
/// # Errors
/// A plain run does not end what was begun.
pub(super) fn a_killed_grow_converges(guest: &mut Guest) -> Result<()> {
    let killed = guest.ok(&format!(
        "size=$(lvs --noheadings --nosuffix --units m -o lv_size flintlock/thinpool | cut -d. -f1)
         for n in 38 46 54 62 70; do
         size=$((size + 8)); strace -f -qq -o /dev/null -e trace=ioctl -e inject=ioctl:signal=KILL:when=$n \
             mvmhost pool grow --to ${{size}}MiB > /root/said 2>&1 || echo killed
         mvmhost pool grow --to ${{size}}MiB > /root/said 2>&1 || grep -q MVM-POOL-109 /root/said || exit 1
         {GROWN} || exit 2
         done"
    ))?;
    let killed = killed.lines().filter(|line| *line == "killed").count();
    ensure!(killed >= 4, "only {killed} of 5 were killed in time");
    Ok(())
}
