//! What the kernel wrote about the pool's metadata, the host's disks, memory and network.

catalogue! {
    metadata_full() = "MVM-POOL-550", "9390b5ea867643ec9eab7b1a76b85f0d", Error {
        message: "the metadata device of pool {subject} is full",
        cause: "The kernel could not allocate a metadata block. The pool turns read-only: no microVM can be created, and writes of running ones fail.",
        remedy: "mvmhost pool status\n# delete microVMs and images that nobody needs, then\nmvmhost pool check",
    }
    metadata_damaged(flintlockd, containerd) = "MVM-POOL-551", "4a9b5557d59ba15f1a4344d5bb94d456", Error {
        message: "the kernel found the metadata of pool {subject} damaged",
        cause: "A block of the metadata has a wrong checksum or content: the storage below lost or changed data, or two systems wrote to it.",
        remedy: "journalctl -k -b --grep=device-mapper\nmvmhost pool status\n# stop the microVMs, then try the repair on a copy, which changes nothing:\nsystemctl stop {flintlockd} {containerd}\nmvmhost pool remove\nmvmhost pool repair --dry-run",
    }
    superblock_damaged() = "MVM-POOL-552", "f8932a77d8fb5da6f80cc7848195d92b", Error {
        message: "the superblock of pool {subject} is damaged or is no pool's",
        cause: "The first block of the metadata device is not what the kernel wrote: it was overwritten, another device was named, or the storage lost data.",
        remedy: "mvmhost pool check\n# put the right metadata file back, or try the repair on a copy, which changes nothing:\nmvmhost pool repair --dry-run",
    }
    table_refused() = "MVM-POOL-553", "400df7cf0a33536dcff2b37d0e728347", Error {
        message: "the kernel refused to load a thin pool or a thin device",
        cause: "The table names a device that is missing, in use or too small, or metadata that cannot be opened.",
        remedy: "journalctl -k -b --grep=device-mapper\nmvmhost check",
    }
    pool_trouble() = "MVM-POOL-554", "a22d5e1b15a0ac143a27cc1940a79aa3", Error {
        message: "the kernel reports an error of pool {subject}",
        cause: "The driver dm-thin could not do what was asked. Its own words are in the evidence.",
        remedy: "mvmhost pool status\njournalctl -k -b --grep=device-mapper",
    }
    loop_file_full() = "MVM-POOL-555", "4d0449b54240e1cc6a0324607e51b855", Error {
        message: "a write to the file behind pool {subject} failed",
        cause: "The file system that holds the pool's files is full or failing. The data and metadata files are sparse and need room there.",
        remedy: "df -h /var/lib\nmvmhost pool status",
    }
    disk_error() = "MVM-DISK-540", "185e73871d65653c2a3e668888379ada", Error {
        message: "the disk {subject} reports errors",
        cause: "The kernel could not read or write it. What is on it may be damaged already.",
        remedy: "journalctl -k -b --grep={subject}\nlsblk\n# save what is needed, then replace the disk",
    }
    file_system_error() = "MVM-DISK-541", "ec117e9bcc8379c9cfc3e4af7440e71f", Error {
        message: "the file system on {subject} has errors",
        cause: "The kernel found it damaged or made it read-only. A volume of a microVM or a file system of this host is concerned.",
        remedy: "journalctl -k -b --grep={subject}\nlsblk",
    }
    out_of_memory() = "MVM-HOST-506", "f5291a2ca6bb81265d04ff87f0b5a234", Error {
        message: "the kernel killed {subject}: the host had no memory left",
        cause: "The microVMs together use more memory than the host has. A killed VMM is noticed at flintlockd's next resync.",
        remedy: "cat /proc/meminfo\nmvmhost vms\n# delete microVMs, or give the host more memory",
    }
    no_virtualisation() = "MVM-KVM-542", "7f25bdceeaed8de165924787f204a32c", Error {
        message: "the processor's virtualisation is switched off or missing",
        cause: "The KVM driver found no virtualisation (VT-x, SVM, EL2). It is off in the firmware, or this machine is a guest without nested virtualisation.",
        remedy: "lscpu\n# switch virtualisation on in the firmware or in the hypervisor, then start the machine again",
    }
    conntrack_full() = "MVM-NET-553", "278bab4f34edf06212c5e3c26876442c", Error {
        message: "the kernel drops packets: its connection table is full",
        cause: "NAT needs an entry for each connection, and the table has no free one.",
        remedy: "cat /proc/sys/net/netfilter/nf_conntrack_count /proc/sys/net/netfilter/nf_conntrack_max\n# raise nf_conntrack_max in a file below /etc/sysctl.d",
    }
    neighbours_full() = "MVM-NET-554", "9d1835e9c8a91d245149ff9bca864951", Error {
        message: "the kernel's table of neighbours overflows",
        cause: "There are more addresses on this host's networks than the table may hold, so some cannot be reached.",
        remedy: "ip -statistics neigh show\n# raise net.ipv4.neigh.default.gc_thresh3 in a file below /etc/sysctl.d",
    }
    own_address() = "MVM-NET-555", "b17b870f11740859282c888d1122a296", Warning {
        message: "{subject} receives packets with its own MAC address",
        cause: "Two microVMs or hosts use the same MAC address, or the network has a loop.",
        remedy: "ip -details link show dev {subject}\nmvmhost net leases",
    }
    denied() = "MVM-HOST-507", "f1c908bbd35dc61df08caeea6ba658ab", Error {
        message: "AppArmor or SELinux denies {subject} what it needs",
        cause: "A profile of the host forbids a file, capability or socket. The line names which.",
        remedy: "journalctl -b --grep='denied|DENIED' _TRANSPORT=kernel + _TRANSPORT=audit\n# allow it in the profile that the line names",
    }
}
