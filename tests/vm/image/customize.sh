#!/bin/sh
# Run by mmdebstrap on the build machine: $1 is the new root, $2 the folder of the image,
# $3 the packages to remove, $4 the packages of the pool.
set -eu
root=$1 image=$2 remove=$3 pool=$4
export DEBIAN_FRONTEND=noninteractive

# What mvmhost depends on must not be here: installing it has to bring them.
for package in $remove; do
    if chroot "$root" dpkg-query -W "$package" >/dev/null 2>&1; then
        chroot "$root" apt-get -y -q purge "$package"
    fi
done
rm -f "$root"/var/cache/apt/archives/*.deb
# One by one: some exclude each other.
for package in $pool; do
    chroot "$root" apt-get -y -qq --download-only --no-install-recommends install "$package"
done
mkdir -p "$image/pool"
mv "$root"/var/cache/apt/archives/*.deb "$image/pool/"
# They are unpacked by an emulated processor, which takes ten seconds for containerd's xz.
mkdir "$image/parts"
for package in "$image"/pool/*.deb; do
    (
        cd "$image/parts"
        ar x "$package"
        if [ -e data.tar.xz ]; then
            xz -dc data.tar.xz | zstd -q -o data.tar.zst
            rm "$package"
            ar rc "$package" debian-binary control.tar.* data.tar.zst
        fi
        rm ./*
    )
done
rmdir "$image/parts"
rm -f "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/*
# The build's own options would keep mvmhost's manual pages off the disk.
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"

echo 'LABEL=mvmroot / ext4 errors=remount-ro 0 1' >"$root/etc/fstab"
echo mvm >"$root/etc/hostname"
printf '127.0.0.1 localhost mvm\n::1 localhost\n' >"$root/etc/hosts"
# A known identity: an empty one would make systemd treat the boot as the machine's first.
echo 6d766d686f737400000000000000cafe >"$root/etc/machine-id"

# Nor is anything out of date: no catalogue and no cache to rebuild in the first boot.
touch "$root/etc/.updated" "$root/var/.updated"

# The management interface is known by its address: a second card shifts every name. By it it asks for
# a lease, too: for an IAID, networkd 252 looks at what udev knows of the card, and gives the card up
# ("Failed to set IAID: Device or resource busy") when a second event of its coldplug renames it again.
mkdir -p "$root/etc/systemd/network"
cat >"$root/etc/systemd/network/10-management.network" <<'NETWORK'
[Match]
MACAddress=52:54:00:6d:76:6d

[Network]
DHCP=ipv4
IPv6AcceptRA=no
LinkLocalAddressing=no

[DHCPv4]
ClientIdentifier=mac
UseDNS=no
NETWORK
chroot "$root" systemctl -q enable systemd-networkd.service

# A power cut keeps all but the last second of the journal.
mkdir -p "$root/var/log/journal" "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=persistent\nSyncIntervalSec=1s\n' \
    >"$root/etc/systemd/journald.conf.d/mvm.conf"

mkdir -p -m 700 "$root/root/.ssh"
install -m 600 "$image/id_ed25519.pub" "$root/root/.ssh/authorized_keys"
printf 'UseDNS no\nPermitRootLogin prohibit-password\n' >"$root/etc/ssh/sshd_config.d/mvm.conf"

# Timers that would steal emulated seconds in the middle of a test, and consoles nobody sits at.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer logrotate.timer man-db.timer \
    getty@.service serial-getty@.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# Hardware that no test asks for, and that udev would load drivers for in every boot; and Intel's KVM,
# which finds out on an AMD processor after five emulated seconds.
printf 'blacklist %s\n' button cfg80211 evdev iTCO_wdt i2c_i801 kvm_intel lpc_ich psmouse rfkill \
    >"$root/etc/modprobe.d/mvm.conf"

# QEMU is given the initramfs below; one made in the guest would take minutes and never be used.
printf 'update_initramfs=no\nbackup_initramfs=no\n' \
    >"$root/etc/initramfs-tools/update-initramfs.conf"

