//! What the journals say is recognised: lines of the programs themselves, through journald.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::host;
use crate::scenario::Context;

/// A unit of our own stands for flintlockd, the distribution's containerd for its containerd.
const TELLER: &str =
    "[flintlockd]\\nunit = \"teller.service\"\\n[containerd]\\ninstance = \"system\"\\n";

/// # Errors
/// A failure is not recognised, or something healthy is.
pub fn journals_are_recognised(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    // What mvmhost said of the files that promise more than the disk has still stands, and of images
    // for which no registry is in reach; no more.
    let healthy = host::json(guest, "diagnose")?;
    ensure!(host::codes(&healthy).iter().all(|code| code == "MVM-HOST-502"), "{healthy}");
    let standing = healthy["findings"].as_array().into_iter().flatten();
    let standing: Vec<String> = standing.map(|finding| finding["message"].to_string()).collect();
    let about = |code: &str| standing.iter().filter(|message| message.contains(code)).count();
    ensure!(about("MVM-POOL-032") == 1, "{healthy}");
    ensure!(standing.len() == 1 + about("MVM-IMG-0"), "{healthy}");

    // What was wrong when flintlockd started, and was mended since, is over.
    guest.ok("chmod 0644 /usr/local/bin/firecracker
         systemctl restart flintlockd.service || journalctl --sync
         mvmhost diagnose 2>&1 | grep -q MVM-VMM-001")?;
    guest.ok("chmod 0755 /usr/local/bin/firecracker && systemctl restart flintlockd.service
         journalctl --sync; ! mvmhost diagnose 2>&1 | grep MVM-VMM-001")?;

    guest.ok(&format!("printf '{TELLER}' > /root/teller.toml"))?;
    // containerd itself, in the version of this Debian, without its pool.
    guest.ok(
        "mkdir -p /etc/containerd && printf 'version = 2\\nroot = \"/srv/c/root\"\\nstate = \"/run/c\"\\n[plugins.\"io.containerd.snapshotter.v1.devmapper\"]\\npool_name = \"no-such-pool\"\\nroot_path = \"/srv/c/dm\"\\nbase_image_size = \"1GB\"\\n' > /etc/containerd/config.toml
         systemctl restart containerd.service",
    )?;
    // flintlockd's lines, its escapes and a terminal's included, from many microVMs.
    guest.ok(
        r#"cat > /root/teller <<'X'
for n in 1 2 3; do echo 'time="T" level=error msg="failed to reconcile vmid ns/vm'$n'/uid: executing plan: executing step network_iface_create: creating network interface: failed to lookup parent network interface \"br-lost\": Link not found"' >&2; done
printf 'level=error msg="\033[2J\377 starting firecracker process: fork/exec /usr/local/bin/firecracker: permission denied"\n' >&2
head -c 400000 /dev/zero | tr '\0' x; echo
X
         systemd-run --wait --quiet --unit=teller.service sh /root/teller
         # journald takes the first word of what is no kernel's own for its writer.
         echo 'x: device-mapper: thin: 253:0: reached low water mark for data device: sending event.' > /dev/kmsg
         mkdir -p /var/lib/flintlock/vm/ns/vm1/uid && cd /var/lib/flintlock/vm/ns/vm1/uid
         echo 'Error creating KVM object: No such file or directory (os error 2)' > firecracker.stderr; : > firecracker.stdout
         journalctl --sync"#,
    )?;
    let document = host::json(guest, "--config /root/teller.toml diagnose")?;
    let codes = host::codes(&document);
    for code in [
        "MVM-NET-503",
        "MVM-VMM-505",
        "MVM-CTRD-509",
        "MVM-CTRD-514",
        "MVM-POOL-504",
        "MVM-KVM-501",
    ] {
        ensure!(codes.iter().filter(|found| *found == code).count() == 1, "{code}: {document}");
    }
    let lost = cause(&document, "MVM-NET-503");
    ensure!(lost["count"] == 3 && lost["subject"] == "br-lost", "{lost}");
    ensure!(lost["microvms"].as_array().is_some_and(|vms| vms.len() == 3), "{lost}");
    ensure!(lost["first"].is_string() && lost["last"].is_string(), "{lost}");
    ensure!(cause(&document, "MVM-CTRD-509")["subject"] == "no-such-pool", "{document}");

    let text = guest.run("mvmhost --config /root/teller.toml diagnose --vm ns/vm1")?;
    ensure!(text.code() == Some(1), "{text:?}");
    ensure!(!text.stderr.contains('\u{1b}'), "{text:?}");
    ensure!(text.stderr.contains("once, at ") && !text.stderr.contains("vm2"), "{text:?}");
    // Nothing was written since now.
    let since = guest
        .run("sleep 2; mvmhost --config /root/teller.toml diagnose --since -1s --vm ns/none")?;
    ensure!(since.success() && since.stderr.contains("MVM-HOST-503"), "{since:?}");
    let refused = guest.run("mvmhost diagnose --since soon")?;
    ensure!(refused.stderr.contains("MVM-HOST-501"), "{refused:?}");
    Ok(())
}

fn cause(document: &Value, code: &str) -> Value {
    let causes = document["causes"].as_array().cloned().unwrap_or_default();
    causes.into_iter().find(|cause| cause["code"] == code).unwrap_or_default()
}

/// # Errors
/// A secret of this host is in the tarball, or what is needed is not.
pub fn a_report_holds_no_secret(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(
        "umask 077; echo planted-t0ken > /etc/flintlock.token; echo planted-pa55word > /root/word; cat /etc/flintlock.token >> /root/word
         printf '{\"auths\":{\"ghcr.io\":{\"auth\":\"%s\"}}}' $(printf me:planted-pa55word | base64) > /etc/auth.json
         printf '[flintlockd]\\nbasic-auth-token-file = \"/etc/flintlock.token\"\\n[images]\\nauth-file = \"/etc/auth.json\"\\n' > /etc/mvmhost.toml
         base64 -w0 /etc/flintlock.token | tr -d = >> /root/word; echo >> /root/word; printf me:planted-pa55word | base64 >> /root/word
         mvmhost apply; logger -t mvmhost planted-t0ken authorization: basic $(printf planted-t0ken | base64) planted-pa55word",
    )?;
    guest.ok("mvmhost report --output /root/report.tar && mkdir /root/report && tar -xf /root/report.tar -C /root/report")?;
    guest.ok("test \"$(stat -c %a /root/report.tar)\" = 600")?;
    let found = guest.run("grep -r -a -F -f /root/word /root/report /root/report.tar")?;
    ensure!(found.stdout.is_empty(), "secrets are in the report: {}", found.stdout);
    guest.ok("cd /root/report/mvmhost-report && grep -q '\"version\": 1' check.json && grep -q '\"version\": 1' vms.json && grep -q ExecStart units/flintlockd.service.txt && grep -q basic-auth-token-file files/etc/mvmhost.toml && grep -qF '[removed]' mvmhost.txt")?;
    let again = guest.run("mvmhost report --output /root/report.tar")?;
    ensure!(again.code() == Some(1) && again.stderr.contains("MVM-HOST-301"), "{again:?}");

    // From afar: without root, and without a configuration that could be read.
    let ask = "cd / && setpriv --reuid 65534 --clear-groups mvmhost check --host 127.0.0.1";
    let locked = guest.run(ask)?;
    ensure!(locked.stderr.contains("MVM-FLK-103"), "without the token: {locked:?}");
    guest.ok("install -m 0644 /etc/flintlock.token /tmp/token")?;
    let answers = guest.run(&format!("{ask} --token-file /tmp/token"))?;
    ensure!(answers.success() && answers.stderr.contains("MVM-FLK-104"), "{answers:?}");
    let closed = guest.run(&format!("{ask}:9091"))?;
    ensure!(closed.code() == Some(1) && closed.stderr.contains("MVM-FLK-101"), "{closed:?}");
    let vms = host::json(guest, "vms")?;
    ensure!(vms["microvms"].as_array().is_some_and(Vec::is_empty), "{vms}");
    Ok(())
}
