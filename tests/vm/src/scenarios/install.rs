//! From a fresh Debian to a host, with the two commands that the package names.

use anyhow::{Result, ensure};

use super::host;
use crate::scenario::Context;
use crate::setup;

/// `apt-get install mvmhost` from the signed repository.
///
/// # Errors
/// Something is missing, or runs already.
pub fn installs_and_starts_nothing(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let output = guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y mvmhost 2>&1")?;
    for command in ["mvmhost plan", "mvmhost apply"] {
        ensure!(output.contains(command), "the installation does not name {command}:\n{output}");
    }
    guest.ok("test \"$(systemctl is-enabled mvmhost.target)\" = enabled")?;
    for unit in ["mvmhost.target", "mvm-thinpool.service", "mvm-net.service", "mvm-hygiene.service"]
    {
        let state = guest.run(&format!("systemctl is-active {unit}"))?.stdout;
        ensure!(state.trim() == "inactive", "{unit} is {} after installation", state.trim());
    }
    guest.ok("dpkg-query -W -f '${Conffiles}' mvmhost | grep -q /etc/mvmhost.toml")?;
    guest.ok("dpkg --verify mvmhost | (! grep .)")?;
    guest.ok(". /usr/share/bash-completion/completions/mvmhost && complete -p mvmhost")?;
    guest.ok("test -s \"$(sed -n '1s,^#:schema file://,,p' /etc/mvmhost.toml)\"")?;
    setup::copy_standins(guest)?;
    let plan = guest.run("mvmhost plan")?;
    ensure!(plan.code() == Some(2), "mvmhost plan on a fresh host: {plan:?}");
    guest.ok(&format!("! dmsetup info {} 2>/dev/null", host::POOL))?;
    Ok(())
}

/// `mvmhost apply` with the file as it was installed, then an empty plan.
///
/// # Errors
/// The host is not up or has something left to do.
pub fn apply_brings_the_host_up(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let output = guest.run("mvmhost apply")?;
    ensure!(output.success(), "mvmhost apply: {output:?}");
    host::is_up(guest)?;
    let table = guest.ok(&format!("dmsetup table {}", host::POOL))?;
    ensure!(table.trim_end().ends_with(" 128 32768 0"), "{table}");
    let plan = guest.run("mvmhost plan")?;
    ensure!(plan.code() == Some(0), "the second plan is not empty: {plan:?}");
    // 100 GiB promised on a disk of a few: said with the numbers, and no error.
    let document = host::json(guest, "status")?;
    ensure!(document["version"] == 1, "{document}");
    ensure!(document["flintlockd"]["answers"] == true, "{document}");
    let sparse = host::codes(&document);
    ensure!(sparse.iter().any(|code| code.starts_with("MVM-POOL-")), "{document}");
    guest.ok("journalctl --sync; journalctl -t mvmhost -b -x --no-pager | grep -q 'man:mvmhost-diagnostics(7)'")?;
    guest.ok("test \"$(stat -c %a /etc/mvmhost/applied.toml)\" = 600")?;
    host::write_data(guest)?;
    // A microVM's disk is no change of the host; nor is Debian's own containerd, which runs beside
    // ours and would take four emulated seconds of every boot.
    guest.ok("systemctl disable -q --now containerd.service && mvmhost plan").map(drop)
}
