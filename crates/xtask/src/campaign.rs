//! `cargo xtask campaign`: long runs beside the gate. What a case is, is in tests/vm/src/campaign.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{tools, vm};

/// Campaigns that run in a guest and need nothing of this machine besides.
const IN_GUEST: [&str; 3] = ["power-cuts", "reboots", "syscalls"];
/// One that records in a guest, and looks at what was recorded on this machine: it mounts there.
const WRITE_ORDER: &str = "write-order";
/// One in network namespaces of this machine.
const NETWORK: &str = "syscalls-net";
/// Debian packages that [`NETWORK`] runs programs of.
const NETWORK_TOOLS: &[&str] = &["nftables", "iproute2", "procps", "python3"];
/// What reads a pool's metadata.
const THIN: &[&str] = &["thin-provisioning-tools"];
/// For how long, when nobody says.
const MINUTES: &str = "60";
/// What cases are drawn from, when nobody says.
const SEED: &str = "1";

/// Runs one campaign: `NAME [--minutes M] [--seed S]`.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (name, options) = arguments.split_first().context(
        "name a campaign: power-cuts, write-order, reboots, syscalls, syscalls-net or fuzz",
    )?;
    let (minutes, seed) = options_of(options)?;
    match *name {
        "fuzz" => fuzz(minutes),
        name if IN_GUEST.contains(&name) => {
            vm::prepare()?;
            vm::run("vm-campaign", &[name, minutes, seed])
        }
        WRITE_ORDER => {
            tools::apt(THIN)?;
            vm::prepare()?;
            vm::run_apart("vm-campaign", &[WRITE_ORDER, minutes, seed])
        }
        NETWORK => {
            tools::apt(NETWORK_TOOLS)?;
            tools::workspace()?;
            vm::run_apart("vm-campaign", &[NETWORK, minutes, seed])
        }
        other => {
            bail!("no campaign {other}: {}, {WRITE_ORDER}, {NETWORK} or fuzz", IN_GUEST.join(", "))
        }
    }
}

fn options_of<'a>(mut rest: &[&'a str]) -> Result<(&'a str, &'a str)> {
    let (mut minutes, mut seed) = (MINUTES, SEED);
    while let [option, value, more @ ..] = rest {
        let number: Result<u64, _> = value.parse();
        number.with_context(|| format!("{option} {value}"))?;
        match *option {
            "--minutes" => minutes = value,
            "--seed" => seed = value,
            other => bail!("no option {other}"),
        }
        rest = more;
    }
    match rest {
        [] => Ok((minutes, seed)),
        [option, ..] => bail!("{option} takes a number"),
    }
}

/// Every fuzz target for so long; libFuzzer keeps what it found, and goes on from there.
fn fuzz(minutes: &str) -> Result<()> {
    let minutes: u64 = minutes.parse()?;
    let script = tools::top()?.join("tests/fuzz/run");
    tools::check(Command::new(script).arg((minutes * 60).to_string()))
}
