//! `mvmhost tls`: certificates of flintlockd's API.

mod show;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mvm_cli::cli::{TlsCommand, TlsInit, TlsRenew};
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::Config;
use mvm_config::model::Tls;
use mvm_core::catalogue::{flk, tls as messages};
use mvm_core::{Finding, Roots, chain, day};
use mvm_tls::plan::{CLUSTER_CLIENT, Desired, FOLDER, File, OWN_CLIENT, Observed, Step, plan};
use mvm_units_systemd::systemd::{Job, JobResult, Manager, Mode, Units};

use super::fragment::{Fragment, Refusal};

/// The fragment that makes flintlockd use the certificates.
const FRAGMENT: &str = "60-tls.toml";
const MARK: &str = "# Written by mvmhost tls init.\n";
/// flintlockd waits for open requests when it is stopped.
const RESTART: Duration = Duration::from_secs(150);

pub(super) fn run(context: &Context, command: &TlsCommand) -> Exit {
    let outcome = match command {
        TlsCommand::Init(arguments) => init(context, arguments),
        TlsCommand::Renew(arguments) => renew(context, arguments),
        TlsCommand::Show(arguments) => return show::run(context, arguments),
    };
    let (findings, exit) = outcome.unwrap_or_else(|outcome| outcome);
    output::report(context.json, &findings, exit)
}

/// What is said, and the exit code.
type Outcome = (Vec<Finding>, Exit);

fn failed(finding: Finding) -> Outcome {
    (vec![finding], Exit::Findings)
}

fn refused(refusal: Refusal) -> Outcome {
    match refusal {
        Refusal::Invalid(findings) => (findings, Exit::Config),
        Refusal::Unwritable(path, why) => {
            failed(messages::not_written(path.display().to_string(), why))
        }
    }
}

fn not_written(file: &str, error: &mvm_tls::Error) -> Outcome {
    failed(messages::not_written(file, chain(error)))
}

fn init(context: &Context, arguments: &TlsInit) -> Result<Outcome, Outcome> {
    let roots = &context.roots;
    let fragment = Fragment::open(context, FRAGMENT, MARK).map_err(refused)?;
    let without = fragment.without().map_err(refused)?;
    // Files of the operator's own win over ours, also when they are the same.
    let own_files = without.config.flintlockd.tls.clone().filter(|tls| *tls != own_tls());
    let text = match (&fragment.written, &arguments.listen) {
        (Some(written), None) => written.clone(),
        (_, listen) => text(listen.as_ref().map(ToString::to_string)),
    };
    let with = match own_files {
        Some(_) => without,
        None => fragment.with(&text).map_err(refused)?,
    };
    let mut desired = desired(&with.config, true);
    desired.names.extend(arguments.names.iter().cloned());
    desired.clients.extend([CLUSTER_CLIENT.to_owned()]);
    desired.clients.extend(arguments.clients.iter().cloned());
    if arguments.dry_run {
        return dry_run(roots, &desired);
    }
    let lock = mvm_tls::lock(roots).map_err(|error| not_written(FOLDER, &error))?;
    if let (Some(certificate), Some(key)) = (&arguments.ca, &arguments.ca_key) {
        mvm_tls::import(roots, certificate, key)
            .map_err(|error| not_written(&format!("{FOLDER}/ca.crt"), &error))?;
    }
    let (mut findings, made) = make(roots, &desired)?;
    drop(lock);
    match own_files {
        Some(tls) => {
            findings.push(messages::other_files(tls.cert.as_str()));
        }
        None => {
            fragment.write(context, &text).map_err(refused)?;
            let path = fragment.path.display().to_string();
            findings.push(messages::configured(path));
            if made.iter().any(is_server) {
                findings.extend(restart(roots, &with.config));
            }
        }
    }
    Ok((findings.clone(), output::exit_for(&findings)))
}

fn dry_run(roots: &Roots, desired: &Desired) -> Result<Outcome, Outcome> {
    let observed = observe(roots)?;
    let plan = plan(desired, &observed);
    for step in &plan.steps {
        output::print(&format!("{step}\n"));
    }
    let exit = if plan.steps.is_empty() { output::exit_for(&plan.findings) } else { Exit::Pending };
    Ok((plan.findings, exit))
}

