//! The pool on a disk: made only when asked for and only on nothing, then brought up at every boot.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::host::{self, FILES, UNDISTURBED};
use super::lvm_adopted::direct_lvm_is_taken_over;
use super::lvm_checked::what_is_down_can_be_checked;
use super::lvm_full::a_pool_on_lvm_fills_up;
use super::lvm_killed::{a_killed_create_converges, a_killed_grow_converges};
use super::lvm_repaired::what_is_down_can_be_repaired;
use crate::guest::Guest;
use crate::scenario::Context;
use crate::setup::SCRATCH;

/// The pool's name, as provision.sh has it.
pub(super) const POOL: &str = "flintlock-thinpool";
/// A thin device of containerd's on it, and what is kept there.
pub(super) const DIGEST: &str = "{ test -b /dev/mapper/flintlock-thinpool-snap-1 &&
    dd if=/dev/mapper/flintlock-thinpool-snap-1 of=/run/volume bs=1M count=16 skip=2048 iflag=direct status=none &&
    sha256sum </run/volume; }";

/// Longest that unpacking lvm2 and the tools may take on a machine that compiles at the same time.
pub(super) const INSTALLS: Duration = Duration::from_secs(400);

/// Signatures by the tools that make them, on loop devices; `$D` is the device, and a size in MiB
/// stands before each.
const KINDS: &[(&str, u32, &str)] = &[
    ("ext4", 4, "mkfs.ext4 -q $D"),
    ("xfs", 20, "mkfs.xfs -q --unsupported $D"),
    ("btrfs", 18, "mkfs.btrfs -q --mixed $D"),
    ("swap", 2, "mkswap $D"),
    ("luks1", 4, "echo -n x | cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 $D -"),
    ("luks2", 20, "echo -n x | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $D -"),
    ("md-1.2", 4, "mdadm --create /dev/md101 --run -l1 -n2 -e 1.2 $D missing && mdadm --stop /dev/md101"),
    ("md-1.0", 4, "mdadm --create /dev/md102 --run -l1 -n2 -e 1.0 $D missing && mdadm --stop /dev/md102"),
    ("md-0.90", 4, "mdadm --create /dev/md103 --run -l1 -n2 -e 0.90 $D missing && mdadm --stop /dev/md103"),
    ("lvm-pv", 8, "lvm pvcreate -q $D"),
    ("lvm-vg", 8, "lvm vgcreate -q others $D"),
    ("gpt", 2, "echo size=1M | sfdisk -q --label gpt $D"),
    ("dos", 2, "echo size=1M | sfdisk -q --label dos $D"),
    ("bcache", 4, "make-bcache -B $D"),
    ("bcache-cache", 4, "make-bcache -C -b 16k $D"),
    // By uberblocks libblkid knows it until 2.40, by the list of names and values since.
    ("zfs", 64, "for l in 0 262144; do echo $ZFS | base64 -d | dd of=$D bs=1 seek=$((16384 + l)) conv=notrunc status=none
        for i in 0 1 2 3 4 5 6 7; do printf '\\014\\261\\272\\000\\000\\000\\000\\000' |
        dd of=$D bs=1 seek=$((131072 + l + i * 1024)) conv=notrunc status=none; done; done"),
    ("iso9660", 1, "printf '\\001CD001\\001' | dd of=$D bs=1 seek=32768 conv=notrunc status=none"),
];

/// version, name, state, txg, pool_guid and guid of a ZFS pool `tank`, as XDR writes an nvlist.
const ZFS: &str = "AQEAAAAAAAAAAAABAAAAJAAAACgAAAAHdmVyc2lvbgAAAAAIAAAAAQAAAAAAABOIAAAAIAAAACgAAAAEbmFtZQAA\
    AAkAAAABAAAABHRhbmsAAAAkAAAAKAAAAAVzdGF0ZQAAAAAAAAgAAAABAAAAAAAAAAAAAAAgAAAAKAAAAAN0eGcA\
    AAAACAAAAAEAAAAAAAAABAAAACgAAAAoAAAACXBvb2xfZ3VpZAAAAAAAAAgAAAABESIzRFVmd4gAAAAgAAAAKAAA\
    AARndWlkAAAACAAAAAEhIjNEVWZ3iAAAAAAAAAAA";

/// # Errors
/// A disk with something on it is touched, the pool is not made, or not there after a boot.
pub fn a_pool_on_a_disk(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    prepare(guest)?;
    install_tools(guest)?;
    let apply = guest.run("mvmhost --json apply")?;
    ensure!(apply.stdout.contains("MVM-DISK-001"), "apply without a pool: {apply:?}");
    guest.ok(&format!("wipefs --no-act {SCRATCH} | (! grep .)"))?;
    signatures_are_refused(guest)?;
    disks_in_use_are_refused(guest)?;
    let token = a_token_is_for_what_was_seen(guest)?;
    guest.ok(&format!("mvmhost pool create --wipe {token}"))?;
    is_whole(guest)?;
    guest.ok("mvmhost apply")?;
    is_up(guest)?;
    write_data(guest)?;
    guest.reboot()?;
    is_up(guest).context("after a reboot")?;
    guest.power_cut()?;
    is_up(guest).context("after a power cut")
}

/// Filled up, and made by provision.sh's direct_lvm.
///
/// # Errors
/// What was acknowledged is lost, or the pool of provision.sh is not taken over.
pub fn a_pool_on_a_disk_is_used(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    prepare(guest)?;
    install_tools(guest)?;
    let token = a_token_is_for_what_was_seen(guest)?;
    guest.ok(&format!("mvmhost pool create --wipe {token} && mvmhost apply"))?;
    is_up(guest)?;
    write_data(guest)?;
    a_pool_on_lvm_fills_up(guest).context("filled up")?;
    is_up(guest)?;
    direct_lvm_is_taken_over(guest)
}

/// A snapshot that is to be the same from now on.
fn write_data(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!(
        "{} snapshots --snapshotter devmapper prepare kept '' &&
         dd if=/dev/urandom of=/dev/mapper/{POOL}-snap-1 bs=1M count=16 seek=2048 conv=fsync,nocreat status=none &&
         sync && {DIGEST} > /root/lvm-digest && sync",
        host::CTR
    ))
    .map(drop)
}

