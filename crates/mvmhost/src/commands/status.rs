//! `mvmhost status`: the host on one screen.

use std::collections::BTreeMap;
use std::fmt::Write;

use mvm_config::model::{Network, NetworkMode};
use mvm_config::{Config, Loaded, Roots};
use mvm_diagnostics::json::Document;
use mvm_diagnostics::{Finding, Severity};
use mvm_host::configuration::load_or_last_good;
use mvm_host::exec::System;
use mvm_host::flintlock::{MicroVm, State};
use mvm_host::systemd::{Manager, UnitState, Units};
use mvm_network::tailscale::Tailscale;
use mvm_plan::checks::{self, Facts, Plugin};
use mvm_plan::tailscale::Route;
use mvm_plan::thinpool::{Mode, PoolState, ThinPoolStatus, Working};
use mvm_plan::{names, reserved};
use mvm_validate::{api, facts};
use serde_json::{Value, json};

use super::{check, leases, missing, net, services};
use crate::context::{self, Context};
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
    let mut screen = Screen::observe(roots, &loaded, &mut manager, &mut findings);
    let tailscale = Tailscale { roots, programs: &System };
    screen.tailscale = tailscale.routes(&loaded.config.network.tailscale_routes).0;
    screen.leases = leases::read(context).ok().map(|leases| leases.len());
    if context.json {
        output::print(&screen.document(&findings).text());
    } else {
        output::print(&screen.text(&findings));
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
    /// How many leases mvm-dhcp has given out; None where they cannot be read.
    leases: Option<usize>,
    /// The subnets that mvmhost makes known in the tailnet.
    tailscale: Vec<Route>,
}

impl<'a> Screen<'a> {
    fn observe(
        roots: &Roots,
        loaded: &'a Loaded,
        manager: &mut dyn Units,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let config = &loaded.config;
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
        let mut facts = facts::observe(roots, config, pid);
        let microvms = api::microvms(roots, config);
        let told = microvms.as_ref().map(Option::as_deref).map_err(String::as_str);
        missing::taps(&mut facts, told);
        if let Ok(Some(told)) = told {
            findings.extend(missing::findings(roots, config, told, &System));
        }
        findings.extend(units.get(flintlockd).and_then(|state| check::unprotected(config, state)));
        check::images(roots, config, &mut facts);
        let planned = services::observe(roots, loaded, manager, &mut facts);
        let checked = checks::run(config, &facts);
        let known: Vec<&str> = checked.iter().map(Finding::code).collect();
        // Before the first apply a plan has nothing to say that the operator could have seen to.
        let more = planned.into_iter().filter(|finding| !known.contains(&finding.code()));
        let more: Vec<Finding> = more.collect();
        findings.extend(checked);
        findings.extend(more);
        let asked = facts.plugin == Plugin::Ok && !facts.images.is_empty();
        let lacking = facts.images.iter().filter(|(wanted, state)| state.finding(wanted).is_some());
        let incomplete = lacking.map(|(wanted, _)| wanted.reference.to_string()).collect();
        let incomplete = asked.then_some(incomplete);
        Self { config, facts, microvms, units, incomplete, leases: None, tailscale: Vec::new() }
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
            .with("reserved", reserved::shown(&self.config.network.reserved))
            .with("tailscale", &self.tailscale)
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
        let working = self.working();
        json!({"name": name, "live": true, "table": live.table.to_string(), "status": live.status,
            "data-percent": working.as_ref().map(|pool| pool.data.percent()),
            "metadata-percent": working.as_ref().map(|pool| pool.metadata.percent())})
    }

    /// How many images the file asks for.
    fn wanted(&self) -> usize {
        mvm_plan::images::wanted(self.config).len()
    }

    /// The pool, while it answers.
    fn working(&self) -> Option<Working> {
        let Ok(PoolState::Live(live)) = &self.facts.pool else {
            return None;
        };
        match live.status.parse() {
            Ok(ThinPoolStatus::Working(pool)) => Some(pool),
            _ => None,
        }
    }

    /// The line that says it all, first.
    fn verdict(&self, findings: &[Finding]) -> String {
        let count = |severity| findings.iter().filter(|one| one.severity() == severity).count();
        let fresh = self.facts.services.as_ref().is_some_and(|services| services.never_applied);
        match (fresh, count(Severity::Error), count(Severity::Warning)) {
            (true, ..) => "not set up yet: nothing is applied, run mvmhost apply".to_owned(),
            (false, 0, 0) => "ready for microVMs".to_owned(),
            (false, 0, warnings) => format!("ready for microVMs, with {warnings} warnings"),
            (false, errors, _) => format!("not ready for microVMs: {errors} errors, see below"),
        }
    }

