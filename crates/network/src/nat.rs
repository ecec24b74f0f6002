//! Forwarding and translation: nftables, the kernel's switches below /proc/sys, what is kept in /run.

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
use mvm_plan::nat::{
    Desired, Firewalls, Kept, Observed, Step, Switch, docker_rules, down, plan, switches,
};
use mvm_plan::network;

use crate::error::Error;
use crate::firewalld;
use crate::nft::{Found, Nftables};

/// iptables answers in milliseconds, unless it waits for a lock.
const PATIENCE: Duration = Duration::from_secs(20);
/// A listing of ours has about a kilobyte for each source; anything of this size is not one.
const LIMIT: u64 = 16 << 20;
/// Waits for whoever holds iptables' lock, as Docker does now and then.
const IPTABLES: [&str; 2] = ["-w", "5"];
const DOCKER_USER: &str = "DOCKER-USER";
/// Of the network namespace of the thread that reads it.
const OLD_TABLES: &str = "/proc/thread-self/net/ip_tables_names";
/// The interface that firewalls of others were told of since the boot, below our folder of /run.
const TOLD: &str = "nat.interface";
const SYSCTL: &str = "/run/sysctl.d/80-mvmhost.conf";

/// The machine, as far as forwarding and translation go.
#[derive(Clone, Copy)]
pub struct Nat<'a> {
    /// Where /proc, /run and iptables are.
    pub roots: &'a Roots,
    /// What executes iptables.
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
    if let Err(failed) = nat.perform(&plan.steps, subject) {
        findings.push(failed);
        return findings;
    }
    let loaded = plan.steps.iter().any(|step| matches!(step, Step::Load { .. }));
    if watched && loaded {
        findings.push(Finding::new(&said::TABLE_BACK, subject));
    } else if !plan.steps.is_empty() {
        let words: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
        findings.push(Finding::new(&said::CHANGED, subject).evidence(words.join("; ")));
    }
    findings
}

/// Takes away what `desired` needed, also in firewalls of others. Says only what went wrong.
pub fn take_down(nat: &Nat<'_>, desired: Option<&Desired>) -> Vec<Finding> {
    let subject = desired.map_or("nat", |desired| desired.interface.as_str());
    let observed = Nftables::connect().and_then(|rules| nat.observe(&rules, &[], desired));
    match observed {
        Ok(observed) => {
            nat.perform(&down(desired, &observed).steps, subject).err().into_iter().collect()
        }
        Err(error) => vec![Finding::new(&said::UNREAD, subject).evidence(chain(&error))],
    }
}

