//! Pulls that break off, and a registry that lets nobody in.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::super::host::{self, CTR};
use super::{ENDED, PULLED, ROOT, RUN, configure, serve, while_unpacking};
use crate::guest::Guest;

/// containerd-dev's content store, with the blobs and what is only begun.
const BLOBS: &str = "/var/lib/containerd-dev/io.containerd.content.v1.content";
/// Of the same registry behind TLS, with a name and a password.
const PRIVATE: &str = "registry.test:5443/test/root:1";
/// No registry has it.
const ABSENT: &str = "127.0.0.1:5000/test/absent:1";

/// The file system with the blobs is full, and once it has room containerd is killed. Each ends
/// with a message; the blob that has come in part is gone on with by the next run.
pub(super) fn a_pull_breaks_off(guest: &mut Guest) -> Result<()> {
    configure(guest, "")?;
    // Some versions of containerd make the folder with the first blob.
    guest.ok(&format!(
        "mkdir -p {BLOBS} && mount -t tmpfs -o size=2m blobs {BLOBS} && mkdir {BLOBS}/ingest"
    ))?;
    let full = guest.run("mvmhost images pull")?;
    ensure!(full.code() == Some(1) && full.stderr.contains("MVM-IMG-007"), "{full:?}");
    ensure!(full.stderr.contains("no space left on device"), "{full:?}");
    guest.ok(&format!("{CTR} content active | grep layer-"))?;
    guest.ok(&format!("mount -o remount,size=64m {BLOBS}"))?;
    // Not while the snapshotter makes a device: what it then has of it is in one of its databases and
    // not in the other (containerd issue 5646).
    guest.ok(&while_unpacking(
        "mvmhost images pull >/root/said 2>&1 & pull=$!",
        &format!(
            "kill -STOP $pull
            for i in $(seq 50); do {CTR} snapshots --snapshotter devmapper ls | grep -q extract- && break; sleep 0.2; done
            kill -9 $(systemctl show -P MainPID containerd-dev.service); kill -CONT $pull
            code=0; wait $pull || code=$?; test $code = 1 && grep -q MVM-IMG-007 /root/said || {{ cat /root/said; exit 1; }}"
        ),
    ))?;
    guest.wait_for(
        &format!("{CTR} version && systemctl is-active flintlockd.service"),
        host::HEALS,
    )?;
    // What containerd knows is not always there: the next run fetches it again.
    guest.ok(&format!(
        "cd {BLOBS}/blobs/sha256 && rm -v $(grep -l diff_ids *) $(ls -S | head -n 1)"
    ))?;
    Ok(())
}

/// `check --deep` asks as flintlockd does: without the login that mvm-images has.
fn as_flintlockd_asks(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!(
        "cp /etc/mvmhost.toml /root/mvmhost.toml
        printf '[images]\\nauth-file = \"/srv/tls/config.json\"\\nkernel = []\\nroot = [\"{PRIVATE}\", \"{ROOT}\", \"{ABSENT}\"]\\n' >/etc/mvmhost.toml"
    ))?;
    let document = host::json(guest, "check --deep")?;
    let found = document["findings"].as_array().cloned().unwrap_or_default();
    for (image, code) in [(PRIVATE, "MVM-IMG-202"), (ROOT, "MVM-HOST-206"), (ABSENT, "MVM-IMG-201")]
    {
        let expected =
            found.iter().any(|finding| finding["subject"] == image && finding["code"] == code);
        ensure!(expected, "{image}: {document}");
    }
    guest.ok("mv /root/mvmhost.toml /etc/mvmhost.toml").map(drop)
}

/// Nothing goes to or comes from a registry whose certificate nobody vouches for, and nothing comes
/// without the login that the unit gets from systemd. The guard brakes while the first layer is
/// unpacked: it is the last one until there is room.
pub(super) fn behind_tls_with_a_login(guest: &mut Guest) -> Result<()> {
    guest.ok(host::UNDISTURBED)?;
    guest.wait_for(ENDED, PULLED)?;
    guest.ok(include_str!("tls.sh"))?;
    guest.ok(&serve("private", "5443"))?;
    guest.ok(&format!(
        "{CTR} images rm --sync {ROOT}
        printf '[images]\\nroot = [\"{PRIVATE}\"]\\nkernel = []\\n' >/etc/mvmhost.toml"
    ))?;
    let begun = Instant::now();
    let stranger = guest.run("mvmhost images pull")?;
    ensure!(stranger.stderr.contains("MVM-IMG-025"), "{stranger:?}");
    ensure!(stranger.stderr.contains("UnknownIssuer"), "{stranger:?}");
    // Four more tries would pause for seven and a half.
    ensure!(begun.elapsed() < Duration::from_secs(7), "tried for {:?}", begun.elapsed());
    guest.ok("cp /srv/tls/ca.crt /usr/local/share/ca-certificates/ && update-ca-certificates")?;
    as_flintlockd_asks(guest)?;
    let refused = guest.run("mvmhost images pull")?;
    ensure!(refused.stderr.contains("MVM-IMG-003"), "{refused:?}");

    guest.ok(
        "mkdir -p /etc/credstore && cp /srv/tls/config.json /etc/credstore/mvmhost.registry-auth",
    )?;
    guest.ok(&while_unpacking(
        "systemctl stop mvm-guard.service; systemctl start --wait mvm-images.service & run=$!",
        "echo full >/run/mvmhost/brake; wait $run || true",
    ))?;
    host::last_entry(guest, "MVM-IMG-019")?;
    let layers = guest.ok(&format!("{CTR} snapshots --snapshotter devmapper ls"))?;
    ensure!(layers.matches("sha256:").count() == 1 && layers.contains("Committed"), "{layers}");
    guest.ok("rm /run/mvmhost/brake && systemctl start mvm-guard.service")?;
    guest.ok(RUN)?;
    guest.ok("mvmhost images verify")?;
    guest.ok(&format!("{CTR} images check | grep -q '^{PRIVATE} .* complete ('")).map(drop)
}
