//! `mvmhost diagnose`: what the journals and the microVMs' files show, per cause.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use mvm_checks as checks;
use mvm_checks::diagnosis::journal::{FIELDS, Lines, Record};
use mvm_checks::diagnosis::microvm::judge;
use mvm_checks::diagnosis::{Diagnosis, Line, Place, Source};
use mvm_cli::cli::DiagnoseArguments;
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_cli_microvms::files::read_files;
use mvm_config::last_good::load_or_last_good;
use mvm_config::{Config, places};
use mvm_core::catalogue::seen::{flintlockd as seen, microvm as vm};
use mvm_core::exec::{self, Execute, Limits, System};
use mvm_core::json::Document;
use mvm_core::{Finding, Roots, Severity, chain};
use mvm_units_systemd::flintlock::{MicroVm, State};
use mvm_units_systemd::microvms;
use mvm_validate::gate::Gate;

use crate::observed;

/// Reading a journal of some GiB from a slow disk takes minutes.
const READING: Duration = Duration::from_secs(600);

/// Prints every cause that was found; exit 1 when one of them is an error.
pub fn run(context: &Context, arguments: &DiagnoseArguments) -> Exit {
    let (loaded, last_good) = match load_or_last_good(&context.roots, context.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(findings) => {
            output::findings(context.json, &findings);
            return Exit::Config;
        }
    };
    let config = &loaded.config;
    let mut diagnosis = Diagnosis::new(Place::new(config), arguments.vm.as_deref());
    let mut findings: Vec<Finding> = last_good.into_iter().collect();
    let since = arguments.since.as_deref();
    if let Err(why) = journals(&context.roots, config, since, &System, &mut diagnosis) {
        let silent = seen::journal_silent("journal", &why);
        findings.push(silent);
    }
    clear_resolved(&context.roots, config, &mut diagnosis);
    let state = places::microvms(config);
    let only = arguments.vm.as_deref();
    let directories = files(&context.roots, &state, only, &mut diagnosis, &mut findings);
    // A flintlockd that does not answer is what the journals are read for.
    let listing = mvm_validate::api::microvms(&context.roots, config).ok().flatten();
    findings.extend(states(&listing.unwrap_or_default(), arguments.vm.as_deref()));
    findings.extend(diagnosis.findings());
    if !findings.iter().any(|finding| finding.severity() > Severity::Info) {
        let nothing = seen::nothing_known("diagnosis", diagnosis.lines(), directories);
        findings.push(nothing);
    }
    if context.json {
        let document = Document::new(&findings).with("lines", diagnosis.lines());
        output::print(&document.with("causes", diagnosis.occurrences()).text());
    } else {
        output::findings(false, &findings);
    }
    output::exit_for(&findings)
}

/// mvm-validate looks when flintlockd starts. What it found then and is no more has not been said to
/// have cleared, unless something could not be asked now.
fn clear_resolved(roots: &Roots, config: &Config, diagnosis: &mut Diagnosis) {
    let reported = Gate::Flintlockd.reported(roots);
    if reported.standing().next().is_none() {
        return;
    }
    let (observed, _) = observed::observe(roots, config);
    if !observed.unasked.is_empty() {
        return;
    }
    let found = checks::run(config, &observed);
    for (code, subject) in reported.standing() {
        if !found.iter().any(|found| (found.code(), found.subject()) == (code, subject)) {
            diagnosis.clear(code, subject);
        }
    }
}

/// Streams what journalctl says into the diagnosis.
fn journals(
    roots: &Roots,
    config: &Config,
    since: Option<&str>,
    programs: &dyn Execute,
    diagnosis: &mut Diagnosis,
) -> Result<(), String> {
    let program = exec::find(roots, "journalctl").ok_or("there is no journalctl")?;
    let arguments = arguments(config, since);
    let arguments: Vec<_> = arguments.iter().map(OsString::as_os_str).collect();
    let flintlockd = config.flintlockd.unit.as_str();
    let containerd = places::containerd_unit(config.containerd.instance);
    let mut skipped = 0;
    let mut lines = Lines::default();
    let mut take = |line: &[u8]| match Record::parse(line) {
        Some(record) => read(&record, flintlockd, containerd, diagnosis),
        None => skipped += 1,
    };
    let mut piece = |bytes: &[u8]| lines.push(bytes, &mut take);
    let mut limits = Limits::timeout(READING);
    limits.stdout = Some(&mut piece);
    let result = programs.run(&program, &arguments, &mut limits);
    let overlong = lines.finish(&mut take);
    diagnosis.skip(skipped + overlong);
    match result {
        Ok(exit) if exit.success() => Ok(()),
        // Nothing matched: journalctl counts that as a failure, and says nothing.
        Ok(exit) if exit.stderr.trim().is_empty() => Ok(()),
        Ok(exit) => Err(exit.stderr.trim().to_owned()),
        Err(error) => Err(chain(&error)),
    }
}

