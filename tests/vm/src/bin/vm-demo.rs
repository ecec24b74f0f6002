//! `cargo xtask demo`: a disposable Debian becomes a host, and is the same host after a reboot.
//! flintlockd and firecracker are the stand-ins of tests/standins: the real ones are in no package
//! registry.

use std::time::Duration;

use anyhow::Result;
use mvm_vm::guest::Guest;
use mvm_vm::image::Suite;
use mvm_vm::scenarios::host;
use mvm_vm::setup;

fn main() -> Result<()> {
    heading("a disposable Debian 12 (the first time its image is built)");
    let mut context = setup::host(Suite::Bookworm)?;
    let guest = &mut context.guest;
    setup::copy_standins(guest)?;

    heading("install, from a signed repository in the guest, and apply");
    show(guest, "DEBIAN_FRONTEND=noninteractive apt-get install -y mvmhost 2>&1 | tail -n 6")?;
    show(guest, "mvmhost plan; echo exit $?")?;
    show(guest, "mvmhost apply")?;

    heading("a thin volume with data in it");
    host::write_data(guest)?;
    show(guest, "cat /root/digest")?;

    heading("reboot");
    guest.reboot()?;
    host::settles(guest, Duration::from_secs(120))?;
    show(guest, "systemctl --no-pager status 'mvm-*'")?;
    show(guest, "journalctl --no-pager -b -t mvmhost")?;
    show(guest, "mvmhost status")?;
    show(guest, "dmsetup status flintlock-dev-thinpool; cat /root/digest")?;
    host::data_is_intact(guest)?;
    heading("the same host, the data intact");
    Ok(())
}

fn heading(text: &str) {
    println!("\n== {text}");
}

/// Types a command in the guest and shows what it answers, whatever its exit status.
fn show(guest: &mut Guest, command: &str) -> Result<()> {
    println!("# {command}");
    let output = guest.run(command)?;
    print!("{}{}", output.stdout, output.stderr);
    Ok(())
}
