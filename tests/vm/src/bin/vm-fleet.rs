//! Many hosts: the ansible role against a Debian 12 and a Debian 13, and cloud-init's first boot.
//! Run by `cargo xtask test vm` when the suites are through.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mvm_vm::guest::Guest;
use mvm_vm::image::Suite;
use mvm_vm::repository::Repository;
use mvm_vm::scenarios::host;
use mvm_vm::setup;
use mvm_vm::tools;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    let mut failed = 0;
    let done = [("ansible", ansible()), ("cloud-init", cloud_init())];
    for (name, result) in &done {
        match result {
            Ok(()) => println!("ok     {name}"),
            Err(error) => {
                println!("FAILED {name}\n{error:?}");
                failed += 1;
            }
        }
    }
    println!("{} passed, {failed} failed", done.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A guest with its repository and the stand-ins, mvmhost not yet installed.
fn guest(suite: Suite) -> Result<(Guest, Option<Repository>)> {
    let mut context = setup::host(suite)?;
    setup::copy_standins(&mut context.guest)?;
    Ok((context.guest, context.repository))
}

/// What ansible counted for each host.
#[derive(Debug, PartialEq, Eq)]
struct Recap {
    changed: u32,
    failed: u32,
}

fn ansible() -> Result<()> {
    let mut hosts = Vec::new();
    for suite in Suite::ALL {
        let (mut guest, repository) = guest(suite)?;
        guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y python3-apt")?;
        hosts.push((suite.name(), guest, repository));
    }
    let folder = tempfile::tempdir()?;
    let inventory: String = hosts
        .iter()
        .map(|(name, guest, _)| {
            let arguments = guest.ssh_arguments().join(" ");
            format!(
                "{name} ansible_host=127.0.0.1 ansible_user=root ansible_ssh_args='{arguments}' \
                 ansible_python_interpreter=/usr/bin/python3\n"
            )
        })
        .collect();
    fs::write(folder.path().join("hosts"), format!("[microvm_hosts]\n{inventory}"))?;

    let first = play(&folder, &[])?;
    ensure!(first.iter().all(|host| host.changed > 0 && host.failed == 0), "{first:?}");
    for (_, guest, _) in &mut hosts {
        host::is_up(guest)?;
        guest.ok("mvmhost plan")?;
    }
    let quiet = [Recap { changed: 0, failed: 0 }, Recap { changed: 0, failed: 0 }];
    let second = play(&folder, &[])?;
    ensure!(second == quiet, "the second run changed something: {second:?}");
    let mut setup = command(&folder, "ansible")?;
    setup.args(["microvm_hosts", "-m", "setup", "-a", "filter=ansible_local"]);
    let facts = tools::ok(&mut setup, LIMIT)?;
    let told = facts.matches("\"provider\": \"firecracker\"").count();
    ensure!(told == 2, "ansible_local.mvmhost is not there: {facts}");

    // Check mode tells of a change that somebody made, and changes nothing.
    let (_, one, _) = &mut hosts[0];
    one.ok("ip link delete br-mvm")?;
    let check = play(&folder, &["--check"])?;
    ensure!(check.iter().filter(|host| host.changed > 0).count() == 1, "{check:?}");
    let (_, one, _) = &mut hosts[0];
    let bridge = one.run("ip link show br-mvm")?;
    ensure!(!bridge.success(), "check mode made the bridge: {bridge:?}");
    Ok(())
}

/// Runs the shipped playbook and gives each host's recap.
fn play(folder: &TempDir, arguments: &[&str]) -> Result<Vec<Recap>> {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/ansible/playbook.yml");
    let text = tools::ok(command(folder, "ansible-playbook")?.args(arguments).arg(book), LIMIT)?;
    let recap = text.split_once("PLAY RECAP").context("ansible gave no recap")?.1;
    Ok(recap.lines().filter(|line| line.contains("ok=")).map(parse).collect())
}

/// A program of ansible's, with the hosts of the folder.
fn command(folder: &TempDir, program: &str) -> Result<Command> {
    let mut command = Command::new(program);
    command.arg("-i").arg(folder.path().join("hosts"));
    // Nothing of the caller's own ansible may have a say.
    let settings = folder.path().join("ansible.cfg");
    fs::write(&settings, "")?;
    command.env("ANSIBLE_CONFIG", settings).env("ANSIBLE_HOME", folder.path());
    command.env("ANSIBLE_LOCAL_TEMP", folder.path()).env("ANSIBLE_NOCOLOR", "1");
    Ok(command)
}

/// `name : ok=4 changed=1 unreachable=0 failed=0 ...`
fn parse(line: &str) -> Recap {
    let number = |key: &str| {
        line.split_whitespace()
            .find_map(|word| word.strip_prefix(key)?.parse().ok())
            .unwrap_or(u32::MAX)
    };
    Recap { changed: number("changed="), failed: number("failed=") }
}

fn cloud_init() -> Result<()> {
    let (mut guest, _repository) = guest(Suite::Bookworm)?;
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
        .replace("Suites: stable", &format!("Suites: {}", Suite::Bookworm.name()));
    let folder = tempfile::tempdir()?;
    let user_data = folder.path().join("user-data");
    fs::write(&user_data, text)?;
    guest.copy_in(&user_data, "/var/lib/cloud/seed/nocloud/user-data")?;
    guest.reboot()?;
    guest.wait_for("cloud-init status | grep -Eq 'done|error'", LIMIT)?;
    let said = guest.run("cat /var/log/cloud-init-output.log")?.stdout;
    guest.ok("cloud-init status --long").with_context(|| said.clone())?;
    host::is_up(&mut guest).with_context(|| said)?;
    guest.ok("grep -q 20GiB /etc/mvmhost.toml && mvmhost plan").map(drop)
}
