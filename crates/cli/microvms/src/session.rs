//! flintlockd's API as the commands about microVMs ask it.

use std::time::Duration;

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::last_good::load_or_last_good;
use mvm_config::{Config, Loaded};
use mvm_core::catalogue::{flk, vm as messages};
use mvm_core::{Finding, chain};
use mvm_units_systemd::Error;
use mvm_units_systemd::flintlock::{Api, MicroVm};
use mvm_validate::api;

/// A create reads and writes containerd's content store, which a slow disk takes time for.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// flintlockd, and the configuration by which it is asked.
pub(crate) struct Session<'c> {
    pub(crate) context: &'c Context,
    pub(crate) loaded: Loaded,
    pub(crate) api: Api,
}

impl<'c> Session<'c> {
    /// Connects; what stands in the way has been said.
    pub(crate) fn open(context: &'c Context) -> Result<Self, Exit> {
        let report = |findings: &[Finding], exit| {
            output::findings(context.json, findings);
            exit
        };
        let (loaded, last_good) = load_or_last_good(&context.roots, context.config.as_deref())
            .map_err(|findings| report(&findings, Exit::Config))?;
        if let Some(finding) = last_good.filter(|_| !context.json) {
            output::findings(false, &[finding]);
        }
        let silent = |why: &str| report(&[silent(&loaded.config, why)], Exit::Unavailable);
        let connected = api::connect(&context.roots, &loaded.config).map_err(|why| silent(&why))?;
        let api = connected.map_err(|error| silent(&chain(&error)))?;
        Ok(Self { context, loaded, api })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// What a failed request comes to.
    pub(crate) fn failed(&self, subject: &str, error: &Error) -> Finding {
        if let (Some(why), false) = (error.message(), error.answered()) {
            return messages::refused(subject, one_line(why));
        }
        let endpoint = self.config().flintlockd.grpc_endpoint.to_string();
        match error.answered() {
            true => messages::locked_out(endpoint).evidence(chain(error)),
            false => silent(self.config(), &chain(error)),
        }
    }

    /// The one microVM that is meant.
    pub(crate) fn find(&self, target: &str) -> Result<MicroVm, Finding> {
        self.look_up(target)?.ok_or_else(|| messages::not_found(target))
    }

    /// The one microVM that is meant; `None` when there is none.
    pub(crate) fn look_up(&self, target: &str) -> Result<Option<MicroVm>, Finding> {
        let all = self.api.list_microvms(TIMEOUT).map_err(|error| self.failed(target, &error))?;
        let mut meant = all.into_iter().filter(|microvm| is_meant(microvm, target));
        match (meant.next(), meant.next()) {
            (None, _) => Ok(None),
            (Some(microvm), None) => Ok(Some(microvm)),
            (Some(first), Some(second)) => {
                let ids = [id(&first), id(&second)].into_iter().chain(meant.map(|one| id(&one)));
                let ids: Vec<String> = ids.collect();
                Err(messages::several(target).evidence(ids.join("\n")))
            }
        }
    }
}

fn silent(config: &Config, why: &str) -> Finding {
    let endpoint = config.flintlockd.grpc_endpoint.to_string();
    flk::api_silent(endpoint, api::TIMEOUT.as_secs(), config.flintlockd.unit.as_str()).evidence(why)
}

/// `NAMESPACE/NAME/UID`
pub(crate) fn id(microvm: &MicroVm) -> String {
    format!("{}/{}/{}", microvm.namespace, microvm.name, microvm.uid)
}

fn is_meant(microvm: &MicroVm, target: &str) -> bool {
    let names = [microvm.name.as_str(), microvm.uid.as_str()];
    let long = format!("{}/{}", microvm.namespace, microvm.name);
    names.contains(&target) || target == long || target == id(microvm)
}

/// flintlockd's words, without what would break a line.
pub(crate) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Findings for the operator, with the exit code that the worst of them calls for.
pub(crate) fn report(context: &Context, findings: &[Finding]) -> Exit {
    output::report(context.json, findings, output::exit_by_class(findings))
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
