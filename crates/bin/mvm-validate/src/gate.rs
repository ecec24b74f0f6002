//! The four moments at which a unit asks whether it may go on.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mvm_checks as checks;
use mvm_checks::Plugin;
use mvm_config::last_good::load_or_last_good;
use mvm_config::model::Instance;
use mvm_config::{Config, places};
use mvm_core::exec::System;
use mvm_core::reported::{self, Reported};
use mvm_core::state::{self, File};
use mvm_core::{Finding, Roots, Severity, brake, catalogue, chain, exit, names, sink};
use mvm_oneshot::{Options, Program, Report};
use mvm_pool_kernel::containerd_config;
use mvm_units_systemd::kvm;

use crate::{api, handover, observe};

/// How long containerd's plugin may take to load: with many devices to activate it takes a while.
const PLUGIN_READY: Duration = Duration::from_secs(60);
/// How long flintlockd may take to answer: its dial of containerd alone may take 10 s.
const API_READY: Duration = Duration::from_secs(30);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);
/// Which unit asks, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// ExecStartPre of flintlockd.
    Flintlockd,
    /// ExecStartPost of flintlockd.
    FlintlockdReady,
    /// ExecStartPre of containerd-dev.
    Containerd,
    /// ExecStartPost of containerd-dev.
    ContainerdReady,
}

impl Gate {
    /// The gate of this name, as units give it on the command line.
    pub fn named(name: &OsStr) -> Option<Self> {
        let all =
            [Self::Flintlockd, Self::FlintlockdReady, Self::Containerd, Self::ContainerdReady];
        all.into_iter().find(|gate| OsStr::new(gate.name()) == name)
    }

    /// Everything that `mvm-validate` does at this gate, with its exit code.
    pub fn run(self, program: &Program, options: &Options) -> Report {
        let roots = options.roots();
        if let Some(refused) = Report::unless_root(program, &roots) {
            return refused;
        }
        let config = options.get("--config").map(PathBuf::as_path);
        let code = match load_or_last_good(&roots, config) {
            Ok((loaded, last_good)) => match self.pass(&roots, &loaded.config, last_good) {
                true => exit::DONE,
                false => exit::FINDINGS,
            },
            Err(findings) => {
                self.report(&roots, &findings);
                exit::CONFIGURATION
            }
        };
        Report { findings: Vec::new(), code }
    }

    /// Asks, acts where the gate hands something over, says what there is to say, and tells
    /// whether the unit may go on. `last_good` says that the configuration is not the operator's
    /// newest: an error for him and none for the unit.
    fn pass(self, roots: &Roots, config: &Config, last_good: Option<Finding>) -> bool {
        let findings = match self {
            Self::Flintlockd => flintlockd(roots, config),
            Self::FlintlockdReady => flintlockd_ready(roots, config),
            Self::Containerd => containerd(roots, config),
            Self::ContainerdReady => containerd_ready(roots, config),
        };
        let passed = findings.iter().all(|finding| finding.severity() != Severity::Error);
        let findings: Vec<Finding> = last_good.into_iter().chain(findings).collect();
        self.report(roots, &findings);
        passed
    }

    /// Reports to whoever started it: everything to a person, and to the journal what is new, what
    /// has cleared and, now and then, what stands, because units ask again and again.
    fn report(self, roots: &Roots, findings: &[Finding]) {
        if sink::under_journal() {
            remember(roots, self, findings).iter().for_each(sink::report);
        } else {
            findings.iter().for_each(sink::report);
        }
    }

    /// What was said at this gate in this boot; nothing where that cannot be read.
    pub fn reported(self, roots: &Roots) -> Reported {
        self.file().get(roots).unwrap_or_default()
    }

    fn file(self) -> File<Reported> {
        File::for_each(&state::REPORTED, self.name())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Flintlockd => "flintlockd",
            Self::FlintlockdReady => "flintlockd-ready",
            Self::Containerd => "containerd",
            Self::ContainerdReady => "containerd-ready",
        }
    }
}