    fn text(&self, findings: &[Finding]) -> String {
        let mut out = format!("host        {}\n", self.verdict(findings));
        if self.facts.services.as_ref().is_some_and(|services| services.never_applied) {
            return out;
        }
        // Writing to a String cannot fail.
        let pool = self.working().map_or("not live".to_owned(), |pool| live(&pool));
        let _ = writeln!(out, "pool        {}: {pool}", self.config.thinpool.name);
        let default_route = self.facts.default_interface.as_deref();
        let _ = writeln!(out, "{}", place(&self.config.network, default_route));
        if let Some(interface) = served(&self.config.network) {
            let leases = self.leases.map_or("unknown".to_owned(), |count| count.to_string());
            let _ = writeln!(out, "dhcp        {interface}: {leases} leases");
        }
        let reserved = reserved::shown(&self.config.network.reserved);
        if !reserved.is_empty() {
            let _ = writeln!(out, "reserved    {}", reserved.join(", "));
        }
        for route in &self.tailscale {
            let _ = writeln!(out, "tailscale   {route}");
        }
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

/// A pool that answers: the mode only where it is not what it should be.
fn live(pool: &Working) -> String {
    let mode = match pool.mode {
        Some(Mode::ReadWrite) | None => "",
        Some(Mode::ReadOnly) => "read-only, ",
        Some(Mode::OutOfDataSpace) => "out of data space, ",
    };
    let (data, metadata) = (pool.data.percent(), pool.metadata.percent());
    format!("live, {mode}data {data} % full, metadata {metadata} %")
}

/// What microVMs' interfaces are on. Without a parent in the file it is asked for.
fn place(network: &Network, default_route: Option<&str>) -> String {
    match network.mode {
        NetworkMode::Tap if network.has_both() => {
            let named = network.macvtap.parent.as_ref().map(|parent| parent.as_str());
            let parent = named.or(default_route).unwrap_or("the interface of the default route");
            format!("bridge      {}, and macvtaps on {parent}", network.bridge.name)
        }
        NetworkMode::Tap => format!("bridge      {}", network.bridge.name),
        NetworkMode::Macvtap => {
            let named = network.macvtap.parent.as_ref().map(|parent| parent.as_str());
            let parent = named.or(default_route);
            let parent = parent.unwrap_or("on the interface of the default route");
            format!("macvtap     {parent}")
        }
        NetworkMode::None => "network     none".to_owned(),
    }
}

/// The same for `--json`.
fn network(network: &Network) -> Value {
    let mode = net::mode(network.mode);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
        mvm_config::load::parse(&[source]).unwrap().config
    }

    #[test]
    fn the_network_is_told_by_its_mode() {
        let macvtap =
            "[flintlockd]\nprovider = \"cloudhypervisor\"\n[network]\nmode = \"macvtap\"\n";
        let named = format!("{macvtap}[network.macvtap]\nparent = \"eno4\"\n");
        let of_default = "macvtap     on the interface of the default route";
        for (text, default_route, told, document) in [
            ("", None, "bridge      br-mvm", json!({"mode": "tap", "bridge": "br-mvm"})),
            (macvtap, Some("eth0"), "macvtap     eth0", json!({"mode": "macvtap"})),
            (macvtap, None, of_default, json!({"mode": "macvtap"})),
            (&named, None, "macvtap     eno4", json!({"mode": "macvtap"})),
            ("[network]\nmode = \"none\"\n", None, "network     none", json!({"mode": "none"})),
        ] {
            let config = config(text);
            assert_eq!(place(&config.network, default_route), told);
            assert_eq!(network(&config.network), document);
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

    #[test]
    fn a_pool_that_takes_no_writes_says_so() {
        for (mode, told) in [
            ("rw", "live, data 50 % full, metadata 10 %"),
            ("ro", "live, read-only, data 50 % full, metadata 10 %"),
            ("out_of_data_space", "live, out of data space, data 50 % full, metadata 10 %"),
        ] {
            let status =
                format!("0 10/100 15/30 - {mode} discard_passdown queue_if_no_space - 1024");
            let ThinPoolStatus::Working(pool) = status.parse().unwrap() else { panic!("{status}") };
            assert_eq!(live(&pool), told);
        }
    }
}
