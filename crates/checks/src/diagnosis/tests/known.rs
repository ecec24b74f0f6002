//! Each row of the table of known failures, as the programs write it.

use super::{Source, known, logrus, patterns};

const STEP: &str = "failed to reconcile vmid ns/name/uid: executing plan: executing plan steps: executing steps: executing step";

/// Row, source, code, subject and text of each line.
const KNOWN: &str = include_str!("known.tsv");

#[test]
fn every_row_is_recognised() {
    let mut rows = std::collections::BTreeSet::new();
    for line in KNOWN.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [row, source, code, subject, text] = fields.as_slice() else {
            panic!("{line}");
        };
        let expected = Some((*code, (*subject).to_owned()));
        let step = format!("{STEP} {text}");
        let (source, texts) = match *source {
            "step" => (Source::Flintlockd, vec![logrus(&step), json(&step)]),
            "flintlockd" => {
                (Source::Flintlockd, vec![logrus(text), json(text), (*text).to_owned()])
            }
            "containerd" => (Source::Containerd, vec![(*text).to_owned()]),
            "kernel" => (Source::Kernel, vec![(*text).to_owned()]),
            _ => (Source::MicroVm, vec![(*text).to_owned()]),
        };
        for text in texts {
            assert_eq!(known(source, &text), expected, "{text}");
        }
        rows.insert(row.parse::<u8>().unwrap());
    }
    rows.remove(&0);
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), (1..=61).collect::<Vec<u8>>());
}

/// Source, code and text of real lines, a class or more of each.
const CLASSES: &str = include_str!("classes.tsv");
/// Source and text of lines that mean nothing.
const SILENT: &str = include_str!("silent.tsv");

const PULL: &str = "runtime_volume_mount: mount images docker.io/a/b:1 for volume use: getting image docker.io/a/b:1 for owner ns0/mvm0/01G: pulling image using containerd:";

fn source(name: &str) -> Source {
    match name {
        "containerd" => Source::Containerd,
        "kernel" => Source::Kernel,
        "microvm" => Source::MicroVm,
        _ => Source::Flintlockd,
    }
}

#[test]
fn every_line_lands_in_its_class_with_its_innermost_cause() {
    let lines: Vec<_> = CLASSES.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() >= 80);
    let mut wrong = Vec::new();
    for line in lines {
        let fields: Vec<&str> = line.split('\t').collect();
        let [from, code, text] = fields.as_slice() else { panic!("{line}") };
        let written = match *from {
            "pull" => logrus(&format!("{STEP} {PULL} {text}")),
            "step" => logrus(&format!("{STEP} {text}")),
            "flintlockd" => logrus(text),
            _ => (*text).to_owned(),
        };
        let findings = super::diagnose(source(from), &[&written]);
        let codes: Vec<_> = findings.iter().map(mvm_core::Finding::code).collect();
        let end: String =
            text.chars().rev().take(18).collect::<Vec<_>>().into_iter().rev().collect();
        let evidence =
            findings.first().map(|finding| finding.evidence_text().to_owned()).unwrap_or_default();
        if codes != [*code] || !(evidence.contains(end.as_str()) || text.contains('\\')) {
            wrong.push(format!("{code}, and is {codes:?}: {text}\n{evidence}"));
        }
        for finding in findings {
            let shown = finding.message() + &finding.remedy();
            assert!(!shown.contains('{'), "{shown}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_line_that_is_no_failure_is_silent() {
    for line in SILENT.lines().filter(|line| !line.starts_with('#')) {
        let (from, text) = line.split_once('\t').unwrap();
        assert_eq!(super::diagnose(source(from), &[text]), [], "{text}");
    }
}

#[test]
fn the_innermost_cause_says_something_by_itself() {
    for (line, cause) in [
        (
            "level=error msg=\"a: b: dial tcp: lookup ghcr.io: no such host\" controller=microvm",
            "lookup ghcr.io: no such host",
        ),
        (
            "level=error msg=\"x: unexpected status from HEAD request to https://g/v2: 503 Service Unavailable\"",
            "unexpected status from HEAD request to https://g/v2: 503 Service Unavailable",
        ),
        (
            "level=error msg=\"x: toomanyrequests: You have reached your limit: https://a.example/increase-limit\"",
            "You have reached your limit: https://a.example/increase-limit",
        ),
        (
            "device-mapper: thin metadata: sb_check failed: blocknr 7: wanted 0",
            "sb_check failed: blocknr 7: wanted 0",
        ),
        ("short", "short"),
        ("", ""),
    ] {
        assert_eq!(crate::diagnosis::logrus::innermost(line), cause, "{line}");
    }
}

fn json(message: &str) -> String {
    serde_json::json!({"level": "error", "msg": message}).to_string()
}

#[test]
fn retries_are_told_from_giving_up() {
    let line = logrus(
        "[3/10] reconciliation failed, rescheduled for next attempt at 2026-11-21T05:01:00Z",
    );
    assert_eq!(known(Source::Flintlockd, &line).unwrap().0, "MVM-VM-508");
    assert_eq!(
        known(Source::Flintlockd, &logrus("object already exists")).unwrap().0,
        "MVM-CTRD-505"
    );
}

#[test]
fn hostile_names_do_not_reach_a_remedy() {
    for text in [
        "failed to lookup parent network interface \"$(reboot)\": Link not found",
        "starting firecracker process: fork/exec /x;reboot: permission denied",
        "failed to resolve reference \"`reboot`\": not found",
        "setting master for fltap1 to a b; reboot: operation not supported",
    ] {
        let findings = super::diagnose(Source::Flintlockd, &[text]);
        assert_eq!(findings.len(), 1, "{text}");
        assert!(!findings[0].remedy().contains("reboot"), "{}", findings[0].remedy());
    }
    // Every pattern was tried above.
    assert!(patterns::all().count() > 61);
}