fn flintlockd(roots: &Roots, config: &Config) -> Vec<Finding> {
    kvm::load_driver(roots, &System);
    let mut observed = observe::observe(roots, config, None);
    // Whose taps these are only flintlockd knows, which does not run yet.
    observed.stale_taps.clear();
    observed.databases = observe::databases(roots, config);
    let found = checks::run(config, &observed);
    // What is ignored is shown by `mvmhost check`; here it would be said at every start.
    let (mut findings, _) = checks::split(&config.validate, found, observed.now);
    let parent = observed.default_interface.as_deref();
    if findings.iter().all(|finding| finding.severity() != Severity::Error)
        && let Err(why) = handover::write_flintlockd_config(roots, config, parent)
    {
        let file = handover::flintlockd_config(roots).display().to_string();
        findings.push(catalogue::flk::file_not_written(file, why));
    }
    findings
}

fn flintlockd_ready(roots: &Roots, config: &Config) -> Vec<Finding> {
    let endpoint = config.flintlockd.grpc_endpoint.to_string();
    let started = Instant::now();
    let mut last;
    loop {
        match api::microvms(roots, config) {
            Ok(microvms) => {
                let count = microvms
                    .map_or("shown only to clients".to_owned(), |shown| shown.len().to_string());
                let answers = catalogue::flk::api_answers(endpoint, count);
                return vec![answers];
            }
            Err(why) => last = why,
        }
        if started.elapsed() >= API_READY {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    let silent =
        catalogue::flk::api_silent(endpoint, API_READY.as_secs(), config.flintlockd.unit.as_str());
    vec![silent.evidence(last)]
}

fn containerd(roots: &Roots, config: &Config) -> Vec<Finding> {
    let pool = mvm_pool_kernel::thinpool::pool_state(roots, &config.thinpool.name)
        .map_err(|error| chain(&error));
    let mut findings = checks::pool_for_containerd(config, &pool);
    let flaw = observe::containerd_flaw(roots, config);
    findings.extend(flaw.map(|why| checks::containerd_program(config, &why)));
    if findings.iter().all(|finding| finding.severity() != Severity::Error) {
        let desired = mvm_pool_kernel::desired(roots, config);
        findings.extend(mvm_repair_kernel::databases::settle(roots, &desired));
    }
    if roots.at(names::OPERATOR_CONTAINERD_CONFIG).exists() {
        findings.extend(operator_config(roots, config));
    } else if config.containerd.instance == Instance::Dedicated
        && let Err(error) = handover::write_containerd_config(roots, config)
    {
        let failed =
            catalogue::ctrd::config_not_written(names::CONTAINERD_DEV_CONFIG, chain(&error));
        findings.push(failed);
    }
    findings
}

fn operator_config(roots: &Roots, config: &Config) -> Vec<Finding> {
    let file = names::OPERATOR_CONTAINERD_CONFIG;
    match containerd_config::read(roots, file) {
        Ok(text) => mvm_containerd::check_operator(&text, config),
        Err(error) => {
            let invalid = catalogue::ctrd::operator_config_invalid(file);
            vec![invalid.evidence(chain(&error))]
        }
    }
}

fn containerd_ready(roots: &Roots, config: &Config) -> Vec<Finding> {
    let started = Instant::now();
    loop {
        let plugin = observe::plugin(roots, config);
        let socket = places::containerd_socket(config.containerd.instance);
        if plugin == Plugin::Ok {
            return vec![catalogue::ctrd::plugin_ok(socket)];
        }
        // A plugin that did not load is never tried again by containerd.
        let settled = matches!(plugin, Plugin::NotOk(_));
        if settled || started.elapsed() >= PLUGIN_READY {
            return checks::plugin(config, &plugin);
        }
        std::thread::sleep(PAUSE);
    }
}

/// What is to be said now. A record that cannot be read or kept makes for a repetition, not for a
/// failure.
fn remember(roots: &Roots, gate: Gate, findings: &[Finding]) -> Vec<Finding> {
    let before = gate.reported(roots);
    let (report, after) = reported::update(&before, findings, brake::boot_seconds(roots));
    if after == before {
        return report;
    }
    if let Err(error) = gate.file().write(roots, &after) {
        log::debug!("{}", chain(&error));
    }
    report
}
