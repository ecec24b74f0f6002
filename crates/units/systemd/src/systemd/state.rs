//! The properties of a unit that mvmhost looks at.

use std::collections::HashMap;

use zbus::{OwnedVariant, Variant};

/// A unit as systemd shows it now. Texts are systemd's own words; a property that the unit has not
/// got (a target has no process) is empty or 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitState {
    /// `loaded`, `not-found`, `bad-setting`, `masked`, `error`
    pub load_state: String,
    /// `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating`
    pub active_state: String,
    /// `running`, `exited`, `start-pre`, `auto-restart`, ...
    pub sub_state: String,
    /// Why it failed: `success`, `exit-code`, `signal`, `timeout`, `start-limit-hit`, ...
    pub result: String,
    /// The process, 0 when there is none.
    pub main_pid: u32,
    /// Whether a file of it changed since systemd read it.
    pub need_daemon_reload: bool,
    /// Its drop-ins, in the order in which they apply.
    pub drop_in_paths: Vec<String>,
    /// When it began to start, in µs of CLOCK_MONOTONIC, 0 when never.
    pub inactive_exit_us: u64,
    /// When it was up, in µs of CLOCK_MONOTONIC, 0 when never.
    pub active_enter_us: u64,
    /// The arguments of each ExecStart=, program first.
    pub exec_start: Vec<Vec<String>>,
    /// What the service says of itself (sd_notify STATUS=).
    pub status_text: String,
    /// How often Restart= started it again.
    pub restarts: u32,
    /// What a stop ends: `control-group`, `mixed`, `process`, `none`; empty for what is no service.
    pub kill_mode: String,
}

impl UnitState {
    /// Whether it is up.
    pub fn is_active(&self) -> bool {
        matches!(self.active_state.as_str(), "active" | "reloading")
    }

    /// Whether systemd has a file for it.
    pub fn is_loaded(&self) -> bool {
        self.load_state == "loaded"
    }

    /// Whether a stop of it ends every process in its control group, which are the microVMs in
    /// flintlockd's. Also of a unit without a file: systemd's defaults are for it.
    pub fn ends_all(&self) -> bool {
        let stoppable = self.is_loaded() || !matches!(self.active_state.as_str(), "" | "inactive");
        stoppable && matches!(self.kill_mode.as_str(), "control-group" | "mixed")
    }

    /// From what Properties.GetAll says; `service` is empty for a unit that is no service.
    pub(super) fn new(unit: &Properties, service: &Properties) -> Self {
        Self {
            load_state: text(unit, "LoadState"),
            active_state: text(unit, "ActiveState"),
            sub_state: text(unit, "SubState"),
            result: text(service, "Result"),
            main_pid: number(service, "MainPID").try_into().unwrap_or(0),
            need_daemon_reload: matches!(get(unit, "NeedDaemonReload"), Some(Variant::Bool(true))),
            drop_in_paths: get(unit, "DropInPaths").map(texts).unwrap_or_default(),
            inactive_exit_us: number(unit, "InactiveExitTimestampMonotonic"),
            active_enter_us: number(unit, "ActiveEnterTimestampMonotonic"),
            exec_start: commands(service),
            status_text: text(service, "StatusText"),
            restarts: number(service, "NRestarts").try_into().unwrap_or(0),
            kill_mode: text(service, "KillMode"),
        }
    }
}

/// The reply of Properties.GetAll.
pub(super) type Properties = HashMap<String, OwnedVariant>;

fn get<'a>(properties: &'a Properties, name: &str) -> Option<&'a Variant<'static>> {
    properties.get(name).map(|value| &**value)
}

fn text(properties: &Properties, name: &str) -> String {
    match get(properties, name) {
        Some(Variant::Str(text)) => text.as_str().to_owned(),
        _ => String::new(),
    }
}

fn number(properties: &Properties, name: &str) -> u64 {
    match get(properties, name) {
        Some(Variant::U64(number)) => *number,
        Some(Variant::U32(number)) => u64::from(*number),
        _ => 0,
    }
}

fn texts(value: &Variant<'_>) -> Vec<String> {
    let Variant::Array(array) = value else {
        return Vec::new();
    };
    let strings = array.inner().iter().filter_map(|item| match item {
        Variant::Str(text) => Some(text.as_str().to_owned()),
        _ => None,
    });
    strings.collect()
}

/// ExecStart is `a(sasbttttuii)`: the second field is argv.
fn commands(service: &Properties) -> Vec<Vec<String>> {
    let Some(Variant::Array(array)) = get(service, "ExecStart") else {
        return Vec::new();
    };
    let argv = array.inner().iter().filter_map(|item| match item {
        Variant::Structure(command) => command.fields().get(1).map(texts),
        _ => None,
    });
    argv.collect()
}
