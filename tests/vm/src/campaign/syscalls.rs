//! Each oneshot is killed at each of its system calls, one after the other; then a plain second run must
//! end as if nothing had been.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::power_cuts::PowerCuts;
use super::{Campaign, Chance};
use crate::guest::Guest;
use crate::scenario::Context;
use crate::scenarios::host;

const UP: &str = "up";
/// What runs a program up to its Nth system call, in the guest.
const KILLER: &str = "python3 /root/kill.py";
const SETTLES: Duration = Duration::from_secs(240);
/// Cases between two fresh guests: what one leaves the next one meets, as on a host.
const FRESH_EVERY: u64 = 25;

/// What is killed: how it is begun, what to run, and what must hold after a plain second run.
struct Program {
    name: &'static str,
    before: &'static str,
    line: &'static str,
    holds: &'static str,
}

const PROGRAMS: &[Program] = &[
    Program {
        // Its folder is a microVM's that flintlockd does not list.
        name: "mvm-hygiene",
        before: "mkdir -p /var/lib/flintlock/vm/ns/vm/uid; echo 999999 > /var/lib/flintlock/vm/ns/vm/uid/firecracker.pid",
        line: "/usr/libexec/mvmhost/mvm-hygiene",
        holds: "! test -e /var/lib/flintlock/vm/ns/vm/uid/firecracker.pid",
    },
    Program {
        name: "mvm-thinpool",
        before: "systemctl stop flintlockd.service containerd-dev.service mvm-guard.service; dmsetup remove_all --deferred >/dev/null 2>&1; mvmhost pool remove >/dev/null 2>&1 || true",
        line: "/usr/libexec/mvmhost/mvm-thinpool",
        holds: "dmsetup status flintlock-dev-thinpool",
    },
    Program {
        name: "mvm-net",
        before: "nft flush ruleset; for link in $(ls /sys/class/net | grep -x 'mvm.*\\|br.*'); do ip link delete $link; done",
        line: "/usr/libexec/mvmhost/mvm-net",
        holds: "true",
    },
    Program {
        name: "mvm-images",
        before: "true",
        line: "/usr/libexec/mvmhost/mvm-images",
        holds: "true",
    },
    Program {
        name: "mvmhost apply",
        before: "printf '[containerd]\\nlog-level = \"debug\"\\n' > /etc/mvmhost.toml",
        line: "/usr/bin/mvmhost apply",
        holds: "mvmhost plan",
    },
];

/// The campaign. With no limit of time it has as many cases as the programs make system calls.
#[derive(Debug, Default, Clone)]
pub struct Syscalls {
    /// How many system calls each program makes.
    calls: Vec<u64>,
}

impl Syscalls {
    /// The program and the call of a case. Before the programs were counted there is one case, so that
    /// they are.
    fn at(&self, mut number: u64) -> Option<(&'static Program, u64)> {
        if self.calls.is_empty() {
            return PROGRAMS.first().map(|program| (program, number + 1));
        }
        for (program, calls) in PROGRAMS.iter().zip(&self.calls) {
            if number < *calls {
                return Some((program, number + 1));
            }
            number -= calls;
        }
        None
    }
}

impl Campaign for Syscalls {
    fn prepare(&mut self, context: &mut Context) -> Result<()> {
        PowerCuts.prepare(context)?;
        let guest = &mut context.guest;
        guest
            .ok(&format!("cat > /root/kill.py <<'PYTHON'\n{}\nPYTHON", include_str!("kill.py")))?;
        let install = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 >/dev/null";
        guest.run_within(install, SETTLES)?.required(install)?;
        guest.ok("systemctl stop mvmhost-retry.timer mvm-images-retry.timer")?;
        guest.save(UP)?;
        self.calls.clear();
        for program in PROGRAMS {
            guest.ok(program.before)?;
            let counted =
                guest.run(&format!("{KILLER} 0 {} 2>&1 >/dev/null | tail -n 1", program.line))?;
            let calls = counted
                .stdout
                .trim()
                .parse()
                .with_context(|| format!("{}: {counted:?}", program.name))?;
            println!("{}: {calls} system calls", program.name);
            self.calls.push(calls);
            guest.load(UP)?;
        }
        Ok(())
    }

    fn describe(&self, number: u64, _: &mut Chance) -> Option<String> {
        self.at(number).map(|(program, call)| format!("{} killed at call {call}", program.name))
    }

    fn case(&mut self, context: &mut Context, number: u64, _: &mut Chance) -> Result<()> {
        let Some((program, call)) = self.at(number) else { return Ok(()) };
        let guest = &mut context.guest;
        if number.is_multiple_of(FRESH_EVERY) {
            guest.load(UP)?;
        }
        guest.ok(program.before)?;
        guest.run(&format!("{KILLER} {call} {} >/dev/null 2>&1", program.line))?;
        converges(guest, program)
    }
}

fn converges(guest: &mut Guest, program: &Program) -> Result<()> {
    let again = guest.run_within(program.line, SETTLES)?;
    ensure!(matches!(again.code(), Some(0 | 1)), "the second run: {again:?}");
    guest.ok(program.holds)?;
    if program.name == "mvm-hygiene" {
        return Ok(());
    }
    guest.ok("systemctl reset-failed; systemctl start mvmhost.target")?;
    host::settles(guest, SETTLES)?;
    host::data_is_intact(guest)
}
