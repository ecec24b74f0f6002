//! `cargo xtask demo`: a disposable Debian becomes a host, and is the same host after a reboot.
//! flintlockd and firecracker are the stand-ins of tests/standins: the real ones are in no package
//! registry.

use std::time::Duration;

use anyhow::Result;
use mvm_vm::guest::{Guest, Options};
use mvm_vm::image::{Image, Suite, default_cache};
use mvm_vm::repository::Repository;
use mvm_vm::scenarios::host;
use mvm_vm::tools;

fn main() -> Result<()> {
    say("a disposable Debian 12 (the first time its image is built)");
    let image = Image::ensure(Suite::Bookworm, &default_cache())?;
    let packages = tools::target_dir().join("packages");
    let repository = Repository::build(image.suite(), &[&image.pool(), &packages])?;
    let options = Options { repository: Some(repository.disk()), ..Options::default() };
    let mut guest = Guest::boot(&image, options)?;
    repository.install(&mut guest)?;
    for standin in ["flintlockd", "firecracker"] {
        let local = tools::target_dir().join("release").join(standin);
        guest.copy_in(&local, &format!("/usr/local/bin/{standin}"))?;
    }

    say("install, from a signed repository in the guest, and apply");
    show(&mut guest, "DEBIAN_FRONTEND=noninteractive apt-get install -y mvmhost 2>&1 | tail -n 6")?;
    show(&mut guest, "mvmhost plan; echo exit $?")?;
    show(&mut guest, "mvmhost apply")?;

    say("a thin volume with data in it");
    host::write_data(&mut guest)?;
    show(&mut guest, "cat /root/digest")?;

    say("reboot");
    guest.reboot()?;
    host::settles(&mut guest, Duration::from_secs(120))?;
    show(&mut guest, "systemctl --no-pager status 'mvm-*'")?;
    show(&mut guest, "journalctl --no-pager -b -t mvmhost")?;
    show(&mut guest, "mvmhost status")?;
    show(&mut guest, "dmsetup status flintlock-dev-thinpool; cat /root/digest")?;
    host::data_is_intact(&mut guest)?;
    say("the same host, the data intact");
    Ok(())
}

fn say(text: &str) {
    println!("\n== {text}");
}

/// Types a command in the guest and shows what it answers, whatever its exit status.
fn show(guest: &mut Guest, command: &str) -> Result<()> {
    println!("# {command}");
    let output = guest.run(command)?;
    print!("{}{}", output.stdout, output.stderr);
    Ok(())
}
