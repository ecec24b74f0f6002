//! Many hosts: the ansible role against a Debian 12 and a Debian 13 at once, then the one as the hub of
//! the other, then a fleet of three from one playbook: `vm-fleet [NAME]...`, run by `cargo xtask test fleet`.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mvm_vm::guest::Wire;
use mvm_vm::image::{Image, Suite, default_cache};
use mvm_vm::scenario::Context;
use mvm_vm::scenarios::{fleet, host, hub, lan};
use mvm_vm::{runner, setup, tools, wire};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let selected = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
    let first = two(&selected);
    let second = if selected("fleet") { three() } else { (0, 0) };
    let (passed, failed) = (first.0 + second.0, first.1 + second.1);
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many passed, and how many failed.
type Count = (usize, usize);

fn two(selected: &dyn Fn(&str) -> bool) -> Count {
    let all: [(&str, Test); 3] = [
        ("ansible", ansible),
        ("lan", lan::a_host_leaves_its_lan_alone),
        ("hub", hub::a_hub_serves_a_host),
    ];
    let tests: Vec<(&str, Test)> = all.into_iter().filter(|(name, _)| selected(name)).collect();
    if tests.is_empty() {
        return (0, 0);
    }
    let (_wire, mut hosts) = match hosts() {
        Ok(hosts) => hosts,
        Err(error) => {
            println!("FAILED setup\n{}", runner::chain(&error));
            return (0, tests.len());
        }
    };
    for (passed, (name, test)) in tests.iter().enumerate() {
        if let Err(error) = test(&mut hosts) {
            println!("FAILED {name}\n{}", runner::chain(&error));
            for host in &mut hosts {
                let folder = format!("{name}-{}", host.suite().name());
                println!("evidence: {}", runner::keep_evidence(&mut host.guest, &folder));
            }
            return (passed, tests.len() - passed);
        }
        println!("ok     {name}");
    }
    (tests.len(), 0)
}

/// A hub and two hosts, from one playbook.
fn three() -> Count {
    let mut hosts = Vec::new();
    if let Err(error) = fleet(&mut hosts) {
        println!("FAILED fleet\n{}", runner::chain(&error));
        for (number, host) in hosts.iter_mut().enumerate() {
            let folder = format!("fleet-{number}");
            println!("evidence: {}", runner::keep_evidence(&mut host.guest, &folder));
        }
        return (0, 1);
    }
    println!("ok     fleet");
    (1, 0)
}

fn fleet(hosts: &mut Vec<Context>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let wires = wire::shared(folder.path(), &fleet::MACS)?;
    let suites = [Suite::Bookworm, Suite::Trixie, Suite::Bookworm];
    for (suite, wire) in suites.into_iter().zip(wires) {
        hosts.push(setup::launch(Image::ensure(suite, &default_cache())?, Some(wire))?);
    }
    for host in hosts.iter_mut() {
        prepared(host)?;
    }
    let hosts: &mut [Context; 3] = hosts.as_mut_slice().try_into()?;
    setup::copy_programs(&mut hosts[0].guest, &["client"])?;
    fleet::wired(hosts)?;
    let names = ["hub", "host-1", "host-2"];
    write_inventory(&folder, hosts.iter().zip(names))?;
    fs::create_dir(folder.path().join("host_vars"))?;
    for (number, name) in names.into_iter().enumerate() {
        let text: String =
            fleet::configuration(number).lines().map(|line| format!("  {line}\n")).collect();
        fs::write(
            folder.path().join(format!("host_vars/{name}.yml")),
            format!("mvmhost_toml: |\n{text}"),
        )?;
    }
    let book = folder.path().join("fleet.yml");
    fs::write(&book, BOOK)?;
    let first = play(&folder, &book, &[])?;
    ensure!(first.iter().all(|host| host.changed > 0 && host.failed == 0), "{first:?}");
    fleet::a_client_creates_on_both(hosts)?;
    let second = play(&folder, &book, &[])?;
    ensure!(second.iter().all(|host| host.changed == 0 && host.failed == 0), "{second:?}");
    Ok(())
}

