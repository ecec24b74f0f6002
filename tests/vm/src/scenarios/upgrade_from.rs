//! From the first release to this one.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::host;
use super::upgrade::{WORKLOAD, runs_a_microvm};
use crate::guest::Guest;
use crate::scenario::Context;
use crate::{setup, tools};

/// How long a boot may take to have the whole chain up.
const BOOT: Duration = Duration::from_secs(300);

/// The first release, as xtask builds it from its commit; with a version before this one's.
const PACKAGE: &str = "before/mvmhost.deb";

/// A host of 0.1.0 with a microVM gets this package: nothing is disturbed, and the next boot, with or
/// without an apply before, is the same host with its data.
///
/// # Errors
/// It is not.
pub fn a_host_of_0_1_0_goes_on(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let package = tools::target_dir().join(PACKAGE);
    ensure!(
        package.is_file(),
        "{} is not there: cargo xtask test --all makes it",
        package.display()
    );
    guest.copy_in(&package, "/root/before.deb")?;
    guest
        .ok("DEBIAN_FRONTEND=noninteractive apt-get install -y /root/before.deb >/dev/null 2>&1")?;
    setup::copy_standins(guest)?;
    guest.ok("mvmhost apply && systemctl disable -q --now containerd.service")?;
    host::is_up(guest)?;
    host::write_data(guest)?;
    runs_a_microvm(guest)?;
    let before = guest.ok(WORKLOAD)?;
    let output = guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y mvmhost 2>&1")?;
    let version = guest.ok("dpkg-query -W -f '${Version}' mvmhost")?;
    ensure!(version == env!("CARGO_PKG_VERSION"), "{version} is installed:\n{output}");
    ensure!(output.contains("nothing was restarted"), "{output}");
    ensure!(guest.ok(WORKLOAD)? == before, "the upgrade restarted something");
    guest.ok("sync")?;
    guest.save("upgraded")?;

    guest.reboot()?;
    // What is new waits for an apply, so that a plan has something to say.
    guest.wait_for("systemctl is-active flintlockd.service", BOOT)?;
    host::is_up(guest)?;
    sound(guest)?;

    guest.load("upgraded")?;
    guest.ok("mvmhost apply && mvmhost plan")?;
    guest.ok("kill -0 $(cat /var/lib/flintlock/vm/ns/live/uid-live/firecracker.pid)")?;
    guest.reboot()?;
    host::settles(guest, BOOT)?;
    sound(guest)
}

/// The data are there, and nothing complains.
fn sound(guest: &mut Guest) -> Result<()> {
    host::data_is_intact(guest)?;
    let errors =
        guest.ok("journalctl --sync; journalctl -b -t mvmhost -p err -o cat --no-pager")?;
    ensure!(errors.trim().is_empty(), "{errors}");
    Ok(())
}