/// What flintlockd makes of its microVMs: given up, or tried again, with a revision that looks like
/// a count of crashes and is none.
fn states(microvms: &[MicroVm], only: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for microvm in microvms {
        let name = format!("{}/{}", microvm.namespace, microvm.name);
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let subject = format!("{name}/{}", microvm.uid);
        let (retry, version) = (microvm.retry, microvm.version);
        findings.push(match microvm.state {
            State::Failed => vm::failed(subject, retry),
            _ if retry > 0 => vm::revision(subject, version, retry),
            _ => continue,
        });
    }
    findings
}

fn arguments(config: &Config, since: Option<&str>) -> Vec<OsString> {
    let unit = |name: &str| format!("_SYSTEMD_UNIT={name}");
    let mut arguments = vec![
        "--output=json".to_owned(),
        format!("--output-fields={FIELDS}"),
        "--all".to_owned(),
        "--no-pager".to_owned(),
        "--quiet".to_owned(),
        since.map_or("--boot".to_owned(), |since| format!("--since={since}")),
    ];
    for matched in [
        unit(config.flintlockd.unit.as_str()),
        unit(places::containerd_unit(config.containerd.instance)),
        "_TRANSPORT=kernel".to_owned(),
        // Where auditd runs, denials of AppArmor and SELinux are no lines of the kernel's.
        "_TRANSPORT=audit".to_owned(),
        format!("SYSLOG_IDENTIFIER={}", mvm_core::sink::IDENTIFIER),
    ] {
        if !matches!(arguments.last(), Some(last) if last.starts_with("--")) {
            arguments.push("+".to_owned());
        }
        arguments.push(matched);
    }
    arguments.into_iter().map(OsString::from).collect()
}

/// Hands a record on by who wrote it; one of another unit is passed over.
fn read(record: &Record, flintlockd: &str, containerd: &str, diagnosis: &mut Diagnosis) {
    let text = record.message.0.as_str();
    if record.identifier.0 == mvm_core::sink::IDENTIFIER {
        diagnosis.reported(record.time(), &record.code.0, &record.subject.0, text);
        return;
    }
    let source = match record.unit.0.as_str() {
        unit if unit == flintlockd => Source::Flintlockd,
        unit if unit == containerd => Source::Containerd,
        _ if matches!(record.transport.0.as_str(), "kernel" | "audit") => Source::Kernel,
        _ => return,
    };
    diagnosis.line(&Line { source, time: record.time(), text, microvm: None });
}

/// The files of every microVM, or of the one that was asked for; how many microVMs there were.
fn files(
    roots: &Roots,
    state: &str,
    only: Option<&str>,
    diagnosis: &mut Diagnosis,
    findings: &mut Vec<Finding>,
) -> usize {
    let unreadable = |subject: &str, error: &std::io::Error| {
        seen::state_unreadable(subject, error, mvm_units_plan::hygiene::quoted(Path::new(state)))
    };
    let found = match microvms::directories(roots, state) {
        Ok(found) => found,
        Err(error) => {
            findings.push(unreadable(state, &error));
            return 0;
        }
    };
    let mut count = 0;
    for microvm in found {
        if only.is_some_and(|only| !microvm.id.starts_with(&format!("{only}/"))) {
            continue;
        }
        count += 1;
        if let Err(error) = look(&microvm, diagnosis) {
            findings.push(unreadable(&microvm.id, &error));
        }
    }
    count
}

