//! Forwarding and translation: nft, the kernel's switches below /proc/sys, what is kept in /run.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mvm_config::Roots;
use mvm_diagnostics::Finding;
use mvm_diagnostics::catalogue::nat as said;
use mvm_host::exec::{self, Execute, Exit, Limits};
use mvm_host::{atomic, chain};
use mvm_plan::Plan;
use mvm_plan::nat::{Desired, Kept, Observed, Step, Switch, docker_rules, plan, switches};
use mvm_plan::network;

use crate::error::Error;
use crate::firewalld;

/// nft answers in milliseconds; a kernel that has to load modules first takes longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// A listing of ours is a few hundred bytes; anything of this size is not one.
const LIMIT: u64 = 1 << 20;
/// Waits for whoever holds iptables' lock, as Docker does now and then.
const IPTABLES: [&str; 2] = ["-w", "5"];
const DOCKER_USER: &str = "DOCKER-USER";
const SYSCTL: &str = "/run/sysctl.d/80-mvmhost.conf";

/// The machine, as far as forwarding and translation go.
#[derive(Clone, Copy)]
pub struct Nat<'a> {
    /// Where /proc, /run and nft are.
    pub roots: &'a Roots,
    /// What executes nft.
    pub programs: &'a dyn Execute,
}

/// Brings switches and table to what `desired` asks on a machine with these links and routes. With
/// `watched`, a table that had to be loaded was there before.
pub fn bring_up(
    nat: &Nat<'_>,
    desired: Option<&Desired>,
    network: &network::Observed,
    watched: bool,
) -> Vec<Finding> {
    let subject = desired.map_or("nat", |desired| desired.interface.as_str());
    let plan = match nat.plan(desired, network) {
        Ok(plan) => plan,
        Err(error) => return vec![Finding::new(&said::UNREAD, subject).evidence(chain(&error))],
    };
    let mut findings = plan.findings;
    let mut words = Vec::new();
    for step in &plan.steps {
        if let Err(error) = nat.apply(step) {
            let failed = Finding::new(&said::STEP_FAILED, subject).with("step", step);
            findings.push(failed.evidence(chain(&error)));
            return findings;
        }
        words.push(step.to_string());
    }
    let loaded = plan.steps.iter().any(|step| matches!(step, Step::Load { .. }));
    if watched && loaded {
        findings.push(Finding::new(&said::TABLE_BACK, subject));
    } else if !words.is_empty() {
        findings.push(Finding::new(&said::CHANGED, subject).evidence(words.join("; ")));
    }
    findings
}

