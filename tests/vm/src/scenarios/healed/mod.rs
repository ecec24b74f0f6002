//! States that a remedy is for: each is brought about on a host, its finding is looked for, and what is
//! printed with it, typed as it is, heals the host.

pub mod certificates;
pub mod disks;
pub mod lan;
pub mod programs;
pub mod storage;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::host;
use crate::guest::Guest;

/// Where the remedy of the state's finding is read.
enum Says {
    /// In the document of this command of mvmhost.
    Command(&'static str),
    /// On the terminal, beside what this command prints for another program.
    Terminal(&'static str),
    /// In the journal, under its code.
    Journal,
}

struct State {
    code: &'static str,
    breaks: &'static str,
    says: Says,
    /// What the remedy leaves to the operator in a comment.
    chosen: &'static str,
    /// Succeeds once the remedy has helped.
    healed: &'static str,
}

const fn state(
    code: &'static str,
    breaks: &'static str,
    says: Says,
    chosen: &'static str,
    healed: &'static str,
) -> State {
    State { code, breaks, says, chosen, healed }
}

/// Of a host that has nothing left to do.
const UP: &str = "mvmhost plan && ! systemctl is-active mvm-thinpool mvm-net mvm-dhcp mvm-net-watch \
    mvm-hygiene mvm-guard containerd-dev flintlockd | grep -vx active";

/// Every state, also after one that went wrong.
fn all(guest: &mut Guest, states: &[State]) -> Result<()> {
    let mut wrong = Vec::new();
    for state in states {
        guest.ok(host::UNDISTURBED)?;
        wrong.extend(one(guest, state).err().map(|error| format!("{}: {error:#}", state.code)));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn one(guest: &mut Guest, state: &State) -> Result<()> {
    guest.ok(state.breaks)?;
    let remedy = match state.says {
        Says::Command(command) => printed(&host::json(guest, command)?, state.code)?,
        Says::Terminal(command) => {
            let output = guest.run(&format!("mvmhost {command}"))?.stderr;
            shown(&output, state.code).with_context(|| output.clone())?
        }
        Says::Journal => {
            let entry = host::last_entry(guest, state.code)?;
            entry["MVMHOST_REMEDY"].as_str().unwrap_or_default().to_owned()
        }
    };
    let result = guest.run(&format!(
        "{}\ncd /root\ncat > /root/remedy <<'X'\n{remedy}\nX\nsh /root/remedy </dev/null",
        state.chosen
    ))?;
    guest.wait_for(state.healed, host::HEALS).with_context(|| format!("{remedy}\n{result:?}"))
}

/// The remedies of every finding with this code, in order.
fn printed(document: &Value, code: &str) -> Result<String> {
    let findings = document["findings"].as_array().cloned().unwrap_or_default();
    let remedies = findings.iter().filter(|finding| finding["code"] == code);
    let remedies: Vec<&str> = remedies.filter_map(|finding| finding["remedy"].as_str()).collect();
    ensure!(!remedies.is_empty(), "it is not reported: {:?}", host::codes(document));
    Ok(remedies.join("\n"))
}

/// The lines behind "do", of the finding with this code.
fn shown(output: &str, code: &str) -> Option<String> {
    let mut lines = output.lines().skip_while(|line| !line.contains(code)).skip(1);
    let first = lines.find_map(|line| line.strip_prefix("  do    "))?;
    let more = lines.map_while(|line| line.strip_prefix("        "));
    Some([first].into_iter().chain(more).collect::<Vec<_>>().join("\n"))
}
