//! An upgrade and a downgrade under a running microVM, and what tells of them: facts, the line at
//! login, greenboot's check.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::host;
use crate::guest::Guest;
use crate::scenario::Context;

/// What must not notice a change of the package, and below it the microVM, as pids. The stand-in for
/// a VMM sits where flintlockd starts one: in flintlockd's control group.
pub(super) const WORKLOAD: &str = "systemctl show -P MainPID flintlockd.service containerd-dev.service; \
                        cat /var/lib/flintlock/vm/ns/live/uid-live/firecracker.pid; \
                        kill -0 $(cat /var/lib/flintlock/vm/ns/live/uid-live/firecracker.pid)";
const GUARD: &str = "systemctl show -P MainPID mvm-guard.service mvm-net-watch.service";
const EXAMPLES: &str = "/usr/share/doc/mvmhost/examples";

/// # Errors
/// Something is restarted that must not be, a change is not told, or the operator's file is lost.
pub fn an_upgrade_disturbs_nothing(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    as_it_was_left(guest)?;
    told_at_login_and_to_greenboot(guest)?;
    runs_a_microvm(guest)?;
    let before = (guest.ok(WORKLOAD)?, guest.ok(GUARD)?);
    let output = upgraded(guest)?;
    for step in
        ["nothing was restarted", "restart mvm-guard.service", "start mvm-net-watch.service"]
    {
        ensure!(output.contains(step), "the upgrade does not say {step}:\n{output}");
    }
    ensure!((guest.ok(WORKLOAD)?, guest.ok(GUARD)?) == before, "the upgrade restarted something");
    let facts = host::json(guest, "facts")?;
    ensure!(facts["drift"]["steps"].to_string().contains("mvm-guard"), "{facts}");
    ensure!(host::codes(&facts).iter().any(|code| code == "MVM-HOST-134"), "{facts}");

    guest.ok("mvmhost apply && mvmhost plan")?;
    ensure!(guest.ok(WORKLOAD)? == before.0, "apply restarted more than what was replaced");
    ensure!(guest.ok(GUARD)? != before.1, "mvm-guard runs from the file that was replaced");
    guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y --allow-downgrades \
             -o Dpkg::Options::=--force-confold mvmhost=$(cat /root/version) &&
         test \"$(dpkg-query -W -f '${Version}' mvmhost)\" = \"$(cat /root/version)\" &&
         grep -q '^# mine' /etc/mvmhost.toml && mvmhost apply && mvmhost plan")?;
    ensure!(guest.ok(WORKLOAD)? == before.0, "the downgrade restarted something");
    guest.ok("kill $(cat /var/lib/flintlock/vm/ns/live/uid-live/firecracker.pid)")?;
    host::is_up(guest)?;
    host::data_is_intact(guest)
}

/// A stand-in for a VMM, which flintlockd's stop or restart must not end.
pub(super) fn runs_a_microvm(guest: &mut Guest) -> Result<()> {
    guest.ok(
        "d=/var/lib/flintlock/vm/ns/live/uid-live; mkdir -p $d
         setsid sh -c 'echo $$ > /sys/fs/cgroup/system.slice/flintlockd.service/cgroup.procs
             echo $$ > '$d'/firecracker.pid
             exec /usr/local/bin/firecracker --id uid-live --boot-timer --no-api --config-file /dev/null --metadata /dev/null' \
             </dev/null >/dev/null 2>&1 &
         until grep -q firecracker /proc/$(cat $d/firecracker.pid)/comm; do sleep 0.2; done",
    )
    .map(drop)
}