/// The hub is first: its authority is everybody's.
const BOOK: &str = "- hosts: microvm_hosts
  become: true
  vars:
    mvmhost_listen: 0.0.0.0:9090
  roles:
    - mvmhost
";

type Test = fn(&mut [Context; 2]) -> Result<()>;

/// A Debian 12 and a Debian 13 on one wire, whose sockets are in the folder.
fn hosts() -> Result<(TempDir, [Context; 2])> {
    let folder = tempfile::tempdir()?;
    let launch = |suite, mac: &str, other: &str| {
        let [own, other] = [mac, other].map(|end| folder.path().join(end.replace(':', "")));
        let wire = Wire { mac: mac.to_owned(), own, other };
        setup::launch(Image::ensure(suite, &default_cache())?, Some(wire))
    };
    let [one, two] = hub::MACS;
    let mut hosts = [launch(Suite::Bookworm, one, two)?, launch(Suite::Trixie, two, one)?];
    for host in &mut hosts {
        prepared(host)?;
    }
    Ok((folder, hosts))
}

fn prepared(host: &mut Context) -> Result<()> {
    setup::ready(host)?;
    setup::copy_standins(&mut host.guest)?;
    host.guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y python3-apt").map(drop)
}

fn write_inventory<'h>(
    folder: &TempDir,
    hosts: impl Iterator<Item = (&'h Context, &'h str)>,
) -> Result<()> {
    let line = |(host, name): (&Context, &str)| {
        format!(
            "{name} ansible_host=127.0.0.1 ansible_user=root ansible_ssh_args='{}' \
             ansible_python_interpreter=/usr/bin/python3\n",
            host.guest.ssh_arguments().join(" ")
        )
    };
    let inventory: String = hosts.map(line).collect();
    fs::write(folder.path().join("hosts"), format!("[microvm_hosts]\n{inventory}"))?;
    Ok(())
}

/// What ansible counted for each host.
#[derive(Debug, PartialEq, Eq)]
struct Recap {
    changed: u32,
    failed: u32,
}

fn ansible(hosts: &mut [Context; 2]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    write_inventory(&folder, hosts.iter().map(|host| (host, host.suite().name())))?;
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/ansible/playbook.yml");
    let play = |arguments: &[&str]| play(&folder, &book, arguments);

    let first = play(&[])?;
    ensure!(first.iter().all(|host| host.changed > 0 && host.failed == 0), "{first:?}");
    for one in &mut *hosts {
        host::is_up(&mut one.guest)?;
        one.guest.ok("mvmhost plan")?;
    }
    let quiet = [Recap { changed: 0, failed: 0 }, Recap { changed: 0, failed: 0 }];
    let second = play(&[])?;
    ensure!(second == quiet, "the second run changed something: {second:?}");
    let mut setup = command(&folder, "ansible")?;
    setup.args(["microvm_hosts", "-m", "setup", "-a", "filter=ansible_local"]);
    let facts = tools::ok(&mut setup, LIMIT)?;
    let count = facts.matches("\"provider\": \"firecracker\"").count();
    ensure!(count == 2, "ansible_local.mvmhost is not there: {facts}");

    // Check mode tells of a change that somebody made, and changes nothing.
    hosts[0].guest.ok("ip link delete br-mvm")?;
    let check = play(&["--check"])?;
    ensure!(check.iter().filter(|host| host.changed > 0).count() == 1, "{check:?}");
    let bridge = hosts[0].guest.run("ip link show br-mvm")?;
    ensure!(!bridge.success(), "check mode made the bridge: {bridge:?}");
    Ok(())
}

/// Runs a playbook and gives each host's recap.
fn play(folder: &TempDir, book: &Path, arguments: &[&str]) -> Result<Vec<Recap>> {
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
    let roles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/ansible/roles");
    command.env("ANSIBLE_ROLES_PATH", roles);
    // A module is one command of ssh then, and not five.
    command.env("ANSIBLE_PIPELINING", "1");
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
