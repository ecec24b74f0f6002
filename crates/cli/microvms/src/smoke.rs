//! `mvmhost smoke`: one microVM is created, reached and deleted, and nothing of it may be left.

mod traces;

use std::time::{Duration, Instant};

use mvm_cli::cli::{Condition, SmokeArguments};
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_core::Finding;
use mvm_core::catalogue::vm as messages;
use mvm_core::json::Document;
use mvm_units_plan::microvm::{Request, Spec};
use mvm_units_systemd::flintlock::MicroVm;
use traces::Traces;

use crate::session::{Session, TIMEOUT, id};
use crate::vm::create::spec as default_spec;
use crate::vm::wait::until;

/// Apart from everybody's own.
const NAMESPACE: &str = "mvmhost-smoke";
/// A VMM ends at once, and containerd's collector looks within seconds.
const DELETING: Duration = Duration::from_secs(120);

/// Carries the command out; exit 1 when anything of the microVM did not come, or is left.
pub fn run(context: &Context, arguments: &SmokeArguments) -> Exit {
    let session = match Session::open(context) {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let findings = go(&session, arguments);
    let exit = output::exit_for(&findings);
    if context.json {
        let passed = exit == Exit::Done;
        output::print(&Document::new(&findings).with("passed", passed).text());
        return exit;
    }
    output::report(false, &findings, exit)
}

/// As a step of `check --deep`, with the images of the configuration.
pub fn as_check(context: &Context) -> Vec<Finding> {
    let arguments = SmokeArguments {
        root_image: None,
        kernel_image: None,
        kernel_file: None,
        timeout: Duration::from_secs(300),
    };
    // What stands in the way of a connection has been said.
    Session::open(context).map_or(Vec::new(), |session| go(&session, &arguments))
}

fn go(session: &Session<'_>, arguments: &SmokeArguments) -> Vec<Finding> {
    let started = Instant::now();
    forget(session);
    let request = match spec(session, arguments) {
        Ok(request) => request,
        Err(finding) => return vec![finding],
    };
    let made = match session.api.create(&request, TIMEOUT) {
        Ok(made) => made,
        Err(error) => {
            let name = format!("{NAMESPACE}/{}", request.id);
            return vec![session.failed(&name, &error), step(&name, "create it")];
        }
    };
    let microvm = made.microvm;
    let mut findings = Vec::new();
    let reached = reach(session, &microvm, arguments.timeout);
    // What it has is known best when it runs.
    let details = session.api.get(&microvm.uid, TIMEOUT).ok().flatten();
    let traces = Traces::of(&microvm, details.as_ref());
    let name = id(&microvm);
    if let Err((finding, failed_step)) = &reached {
        findings.extend([finding.clone(), step(&name, failed_step)]);
    }
    match delete(session, &microvm) {
        Ok(()) => {
            let leftovers = traces.leftovers(session, DELETING);
            findings.extend(
                leftovers.into_iter().map(|leftover| messages::left_behind(&name, leftover)),
            );
        }
        Err(finding) => findings.extend([finding, step(&name, "delete it")]),
    }
    if findings.is_empty() {
        let reached = reached.unwrap_or("made");
        let passed = messages::smoke_passed(NAMESPACE, reached, started.elapsed().as_secs());
        findings.push(passed);
        findings.extend(
            traces.lease(session).map(|lease| messages::lease_stays(&name).evidence(lease)),
        );
    }
    findings
}

/// Deletes what an earlier run left that was killed: its name has the number of its process.
fn forget(session: &Session<'_>) {
    let all = session.api.list_microvms(TIMEOUT).unwrap_or_default();
    let lives = |pid: &str| session.context.roots.at(format!("/proc/{pid}")).exists();
    let abandoned = all.iter().filter(|one| {
        let pid = one.name.strip_prefix("smoke-");
        one.namespace == NAMESPACE && pid.is_some_and(|pid| !lives(pid))
    });
    for microvm in abandoned {
        if let Err(error) = session.api.delete(&microvm.uid, TIMEOUT) {
            log::debug!("{}", mvm_core::chain(&error));
        }
    }
}

fn step(name: &str, action: &str) -> Finding {
    messages::smoke_failed(name, action)
}

fn spec(session: &Session<'_>, arguments: &SmokeArguments) -> Result<Spec, Finding> {
    let request = Request {
        // One that was killed does not stand in the way of the next.
        name: format!("smoke-{}", std::process::id()),
        namespace: NAMESPACE.to_owned(),
        vcpu: Some(1),
        memory: Some(1024),
        root: arguments.root_image.clone(),
        kernel: arguments.kernel_image.clone(),
        kernel_file: arguments.kernel_file.clone(),
        ..Request::default()
    };
    default_spec(session.context, session.config(), Spec::default(), &request)
}

/// How far it got; an error says what did not come and at which step.
fn reach(
    session: &Session<'_>,
    microvm: &MicroVm,
    timeout: Duration,
) -> Result<&'static str, (Finding, &'static str)> {
    let started = Instant::now();
    let remaining = || timeout.saturating_sub(started.elapsed());
    let wait = |condition, action| {
        until(session, microvm, condition, remaining()).map_err(|finding| (finding, action))
    };
    wait(Condition::Created, "start its VMM")?;
    if !session.config().network.dhcp.enabled {
        // Whose server gives the address cannot be told from here, nor when.
        return Ok("started");
    }
    wait(Condition::Address, "boot the guest and give it an address")?;
    wait(Condition::Reachable, "ping it")?;
    Ok("pinged")
}

fn delete(session: &Session<'_>, microvm: &MicroVm) -> Result<(), Finding> {
    session
        .api
        .delete(&microvm.uid, TIMEOUT)
        .map_err(|error| session.failed(&id(microvm), &error))?;
    until(session, microvm, Condition::Deleted, DELETING).map(|_| ())
}
