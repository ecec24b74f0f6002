//! Tests of the harness itself, on real guests: `cargo run -p mvm-vm --bin vm-selftest [word]...`.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mvm_vm::guest::{Disk, Guest, Options};
use mvm_vm::image::Image;
use mvm_vm::leaks::Snapshot;
use mvm_vm::repository::Repository;
use mvm_vm::runner;
use mvm_vm::scenario::{Context, Gate, Scenario, Setup};

const FRESH: &str = "fresh";

const SETUP: Setup = Setup { boot: setup, booted: FRESH, stages: &[] };

const TESTS: &[Scenario] = &[
    Scenario::new(FRESH, "boot", Gate::Both, 10, boot),
    Scenario::new(FRESH, "outputs", Gate::Both, 10, outputs),
    Scenario::new(FRESH, "copy", Gate::Both, 10, copy),
    Scenario::new(FRESH, "restricted", Gate::Both, 10, restricted),
    Scenario::new(FRESH, "disk", Gate::Both, 10, disk),
    Scenario::new(FRESH, "reboot", Gate::Both, 30, reboot),
    Scenario::new(FRESH, "power-cut", Gate::Both, 30, power_cut),
    Scenario::new(FRESH, "restore", Gate::Both, 10, restore),
    Scenario::new(FRESH, "leaks", Gate::Both, 10, leaks),
    Scenario::new(FRESH, "packages", Gate::Both, 40, packages),
    Scenario::new(FRESH, "poweroff", Gate::Both, 30, poweroff),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    runner::run(&SETUP, TESTS, &arguments)
}

fn setup(image: Image) -> Result<Context> {
    let repository = Arc::new(Repository::build(&image, &[&image.pool()])?);
    let disks = vec![Disk { serial: "extra".to_owned(), mib: 64 }];
    let options = Options { disks, repository: Some(repository.disk()), ..Options::default() };
    let start = Instant::now();
    let mut guest = Guest::boot(&image, options)?;
    report("boot to ssh and systemd's end", start);
    println!("       systemd's own count: {:.1} s", guest.boot_time()?.as_secs_f64());
    Ok(Context { guest, repository: Some(repository) })
}

fn boot(context: &mut Context) -> Result<()> {
    let start = Instant::now();
    context.guest.ok("true")?;
    report("one command", start);
    let state = context.guest.system_state()?;
    let failed = context.guest.ok("systemctl --failed --no-legend")?;
    ensure!(state == "running", "the guest is {state}: {failed}");
    for absent in ["containerd", "runc", "thin_check", "dnsmasq", "nft", "lvm"] {
        let found = context.guest.run(&format!("command -v {absent}"))?;
        ensure!(!found.success(), "{absent} is in the image");
    }
    Ok(())
}

fn outputs(context: &mut Context) -> Result<()> {
    let output = context.guest.run("echo out; echo err >&2; exit 3")?;
    ensure!((output.status, &*output.stdout, &*output.stderr) == (3, "out\n", "err\n"));
    let start = Instant::now();
    let slow = context.guest.run_within("echo begun; sleep 60", Duration::from_secs(5));
    let error = slow.err().map(|error| format!("{error:#}")).unwrap_or_default();
    ensure!(error.contains("begun"), "a slow command was not ended: {error}");
    ensure!(start.elapsed() < Duration::from_secs(30), "ended too late");
    let error = context.guest.ok("echo broken >&2; false").err().map(|error| error.to_string());
    ensure!(error.is_some_and(|text| text.contains("broken")), "the error holds no output");
    Ok(())
}

fn copy(context: &mut Context) -> Result<()> {
    let folder = context.guest.console_log().with_file_name("copied");
    context.guest.ok("mkdir -m 750 /tmp/a && echo text >/tmp/a/b")?;
    context.guest.copy_out("/tmp/a", &folder)?;
    context.guest.copy_in(&folder, "/tmp/c")?;
    ensure!(context.guest.ok("stat -c %a /tmp/c; cat /tmp/c/b")? == "750\ntext\n");
    Ok(())
}

fn restricted(context: &mut Context) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let inside = format!("timeout 5 bash -c 'exec 3<>/dev/tcp/10.0.2.2/{port}'");
    ensure!(!context.guest.run(&inside)?.success(), "the guest reaches the build machine");
    Ok(())
}

fn disk(context: &mut Context) -> Result<()> {
    let size = "blockdev --getsize64 /dev/disk/by-id/virtio-extra";
    ensure!(context.guest.ok(size)?.trim() == (64 << 20).to_string());
    Ok(())
}

fn reboot(context: &mut Context) -> Result<()> {
    let boot_id = "cat /proc/sys/kernel/random/boot_id";
    let before = context.guest.ok(boot_id)?;
    context.guest.ok("echo kept >/root/mark")?;
    let start = Instant::now();
    context.guest.reboot()?;
    report("reboot", start);
    ensure!(context.guest.ok("cat /root/mark")? == "kept\n");
    ensure!(context.guest.ok(boot_id)? != before, "no new boot");
    context.guest.ok("journalctl -b -1 --no-pager | grep -i 'journal stopped'")?;
    Ok(())
}

fn power_cut(context: &mut Context) -> Result<()> {
    context.guest.ok("echo synced >/root/synced; sync; logger before-the-cut; sleep 3; \
         echo gone >/run/gone")?;
    let start = Instant::now();
    context.guest.power_cut()?;
    report("power cut and boot", start);
    ensure!(context.guest.ok("cat /root/synced")? == "synced\n");
    context.guest.ok("test ! -e /run/gone")?;
    context.guest.ok("journalctl -b -1 -t root --no-pager | grep before-the-cut")?;
    Ok(())
}

fn restore(context: &mut Context) -> Result<()> {
    context.guest.ok("echo changed >/root/changed")?;
    let start = Instant::now();
    context.guest.load(FRESH)?;
    report("loadvm and ssh", start);
    context.guest.ok("test ! -e /root/changed")?;
    Ok(())
}

fn leaks(context: &mut Context) -> Result<()> {
    let before = Snapshot::take(&mut context.guest)?;
    context
        .guest
        .ok("truncate -s 1M /tmp/backing && losetup -f /tmp/backing && ip netns add left \
         && ip link add br9 type bridge")?;
    let after = Snapshot::take(&mut context.guest)?;
    let found = before.diff(&after);
    let expected = ["+ link: br9", "+ loop device: /tmp/backing", "+ network namespace: left"];
    ensure!(found == expected, "{found:?}");
    context.guest.ok("losetup -D; ip netns del left; ip link del br9")?;
    let found = before.diff(&Snapshot::take(&mut context.guest)?);
    ensure!(found.is_empty(), "{found:?}");
    Ok(())
}

fn packages(context: &mut Context) -> Result<()> {
    let Context { guest, repository } = context;
    if let Some(repository) = repository {
        repository.install(guest)?;
    }
    let start = Instant::now();
    guest.ok(
        "apt-get -q -y install containerd thin-provisioning-tools dnsmasq-base nftables lvm2",
    )?;
    report("apt-get install of the pool", start);
    guest.ok("containerd --version && thin_check --version && nft --version && dmsetup version")?;
    Ok(())
}

fn poweroff(context: &mut Context) -> Result<()> {
    context.guest.poweroff()?;
    ensure!(context.guest.pid().is_none() && context.guest.run("true").is_err());
    context.guest.start()
}

fn report(label: &str, start: Instant) {
    println!("       {label}: {:.1} s", start.elapsed().as_secs_f64());
}
