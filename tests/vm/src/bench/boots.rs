//! Boots of one host: with nothing of the kind, by the units a user would write by hand, by mvmhost.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::pool::SCRIPT_PATH;
use super::{median, ratio};
use crate::guest::Guest;

/// Boots of each kind, of which the median counts.
const BOOTS: usize = 10;

const BY_HAND: &str = include_str!("../../bench/by-hand.sh");
/// A generator that is a link to /dev/null does not run: systemd.generator(7).
const MASK: &str = "/etc/systemd/system-generators/mvmhost-generator";
/// The units that `by-hand.sh` writes.
const UNITS: &str = "by-hand-devpool by-hand-bridge by-hand-containerd by-hand-flintlockd";
/// Whose times the breakdown shows.
const SHOWN: &str = "mvm-thinpool mvm-net mvm-hygiene mvm-guard mvm-dhcp mvm-net-watch mvm-images \
                     containerd-dev flintlockd by-hand-devpool by-hand-bridge by-hand-containerd \
                     by-hand-flintlockd";
/// Emulated, and the last of the chain.
const UP: Duration = Duration::from_secs(120);

/// How a boot of the host is arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bare,
    ByHand,
    Ours,
}

impl Kind {
    /// Lines that make the next boot one of this kind.
    fn arrange(self) -> String {
        let masked = format!("mkdir -p $(dirname {MASK}) && ln -sf /dev/null {MASK}");
        let (target, units) = ("mvmhost.target", UNITS);
        match self {
            Self::Bare => format!("{masked}; systemctl -q disable {target} {units}; sync"),
            Self::ByHand => format!(
                "{masked}; systemctl -q disable {target}; systemctl -q enable {units}; sync"
            ),
            Self::Ours => format!(
                "rm -f {MASK}; systemctl -q disable {units}; systemctl -q enable {target}; sync"
            ),
        }
    }

    /// A line that succeeds when the boot has come to its end.
    const fn end(self) -> &'static str {
        match self {
            Self::Bare => "true",
            Self::ByHand => {
                "journalctl --sync; journalctl -b -u by-hand-flintlockd | grep -q 'api server starting'"
            }
            Self::Ours => "mvmhost plan",
        }
    }
}

/// One boot, in milliseconds since userspace began.
#[derive(Debug, Clone, Copy)]
struct Times {
    ssh: f64,
    multi_user: f64,
    finished: f64,
    /// Until flintlockd listens; not a number where there is none.
    answers: f64,
    /// Started since the kernel began.
    processes: f64,
}

/// Measures boots by turns.
///
/// # Errors
/// A host does not come up, in a guest on which `mvmhost apply` has brought everything up.
pub fn boots(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!("test -x {SCRIPT_PATH}; bash -s <<'END'\n{BY_HAND}END"))?;
    let mut all: [Vec<Times>; 3] = Default::default();
    let kinds = [Kind::Bare, Kind::ByHand, Kind::Ours];
    for turn in 0..BOOTS {
        for (kind, times) in kinds.into_iter().zip(&mut all) {
            guest.ok(&kind.arrange())?;
            guest.reboot()?;
            guest.wait_for(kind.end(), UP)?;
            times.push(boot(guest, kind)?);
            if turn + 1 == BOOTS {
                println!("{kind:?}, unit by unit:\n{}", breakdown(guest)?);
            }
        }
    }
    report(&all);
    Ok(())
}

fn report([bare, by_hand, ours]: &[Vec<Times>; 3]) {
    let middle = |times: &[Times], of: fn(&Times) -> f64| median(times.iter().map(of).collect());
    let compare = |label: &str, of: fn(&Times) -> f64, theirs: &[Times]| {
        ratio(label, middle(ours, of), middle(theirs, of));
    };
    println!(
        "boots, {BOOTS} of each: by mvmhost against bare, and against the same pool (checked), bridge, \
         rules, containerd and flintlockd by enabled units"
    );
    compare("boot to ssh, against bare", |times| times.ssh, bare);
    compare("boot to multi-user.target, against bare", |times| times.multi_user, bare);
    compare("boot to multi-user.target, against by hand", |times| times.multi_user, by_hand);
    compare("boot until no job is left, against by hand", |times| times.finished, by_hand);
    compare("boot until flintlockd listens, against by hand", |times| times.answers, by_hand);
    let (mine, theirs) = (middle(ours, |one| one.processes), middle(by_hand, |one| one.processes));
    let none = middle(bare, |one| one.processes);
    println!(
        "processes beyond those of a bare boot: {:.0} / {:.0} = {:.2}",
        mine - none,
        theirs - none,
        (mine - none) / (theirs - none)
    );
}

fn boot(guest: &mut Guest, kind: Kind) -> Result<Times> {
    let flintlockd = match kind {
        Kind::Bare => "none",
        Kind::ByHand => "by-hand-flintlockd",
        Kind::Ours => "flintlockd",
    };
    let processes = guest.ok("sed -n 's/^processes //p' /proc/stat")?;
    let finished = guest.boot_time()?.as_secs_f64() * 1e3;
    let text = guest.ok(&format!(
        "begin=$(systemctl show -P UserspaceTimestampMonotonic)
         for unit in ssh.service multi-user.target; do
             echo $(( $(systemctl show -P ActiveEnterTimestampMonotonic $unit) - begin ))
         done
         listens=$(journalctl -b -u {flintlockd} -o json --output-fields=MESSAGE |
             sed -n '/api server starting/{{s/.*MONOTONIC_TIMESTAMP\" *: *\"\\([0-9]*\\)\".*/\\1/p;q}}')
         [ -z \"$listens\" ] || echo $((listens - begin))"
    ))?;
    let times = text.lines().map(|line| Ok(line.trim().parse::<f64>()? / 1e3));
    let times = times.collect::<Result<Vec<f64>>>()?;
    let [ssh, multi_user] =
        times.get(..2).and_then(|two| two.try_into().ok()).context("no time")?;
    let answers = times.get(2).copied().unwrap_or(f64::NAN);
    Ok(Times { ssh, multi_user, finished, answers, processes: processes.trim().parse()? })
}

/// Each unit: when its start began, how long it took, and the CPU time of its processes.
fn breakdown(guest: &mut Guest) -> Result<String> {
    guest.ok(&format!(
        "begin=$(systemctl show -P UserspaceTimestampMonotonic)
         for unit in {SHOWN}; do
             systemctl is-active -q $unit || systemctl show -P ExecMainPID $unit | grep -qv '^0$' || continue
             from=$(systemctl show -P InactiveExitTimestampMonotonic $unit)
             to=$(systemctl show -P ActiveEnterTimestampMonotonic $unit)
             echo \"  $unit: begins $(((from - begin) / 1000)) ms, takes $(((to - from) / 1000)) ms,\" \
                 \"CPU $(($(systemctl show -P CPUUsageNSec $unit) / 1000000)) ms\"
         done"
    ))
}
