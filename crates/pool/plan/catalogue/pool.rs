//! MVM-POOL: the family of the thin pool.
//!
//! Where a remedy has several ways out, a line that begins with `#` says when the lines below it
//! are the right ones: choose one. `{aside}` sets the old pool aside, deletes nothing, and applies.

mod files;

pub(crate) use files::ALL as FILES;
pub use files::{
    blank_metadata, block_size_changed, check_failed, data_alone, database_gone,
    databases_without_pool, file_grown, file_missing, file_short, file_swapped, file_truncated,
    metadata_alone, metadata_wiped, not_a_file, not_metadata, receipt_other, receipt_unreadable,
    receipt_version, thin_check_missing,
};

catalogue! {
    ready(data, metadata) = "MVM-POOL-001", "035a8a728b08b5a914f1551979b88ebb", Info {
        message: "thin pool {subject} is active: data {data} % full, metadata {metadata} %",
        cause: "The pool was activated, or was active already; containerd may start.",
        remedy: "",
    }
    name_taken(target) = "MVM-POOL-002", "b90904cfe4c80c262f521e8ff2991491", Error {
        message: "another kind of device-mapper device ({target}) has the name {subject}",
        cause: "Another program has a device-mapper device under the name that [thinpool] name \
                gives to the pool. mvmhost leaves devices alone that it did not make.",
        remedy: "dmsetup info {subject}  # see what it is and who has it open\ndmsetup table {subject}\n# nobody needs it:\ndmsetup remove {subject}\nmvmhost apply\n# someone does: give the pool another [thinpool] name in /etc/mvmhost.toml, then\nmvmhost apply",
        exit: Refused,
    }
    other_files(metadata, data, directory) = "MVM-POOL-003", "cccd9f68c3790a053c595c49d234e2ed", Error {
        message: "pool {subject} is on {metadata} and {data}, not on {directory}",
        cause: "A pool of this name is live, but not on the files that the configuration names. It was made by hand or from another directory, or its files were deleted or replaced.",
        remedy: "dmsetup table {subject}\n# choose; that pool is the right one: set [thinpool.loop] directory in /etc/mvmhost.toml to where its files are, or backend = \"external\", then\nmvmhost apply\n# it is not needed; refused as long as something uses it:\ndmsetup remove {subject} &&\nmvmhost apply",
        exit: Refused,
    }
    empty_foreign() = "MVM-POOL-004", "0d63a5a2cd8148e6909b0d85c6ec4398", Error {
        message: "there is a device {subject} without a live table that mvmhost did not make",
        cause: "Someone created a device-mapper device under the name of the pool and never resumed it. It does not carry the mark (a UUID that begins with MVM-) of a device of ours.",
        remedy: "dmsetup info {subject}  # see what it is\n# nobody is about to use it:\ndmsetup remove {subject}\nmvmhost apply",
        exit: Refused,
    }
    failed() = "MVM-POOL-005", "d1591fbf0aafb21d0fc47832279613fb", Error {
        message: "thin pool {subject} has failed: no read or write is possible",
        cause: "The kernel could not read or write the pool's metadata and took the pool out of service. The cause is an I/O error of the disk, or no space below the pool's files. mvmhost checks the metadata before it activates the pool again.",
        remedy: "journalctl --dmesg --grep \"device-mapper: thin|I/O error\"  # why\n# stop the microVMs, then check the metadata and activate the pool again:\nsystemctl stop mvm-thinpool.service\nmvmhost pool remove\nsystemctl start mvmhost.target",
    }
    read_only() = "MVM-POOL-006", "f533a1d6ebd8e2a3f4eae3eeef565e68", Error {
        message: "thin pool {subject} is read-only: nothing new can be allocated",
        cause: "The kernel stopped changing the pool's metadata after an error. MicroVMs keep what they have and cannot write anything new.",
        remedy: "journalctl --dmesg --grep \"device-mapper: thin|I/O error\"  # why\n# stop the microVMs, then check the metadata and activate the pool again:\nsystemctl stop mvm-thinpool.service\nmvmhost pool remove\nsystemctl start mvmhost.target",
    }
    needs_check() = "MVM-POOL-007", "b0627b7fb869726f25a088bb41a5d2a3", Error {
        message: "thin pool {subject} needs a check of its metadata",
        cause: "A change of the metadata failed half way, most often because metadata or file system were full. mvmhost runs thin_check before it activates the pool again.",
        remedy: "journalctl --dmesg --grep \"device-mapper: thin|I/O error\"  # why\n# stop the microVMs, then check the metadata and activate the pool again:\nsystemctl stop mvm-thinpool.service\nmvmhost pool remove\nsystemctl start mvmhost.target",
    }
    out_of_data_space(size) = "MVM-POOL-008", "37d2305dd0e45cd922f1df485f2a3c1a", Error {
        message: "thin pool {subject} is out of data space",
        cause: "Every data block of the pool is in use. Writes of microVMs wait for a minute and \
                then fail.",
        remedy: "mvmhost pool status\n# delete microVMs that are no longer needed, or make the pool 10 GiB longer (backend = \"external\": who made it does):\nmvmhost pool grow --to {size}",
    }
    full_unbraked() = "MVM-POOL-052", "50a2db3efe8349019bfa63a318b9e0fa", Warning {
        message: "thin pool {subject} is out of data space, and flintlockd is let run: brake-percent is 100",
        cause: "Every data block of the pool is in use. Writes of microVMs wait for a minute and \
                then fail, and new microVMs cannot be made; flintlockd runs so that some can be \
                deleted.",
        remedy: "mvmhost apply  # first: delete microVMs that are no longer needed, and set [thinpool.guard] brake-percent back",
    }
    suspended() = "MVM-POOL-009", "40c5d2f329bbe74da940d7ad1687bdd2", Error {
        message: "thin pool {subject} is suspended: every read and write waits",
        cause: "Someone suspended the device, or a program that changes its table died in between.",
        remedy: "dmsetup resume {subject}",
    }
    size_kept(is, asked) = "MVM-POOL-010", "aa0331b855dec4f34a2630658733da36", Info {
        message: "thin pool {subject} keeps its size of {is}; the configuration asks for {asked}",
        cause: "A size in the configuration applies to a new pool. mvmhost never shrinks an existing pool, and grows it only with mvmhost pool grow or mvm-guard.",
        remedy: "",
    }
    file_system_refused(kind, why) = "MVM-POOL-030", "361a593a325fac19d46519743831010d", Error {
        message: "{subject} is on {kind}: {why}",
        cause: "A pool needs a file system that keeps what it was given, in place and on a disk of \
                this machine.",
        remedy: "findmnt --real  # choose [thinpool.loop] directory on a local disk; these are the file systems there are\n# then\nmvmhost apply",
        exit: Refused,
    }
    copy_on_write(kind) = "MVM-POOL-031", "438cce8b549f1e608f039e6983621be0", Warning {
        message: "{subject} is on {kind}, which writes every changed block to a new place",
        cause: "Under a pool that makes the files fragment and grow, and writes slow. For new \
                files on btrfs it can be turned off for the directory.",
        remedy: "chattr +C {subject}  # for a directory in which there is no pool yet",
    }
    space_promised(promised, held, missing) = "MVM-POOL-032", "9e4dee7c24a99a64fa3c53043632724c", Warning {
        message: "the files in {subject} promise {promised}, and the file system can hold {held} \
                  of it",
        cause: "Sparse files take up space as they are written to. When the file system is full \
                before the pool is, writes into the pool fail and the kernel takes it out of \
                service.",
        remedy: "df -h {subject}  # make the file system {missing} larger or free that much; for a new pool set a smaller [thinpool.loop] data-size",
    }
    file_system_read_only() = "MVM-POOL-033", "0bc1b53da2970aba52235e04a8419e07", Error {
        message: "{subject} is on a file system that is mounted read-only",
        cause: "Either it is mounted so by choice, or the kernel did it after an error of the \
                disk.",
        remedy: "findmnt --target {subject}\n\
                 journalctl --dmesg --grep \"remount|I/O error\"",
    }
    no_loop(why) = "MVM-POOL-034", "15097f95479e163073538cf812c8f1a8", Error {
        message: "loop devices are not available for pool {subject}: /dev/loop-control {why}",
        cause: "The pool stands on two loop devices. The kernel module loop is not loaded, not \
                installed for this kernel, or kept out of this container.",
        remedy: "modprobe loop\n\
                 systemctl start mvmhost.target",
        exit: Unavailable,
    }
    no_device_mapper(why) = "MVM-POOL-035", "e7458a86d36828458d53156be0a01ef3", Error {
        message: "device-mapper is not available for pool {subject}: /dev/mapper/control {why}",
        cause: "The kernel modules dm_mod and dm_thin_pool are not loaded, not installed for this \
                kernel, or kept out of this container.",
        remedy: "modprobe dm_thin_pool\n\
                 systemctl start mvmhost.target",
        exit: Unavailable,
    }
    loop_exhausted() = "MVM-POOL-036", "9a2cc33bc5a2327a0d132ebc269abaeb", Error {
        message: "there is no free loop device for {subject}",
        cause: "Every loop device that the kernel can make is attached, or the node of the free \
                one is missing.",
        remedy: "losetup --list  # who has them\n# detach one that nobody needs with losetup --detach, then\nsystemctl start mvmhost.target",
        exit: Unavailable,
    }
    activation_failed(why) = "MVM-POOL-037", "a6eb2455d63d1485389d0e543d34626a", Error {
        message: "the kernel did not activate thin pool {subject}: {why}",
        cause: "device-mapper refused the table or its two devices; its own messages say which. \
                The device that was made for it was removed again.",
        remedy: "journalctl --dmesg --grep device-mapper\n\
                 modprobe dm_thin_pool\n\
                 systemctl start mvmhost.target",
    }
    step_failed(why) = "MVM-POOL-038", "70bfbcfebbe72343b015eca55fc04d01", Error {
        message: "pool {subject} is not active: {why}",
        cause: "A step of the activation failed. What this run had activated before was taken \
                back, and no file was removed or shortened.",
        remedy: "mvmhost plan  # what it was about to do, and what is in the way\n# then\nsystemctl start mvmhost.target",
    }
    mapper_refused(operation, why) = "MVM-POOL-241", "6adf3e482c314530ac1afcf34a5ec385", Error {
        message: "the kernel did not {operation} thin pool {subject}: {why}",
        cause: "device-mapper refused this one request. The pool is as it was before; nothing was activated and nothing was removed for it.",
        remedy: "journalctl --dmesg --grep \"device-mapper|I/O error\"\nmvmhost pool status",
    }
    node_missing() = "MVM-POOL-039", "90cbf93cad7776e3dd628d93dc5f5380", Error {
        message: "/dev/mapper/{subject} did not appear",
        cause: "The pool is live in the kernel, but udev did not make its node in time. containerd \
                looks for the node.",
        remedy: "udevadm settle\n\
                 dmsetup mknodes {subject}\n\
                 systemctl start mvmhost.target",
    }
    disk_full() = "MVM-POOL-040", "245f21bc4d3fd8c3855edadcb70f6858", Error {
        message: "the file system of {subject} is full",
        cause: "A pool, or the record of it, cannot be written. Nothing that was there before was \
                changed.",
        remedy: "df -h {subject}\n\
                 # make space, then\n\
                 systemctl start mvmhost.target",
    }
    receipt_stale() = "MVM-POOL-051", "5e46baf79ea25c6f88b530795d84129f", Warning {
        message: "the receipt of pool {subject} could not be updated",
        cause: "The pool is up. What is new since the last update, such as a database of containerd, is not in the receipt yet, so its loss would not be noticed.",
        remedy: "df -h /var/lib/mvmhost\n# make space; the next boot updates the receipt",
    }
    files_in_use(directory, device, holder) = "MVM-POOL-041", "172b6e73d5c1363c1e4b9d20e8536e59", Error {
        message: "the files of pool {subject} in {directory} are in use through {device} by \
                  {holder}",
        cause: "Another block device uses the files of the pool, such as the same pool under an earlier name. Two pools on the same files destroy each other.",
        remedy: "dmsetup info -c -o name,blkdevname,open  # see what it is\nlsblk /dev/{device}\n# set [thinpool] name to that name, or remove that device with dmsetup remove, then\nmvmhost apply",
        exit: Refused,
    }
    not_direct() = "MVM-POOL-042", "dc4cab167651bce6f7f581364856f782", Info {
        message: "{subject} is attached without direct I/O",
        cause: "The file system cannot do direct I/O on this file, so writes of microVMs pass through the page cache twice. That only costs time and memory.",
        remedy: "",
    }
    second_table() = "MVM-POOL-043", "009d2e1ef7d80c41ed5dab40fda12348", Warning {
        message: "a second table is loaded for thin pool {subject} and was never resumed",
        cause: "Someone ran `dmsetup reload` without `dmsetup resume`, as provision.sh does on an existing pool. The next resume would switch to it.",
        remedy: "dmsetup table --inactive {subject}\n\
                 dmsetup clear {subject}",
    }
    external_absent() = "MVM-POOL-044", "eec9d2291d0346b8f1806c9232120b39", Error {
        message: "the external thin pool {subject} is not live",
        cause: "[thinpool] backend = \"external\" leaves it to another program to make and activate the pool. mvmhost only checks it.",
        remedy: "lvs --all\n# make or activate the pool, such as with vgchange --activate y GROUP, then\nsystemctl start mvmhost.target",
        exit: Unavailable,
    }
    observe_failed(why) = "MVM-POOL-046", "dfcf49b1af3a25f18a4e8c14e7213923", Error {
        message: "the state of pool {subject} is unknown: {why}",
        cause: "Something that decides about the pool could not be read. Nothing was changed.",
        remedy: "journalctl --dmesg --priority err\n\
                 systemctl start mvmhost.target",
    }
    not_settled(steps) = "MVM-POOL-047", "e37283822c6aad51be2460032c2650d1", Error {
        message: "pool {subject} is not as it should be after everything was done: {steps}",
        cause: "After the last step the machine was looked at again, and there is still something to do. Another program may be changing the pool at the same time.",
        remedy: "mvmhost plan\n\
                 systemctl start mvmhost.target",
    }
    metadata_small(is, needed) = "MVM-POOL-048", "570ca6fb8a6eee4067fb97a638edbf7e", Warning {
        message: "metadata-size of pool {subject} is {is}; {needed} are advised for its data-size",
        cause: "Every block of data needs up to 48 bytes of metadata. Metadata that is full takes \
                the pool out of service and cannot be grown in a hurry.",
        remedy: "mvmhost apply  # first: before the pool is made: set [thinpool.loop] metadata-size in /etc/mvmhost.toml",
    }
    status_unknown() = "MVM-POOL-049", "617f111e53636da473d1a7e0b847405e", Warning {
        message: "the kernel reports a status of thin pool {subject} that mvmhost cannot read",
        cause: "A newer kernel may word it differently.",
        remedy: "dmsetup status {subject}",
    }
    not_live() = "MVM-POOL-050", "71f3ae1409a1098b749bb0e0b1895a40", Error {
        message: "thin pool {subject} is not live",
        cause: "containerd and every microVM need the pool. mvm-thinpool.service activates it, and \
                its journal says why it did not.",
        remedy: "systemctl start mvm-thinpool.service\n\
                 journalctl --boot --identifier mvmhost MVMHOST_SUBJECT={subject}",
    }
}