impl Nat<'_> {
    /// What there is to do.
    ///
    /// # Errors
    /// Something could not be read, or nft did not answer.
    pub fn plan(
        &self,
        desired: Option<&Desired>,
        network: &network::Observed,
    ) -> Result<Plan<Step>, Error> {
        let wanted = match desired {
            Some(desired) => switches(desired, network, &self.accept_ra()?),
            None => Vec::new(),
        };
        let mut observed = self.observe(&wanted, desired.is_some())?;
        if let Some(desired) = desired {
            observed.firewalld = firewalld::observe(self.roots, &desired.interface)?;
            observed.docker_lacks = self.docker_lacks(desired)?;
        }
        Ok(plan(desired, &wanted, &observed))
    }

    /// Without a record of what was loaded a `desired` table is loaded whatever is there, so that nft
    /// is not asked.
    fn observe(&self, wanted: &[Switch], desired: bool) -> Result<Observed, Error> {
        let mut values = BTreeMap::new();
        for switch in wanted {
            if let Some(value) = self.text(self.switch(&switch.path))? {
                values.insert(switch.path.clone(), value);
            }
        }
        let script = self.text(self.roots.runtime().join("nat.nft"))?;
        let listed = self.text(self.roots.runtime().join("nat.listing"))?;
        let kept = script.zip(listed).map(|(script, listing)| Kept { script, listing });
        let nft = exec::find(self.roots, "nft");
        let listing = match &nft {
            Some(_) if kept.is_some() || !desired => self.list()?,
            _ => None,
        };
        let sysctl = self.text(self.roots.at(SYSCTL))?;
        let nft = nft.is_some();
        Ok(Observed { listing, kept, nft, switches: values, sysctl, ..Observed::default() })
    }

    /// Which rules Docker's chain for its users lacks; none where there is no such chain.
    fn docker_lacks(&self, desired: &Desired) -> Result<Vec<usize>, Error> {
        let Some(iptables) = exec::find(self.roots, "iptables") else {
            return Ok(Vec::new());
        };
        let holds = |words: &[&str]| -> Result<bool, Error> {
            let words: Vec<&OsStr> = IPTABLES.iter().chain(words).map(OsStr::new).collect();
            Ok(self.execute(&iptables, &words)?.success())
        };
        if !holds(&["-S", DOCKER_USER])? {
            return Ok(Vec::new());
        }
        let mut lacking = Vec::new();
        for (place, rule) in docker_rules(desired).iter().enumerate() {
            let mut words = vec!["-C", DOCKER_USER];
            words.extend(rule.iter().map(String::as_str));
            if !holds(&words)? {
                lacking.push(place);
            }
        }
        Ok(lacking)
    }

    fn apply(&self, step: &Step) -> Result<(), Error> {
        let runtime = self.roots.runtime();
        match step {
            Step::WriteSysctl { text } => self.keep(self.roots.at(SYSCTL), text, 0o644),
            Step::RemoveSysctl => remove(self.roots.at(SYSCTL)),
            Step::Set(switch) => {
                let path = self.switch(&switch.path);
                fs::write(&path, switch.value.to_string())
                    .map_err(|source| Error::Set { path, source })
            }
            Step::Load { script } => {
                // Without a listing nothing counts as loaded, whatever interrupts this.
                self.forget()?;
                let path = runtime.join("nat.nft");
                self.keep(path.clone(), script, 0o600)?;
                self.nft(&["-f".as_ref(), path.as_os_str()])?;
                let listing = self.list()?.unwrap_or_default();
                self.keep(runtime.join("nat.listing"), &listing, 0o600)
            }
            Step::Remove => {
                self.forget()?;
                self.nft(&["delete", "table", "inet", "mvmhost"].map(OsStr::new)).map(drop)
            }
            Step::Assign { interface, zone } => firewalld::assign(self.roots, interface, zone),
            Step::AcceptBesideDocker { rule } => {
                let mut words: Vec<&OsStr> = IPTABLES.iter().map(OsStr::new).collect();
                words.extend(["-I", DOCKER_USER].map(OsStr::new));
                words.extend(rule.iter().map(OsStr::new));
                self.succeed("iptables", &words).map(drop)
            }
        }
    }

    /// The interfaces that take router advertisements: accept_ra is 1, which ends with forwarding, or
    /// already 2, which does not.
    fn accept_ra(&self) -> Result<Vec<String>, Error> {
        let folder = self.roots.at("/proc/sys/net/ipv6/conf");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // A kernel without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::Look { path: folder, source }),
        };
        let mut names = Vec::new();
        for entry in entries.map_while(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let value = self.text(entry.path().join("accept_ra"))?;
            if !matches!(name.as_str(), "all" | "default")
                && value.is_some_and(|value| matches!(value.trim(), "1" | "2"))
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn switch(&self, path: &str) -> PathBuf {
        self.roots.at(PathBuf::from("/proc/sys").join(path))
    }

    /// The text of a file, if there is one.
    fn text(&self, path: PathBuf) -> Result<Option<String>, Error> {
        match fs::File::open(&path).and_then(|file| {
            let mut text = String::new();
            io::Read::read_to_string(&mut io::Read::take(file, LIMIT), &mut text)?;
            Ok(text)
        }) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Look { path, source }),
        }
    }

    fn keep(&self, path: PathBuf, text: &str, mode: u32) -> Result<(), Error> {
        atomic::write(&path, text.as_bytes(), mode).map_err(|source| Error::Keep { source })
    }

    fn forget(&self) -> Result<(), Error> {
        remove(self.roots.runtime().join("nat.listing"))
    }

    /// What nft lists, without counters; `None` when it knows no such table.
    fn list(&self) -> Result<Option<String>, Error> {
        let words = ["-s", "list", "table", "inet", "mvmhost"].map(OsStr::new);
        match self.nft(&words) {
            Ok(listing) => Ok(Some(listing)),
            Err(Error::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn nft(&self, arguments: &[&OsStr]) -> Result<String, Error> {
        self.succeed("nft", arguments)
    }

    /// The standard output of a program that has to succeed.
    fn succeed(&self, name: &'static str, arguments: &[&OsStr]) -> Result<String, Error> {
        let program = exec::find(self.roots, name).ok_or(Error::NotInstalled { name })?;
        let exit = self.execute(&program, arguments)?;
        if exit.success() {
            return Ok(exit.stdout);
        }
        Err(Error::Refused { name, said: exit.stderr.trim().to_owned() })
    }

    fn execute(&self, program: &Path, arguments: &[&OsStr]) -> Result<Exit, Error> {
        self.programs
            .run(program, arguments, &mut Limits::timeout(PATIENCE))
            .map_err(|source| Error::Run { source })
    }
}

/// One that is gone already is removed.
fn remove(path: PathBuf) -> Result<(), Error> {
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Set { path, source }),
        _ => Ok(()),
    }
}
