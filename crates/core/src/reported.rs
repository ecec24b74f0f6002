//! What was reported already, so that a finding that stays is not repeated at every restart of
//! flintlockd: once when it appears, once when it clears, and a summary now and then.

use std::collections::BTreeMap;

use crate::{Finding, Severity, catalogue};
use serde::{Deserialize, Serialize};

/// A summary of findings that stay is said at most this often, in seconds.
pub const SUMMARY_EVERY: u64 = 600;

/// The memory between two runs; it does not outlive the boot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// Code and subject of what stands, `MVM-POOL-004 flintlock-dev-thinpool`.
    standing: BTreeMap<String, String>,
    /// Seconds of the boot clock at which something was last said.
    said_at: u64,
}

impl Reported {
    /// Code and subject of everything that stood when it was last looked at.
    pub fn standing(&self) -> impl Iterator<Item = (&str, &str)> {
        self.standing.keys().map(|key| key.split_once(' ').unwrap_or((key, "")))
    }
}

/// What is to be said now, and what is to be remembered.
///
/// `now` is in seconds of a clock that does not go back. Informations are always said: they
/// report something that was done.
pub fn update(before: &Reported, findings: &[Finding], now: u64) -> (Vec<Finding>, Reported) {
    let mut report = Vec::new();
    let mut standing = BTreeMap::new();
    for finding in findings {
        let key = format!("{} {}", finding.code(), finding.subject());
        let stood_before = before.standing.contains_key(&key);
        if finding.severity() == Severity::Info || !stood_before {
            report.push(finding.clone());
        }
        if finding.severity() != Severity::Info {
            standing.insert(key, finding.evidence_text().to_owned());
        }
    }
    for (code, subject) in before.standing() {
        if standing.contains_key(&format!("{code} {subject}")) {
            continue;
        }
        report.push(catalogue::said::cleared(subject, code));
    }
    let due = now.saturating_sub(before.said_at) >= SUMMARY_EVERY;
    if report.is_empty() && !standing.is_empty() && due {
        let keys: Vec<&str> = standing.keys().map(String::as_str).collect();
        report.push(
            catalogue::said::standing("flintlockd", standing.len()).evidence(keys.join("\n")),
        );
    }
    let said_at = if report.is_empty() { before.said_at } else { now };
    (report, Reported { standing, said_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> Finding {
        catalogue::flk::binary_missing("/usr/local/bin/flintlockd")
    }

    #[test]
    fn a_finding_is_said_when_it_appears_and_when_it_clears() {
        let (report, reported) = update(&Reported::default(), &[missing()], 100);
        assert_eq!(report, [missing()]);
        let (report, reported) = update(&reported, &[missing()], 115);
        assert!(report.is_empty());
        let (report, reported) = update(&reported, &[], 130);
        assert_eq!(report.len(), 1);
        assert_eq!(report[0].code(), catalogue::said::cleared::ROW.code);
        assert!(report[0].message().contains("MVM-FLK-001"));
        assert_eq!(update(&reported, &[], 900).0, []);
    }

    #[test]
    fn what_stays_is_summed_up_every_ten_minutes() {
        let (_, mut reported) = update(&Reported::default(), &[missing()], 0);
        let mut reports = 0;
        for now in (15..=1500).step_by(15) {
            let (report, next) = update(&reported, &[missing()], now);
            reports += report.len();
            reported = next;
        }
        assert_eq!(reports, 2);
    }

    #[test]
    fn informations_are_always_said() {
        let ok = catalogue::ctrd::plugin_ok("socket");
        let (report, reported) = update(&Reported::default(), std::slice::from_ref(&ok), 0);
        assert_eq!(report.len(), 1);
        assert_eq!(update(&reported, &[ok], 1).0.len(), 1);
    }
}