fn look(microvm: &microvms::Directory, diagnosis: &mut Diagnosis) -> std::io::Result<()> {
    let (files, console) = read_files(microvm)?;
    for tail in [&files.stdout, &files.stderr, &files.log].into_iter().flatten() {
        for text in tail.text.lines() {
            let microvm = Some(microvm.id.as_str());
            diagnosis.line(&Line { source: Source::MicroVm, time: None, text, microvm });
        }
    }
    if let Some((entry, line)) = judge(&files) {
        diagnosis.judged(entry, &microvm.id, &console.display().to_string(), &line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_core::exec::Recording;

    fn diagnosed(stdout: &str, code: i32, stderr: &str) -> (Vec<Finding>, Result<(), String>) {
        let exit = exec::Exit {
            code: Some(code),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
            ..exec::Exit::default()
        };
        let config = mvm_config::load::parse(&[]).unwrap().config;
        let mut diagnosis = Diagnosis::new(Place::new(&config), None);
        let programs = Recording::new([exit]);
        let roots = Roots::new("/");
        let result = journals(&roots, &config, Some("-1h"), &programs, &mut diagnosis);
        let (_, arguments) = programs.calls().into_iter().next().unwrap();
        assert!(arguments.contains(&"--since=-1h".into()), "{arguments:?}");
        (diagnosis.findings(), result)
    }

    #[test]
    fn records_reach_their_tables() {
        let stdout = concat!(
            r#"{"_SYSTEMD_UNIT":"flintlockd.service","MESSAGE":"level=error msg=\"snapshotter not loaded: devmapper: invalid argument\"","__REALTIME_TIMESTAMP":"1763700000000000"}"#,
            "\nno JSON\n",
            r#"{"_TRANSPORT":"kernel","MESSAGE":"device-mapper: thin: 253:0: no free data space available."}"#,
            "\n",
            r#"{"_SYSTEMD_UNIT":"other.service","MESSAGE":"snapshotter not loaded: native"}"#,
            "\n",
            r#"{"_TRANSPORT":"audit","MESSAGE":"AVC apparmor=\"DENIED\" operation=\"open\" profile=\"dnsmasq\" name=\"/run/mvmhost/dnsmasq.conf\" pid=811 comm=\"dnsmasq\""}"#,
            "\n",
            r#"{"SYSLOG_IDENTIFIER":"mvmhost","MVMHOST_CODE":"MVM-FLK-001","MVMHOST_SUBJECT":"x","MESSAGE":"MVM-FLK-001: y"}"#,
        );
        let (findings, result) = diagnosed(stdout, 0, "");
        assert_eq!(result, Ok(()));
        let codes: Vec<_> = findings.iter().map(Finding::code).collect();
        let expected =
            ["MVM-CTRD-501", "MVM-DHCP-521", "MVM-POOL-505", "MVM-HOST-502", "MVM-HOST-504"];
        assert_eq!(codes, expected);
    }

    #[test]
    fn a_journal_that_fails_says_why() {
        assert_eq!(diagnosed("", 1, "").1, Ok(()));
        let why = "Failed to parse timestamp: soon";
        assert_eq!(diagnosed("", 1, why).1, Err(why.to_owned()));
    }

    #[test]
    fn a_high_revision_is_no_count_of_crashes() {
        let microvm = |name: &str, state, retry| MicroVm {
            namespace: "ns".to_owned(),
            name: name.to_owned(),
            uid: "u".to_owned(),
            state,
            retry,
            version: 25,
            devices: Vec::new(),
        };
        let all = [
            microvm("fine", State::Created, 0),
            microvm("tried", State::Pending, 4),
            microvm("lost", State::Failed, 11),
        ];
        let codes = |only| states(&all, only).iter().map(Finding::code).collect::<Vec<_>>();
        assert_eq!(codes(None), ["MVM-VM-514", "MVM-VM-513"]);
        assert_eq!(codes(Some("ns/lost")), ["MVM-VM-513"]);
    }

    #[test]
    fn the_files_of_a_microvm_are_judged() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("var/lib/flintlock/vm/ns");
        for microvm in ["a/1", "b/2"] {
            std::fs::create_dir_all(place.join(microvm)).unwrap();
        }
        let log = "Error creating KVM object: No such file or directory (os error 2)\n";
        std::fs::write(place.join("a/1/firecracker.stderr"), log).unwrap();
        let config = mvm_config::load::parse(&[]).unwrap().config;
        let codes = |only: Option<&str>| {
            let mut diagnosis = Diagnosis::new(Place::new(&config), only);
            let mut findings = Vec::new();
            let count = files(
                &Roots::new(folder.path()),
                "/var/lib/flintlock/vm",
                only,
                &mut diagnosis,
                &mut findings,
            );
            assert_eq!(findings, []);
            let codes: Vec<_> = diagnosis.findings().iter().map(Finding::code).collect();
            (count, codes)
        };
        assert_eq!(codes(None), (2, vec!["MVM-KVM-501", "MVM-VM-509"]));
        assert_eq!(codes(Some("ns/b")), (1, vec!["MVM-VM-509"]));
    }

    /// The promise is linear growth and 2 s for 100,000 lines of an optimised build. This one is
    /// not optimised, and the machine may be busy: what is held against it is the growth.
    #[test]
    fn the_time_is_linear_in_the_lines() {
        let failed = r#"{"_SYSTEMD_UNIT":"flintlockd.service","MESSAGE":"level=error msg=\"failed to reconcile vmid ns/a/u: snapshotter not loaded: devmapper: invalid argument\"","__REALTIME_TIMESTAMP":"1763700000000000"}"#;
        let healthy = failed
            .replace("level=error", "level=info")
            .replace("failed to reconcile", "reconciling")
            .replace("snapshotter not loaded", "all is well");
        let run = |lines: usize| {
            let stdout = format!("{failed}\n{healthy}\n").repeat(lines / 2);
            let start = std::time::Instant::now();
            let (findings, _) = diagnosed(&stdout, 0, "");
            assert_eq!(findings.len(), 1);
            assert!(findings[0].evidence_text().starts_with(&format!("{} times", lines / 2)));
            start.elapsed()
        };
        let (small, large) = (run(2_500), run(10_000));
        assert!(large < small * 16, "{small:?}, {large:?}");
    }
}
