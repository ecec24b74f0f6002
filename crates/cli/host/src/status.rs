//! `mvmhost status`: the host on one screen.

mod lines;

use std::collections::BTreeMap;
use std::io::IsTerminal;

use mvm_checks as checks;
use mvm_checks::{Observed, Plugin};
use mvm_cli::context::{self, Context};
use mvm_cli::output::{self, Exit};
use mvm_cli_microvms::leases;
use mvm_config::last_good::load_or_last_good;
use mvm_config::model::{Network, NetworkMode};
use mvm_config::{Config, Loaded};
use mvm_core::exec::System;
use mvm_core::json::Document;
use mvm_core::{Finding, Severity};
use mvm_network_kernel::tailscale::Tailscale;
use mvm_network_plan::reserved;
use mvm_network_plan::tailscale::AdvertisedSubnet;
use mvm_pool_plan::thinpool::{PoolState, ThinPoolStatus, Working};
use mvm_units_systemd::flintlock::MicroVm;
use mvm_units_systemd::systemd::{Manager, UnitState, Units};
use mvm_validate::{api, observe};
use serde_json::{Value, json};

use crate::{observed, services};

pub(super) use lines::{Line, Mood, Verdict};

/// Prints the screen; exit 1 for a finding of severity error.
pub fn run(context: &Context) -> Exit {
    let roots = &context.roots;
    let (loaded, last_good) = match load_or_last_good(roots, context.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(findings) => {
            output::findings(context.json, &findings);
            return Exit::Config;
        }
    };
    let valid = last_good.is_none();
    let mut findings: Vec<Finding> = last_good.into_iter().collect();
    let mut manager = match Manager::connect() {
        Ok(manager) => manager,
        Err(error) => {
            findings.push(context::no_systemd(&error));
            output::findings(context.json, &findings);
            return Exit::Unavailable;
        }
    };
    let screen = Screen::observe(context, &loaded, &mut manager, &mut findings);
    if context.json {
        output::print(&screen.document(&findings).text());
    } else {
        let colored = output::is_colored(context.when, std::io::stdout().is_terminal());
        output::print(&lines::text(&screen.lines(&findings), colored));
        output::findings(false, &findings);
    }
    if screen.is_blind && valid { Exit::Unavailable } else { output::exit_for(&findings) }
}

/// Everything that is shown.
pub(super) struct Screen<'a> {
    config: &'a Config,
    observed: Observed,
    pub(super) microvms: Result<Option<Vec<MicroVm>>, String>,
    units: BTreeMap<String, UnitState>,
    /// Images that are not complete; None where containerd could not be asked.
    incomplete: Option<Vec<String>>,
    /// How many leases mvm-dhcp has given out; None where they cannot be read.
    leases: Option<usize>,
    /// The subnets that mvmhost makes known in the tailnet.
    tailscale: Vec<AdvertisedSubnet>,
    /// systemd did not tell of every unit.
    is_blind: bool,
}

impl<'a> Screen<'a> {
    pub(super) fn observe(
        context: &Context,
        loaded: &'a Loaded,
        manager: &mut dyn Units,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let (roots, config) = (&context.roots, &loaded.config);
        let mut units = BTreeMap::new();
        let mut is_blind = false;
        for name in mvm_units_plan::chain(config) {
            match manager.state(&name) {
                Ok(state) => {
                    units.insert(name, state);
                }
                Err(error) => {
                    is_blind = true;
                    findings.push(context::no_systemd(&error));
                }
            }
        }
        let flintlockd = config.flintlockd.unit.as_str();
        let pid = units.get(flintlockd).map(|state| state.main_pid).filter(|pid| *pid != 0);
        let pid = pid.and_then(|pid| i32::try_from(pid).ok());
        let mut observed = observe::observe(roots, config, pid);
        let microvms = api::microvms(roots, config);
        let listing = microvms.as_ref().map(Option::as_deref);
        observed::live(roots, config, units.get(flintlockd), listing, &mut observed);
        let planned = services::observe(roots, loaded, manager, &mut observed);
        let planned = planned.map(|plans| plans.findings()).unwrap_or_default();
        let checked = checks::run(config, &observed);
        let codes: Vec<&str> = checked.iter().map(Finding::code).collect();
        // Before the first apply a plan has nothing to say that the operator could have seen to.
        let more = planned.into_iter().filter(|finding| !codes.contains(&finding.code()));
        let more: Vec<Finding> = more.collect();
        findings.extend(checked);
        findings.extend(more);
        let verified = observed.plugin == Plugin::Ok && !observed.images.is_empty();
        let lacking =
            observed.images.iter().filter(|(wanted, state)| state.finding(wanted).is_some());
        let incomplete = lacking.map(|(wanted, _)| wanted.reference.to_string()).collect();
        let incomplete = verified.then_some(incomplete);
        let leases = leases::read(context).ok().map(|leases| leases.len());
        let tailscale = Tailscale { roots, programs: &System };
        let tailscale = tailscale.routes(&config.network.tailscale_routes).0;
        Self { config, observed, microvms, units, incomplete, leases, tailscale, is_blind }
    }