/// A package with a higher version and another /etc/mvmhost.toml, over one that the operator edited.
/// Gives what the second try said; the first one, where nobody answers dpkg's question, stops at it.
fn upgraded(guest: &mut Guest) -> Result<String> {
    guest.ok(
        "dpkg-query -W -f '${Version}' mvmhost > /root/version; echo '# mine' >> /etc/mvmhost.toml
         rm -rf /srv/next; dpkg-deb -R /srv/mvmhost-repo/pool/mvmhost_*.deb /srv/next; cd /srv/next
         sed -i 's/^Version: .*/&+next/' DEBIAN/control; echo '# theirs' >> etc/mvmhost.toml
         dpkg-deb -Znone -b . /srv/next.deb",
    )?;
    let dpkg = guest.run("dpkg -i /srv/next.deb </dev/null 2>&1")?;
    let asks = dpkg.stdout.contains("Configuration file '/etc/mvmhost.toml'");
    ensure!(!dpkg.success() && asks, "dpkg did not ask: {dpkg:?}");
    let output =
        guest.ok("dpkg --force-confdef --force-confold --configure mvmhost </dev/null 2>&1")?;
    guest.ok("grep -q '^# mine' /etc/mvmhost.toml && ! grep -q '^# theirs' /etc/mvmhost.toml &&
         grep -q '^# theirs' /etc/mvmhost.toml.dpkg-dist && rm -r /srv/next /srv/next.deb")?;
    Ok(output)
}

/// What `mvmhost facts` tells of a host that apply has just left, and of an edit since.
fn as_it_was_left(guest: &mut Guest) -> Result<()> {
    let output = guest.run(&format!("sh {EXAMPLES}/mvmhost.fact"))?;
    ensure!(output.success() && output.stderr.is_empty(), "{output:?}");
    let facts: Value = serde_json::from_str(&output.stdout)?;
    ensure!(facts["drift"]["any"] == false, "{facts}");
    ensure!(facts["provider"] == "firecracker" && facts["interfaces"] == json!(["tap"]), "{facts}");
    for name in ["mvmhost", "kernel", "containerd", "flintlockd", "firecracker"] {
        ensure!(facts["versions"][name].is_string(), "no version of {name}: {facts}");
    }
    let configuration = &facts["configuration"];
    ensure!(configuration["digest"] == configuration["applied"], "{facts}");
    ensure!(facts["boot"]["ready"].as_u64().is_some_and(|ms| ms > 1000), "{facts}");
    guest.ok("mkdir -p /etc/mvmhost.toml.d && printf '[containerd]\\nlog-level = \"warn\"\\n' > /etc/mvmhost.toml.d/10-edit.toml
        rm /run/systemd/generator/mvm-thinpool.service.d/50-mvmhost.conf")?;
    let facts = host::json(guest, "facts")?;
    guest.ok("rm /etc/mvmhost.toml.d/10-edit.toml && systemctl daemon-reload && mvmhost plan")?;
    let drift = &facts["drift"];
    ensure!(drift["configuration"] == json!(["containerd.log-level"]), "{facts}");
    ensure!(drift["units"] == json!(["mvm-thinpool.service.d/50-mvmhost.conf"]), "{facts}");
    let codes = host::codes(&facts);
    for code in ["MVM-HOST-132", "MVM-HOST-133", "MVM-HOST-134"] {
        ensure!(codes.iter().any(|found| found == code), "{code}: {facts}");
    }
    Ok(())
}

/// The two examples for other programs, on a sound host and on one without a VMM.
fn told_at_login_and_to_greenboot(guest: &mut Guest) -> Result<()> {
    // A boot is given three minutes to become green; here it gets one try. A login waits for five
    // seconds, which an emulated check may take.
    guest.ok("mkdir -p /root/once && printf '#!/bin/sh\\necho 1\\n' > /root/once/seq && printf '#!/bin/sh\\n' > /root/once/sleep &&
        printf '#!/bin/sh\\nshift; exec \"$@\"\\n' > /root/once/timeout && chmod +x /root/once/*")?;
    let greenboot = format!("PATH=/root/once:$PATH sh {EXAMPLES}/greenboot-required.sh");
    let motd = format!("PATH=/root/once:$PATH sh {EXAMPLES}/update-motd.sh");
    guest.ok(&greenboot)?;
    // The guest has no registry: with the images of the file as it is installed it is not ready.
    guest.ok("cp /etc/mvmhost.toml /root/with-images.toml
        printf '[images]\\nroot = []\\nkernel = []\\n' > /etc/mvmhost.toml && mvmhost apply")?;
    let message = guest.ok(&motd)?;
    ensure!(message == "mvmhost: this host serves microVMs\n", "{message}");
    guest.ok("chmod -x /usr/local/bin/firecracker")?;
    let (message, red) = (guest.ok(&motd)?, guest.run(&greenboot)?);
    guest.ok("chmod +x /usr/local/bin/firecracker; cp /root/with-images.toml /etc/mvmhost.toml; mvmhost apply")?;
    ensure!(message.lines().count() == 1 && message.contains("mvmhost check shows"), "{message}");
    ensure!(red.code() == Some(1) && red.stderr.contains("MVM-VMM-001"), "{red:?}");
    Ok(())
}
