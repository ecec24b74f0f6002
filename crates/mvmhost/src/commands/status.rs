//! `mvmhost status`: the host on one screen.

use std::collections::BTreeMap;
use std::fmt::Write;

use mvm_config::{Config, Roots};
use mvm_diagnostics::json::Document;
use mvm_diagnostics::{Finding, catalogue};
use mvm_host::configuration::load_or_last_good;
use mvm_host::flintlock::{MicroVm, State};
use mvm_host::systemd::{Manager, UnitState, Units};
use mvm_plan::checks::{self, Facts, Plugin};
use mvm_plan::thinpool::{PoolState, ThinPoolStatus};
use mvm_plan::{host, names};
use mvm_validate::{api, facts};
use serde_json::{Value, json};

use crate::context::{self, Context};
use crate::machine;
use crate::output::{self, Exit};

pub(super) fn run(context: &Context) -> Exit {
    let roots = &context.roots;
    let (loaded, last_good) = match load_or_last_good(roots, context.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(findings) => {
            output::findings(context.json, &findings);
            return Exit::Config;
        }
    };
    let mut findings: Vec<Finding> = last_good.into_iter().collect();
    let mut manager = match Manager::connect() {
        Ok(manager) => manager,
        Err(error) => {
            findings.push(context::no_systemd(&error));
            output::findings(context.json, &findings);
            return Exit::Unavailable;
        }
    };
    let mut incomplete = None;
    match machine::plans(roots, &loaded, &mut manager) {
        Ok(plans) => {
            findings.extend(plans.findings());
            findings.extend(host::missing(&plans.desired, &plans.observed));
            incomplete = plans.observed.images.incomplete;
        }
        Err(finding) => findings.push(finding),
    }
    let mut screen = Screen::observe(roots, &loaded.config, &mut manager, &mut findings);
    screen.incomplete = incomplete;
    if context.json {
        output::print(&screen.document(&findings).text());
    } else {
        output::print(&screen.text());
        output::findings(false, &findings);
    }
    output::exit_for(&findings)
}

/// Everything that is shown.
struct Screen<'a> {
    config: &'a Config,
    facts: Facts,
    microvms: Result<Option<Vec<MicroVm>>, String>,
    units: BTreeMap<String, UnitState>,
    /// Images that are not complete; None where containerd could not be asked.
    incomplete: Option<Vec<String>>,
}

impl<'a> Screen<'a> {
    fn observe(
        roots: &Roots,
        config: &'a Config,
        manager: &mut dyn Units,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let mut units = BTreeMap::new();
        for name in names::chain(config) {
            match manager.state(&name) {
                Ok(state) => {
                    units.insert(name, state);
                }
                Err(error) => findings.push(context::no_systemd(&error)),
            }
        }
        let flintlockd = config.flintlockd.unit.as_str();
        let pid = units.get(flintlockd).map(|state| state.main_pid).filter(|pid| *pid != 0);
        let pid = pid.and_then(|pid| i32::try_from(pid).ok());
        let facts = facts::observe(roots, config, pid);
        let known: Vec<&str> = findings.iter().map(Finding::code).collect();
        let checked: Vec<Finding> = checks::run(config, &facts)
            .into_iter()
            .filter(|finding| !known.contains(&finding.code()))
            .collect();
        findings.extend(checked);
        let microvms = api::microvms(roots, config);
        if let (Err(why), Some(_)) = (&microvms, pid) {
            let endpoint = config.flintlockd.grpc_endpoint.to_string();
            let silent = Finding::new(&catalogue::flk::API_SILENT, endpoint);
            findings.push(silent.with("seconds", 5).with("unit", flintlockd).evidence(why));
        }
        Self { config, facts, microvms, units, incomplete: None }
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
            .with("pool", self.pool())
            .with("network", json!({"bridge": self.config.network.bridge.name.as_str()}))
            .with("containerd", json!({"devmapper": self.facts.plugin == Plugin::Ok}))
            .with("images", json!({"wanted": self.wanted(), "incomplete": self.incomplete}))
            .with("flintlockd", json!({"endpoint": self.config.flintlockd.grpc_endpoint.to_string(), "answers": self.microvms.is_ok()}))
            .with("microvms", microvms)
            .with("units", units)
    }

    fn pool(&self) -> Value {
        let name = self.config.thinpool.name.as_str();
        let Ok(PoolState::Live(live)) = &self.facts.pool else {
            return json!({"name": name, "live": false});
        };
        json!({"name": name, "live": true, "table": live.table.to_string(), "status": live.status,
            "data-percent": self.fill().map(|(data, _)| data),
            "metadata-percent": self.fill().map(|(_, metadata)| metadata)})
    }

    /// How many images the file asks for.
    fn wanted(&self) -> usize {
        mvm_plan::images::wanted(self.config).len()
    }

    /// How full data and metadata are, in percent.
    fn fill(&self) -> Option<(u8, u8)> {
        let Ok(PoolState::Live(live)) = &self.facts.pool else {
            return None;
        };
        match live.status.parse() {
            Ok(ThinPoolStatus::Working(pool)) => {
                Some((pool.data.percent(), pool.metadata.percent()))
            }
            _ => None,
        }
    }

    fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let pool = match self.fill() {
            Some((data, metadata)) => format!("live, data {data} % full, metadata {metadata} %"),
            None => "not live".to_owned(),
        };
        let _ = writeln!(out, "pool        {}: {pool}", self.config.thinpool.name);
        let _ = writeln!(out, "bridge      {}", self.config.network.bridge.name);
        let plugin = match &self.facts.plugin {
            Plugin::Ok => "devmapper ok".to_owned(),
            Plugin::NotOk(state) => format!("devmapper not ok: {state}"),
            Plugin::NoAnswer(_) => "does not answer".to_owned(),
        };
        let socket = names::containerd_socket(self.config.containerd.instance);
        let _ = writeln!(out, "containerd  {socket}: {plugin}");
        let images = match &self.incomplete {
            Some(incomplete) => {
                let wanted = self.wanted();
                format!("{} of {wanted} complete", wanted.saturating_sub(incomplete.len()))
            }
            None => format!("{} wanted", self.wanted()),
        };
        let _ = writeln!(out, "images      {images}");
        let api = if self.microvms.is_ok() { "answers" } else { "does not answer" };
        let _ = writeln!(out, "flintlockd  {}: {api}", self.config.flintlockd.grpc_endpoint);
        if let Ok(Some(microvms)) = &self.microvms {
            let counts: Vec<String> =
                by_state(microvms).iter().map(|(state, n)| format!("{n} {state}")).collect();
            let shown = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
            let _ = writeln!(out, "microVMs    {shown}");
        }
        for (name, state) in &self.units {
            let took = up_ms(state).map_or(String::new(), |ms| format!(", up in {ms} ms"));
            let _ = writeln!(out, "{name:24} {} ({}){took}", state.active_state, state.sub_state);
        }
        out
    }
}

/// How long a unit took from its start to being up, in ms.
fn up_ms(state: &UnitState) -> Option<u64> {
    let up = state.active_enter_us.checked_sub(state.inactive_exit_us)?;
    (state.active_enter_us != 0).then_some(up / 1000)
}

fn by_state(microvms: &[MicroVm]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for microvm in microvms {
        *counts.entry(word(microvm.state)).or_insert(0) += 1;
    }
    counts
}

/// flintlockd's own word for a state.
pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Created => "created",
        State::Failed => "failed",
        State::Deleting => "deleting",
        State::Unknown(_) => "unknown",
    }
}
