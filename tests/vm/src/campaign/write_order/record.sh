# Records every write below the file system that holds the pool's files, the receipt, the last good
# configuration and containerd's databases, from mkfs.ext4 on, while a host is made and used.
# Arguments: the disk; how long the file system is, in sectors. The log is in the rest of the disk.
set -eu
disk=$1
length=$2
# The last mark, and how much is in the log.
trap 'dmsetup status wo >&2 || true' EXIT

modprobe dm-log-writes
dmsetup create wo-under --table "0 $length linear $disk 0"
dmsetup create wo-log --table "0 $(($(blockdev --getsz "$disk") - length)) linear $disk $length"
dmsetup create wo --table "0 $length log-writes /dev/mapper/wo-under /dev/mapper/wo-log"
udevadm settle
# One word each.
mark() { dmsetup message wo 0 mark "$1"; }

mkfs.ext4 -q -J size=16 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 /dev/mapper/wo
mkdir -p /srv/wo
mount /dev/mapper/wo /srv/wo
for place in /var/lib/containerd-dev /var/lib/mvmhost /etc/mvmhost; do
    mkdir -p "$place" "/srv/wo${place%/*}"
    cp -a "$place" "/srv/wo${place%/*}/"
    mount --bind "/srv/wo$place" "$place"
done
sync -f /srv/wo
mark made

# Nothing is tried again behind what is recorded.
mvmhost apply || test $? = 1
systemctl stop mvmhost-retry.timer mvm-images-retry.timer
mark applied

s() { ctr -a /run/containerd-dev/containerd.sock -n flintlock snapshots --snapshotter devmapper "$@" >/dev/null; }
# Writes into the newest snapshot, as a microVM does.
scribble() {
    newest=$(ls -v /dev/mapper/flintlock-dev-thinpool-snap-* | tail -n 1)
    dd if=/dev/urandom of="$newest" bs=64k count=1 seek=$((16 + $1)) oflag=direct conv=fsync status=none
}
# A root image and microVMs on it: one after the other, or all at once.
round() {
    s prepare "root-$1" ''
    scribble "$1"
    s commit "base-$1" "root-$1"
    mark "committed-base-$1"
    for n in 1 2 3 4; do
        if test $(($1 % 2)) = 0; then
            s prepare "vm-$1-$n" "base-$1" &
        else
            s prepare "vm-$1-$n" "base-$1"
            scribble "$n"
        fi
    done
    wait
    mark "prepared-vm-$1"
    s rm "vm-$1-2" &
    s rm "vm-$1-4"
    wait
    mark "removed-vm-$1"
}

round 1
round 2
mvmhost pool grow --to 112MiB
mark grown-112
round 3
systemctl stop mvm-guard.service flintlockd.service containerd-dev.service
mvmhost pool remove
mark removed
systemctl start mvmhost.target
mark live-again
sed -i 's/^base-image-size.*/&\nlog-level = "debug"/' /etc/mvmhost.toml
mvmhost apply || test $? = 1
mark applied-again
mvmhost pool grow --to 128MiB
mark grown-128
round 4
round 5
# The databases are killed in the middle of what they do.
for n in 1 2; do
    (for m in 1 2 3; do s prepare "killed-$n-$m" base-5 || true; done) &
    sleep 2
    systemctl kill -s KILL containerd-dev.service
    wait
    mark "killed-$n"
    systemctl reset-failed
    systemctl start mvmhost.target
done
round 6
mark ended

systemctl stop mvmhost.target mvm-guard.service flintlockd.service containerd-dev.service
mvmhost pool remove || true
umount /var/lib/containerd-dev /var/lib/mvmhost /etc/mvmhost /srv/wo || true
dmsetup remove wo || true
trap - EXIT
sync
