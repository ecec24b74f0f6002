//! Removal and purge.

use anyhow::{Result, ensure};

use super::host;
use crate::runner::Context;

/// # Errors
/// Something of the operator's goes, or something of ours stays.
pub fn removal_keeps_what_is_the_operators(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let apt = "DEBIAN_FRONTEND=noninteractive apt-get";
    let files = format!("stat -c '%n %i %s' {0}/data {0}/metadata", host::FILES);
    let before = guest.ok(&files)?;
    guest.ok(&format!("{apt} remove -y mvmhost"))?;
    guest.ok("test -e /etc/mvmhost.toml -a -e /var/lib/mvmhost/receipt.json")?;
    guest.ok(
        "systemctl daemon-reload; ! ls /run/systemd/generator/flintlockd.service.d 2>/dev/null",
    )?;
    host::data_is_intact(guest)?;
    guest.ok(&format!("{apt} install -y mvmhost && mvmhost apply && mvmhost plan"))?;
    host::is_up(guest)?;
    let said = guest.ok(&format!("{apt} purge -y mvmhost 2>&1"))?;
    ensure!(said.contains("kept /var/lib/containerd-dev"), "{said}");
    ensure!(guest.ok(&files)? == before, "the pool's files changed");
    guest.ok("! ls -d /etc/mvmhost* /var/lib/mvmhost /usr/libexec/mvmhost 2>/dev/null")?;
    let left = guest.ok("find / -xdev -iname '*mvmhost*' -not -path '/proc/*' -not -path '/srv/*' -not -path '/var/lib/apt/*' -not -path '/etc/apt/*' -not -path '/var/log/*' -not -path '/var/cache/*' -not -name 'mvmhost-test.*'")?;
    ensure!(left.trim().is_empty(), "left behind: {left}");
    Ok(())
}