/// Killed while it is made and while it grows, and read and repaired while it is down.
///
/// # Errors
/// A plain run does not end what was begun, or damage is not seen.
pub fn a_pool_on_a_disk_is_killed(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    prepare(guest)?;
    let token = a_token_is_for_what_was_seen(guest)?;
    a_killed_create_converges(guest, &token)?;
    is_whole(guest)?;
    a_killed_grow_converges(guest)?;
    // Something to lose.
    guest.ok("mvmhost apply")?;
    is_up(guest)?;
    write_data(guest)?;
    guest.ok(UNDISTURBED)?;
    guest.ok("systemctl stop mvm-guard.service flintlockd.service containerd-dev.service")?;
    what_is_down_can_be_checked(guest)?;
    what_is_down_can_be_repaired(guest).context("repaired")?;
    guest.ok("mvmhost apply")?;
    is_up(guest)?;
    guest.power_cut()?;
    is_up(guest).context("repaired, after a power cut")
}

/// Sets the pool on files aside and puts lvm2 there.
fn prepare(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!(
        "{UNDISTURBED}; systemctl stop mvm-guard.service flintlockd.service containerd-dev.service
         mvmhost pool remove
         mkdir -p {FILES}/old && mv -t {FILES}/old {FILES}/data {FILES}/metadata {FILES}/*.db
         mv /var/lib/containerd-dev/io.containerd.metadata.v1.bolt/meta.db {FILES}/old/
         mv /var/lib/mvmhost/receipt.json /root/
         printf '[thinpool]\\nbackend = \"lvm\"\\nlvm.devices = [\"{SCRATCH}\"]\\n' > /etc/mvmhost.toml"
    ))?;
    // An initramfs is not what this guest boots from.
    let install = "mount --bind /bin/true /usr/sbin/update-initramfs
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends lvm2 > /dev/null 2>&1
        type lvm";
    guest.run_within(install, INSTALLS)?.required(install)?;
    Ok(())
}

/// Of the tools only the programs are wanted, with those of their libraries that are not there. None of
/// their rules for udev is: they would assemble what is only to be seen.
fn install_tools(guest: &mut Guest) -> Result<()> {
    let install = "mkdir -p /root/debs && cd /root/debs && apt-cache dumpavail | sed -n 's/^Package: //p' |
        grep -xE 'cryptsetup-bin|libcryptsetup12|libjson-c5|bcache-tools|mdadm|xfsprogs|libinih1|liburcu8(t64)?|btrfs-progs|liblzo2-2' |
        sort -u | xargs apt-get download > /dev/null 2>&1
        for deb in *.deb; do dpkg-deb --fsys-tarfile $deb | tar -x -C / --keep-directory-symlink \
            --wildcards './usr/*bin/*' './usr/lib/*.so*' './bin/*' './sbin/*' './lib/*.so*' 2>/root/untar; done; ldconfig
        type mkfs.xfs mkfs.btrfs mdadm make-bcache cryptsetup";
    guest.run_within(install, INSTALLS)?.required(install)?;
    Ok(())
}

/// One command sees all of them, and each is named.
fn signatures_are_refused(guest: &mut Guest) -> Result<()> {
    let mut script = format!("mkdir -p /srv/kinds && cd /srv/kinds; ZFS={ZFS}\n");
    for (name, mib, make) in KINDS {
        script += &format!(
            "truncate -s {mib}M {name} && D=$(losetup -f --show {name}) &&
             ({make}) > /root/made 2>&1 || {{ echo {name}; cat /root/made; exit 1; }}
             ln -sf $D /dev/disk/by-id/kind-{name}\n"
        );
    }
    guest.ok(&format!("{script}sync; udevadm settle"))?;
    let names: Vec<&str> = KINDS.iter().map(|(name, ..)| *name).collect();
    let findings = refused_unchanged(guest, &names)?;
    for name in names {
        let path = format!("/dev/disk/by-id/kind-{name}");
        let found = findings.iter().find(|finding| finding["subject"] == *path);
        let finding = found.with_context(|| format!("{name} is not refused: {findings:?}"))?;
        ensure!(finding["code"] == "MVM-DISK-004", "{name}: {finding}");
    }
    Ok(())
}

/// Mounted, swapped to, held, read-only, a partition, and not there.
fn disks_in_use_are_refused(guest: &mut Guest) -> Result<()> {
    guest.ok(
        "cd /srv/kinds && by() { readlink -f /dev/disk/by-id/kind-$1; }
         mkdir -p /mnt/kind && mount -o ro $(by ext4) /mnt/kind && swapon $(by swap) &&
         dmsetup create kind --table \"0 2048 linear $(by iso9660) 0\" &&
         blockdev --setro $(by zfs) && losetup -d $(by gpt) && D=$(losetup -fP --show gpt) &&
         udevadm settle && ln -sf ${D}p1 /dev/disk/by-id/kind-gpt && ln -sf /srv/none /dev/disk/by-id/kind-none",
    )?;
    let names = ["ext4", "swap", "iso9660", "zfs", "gpt", "none"];
    let findings = refused_unchanged(guest, &names)?;
    let words =
        ["mounted on /mnt/kind", "swap in use", "held by", "read-only", "partition", "there"];
    for (name, word) in names.into_iter().zip(words) {
        let path = format!("/dev/disk/by-id/kind-{name}");
        let why = findings.iter().find(|finding| {
            finding["subject"] == *path
                && finding["message"].as_str().unwrap_or_default().contains(word)
        });
        let finding = why.with_context(|| format!("{name} is not {word}: {findings:?}"))?;
        ensure!(finding["code"] == "MVM-DISK-003", "{finding}");
    }
    guest.ok("umount /mnt/kind; swapoff $(readlink -f /dev/disk/by-id/kind-swap)
         dmsetup remove kind; losetup -D; rm -r /srv/kinds /dev/disk/by-id/kind-*")?;
    Ok(())
}

/// Runs `mvmhost pool create` on these and gives its findings.
fn refused_unchanged(guest: &mut Guest, names: &[&str]) -> Result<Vec<Value>> {
    let devices: Vec<String> =
        names.iter().map(|name| format!("\"/dev/disk/by-id/kind-{name}\"")).collect();
    guest.ok(&format!(
        "printf '[thinpool]\\nbackend = \"lvm\"\\nlvm.devices = [%s]\\n' '{}' > /root/kinds.toml",
        devices.join(", ")
    ))?;
    let sum = "cd /srv/kinds && sync && sha256sum *";
    let before = guest.ok(sum)?;
    let output = guest.run("mvmhost --json --config /root/kinds.toml pool create")?;
    ensure!(output.code() == Some(73), "{output:?}");
    ensure!(guest.ok(sum)? == before, "a refused disk was changed");
    let document: Value = serde_json::from_str(&output.stdout)?;
    Ok(document["findings"].as_array().cloned().unwrap_or_default())
}

/// Refused, and refused again with the token of what was there before; the answer is the right one.
fn a_token_is_for_what_was_seen(guest: &mut Guest) -> Result<String> {
    guest.ok(&format!("mkswap {SCRATCH} && udevadm settle"))?;
    let old = token(guest)?;
    guest.ok(&format!("mkswap -L changed {SCRATCH} && udevadm settle"))?;
    let sum = format!("head -c 64M {SCRATCH} | sha256sum");
    let before = guest.ok(&sum)?;
    let output = guest.run(&format!("mvmhost --json pool create --wipe {old}"))?;
    ensure!(output.code() == Some(73), "{output:?}");
    ensure!(output.stdout.contains("MVM-DISK-005"), "{output:?}");
    let new = token(guest)?;
    ensure!(guest.ok(&sum)? == before && new != old, "a refused disk was changed");
    Ok(new)
}

/// The pool as it is to be made.
fn is_whole(guest: &mut Guest) -> Result<()> {
    let made = "-o segtype,lv_profile,seg_monitor,chunk_size --units b --nosuffix --noheadings flintlock/thinpool";
    let made = guest.ok(&format!("lvs {made}"))?;
    let words: Vec<&str> = made.split_whitespace().collect();
    ensure!(words == ["thin-pool", "mvmhost-flintlock", "monitored", "524288"], "{made}");
    let spare = guest.ok("lvs --all --noheadings -o lv_name flintlock")?;
    ensure!(spare.contains("lvol0_pmspare"), "{spare}");
    // 20 % of data, metadata and spare still fit.
    guest.ok(
        "set -- $(lvs --all --units b --nosuffix --noheadings -o lv_size flintlock/thinpool flintlock/thinpool_tmeta) \
               $(vgs --units b --nosuffix --noheadings -o vg_free flintlock)
         test $(($1 / 5 + $2 / 5 * 2)) -le $3 && ! test -e /etc/lvm/devices/system.devices",
    )?;
    Ok(())
}

fn token(guest: &mut Guest) -> Result<String> {
    let document = host::json(guest, "pool create")?;
    let remedy = document["findings"][0]["remedy"].as_str().unwrap_or_default();
    let token = remedy.split("--wipe ").nth(1).with_context(|| document.to_string())?;
    Ok(token.trim().to_owned())
}

/// The whole chain, with nothing left to do, and the data of before where there are any.
fn is_up(guest: &mut Guest) -> Result<()> {
    guest.wait_for("mvmhost plan", Duration::from_secs(90))?;
    for unit in host::UNITS {
        let state = guest.run(&format!("systemctl is-active {unit}"))?.stdout;
        ensure!(state.trim() == "active", "{unit} is {}", state.trim());
    }
    guest.ok(&format!("dmsetup table {POOL} | grep -q ' thin-pool .* 1024 '"))?;
    guest.ok(&format!("{} plugins ls | grep devmapper | grep -q 'ok *$'", host::CTR))?;
    guest.ok("lvs --noheadings -o seg_monitor flintlock/thinpool | grep -qw monitored")?;
    guest.ok(&format!("! test -e /root/lvm-digest || {DIGEST} | cmp - /root/lvm-digest"))?;
    Ok(())
}
