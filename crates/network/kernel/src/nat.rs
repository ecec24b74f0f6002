//! Forwarding and translation: nftables, the kernel's switches below /proc/sys, what is kept in /run.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use mvm_core::catalogue::nat as messages;
use mvm_core::exec::{Execute, Exit, Limits};
use mvm_core::{Finding, Plan, Roots, atomic, chain};
use mvm_network_plan::nat::{
    Desired, Firewalls, LoadedTable, Observed, Step, Switch, Turned, down, plan, switches,
};
use mvm_network_plan::network;

use crate::error::Error;
use crate::nft::{Found, Nftables};
use crate::{asking, firewalld};

/// iptables answers in milliseconds, unless it waits for a lock.
const TIMEOUT: Duration = Duration::from_secs(20);
/// A listing of ours has about a kilobyte for each source; anything of this size is not one.
const LIMIT: u64 = 16 << 20;
/// The interface that firewalls of others were told of since the boot, below our folder of /run.
const INTERFACE_RECORD: &str = "nat.interface";
const SYSCTL: &str = "/run/sysctl.d/80-mvmhost.conf";

/// The machine, as far as forwarding and translation go.
#[derive(Clone, Copy)]
pub struct Nat<'a> {
    /// Where /proc, /run and iptables are.
    pub roots: &'a Roots,
    /// What executes iptables.
    pub programs: &'a dyn Execute,
}

/// What [`bring_up`] came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What there is to say.
    pub findings: Vec<Finding>,
    /// Somebody else had changed the table or the switches, and they are back.
    pub put_back: bool,
}

impl From<Vec<Finding>> for Outcome {
    fn from(findings: Vec<Finding>) -> Self {
        Self { findings, put_back: false }
    }
}

/// Brings switches and table to what `desired` asks on a machine with these links and routes. With
/// `watched`, it is said of a table and of switches that somebody else changed them.
pub fn bring_up(
    nat: &Nat<'_>,
    desired: Option<&Desired>,
    network: &network::Observed,
    watched: bool,
) -> Outcome {
    let subject = desired.map_or("nat", |desired| desired.interface.as_str());
    let plan = match nat.plan(desired, network) {
        Ok(plan) => plan,
        Err(error) => return vec![messages::unread(subject).evidence(chain(&error))].into(),
    };
    let mut findings = plan.findings;
    if let Err(failed) = nat.perform(&plan.steps, subject) {
        findings.push(failed);
        return findings.into();
    }
    let lost = plan.steps.iter().any(|step| matches!(step, Step::Load { lost: true, .. }));
    let is_new = plan.steps.iter().any(|step| matches!(step, Step::WriteSysctl { .. }));
    // With the same switches as before somebody else has turned them.
    let turned =
        plan.steps.iter().filter(|step| watched && !is_new && matches!(step, Step::Set(_)));
    let turned: Vec<String> = turned.map(ToString::to_string).collect();
    if !turned.is_empty() {
        findings.push(messages::switch_back(subject).evidence(turned.join("; ")));
    }
    if watched && lost {
        findings.push(messages::table_back(subject));
    } else if plan.steps.len() > turned.len() {
        let descriptions: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
        findings.push(messages::changed(subject).evidence(descriptions.join("; ")));
    }
    Outcome { findings, put_back: !turned.is_empty() || (watched && lost) }
}

