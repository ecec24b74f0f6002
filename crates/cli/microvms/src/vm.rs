//! `mvmhost vm`: microVMs by flintlockd's API.

mod create;
mod delete;
mod logs;
mod wait;

use std::time::Duration;

use mvm_config::last_good::load_or_last_good;
use mvm_config::{Config, Loaded};
use mvm_core::catalogue::{self, flk, vm as said};
use mvm_core::{Finding, chain};
use mvm_units_systemd::Error;
use mvm_units_systemd::flintlock::{Api, MicroVm};
use mvm_validate::api;

use crate::cli::VmCommand;
use crate::context::Context;
use crate::output::{self, Exit};

pub(super) use create::spec as default_spec;
pub(super) use wait::until;

/// A create reads and writes containerd's content store, which a slow disk takes time for.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn run(context: &Context, what: &VmCommand) -> Exit {
    match what {
        VmCommand::Create(arguments) => create::run(context, arguments),
        VmCommand::Delete(arguments) => delete::run(context, arguments),
        VmCommand::Logs(arguments) => logs::run(context, arguments),
        VmCommand::Console { microvm } => logs::console(context, microvm),
        VmCommand::Wait(arguments) => wait::run(context, arguments),
    }
}

/// flintlockd, and the configuration by which it is asked.
pub(super) struct Session<'c> {
    pub(super) context: &'c Context,
    pub(super) loaded: Loaded,
    pub(super) api: Api,
}

impl<'c> Session<'c> {
    /// Connects; what stands in the way has been said.
    pub(super) fn open(context: &'c Context) -> Result<Self, Exit> {
        let tell = |findings: &[Finding], exit| {
            output::findings(context.json, findings);
            exit
        };
        let (loaded, last_good) = load_or_last_good(&context.roots, context.config.as_deref())
            .map_err(|findings| tell(&findings, Exit::Config))?;
        if let Some(finding) = last_good.filter(|_| !context.json) {
            output::findings(false, &[finding]);
        }
        let silent = |why: &str| tell(&[silent(&loaded.config, why)], Exit::Unavailable);
        let connected = api::connect(&context.roots, &loaded.config).map_err(|why| silent(&why))?;
        let api = connected.map_err(|error| silent(&chain(&error)))?;
        Ok(Self { context, loaded, api })
    }

    pub(super) fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// What a failed request comes to.
    pub(super) fn failed(&self, subject: &str, error: &Error) -> Finding {
        if let (Some(why), false) = (error.said(), error.answered()) {
            return said::refused(subject, one_line(why));
        }
        let endpoint = self.config().flintlockd.grpc_endpoint.to_string();
        match error.answered() {
            true => said::locked_out(endpoint).evidence(chain(error)),
            false => silent(self.config(), &chain(error)),
        }
    }

    /// The one microVM that is meant.
    pub(super) fn find(&self, target: &str) -> Result<MicroVm, Finding> {
        let all = self.api.list_microvms(TIMEOUT).map_err(|error| self.failed(target, &error))?;
        let mut meant = all.into_iter().filter(|microvm| is_meant(microvm, target));
        match (meant.next(), meant.next()) {
            (None, _) => Err(said::not_found(target)),
            (Some(microvm), None) => Ok(microvm),
            (Some(first), Some(second)) => {
                let ids = [id(&first), id(&second)].into_iter().chain(meant.map(|one| id(&one)));
                let ids: Vec<String> = ids.collect();
                Err(said::several(target).evidence(ids.join("\n")))
            }
        }
    }
}

fn silent(config: &Config, why: &str) -> Finding {
    let endpoint = config.flintlockd.grpc_endpoint.to_string();
    flk::api_silent(endpoint, api::TIMEOUT.as_secs(), config.flintlockd.unit.as_str()).evidence(why)
}

/// `NAMESPACE/NAME/UID`
pub(super) fn id(microvm: &MicroVm) -> String {
    format!("{}/{}/{}", microvm.namespace, microvm.name, microvm.uid)
}

fn is_meant(microvm: &MicroVm, target: &str) -> bool {
    let names = [microvm.name.as_str(), microvm.uid.as_str()];
    let long = format!("{}/{}", microvm.namespace, microvm.name);
    names.contains(&target) || target == long || target == id(microvm)
}

/// flintlockd's words, without what would break a line.
pub(super) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Findings for the operator, with the exit code that a single failure calls for.
pub(super) fn tell(context: &Context, findings: &[Finding]) -> Exit {
    let unavailable = findings.iter().any(|one| one.entry() == &catalogue::flk::api_silent::ROW);
    let exit = if unavailable { Exit::Unavailable } else { output::exit_for(findings) };
    output::told(context.json, findings, exit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_units_systemd::flintlock::State;

    #[test]
    fn a_microvm_is_meant_by_name_by_both_names_by_uid_and_by_all() {
        let microvm = MicroVm {
            namespace: "ns".to_owned(),
            name: "a".to_owned(),
            uid: "01H".to_owned(),
            state: State::Created,
            retry: 0,
            version: 1,
            devices: Vec::new(),
        };
        for target in ["a", "ns/a", "01H", "ns/a/01H"] {
            assert!(is_meant(&microvm, target), "{target}");
        }
        for target in ["", "ns", "other/a", "ns/a/02H", "01"] {
            assert!(!is_meant(&microvm, target), "{target}");
        }
    }
}
