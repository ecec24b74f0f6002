//! From a bare Debian to a microVM and back, with nothing but what README.md tells to type.

use anyhow::{Context as _, Result, ensure};

use super::host;
use crate::guest::Guest;
use crate::scenario::Context;
use crate::setup;
use crate::tools;

const README: &str = include_str!("../../../../README.md");

/// The stand-ins make taps, and the guest on a tap asks for an address and answers pings.
const GUESTS: &str = "mkdir -p /etc/systemd/system/flintlockd.service.d
    printf '[Service]\\nEnvironment=STANDIN_TAPS=1\\n' \\
        >/etc/systemd/system/flintlockd.service.d/40-standin.conf";

/// An address that README's cluster has, kept from DHCP.
const RESERVED: &str = "printf '[network]\\nreserved = [{ address = \"10.42.0.5\", name = \"lab\" }]\\n' \
                        >/etc/mvmhost.toml.d/70-cluster.toml";

const DIALLED: &str = "--address 10.42.0.1";

/// # Errors
/// README does not have a command, a command fails, or something is left behind.
pub fn what_readme_says_makes_a_microvm(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    copy_package(guest)?;
    guest.ok(&format!(
        "cd /root && DEBIAN_FRONTEND=noninteractive {} -y",
        typed("apt install ./mvmhost_*.deb")?
    ))?;
    setup::copy_standins(guest)?;
    guest.ok(GUESTS)?;
    guest.ok(&format!("{} --yes", typed("mvmhost init")?))?;
    guest.ok(&typed("mvmhost tls init")?)?;
    guest.ok(&typed("mvmhost apply")?)?;
    host::is_up(guest)?;
    guest.ok("ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519")?;
    guest.ok(&typed("mvmhost vm create mvm1")?)?;
    guest.ok(&format!("{} | grep -q login:", typed("mvmhost vm logs mvm1")?))?;
    let smoke = guest.run(&typed("mvmhost smoke")?)?;
    ensure!(smoke.success() && smoke.stderr.contains("MVM-VM-014"), "{smoke:?}");
    a_cluster_has_its_address(guest)?;
    guest.ok(&typed("mvmhost vm delete mvm1")?)?;
    guest.ok("! ls /sys/class/net | grep fltap && ! ls -d /var/lib/flintlock/vm/*/*/*")?;
    guest.ok("mvmhost plan")?;
    purged(guest)
}

/// What `mvmhost capmvm` prints has the address that the file reserves for the cluster, which nobody
/// gets as a lease.
fn a_cluster_has_its_address(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!("{RESERVED} && mvmhost apply && mvmhost plan"))?;
    let shown = guest.run("mvmhost status")?.stdout;
    ensure!(shown.contains("reserved    10.42.0.5 (lab)"), "{shown}");
    let facts = host::json(guest, "facts")?;
    ensure!(facts["reserved"][0]["address"] == "10.42.0.5", "{facts}");
    guest.ok("mvmhost net status | grep -q 'reserved    10.42.0.5 (lab)'")?;
    let deep = guest.run("mvmhost check --deep")?;
    ensure!(deep.stderr.contains("10.42.0.5: nobody answers there yet"), "{deep:?}");
    let printed = typed("mvmhost capmvm --name lab")?;
    let printed = printed.split('|').next().unwrap_or(&printed);
    // A guest has no default route that would show the address by which clients reach it.
    let resources = guest.ok(&format!("{printed} {DIALLED}"))?;
    for part in ["kind: MicrovmCluster", "host: \"10.42.0.5\"", "name: lab-tls", "tls.crt:"] {
        ensure!(resources.contains(part), "no {part} in {resources}");
    }
    // Without --vip it is the same, and an address that this host has itself is refused.
    guest.ok(&format!("mvmhost capmvm --name lab {DIALLED} | grep -q 'host: \"10.42.0.5\"'"))?;
    let own = guest.run(&format!("mvmhost capmvm --name lab {DIALLED} --vip 10.42.0.1"))?;
    ensure!(own.code() == Some(1) && own.stderr.contains("MVM-NET-470"), "{own:?}");
    Ok(())
}

/// Of what `tls init` wrote nothing stays; the operator's own fragment does.
fn purged(guest: &mut Guest) -> Result<()> {
    let purge = typed("apt purge mvmhost")?;
    guest.ok(&format!("DEBIAN_FRONTEND=noninteractive {purge} -y 2>&1"))?;
    guest.ok("! ls -A /etc/mvmhost.toml.d | grep -vx 70-cluster.toml")?;
    guest.ok("! ls -d /etc/mvmhost /etc/mvmhost.toml /var/lib/mvmhost").map(drop)
}

/// The line of README that begins like this, without its remark.
fn typed(begin: &str) -> Result<String> {
    let lines = README.lines().filter_map(|line| line.strip_prefix("    "));
    let line = lines.into_iter().find(|line| line.starts_with(begin));
    let line = line.with_context(|| format!("README.md has no line with {begin}"))?;
    Ok(line.split(" #").next().unwrap_or(line).trim().to_owned())
}

/// The package as it is downloaded, and not from a repository.
fn copy_package(guest: &mut Guest) -> Result<()> {
    for entry in std::fs::read_dir(tools::target_dir().join("packages"))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("mvmhost_") && name.ends_with(".deb") {
            return guest.copy_in(&path, &format!("/root/{name}"));
        }
    }
    anyhow::bail!("no .deb was built")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A newcomer reads it in one go.
    const LINES: usize = 120;

    #[test]
    fn readme_is_short_and_has_every_command() {
        let lines = README.lines().count();
        assert!(lines <= LINES, "README.md has {lines} lines");
        for command in
            ["apt install ./mvmhost_*.deb", "mvmhost tls init", "mvmhost capmvm --name lab"]
        {
            typed(command).unwrap();
        }
        assert!(typed("mvmhost vm create mvm1").unwrap().ends_with("--wait reachable"));
    }
}