impl Nat<'_> {
    /// What there is to do.
    ///
    /// # Errors
    /// Something could not be read, or nftables or iptables did not answer.
    pub fn plan(
        &self,
        desired: Option<&Desired>,
        network: &network::Observed,
    ) -> Result<Plan<Step>, Error> {
        let desired = desired.map(|desired| desired.clone().seen(network));
        let desired = desired.as_ref();
        let wanted = match desired {
            Some(desired) => switches(desired, network, &self.accept_ra()?),
            None => Vec::new(),
        };
        let rules = Nftables::connect()?;
        let observed = self.observe(&rules, &wanted, desired)?;
        Ok(plan(desired, &wanted, &observed))
    }

    /// Does the steps up to the first that fails.
    fn perform(&self, steps: &[Step], subject: &str) -> Result<(), Finding> {
        for step in steps {
            self.apply(step).map_err(|error| {
                let failed = Finding::new(&said::STEP_FAILED, subject).with("step", step);
                failed.evidence(chain(&error))
            })?;
        }
        Ok(())
    }

    fn observe(
        &self,
        rules: &Nftables,
        wanted: &[Switch],
        desired: Option<&Desired>,
    ) -> Result<Observed, Error> {
        let mut values = BTreeMap::new();
        for switch in wanted {
            if let Some(value) = self.text(self.switch(&switch.path))? {
                values.insert(switch.path.clone(), value);
            }
        }
        let table = self.text(self.roots.runtime().join("nat.nft"))?;
        let listed = self.text(self.roots.runtime().join("nat.listing"))?;
        let kept = table.zip(listed).map(|(table, listing)| Kept { table, listing });
        let sysctl = self.text(self.roots.at(SYSCTL))?;
        let mut observed = Observed { kept, switches: values, sysctl, ..Observed::default() };
        match rules.list()? {
            Found::Table(listing) => observed.listing = Some(listing),
            Found::Nothing => {}
            Found::Unsupported => observed.no_nftables = true,
        }
        let interface = desired.map(|desired| desired.interface.as_str());
        if let Some(interface) = interface {
            observed.firewalls = self.firewalls(rules, interface)?;
        }
        if let Some(told) = self.text(self.roots.runtime().join(TOLD))?
            && interface != Some(told.as_str())
        {
            let firewalls = self.firewalls(rules, &told)?;
            observed.left = Some((told, firewalls));
        }
        Ok(observed)
    }

    fn firewalls(&self, rules: &Nftables, interface: &str) -> Result<Firewalls, Error> {
        Ok(Firewalls {
            firewalld: firewalld::observe(self.roots, interface)?,
            docker_lacks: self.docker_lacks(rules, interface)?,
        })
    }

    /// Which rules Docker's chain for its users lacks; `None` where there is no such chain. iptables is
    /// asked only when the chain can be there: in nftables, which most iptables of today write to, or
    /// in the kernel's old tables once one of them is in use.
    fn docker_lacks(&self, rules: &Nftables, interface: &str) -> Result<Option<Vec<usize>>, Error> {
        let old = self.text(self.roots.at(OLD_TABLES))?.unwrap_or_default();
        if !old.lines().any(|table| table == "filter") && !rules.has_chain(DOCKER_USER)? {
            return Ok(None);
        }
        let Some(iptables) = exec::find(self.roots, "iptables") else {
            return Ok(None);
        };
        let holds = |words: &[&str]| -> Result<bool, Error> {
            let words: Vec<&OsStr> = IPTABLES.iter().chain(words).map(OsStr::new).collect();
            Ok(self.execute(&iptables, &words)?.success())
        };
        if !holds(&["-S", DOCKER_USER])? {
            return Ok(None);
        }
        let mut lacking = Vec::new();
        for (place, rule) in docker_rules(interface).iter().enumerate() {
            let mut words = vec!["-C", DOCKER_USER];
            words.extend(rule.iter().map(String::as_str));
            if !holds(&words)? {
                lacking.push(place);
            }
        }
        Ok(Some(lacking))
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
            Step::Load { table, interface, replace } => {
                self.keep(runtime.join(TOLD), interface, 0o600)?;
                // Without a listing nothing counts as loaded, whatever interrupts this.
                self.forget()?;
                self.keep(runtime.join("nat.nft"), &table.to_string(), 0o600)?;
                let rules = Nftables::connect()?;
                rules.load(table, *replace)?;
                match rules.list()? {
                    Found::Table(listing) => {
                        self.keep(runtime.join("nat.listing"), &listing, 0o600)
                    }
                    // Somebody was quick; the next look finds it missing.
                    Found::Nothing | Found::Unsupported => Ok(()),
                }
            }
            Step::Remove => {
                self.forget()?;
                Nftables::connect()?.remove()?;
                remove(runtime.join(TOLD))
            }
            Step::Assign { interface, zone } => firewalld::assign(self.roots, interface, zone),
            Step::Unassign { interface, zone } => firewalld::unassign(self.roots, interface, zone),
            Step::AcceptBesideDocker { interface, rule } => {
                self.keep(runtime.join(TOLD), interface, 0o600)?;
                self.docker_user("-I", rule)
            }
            Step::ForgetBesideDocker { rule } => self.docker_user("-D", rule),
        }
    }

    /// Puts a rule first in Docker's chain for its users, or takes it out.
    fn docker_user(&self, verb: &str, rule: &[String]) -> Result<(), Error> {
        let words = IPTABLES.into_iter().chain([verb, DOCKER_USER]);
        let words: Vec<&OsStr> =
            words.chain(rule.iter().map(String::as_str)).map(OsStr::new).collect();
        self.succeed("iptables", &words).map(drop)
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