    fn document<'f>(&self, findings: &'f [Finding]) -> Document<'f> {
        let units: BTreeMap<&str, Value> = self
            .units
            .iter()
            .map(|(name, state)| (name.as_str(), json!({"state": state.active_state, "sub": state.sub_state, "up-ms": up_ms(state)})))
            .collect();
        let microvms = match &self.microvms {
            Ok(Some(microvms)) => json!(by_state(microvms)),
            Ok(None) | Err(_) => Value::Null,
        };
        Document::new(findings)
            .with("ready", findings.iter().all(|one| one.severity() != Severity::Error))
            .with("pool", self.pool())
            .with("network", network(&self.config.network))
            .with("dhcp", served(&self.config.network).map(|interface| json!({"interface": interface, "leases": self.leases})))
            .with("reserved", reserved::labels(&self.config.network.reserved))
            .with("tailscale", &self.tailscale)
            .with("containerd", json!({"devmapper": self.observed.plugin == Plugin::Ok}))
            .with("images", json!({"wanted": self.image_count(), "incomplete": self.incomplete}))
            .with("flintlockd", json!({"endpoint": self.config.flintlockd.grpc_endpoint.to_string(), "answers": self.microvms.is_ok()}))
            .with("microvms", microvms)
            .with("units", units)
    }

    fn pool(&self) -> Value {
        let name = self.config.thinpool.name.as_str();
        let Ok(PoolState::Live(live)) = &self.observed.pool else {
            return json!({"name": name, "live": false});
        };
        let working = self.working();
        json!({"name": name, "live": true, "table": live.table.to_string(), "status": live.status,
            "data-percent": working.as_ref().map(|pool| pool.data.percent()),
            "metadata-percent": working.as_ref().map(|pool| pool.metadata.percent())})
    }

    /// How many images the file asks for.
    fn image_count(&self) -> usize {
        mvm_images_plan::requested_images(self.config).len()
    }

    /// The pool, while it answers.
    fn working(&self) -> Option<Working> {
        let Ok(PoolState::Live(live)) = &self.observed.pool else {
            return None;
        };
        match live.status.parse() {
            Ok(ThinPoolStatus::Working(pool)) => Some(pool),
            _ => None,
        }
    }
}

/// The mode as the file spells it.
pub const fn mode(mode: NetworkMode) -> &'static str {
    match mode {
        NetworkMode::Tap => "tap",
        NetworkMode::Macvtap => "macvtap",
        NetworkMode::None => "none",
    }
}

/// What microVMs' interfaces are on, for `--json`.
fn network(network: &Network) -> Value {
    let mode = mode(network.mode);
    match network.mode {
        NetworkMode::Tap => json!({"mode": mode, "bridge": network.bridge.name.as_str()}),
        NetworkMode::Macvtap | NetworkMode::None => json!({"mode": mode}),
    }
}

/// Where addresses are given out.
fn served(network: &Network) -> Option<&str> {
    let interface = network.dhcp.interface.as_ref().filter(|_| network.dhcp.enabled)?;
    Some(interface.as_str())
}

/// How long a unit took from its start to being up, in ms.
fn up_ms(state: &UnitState) -> Option<u64> {
    let up = state.active_enter_us.checked_sub(state.inactive_exit_us)?;
    (state.active_enter_us != 0).then_some(up / 1000)
}

fn by_state(microvms: &[MicroVm]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for microvm in microvms {
        *counts.entry(microvm.state.word()).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
        mvm_config::load::parse(&[source]).unwrap().config
    }

    #[test]
    fn the_network_is_told_by_its_mode() {
        for (text, document) in [
            ("", json!({"mode": "tap", "bridge": "br-mvm"})),
            (
                "[flintlockd]\nprovider = \"cloudhypervisor\"\n[network]\nmode = \"macvtap\"\n",
                json!({"mode": "macvtap"}),
            ),
            ("[network]\nmode = \"none\"\n", json!({"mode": "none"})),
        ] {
            assert_eq!(network(&config(text).network), document);
        }
    }

    #[test]
    fn leases_are_told_where_addresses_are_given_out() {
        for (text, interface) in [
            ("", Some("br-mvm")),
            ("[network.dhcp]\nenabled = false\n", None),
            ("[network]\nmode = \"none\"\n", None),
        ] {
            assert_eq!(served(&config(text).network), interface, "{text}");
        }
    }
}
