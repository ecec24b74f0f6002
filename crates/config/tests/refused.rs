//! Settings of pool, services and checks that exclude each other: each is refused with its own
//! message, at its own line.

#![allow(clippy::too_many_lines, reason = "a table is as long as there are cases")]

mod support;

use support::{bad, good, refused};

#[test]
fn thin_pool() {
    let disk = "/dev/disk/by-id/nvme-1";
    let twice = format!("[thinpool.lvm]\ndevices = [\"{disk}\",\n \"{disk}\"]");
    let name =
        format!("[thinpool]\nbackend = \"lvm\"\nname = \"pool\"\nlvm.devices = [\"{disk}\"]");
    refused(&[
        (
            "[thinpool]\nbackend = \"lvm\"",
            "2: [thinpool] backend = \"lvm\": lvm without devices; add devices",
        ),
        (
            "[thinpool.lvm]\ndevices = [\"/dev/sda\"]",
            "2: [thinpool.lvm] devices = \"/dev/sda\": not below /dev/disk/by-id",
        ),
        ("[thinpool.lvm]\ndevices = [\"/dev/disk/by-id/a/b\"]", "2: [thinpool.lvm] devices"),
        (&twice, "3: [thinpool.lvm] devices = \"/dev/disk/by-id/nvme-1\": the same disk twice"),
        (
            &name,
            "3: [thinpool] name = \"pool\": no device-mapper name of a volume in the group flintlock; write for example \"flintlock-thinpool\"",
        ),
        ("[thinpool]\nname = \"a b\"", "2: [thinpool] name = \"a b\": not a device-mapper name"),
        (
            "[thinpool.loop]\nmetadata-size = \"17GiB\"",
            "2: [thinpool.loop] metadata-size = \"17GiB\": thin-pool metadata is 2MiB to 16GiB",
        ),
        ("[thinpool.loop]\nmetadata-size = \"1MiB\"", "2: [thinpool.loop] metadata-size"),
        (
            "[thinpool.loop]\ndata-size = \"200GiB\"\nmax-data-size = \"100GiB\"",
            "3: [thinpool.loop] max-data-size = \"100GiB\": smaller than data-size = \"200GiB\"",
        ),
        (
            "[thinpool.guard]\nwarn-percent = 95",
            "2: [thinpool.guard] warn-percent = 95: not below brake-percent = 95",
        ),
        ("[thinpool.guard]\nbrake-percent = 70", "2: [thinpool.guard] brake-percent = 70"),
    ]);
}

#[test]
fn flintlockd() {
    refused(&[
        (
            "[flintlockd]\ngrpc-endpoint = \"0.0.0.0:9090\"",
            "2: [flintlockd] grpc-endpoint = \"0.0.0.0:9090\": everyone who reaches this address",
        ),
        ("[flintlockd]\ngrpc-endpoint = \":9090\"", "2: [flintlockd] grpc-endpoint"),
        (
            "[flintlockd.tls]\ncert = \"/a\"",
            "2: [flintlockd.tls] cert = \"/a\": a certificate without its key",
        ),
        (
            "[flintlockd.tls]\nkey = \"/a\"",
            "2: [flintlockd.tls] key = \"/a\": a key without its certificate",
        ),
        (
            "[flintlockd.tls]\nclient-ca = \"/a\"",
            "2: [flintlockd.tls] client-ca = \"/a\": clients can show",
        ),
        (
            "[flintlockd]\ninsecure = true\n[flintlockd.tls]\ncert = \"/a\"\nkey = \"/b\"",
            "2: [flintlockd] insecure = true: flintlockd takes either",
        ),
        (
            "[flintlockd]\nunit = \"mvm-net.service\"",
            "2: [flintlockd] unit = \"mvm-net.service\": the name of another service",
        ),
        ("[flintlockd]\nunit = \"containerd-dev.service\"", "2: [flintlockd] unit"),
        (
            "[flintlockd]\nextra-args = [\n\"-v=2\",\n\"--grpc-endpoint=:1\"]",
            "4: [flintlockd] extra-args = \"--grpc-endpoint=:1\": mvmhost passes --grpc-endpoint itself; use [flintlockd] grpc-endpoint",
        ),
        (
            "[flintlockd]\nextra-args = [\"--containerd-socket\", \"/x\"]",
            "2: [flintlockd] extra-args = \"--containerd-socket\"",
        ),
        (
            "[flintlockd]\nextra-args = [\"--basic-auth-token\", \"x\"]",
            "2: [flintlockd] extra-args = \"--basic-auth-token\": a token on a command line",
        ),
        (
            "[flintlockd]\nextra-args = [\"a\\nb\"]",
            "2: [flintlockd] extra-args = \"a\\nb\": an argument with a newline",
        ),
        ("[flintlockd]\nextra-args = [\"a\\u0000\"]", "2: [flintlockd] extra-args"),
    ]);
}

#[test]
fn flags_that_are_left_to_the_operator() {
    good(
        "[flintlockd]\nextra-args = [\"--verbosity\", \"2\", \"insecure\", \"--parent-iface=eth0\"]",
    );
    good("network.mode = \"none\"\nflintlockd.extra-args = [\"--bridge-name\", \"br0\"]");
    assert_eq!(bad("flintlockd.extra-args = [\"--bridge-name\", \"br0\"]").len(), 1);
    assert_eq!(bad("flintlockd.extra-args = [\"--containerd-kernel-ss=overlayfs\"]").len(), 1);
}

#[test]
fn a_state_directory_among_the_flags_is_the_one_that_is_looked_at() {
    let directory = |text: &str| good(text).config.flintlockd.state_dir.as_str().to_owned();
    for flags in ["\"--state-dir=/srv/vm\"", "\"-v=2\", \"--state-dir\", \"/srv/vm\""] {
        let text = format!("[flintlockd]\nextra-args = [{flags}]\n");
        assert_eq!(directory(&text), "/srv/vm");
        assert_eq!(directory(&format!("{text}state-dir = \"/srv/vm\"")), "/srv/vm");
        assert_eq!(bad(&format!("{text}state-dir = \"/srv/other\"")).len(), 1);
    }
    assert_eq!(bad("flintlockd.extra-args = [\"--state-dir=vm\"]").len(), 1);
    assert_eq!(directory("flintlockd.state-dir = \"/srv/vm/\""), "/srv/vm");
}

#[test]
fn ignored_findings() {
    let ignore = |rest: &str| format!("[validate]\nignore = [{{ code = \"MVM-NET-020\"{rest} }}]");
    refused(&[
        (&ignore(""), "2: [validate] ignore: reason is missing"),
        (
            &ignore(", reason = \" \""),
            "2: [validate] ignore.reason = \" \": an ignored finding without a reason",
        ),
        (
            &ignore(", reason = \"x\", until = \"2027-02-29\""),
            "2: [validate] ignore.until = \"2027-02-29\": not a date",
        ),
        (&ignore(", reason = \"x\", until = \"soon\""), "2: [validate] ignore.until"),
        (
            "[validate]\nignore = [{ code = \"NET-020\", reason = \"x\" }]",
            "2: [validate] ignore.code = \"NET-020\": not a code",
        ),
    ]);
    good(&ignore(", reason = \"x\", until = \"2028-02-29\""));
    let loaded = good(&ignore(", reason = \"x\", until = 2027-01-01"));
    assert_eq!(loaded.config.validate.ignore[0].until.as_deref(), Some("2027-01-01"));
}
