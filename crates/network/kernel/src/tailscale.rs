//! The host's own tailscale, by its program.

use std::ffi::OsStr;
use std::time::Duration;

use ipnet::IpNet;
use mvm_core::catalogue::tailscale as messages;
use mvm_core::exec::{self, Execute, Limits};
use mvm_core::state::{self, File};
use mvm_core::{Finding, Plan, Roots, Severity, chain};
use mvm_network_plan::tailscale::{
    AdvertisedSubnet, Observed, Record, Step, advertised, list, plan, routes,
};

use crate::error::Error;

const NAME: &str = "tailscale";
/// The record; tailscale keeps its list as long.
const RECORD: File<Record> = File::of(&state::TAILSCALE);
/// Its daemon answers from memory, unless it is only just starting.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Tailscale, as far as its routes go.
#[derive(Clone, Copy)]
pub struct Tailscale<'a> {
    /// Where the record and the program are.
    pub roots: &'a Roots,
    /// What runs tailscale(1).
    pub programs: &'a dyn Execute,
}

/// The subnets that mvmhost gave tailscale. A record that cannot be read claims nothing.
pub fn recorded(roots: &Roots) -> Vec<IpNet> {
    RECORD.get(roots).map(Record::routes).unwrap_or_default()
}

/// Takes back what mvmhost gave tailscale; what others put there stays. Only what fails is said.
pub fn take_back(tailscale: &Tailscale<'_>) -> Vec<Finding> {
    let mut findings = bring_up(tailscale, &[]);
    findings.retain(|finding| finding.severity() != Severity::Info);
    findings
}

/// Brings tailscale's list to hold `desired`. What fails is a warning: microVMs need none of it.
pub fn bring_up(tailscale: &Tailscale<'_>, desired: &[IpNet]) -> Vec<Finding> {
    let plan = tailscale.plan(desired);
    let mut findings = plan.findings;
    for step in &plan.steps {
        if let Err(error) = tailscale.apply(step) {
            findings.push(failed(&error));
            return findings;
        }
        if let Step::Advertise { routes } = step {
            findings.push(messages::advertised(NAME, list(routes)));
        }
    }
    findings
}

fn failed(error: &Error) -> Finding {
    messages::failed("network.tailscale.advertise-routes").evidence(chain(error))
}

impl Tailscale<'_> {
    /// What there is to do; a warning when tailscale does not tell what it advertises.
    pub fn plan(&self, desired: &[IpNet]) -> Plan<Step> {
        let observed = self.observe(desired);
        observed.map_or_else(
            |error| Plan::new(Vec::new(), vec![failed(&error)]),
            |observed| plan(desired, &observed),
        )
    }

    /// The routes of the file and those given before, with what tailscale says of them; what it failed to
    /// say is a finding.
    pub fn routes(&self, desired: &[IpNet]) -> (Vec<AdvertisedSubnet>, Option<Finding>) {
        match self.observe(desired) {
            Ok(observed) => (routes(desired, &observed.own, Some(&observed)), None),
            Err(error) => (routes(desired, &recorded(self.roots), None), Some(failed(&error))),
        }
    }

    fn observe(&self, desired: &[IpNet]) -> Result<Observed, Error> {
        let own = recorded(self.roots);
        let installed = exec::find(self.roots, NAME).is_some();
        let mut observed = Observed { installed, advertised: Vec::new(), own };
        if installed && !(desired.is_empty() && observed.own.is_empty()) {
            let prefs = self.run(&["debug", "prefs"])?;
            observed.advertised = advertised(&prefs).ok_or(Error::Unclear { name: NAME })?;
        }
        Ok(observed)
    }

    fn apply(&self, step: &Step) -> Result<(), Error> {
        match step {
            Step::Record { own } => {
                let written = RECORD.write(self.roots, &Record::new(own));
                written.map_err(|source| Error::Keep { source })
            }
            Step::Advertise { routes } => {
                let routes = format!("--advertise-routes={}", list(routes));
                self.run(&["set", &routes]).map(drop)
            }
        }
    }

    fn run(&self, args: &[&str]) -> Result<String, Error> {
        let program = exec::find(self.roots, NAME).ok_or(Error::NotInstalled { name: NAME })?;
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        let exit = self
            .programs
            .run(&program, &args, &mut Limits::timeout(TIMEOUT))
            .map_err(|source| Error::Run { source })?;
        if exit.success() {
            return Ok(exit.stdout);
        }
        Err(Error::Refused { name: NAME, stderr: exit.stderr.trim().to_owned() })
    }
}
