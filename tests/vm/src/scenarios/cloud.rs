//! A host that nobody logs in to: cloud-init's first boot makes it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::host;
use crate::scenario::Context;
use crate::setup;

/// cloud-init is some twenty Python programs, emulated.
const LIMIT: Duration = Duration::from_secs(600);

/// The shipped example, but for the name of the release.
///
/// # Errors
/// cloud-init says so, or the host is not up when it is done.
pub fn the_first_boot_makes_the_host(context: &mut Context) -> Result<()> {
    let suite = context.suite();
    let guest = &mut context.guest;
    setup::copy_standins(guest)?;
    let install = "DEBIAN_FRONTEND=noninteractive apt-get install -y cloud-init >/dev/null";
    guest.run_within(install, LIMIT)?.required(install)?;
    // The example's own source of packages must be the one that is used.
    guest.ok(
        "ln -s /srv/mvmhost-repo /srv/mvmhost
        install -D -m 644 /srv/mvmhost/mvmhost.asc /etc/apt/keyrings/mvmhost.asc
        rm /etc/apt/sources.list.d/*
        mkdir -p /var/lib/cloud/seed/nocloud
        printf 'instance-id: mvm-1\\n' >/var/lib/cloud/seed/nocloud/meta-data
        printf 'datasource_list: [NoCloud]\\n' >/etc/cloud/cloud.cfg.d/90-seed.cfg
        printf 'network: {config: disabled}\\n' >/etc/cloud/cloud.cfg.d/91-network.cfg
        printf 'ssh_deletekeys: false\\ndisable_root: false\\nlocale: false\\n' >/etc/cloud/cloud.cfg.d/92-ssh.cfg",
    )?;
    let example =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/examples/cloud-init.yaml");
    let text = fs::read_to_string(example)?
        .replace("Suites: stable", &format!("Suites: {}", suite.name()));
    let folder = tempfile::tempdir()?;
    let user_data = folder.path().join("user-data");
    fs::write(&user_data, text)?;
    guest.copy_in(&user_data, "/var/lib/cloud/seed/nocloud/user-data")?;
    guest.reboot()?;
    guest.wait_for("cloud-init status | grep -Eq 'done|error'", LIMIT)?;
    let log = guest.run("cat /var/log/cloud-init-output.log")?.stdout;
    guest.ok("cloud-init status --long").with_context(|| log.clone())?;
    host::is_up(guest).with_context(|| log)?;
    guest.ok("grep -q 20GiB /etc/mvmhost.toml && mvmhost plan")?;
    let client = "/etc/mvmhost/tls/clients/capmvm";
    let ask = "mvmhost check --host 127.0.0.1 --tls-ca /etc/mvmhost/tls/ca.crt";
    guest.ok(&format!("{ask} --tls-cert {client}.crt --tls-key {client}.key")).map(drop)
}
