#!/bin/bash
# What a user does without mvmhost: the processes that `provision.sh devpool` starts, each in the
# place it has there (flintlock, hack/scripts/provision.sh, commit 7112122). Its messages are left
# out: they cost no process. `expr` stands in for `bc`, which the guest has not.
set -o pipefail

name=$(basename "$0")
dir=/var/lib/containerd-dev/snapshotter/devmapper
config=/etc/containerd/config-dev.toml
pool=flintlock-dev-thinpool

sparse_file() {
	if [[ ! -f "$1" ]]; then
		touch "$1"
		truncate -s "$2" "$1" || exit 1
	fi
}

loop_device() {
	device="$(losetup --output NAME --noheadings --associated "$1")"
	if [[ -z "$device" ]]; then
		device=$(losetup --find --show "$1" || exit 1)
	fi
	echo "$device"
}

for folder in "$dir" /run/containerd-dev "$(dirname $config)"; do
	mkdir -p "$folder" || exit 1
done
sparse_file "$dir/data" 100G
sparse_file "$dir/metadata" 10G
data=$(loop_device "$dir/data")
metadata=$(loop_device "$dir/metadata")
size="$(blockdev --getsize64 -q "$data")"
sectors=$(expr "$size" / 512)
table="0 $sectors thin-pool $metadata $data 128 32768 1 skip_block_zeroing"
if ! dmsetup reload "$pool" --table "$table" 2>/dev/null; then
	dmsetup create "$pool" --table "$table" || exit 1
fi
: "$name"
