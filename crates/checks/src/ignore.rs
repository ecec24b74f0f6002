//! `[validate] ignore`: findings that the operator has answered.

use mvm_config::model::Validate;
use mvm_core::catalogue::checked;
use mvm_core::{Finding, day};

/// What stands, and what is ignored. `now` is in seconds since 1970; an entry holds until the end
/// of its last day, in UTC, and one that has ended is a warning of its own as long as what it was
/// for is there.
pub fn split(
    validate: &Validate,
    findings: Vec<Finding>,
    now: i64,
) -> (Vec<Finding>, Vec<Finding>) {
    let today = day(now);
    let (mut standing, mut ignored) = (Vec::new(), Vec::new());
    for finding in findings {
        let entry = validate.ignore.iter().find(|entry| entry.code == finding.code());
        let Some(entry) = entry else {
            standing.push(finding);
            continue;
        };
        // Dates of this form are in order as text.
        let expired = entry.until.as_ref().filter(|until| **until < today);
        if let Some(until) = expired {
            let notice = checked::ignore_ended(&entry.code, until, &entry.reason);
            standing.push(finding);
            standing.push(notice);
        } else {
            let finding = checked::ignored(finding.subject(), finding.code(), &entry.reason)
                .evidence(finding.message());
            ignored.push(finding);
        }
    }
    (standing, ignored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_config::model::Ignore;

    #[test]
    fn an_exception_holds_until_the_end_of_its_day() {
        let entry = |until: Option<&str>| Validate {
            ignore: vec![Ignore {
                code: "MVM-KVM-001".to_owned(),
                reason: "a test bed".to_owned(),
                until: until.map(str::to_owned),
            }],
        };
        let found = || ["/dev/kvm", "x"].map(mvm_core::catalogue::kvm::no_node).to_vec();
        // 2026-11-21, 12:00 UTC
        let now = 1_795_262_400;
        let codes = |validate: &Validate| {
            let (standing, ignored) = split(validate, found(), now);
            (standing.iter().map(Finding::code).collect::<Vec<_>>(), ignored.len())
        };
        assert_eq!(codes(&entry(None)), (vec![], 2));
        assert_eq!(codes(&entry(Some("2026-11-21"))), (vec![], 2));
        let (standing, ignored) = codes(&entry(Some("2026-11-20")));
        assert_eq!((standing.len(), standing[1], ignored), (4, "MVM-HOST-203", 0));
        assert_eq!(codes(&Validate { ignore: Vec::new() }).0.len(), 2);
    }
}