/// Takes away what `desired` needed, also in firewalls of others. Says only what went wrong.
pub fn take_down(nat: &Nat<'_>, desired: Option<&Desired>) -> Vec<Finding> {
    let subject = desired.map_or("nat", |desired| desired.interface.as_str());
    let observed = Nftables::connect().and_then(|rules| nat.observe(&rules, &[], desired));
    match observed {
        Ok(observed) => {
            nat.perform(&down(desired, &observed).steps, subject).err().into_iter().collect()
        }
        Err(error) => vec![messages::unread(subject).evidence(chain(&error))],
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
        let answers = asking::answers(self.roots);
        let desired = desired.map(|desired| desired.clone().on_network(network, answers.as_ref()));
        let desired = desired.as_ref();
        let switches = match desired {
            Some(desired) => switches(desired, network, &self.accept_ra()?),
            None => Vec::new(),
        };
        let rules = Nftables::connect()?;
        let observed = self.observe(&rules, &switches, desired)?;
        Ok(plan(desired, &switches, &observed))
    }

    /// The switches that are not as microVMs need them on a machine with these links and routes.
    ///
    /// # Errors
    /// One could not be read.
    pub fn turned(
        &self,
        desired: &Desired,
        network: &network::Observed,
    ) -> Result<Vec<Turned>, Error> {
        let answers = asking::answers(self.roots);
        let desired = desired.clone().on_network(network, answers.as_ref());
        let mut turned = Vec::new();
        for Switch { path, value } in switches(&desired, network, &self.accept_ra()?) {
            let Some(is) = self.text(self.switch(&path))? else { continue };
            let is = is.trim().to_owned();
            if is != value.to_string() {
                turned.push(Turned { path, is, value });
            }
        }
        Ok(turned)
    }

    /// Does the steps up to the first that fails.
    fn perform(&self, steps: &[Step], subject: &str) -> Result<(), Finding> {
        for step in steps {
            self.apply(step).map_err(|error| {
                let failed = messages::step_failed(subject, step);
                failed.evidence(chain(&error))
            })?;
        }
        Ok(())
    }

    fn observe(
        &self,
        rules: &Nftables,
        switches: &[Switch],
        desired: Option<&Desired>,
    ) -> Result<Observed, Error> {
        let mut values = BTreeMap::new();
        for switch in switches {
            if let Some(value) = self.text(self.switch(&switch.path))? {
                values.insert(switch.path.clone(), value);
            }
        }
        let table = self.text(self.roots.runtime().join("nat.nft"))?;
        let listed = self.text(self.roots.runtime().join("nat.listing"))?;
        let loaded = table.zip(listed).map(|(table, listing)| LoadedTable { table, listing });
        let sysctl = self.text(self.roots.at(SYSCTL))?;
        let mut observed = Observed { loaded, switches: values, sysctl, ..Observed::default() };
        match rules.list()? {
            Found::Table(listing) => observed.listing = Some(listing),
            Found::Nothing => {}
            Found::Unsupported => observed.no_nftables = true,
        }
        let interface = desired.map(|desired| desired.interface.as_str());
        if let Some(interface) = interface {
            observed.firewalls = self.firewalls(rules, interface)?;
        }
        let served: Vec<&str> = desired.into_iter().flat_map(Desired::interfaces).collect();
        for name in served.iter().skip(1) {
            observed.more.push(self.firewalls(rules, name)?);
        }
        for name in
            self.recorded_interfaces()?.into_iter().filter(|name| !served.contains(&name.as_str()))
        {
            let firewalls = self.firewalls(rules, &name)?;
            // One of whom nothing is left is in nobody's way.
            if observed.previous.is_none() || firewalls.have_own_entries() {
                observed.previous = Some((name, firewalls));
            }
        }
        Ok(observed)
    }

    fn firewalls(&self, rules: &Nftables, interface: &str) -> Result<Firewalls, Error> {
        let docker = self.docker_lacks(rules, interface)?;
        Ok(Firewalls {
            firewalld: firewalld::observe(self.roots, interface)?,
            docker_lacks: docker.lacks,
            docker_unread: docker.unread,
        })
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
            Step::Load { table, interface, replace, .. } => {
                self.record_interface(interface)?;
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
                // A table that is there still is reason enough to do this again; a record is not.
                self.forget()?;
                remove(runtime.join(INTERFACE_RECORD))?;
                Nftables::connect()?.remove()
            }
            Step::Assign { interface, zone } => {
                self.record_interface(interface)?;
                firewalld::assign(self.roots, interface, zone)
            }
            Step::Unassign { interface, zone } => firewalld::unassign(self.roots, interface, zone),
            Step::AcceptBesideDocker { interface, iptables, rule } => {
                self.record_interface(interface)?;
                self.docker_user(*iptables, "-I", rule)
            }
            Step::ForgetBesideDocker { iptables, rule } => self.docker_user(*iptables, "-D", rule),
        }
    }

    /// The interfaces that take router advertisements: accept_ra is 1, which ends with forwarding, or
    /// already 2, which does not. One that was told to go on taking them stays one, whoever turned that
    /// off since.
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
        let sysctl = self.text(self.roots.at(SYSCTL))?.unwrap_or_default();
        let recorded = sysctl
            .lines()
            .filter_map(|line| line.strip_prefix("net/ipv6/conf/")?.strip_suffix("/accept_ra = 2"));
        names.extend(recorded.filter(|name| folder.join(name).exists()).map(str::to_owned));
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The interfaces that firewalls of others were told of since the boot, a line each.
    fn recorded_interfaces(&self) -> Result<Vec<String>, Error> {
        let text = self.text(self.roots.runtime().join(INTERFACE_RECORD))?.unwrap_or_default();
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn record_interface(&self, interface: &str) -> Result<(), Error> {
        let mut interfaces = self.recorded_interfaces()?;
        if !interfaces.iter().any(|one| one == interface) {
            interfaces.push(interface.to_owned());
            self.keep(self.roots.runtime().join(INTERFACE_RECORD), &interfaces.join("\n"), 0o600)?;
        }
        Ok(())
    }

    fn switch(&self, path: &str) -> PathBuf {
        self.roots.at(PathBuf::from("/proc/sys").join(path))
    }

    /// The text of a file, if there is one.
    pub(crate) fn text(&self, path: PathBuf) -> Result<Option<String>, Error> {
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

    pub(crate) fn execute(&self, program: &Path, arguments: &[&OsStr]) -> Result<Exit, Error> {
        self.programs
            .run(program, arguments, &mut Limits::timeout(TIMEOUT))
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