fn renew(context: &Context, arguments: &TlsRenew) -> Result<Outcome, Outcome> {
    let roots = &context.roots;
    let loaded = context.load().map_err(|invalid| (vec![invalid.finding()], Exit::Config))?;
    let observed = observe(roots)?;
    if observed.authority == File::Absent {
        return Err(failed(messages::no_authority(FOLDER)));
    }
    let unknown = arguments.clients.iter().find(|name| !observed.clients.contains_key(*name));
    if let Some(name) = unknown {
        return Err(failed(messages::no_client(name)));
    }
    let mut desired = desired(&loaded.config, !arguments.due);
    desired.renewed.extend(arguments.clients.iter().cloned());
    let _lock = mvm_tls::lock(roots).map_err(|error| not_written(FOLDER, &error))?;
    let (mut findings, made) = make(roots, &desired)?;
    if made.iter().any(is_server) {
        findings.extend(restart(roots, &loaded.config));
    }
    Ok((findings.clone(), output::exit_for(&findings)))
}

fn desired(config: &Config, by_name: bool) -> Desired {
    let names = mvm_tls::names(config);
    let clients = [OWN_CLIENT.to_owned()].into();
    Desired { names, by_name, clients, renewed: BTreeSet::new() }
}

fn observe(roots: &Roots) -> Result<Observed, Outcome> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    mvm_tls::observe(roots, now).map_err(|error| not_written(FOLDER, &error))
}

/// Observes, plans, makes, and observes again.
fn make(roots: &Roots, desired: &Desired) -> Result<(Vec<Finding>, Vec<Step>), Outcome> {
    let before = plan(desired, &observe(roots)?);
    if before.is_refused() {
        return Err((before.findings, Exit::Refused));
    }
    let mut findings = Vec::new();
    for step in &before.steps {
        let file = format!("{FOLDER}/{}.crt", step.stem());
        mvm_tls::apply(roots, step).map_err(|error| {
            let (failed, exit) = not_written(&file, &error);
            (findings.iter().cloned().chain(failed).collect(), exit)
        })?;
        let made = messages::made(&file, day(step.span().until));
        findings.push(made.evidence(step.to_string()));
    }
    let observed = observe(roots)?;
    let without_renewal = Desired { renewed: BTreeSet::new(), ..desired.clone() };
    let after = plan(&without_renewal, &observed);
    findings.extend(after.findings);
    if let Some(step) = after.steps.first() {
        let file = format!("{FOLDER}/{}.crt", step.stem());
        findings.push(messages::not_written(file, step));
    } else if before.steps.is_empty()
        && let File::Read(server) = &observed.server
    {
        findings.push(messages::settled(FOLDER, day(server.until)));
    }
    Ok((findings, before.steps))
}

fn is_server(step: &Step) -> bool {
    matches!(step, Step::Server { .. })
}

/// What [flintlockd.tls] says for the files of [`FOLDER`].
fn own_tls() -> Tls {
    let path = |name: &str| mvm_config::names::AbsPath::parse(&format!("{FOLDER}/{name}")).ok();
    let (cert, key) = (path("server.crt"), path("server.key"));
    let root = Config::default().flintlockd.state_dir;
    Tls {
        cert: cert.unwrap_or_else(|| root.clone()),
        key: key.unwrap_or(root),
        client_ca: path("ca.crt"),
    }
}

/// Also turns `insecure` of the operator's file off, which excludes certificates.
fn text(listen: Option<String>) -> String {
    let endpoint = listen.map_or(String::new(), |listen| format!("grpc-endpoint = \"{listen}\"\n"));
    format!(
        "{MARK}[flintlockd]\n{endpoint}insecure = false\n\n[flintlockd.tls]\n\
         cert = \"{FOLDER}/server.crt\"\nkey = \"{FOLDER}/server.key\"\n\
         client-ca = \"{FOLDER}/ca.crt\"\n"
    )
}

/// Lets a running flintlockd read its new certificate; one that uses another, or none, goes on.
fn restart(roots: &Roots, config: &Config) -> Option<Finding> {
    let uses = |tls: &Tls| tls.cert == own_tls().cert;
    let is_host = roots.at("/") == std::path::Path::new("/");
    if !is_host || !config.flintlockd.tls.as_ref().is_some_and(uses) {
        return None;
    }
    let unit = config.flintlockd.unit.as_str();
    let restarted = Manager::connect().and_then(|mut manager| {
        let state = manager.state(unit)?;
        if !state.is_active() {
            return Ok(None);
        }
        if state.ends_all() {
            return Ok(Some(flk::unprotected(unit)));
        }
        Ok(Some(match manager.run(Job::TryRestart, unit, Mode::Replace, RESTART)? {
            JobResult::Done => messages::restarted(unit),
            result => messages::not_restarted(unit, format!("{result:?}")),
        }))
    });
    restarted.unwrap_or_else(|error| Some(messages::not_restarted(unit, chain(&error))))
}
