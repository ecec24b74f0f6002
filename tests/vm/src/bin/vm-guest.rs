//! A host to try things on: `vm-guest bookworm|trixie [SCRIPT...]`, run by `cargo xtask guest`.
//!
//! The package and the stand-ins are installed, nothing is applied. Each script runs as root from
//! that state, and its exit status counts: 0 passed, 2 skipped, else failed. With no script, the line
//! that reaches the guest is printed, and the guest stays until standard input ends.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use mvm_vm::guest::Guest;
use mvm_vm::image::Suite;
use mvm_vm::runner::chain;
use mvm_vm::scenario::Context;
use mvm_vm::setup;

/// The state that each script starts from.
const INSTALLED: &str = "installed";

/// What scripts of this project's kind are written with.
const TOOLS: &str = "busybox-static curl iptables openssl python3 socat";

/// A namespace that a script makes begins as the kernel made it, and not with what the distribution sets
/// for its host: with Debian 13's rp_filter of 2 a machine without an address hears no answer to its DHCP.
const NAMESPACES: &str = "sysctl -qw net.core.devconf_inherit_init_net=2";

const LIMIT: Duration = Duration::from_secs(900);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((suite, scripts)) = arguments.split_first().and_then(|(name, scripts)| {
        Some((Suite::ALL.into_iter().find(|suite| suite.name() == name)?, scripts))
    }) else {
        eprintln!("vm-guest: name a suite: bookworm or trixie");
        return ExitCode::from(64);
    };
    match run(suite, scripts) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("vm-guest: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Whether every script passed.
fn run(suite: Suite, scripts: &[String]) -> Result<bool> {
    let mut context = installed(suite)?;
    if scripts.is_empty() {
        println!("ssh {} root@127.0.0.1", context.guest.ssh_arguments().join(" "));
        std::io::stdin().read_to_end(&mut Vec::new())?;
        return Ok(true);
    }
    let mut failed = 0;
    for script in scripts {
        context.guest.load(INSTALLED)?;
        failed += usize::from(!passes(&mut context.guest, Path::new(script))?);
    }
    println!("{} passed, {failed} failed", scripts.len() - failed);
    Ok(failed == 0)
}

fn installed(suite: Suite) -> Result<Context> {
    let mut context = setup::host(suite)?;
    let guest = &mut context.guest;
    let install = format!("DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mvmhost {TOOLS}");
    guest.run_within(&install, LIMIT)?.required(&install)?;
    setup::copy_standins(guest)?;
    guest.ok(NAMESPACES)?;
    guest.save(INSTALLED)?;
    Ok(context)
}

fn passes(guest: &mut Guest, script: &Path) -> Result<bool> {
    let name = script.file_name().and_then(|name| name.to_str()).context("a script has no name")?;
    let remote = format!("/root/{name}");
    guest.copy_in(script, &remote)?;
    let output = guest.run_within(&format!("bash {remote} 2>&1"), LIMIT)?;
    println!("== {name}: status {}\n{}", output.status, output.stdout);
    Ok(output.success())
}
