//! The known failures, word for word.

mod known;
mod merging;
mod seeds;

use super::*;

fn place() -> Place {
    Place {
        flintlockd: "flintlockd.service".to_owned(),
        binary: "/usr/local/bin/flintlockd".to_owned(),
        containerd: "containerd-dev.service".to_owned(),
        pool: "flintlock-dev-thinpool".to_owned(),
        state: "/var/lib/flintlock/vm".to_owned(),
    }
}

fn diagnose(source: Source, lines: &[&str]) -> Vec<Finding> {
    let mut diagnosis = Diagnosis::new(place(), None);
    let microvm = (source == Source::MicroVm).then_some("ns/name/uid");
    for text in lines {
        diagnosis.line(&Line { source, time: Some(1_763_700_000_000_000), text, microvm });
    }
    diagnosis.findings()
}

/// The one code and subject that a line stands for; `None` when nothing is known about it.
fn known(source: Source, line: &str) -> Option<(&'static str, String)> {
    let findings = diagnose(source, &[line]);
    assert!(findings.len() <= 1, "{line}: {findings:?}");
    let finding = findings.first()?;
    // Templates are filled without a gap.
    assert!(!finding.message().contains('{') && !finding.remedy().contains('{'), "{finding:?}");
    Some((finding.code(), finding.subject().to_owned()))
}

/// As logrus writes an error.
fn logrus(message: &str) -> String {
    format!("time=\"2026-11-21T05:00:00Z\" level=error msg={message:?} controller=microvm")
}
