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
