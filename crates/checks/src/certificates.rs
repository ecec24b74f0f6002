//! The API's certificates hold today, its secrets are secret, and it is not open to everybody.

use mvm_config::Config;
use mvm_core::catalogue::sec;
use mvm_core::{Finding, day};
use serde::Deserialize;

use super::Observed;

/// A certificate that ends within this time is warned of, in seconds: 30 days.
const SOON: i64 = 30 * 24 * 60 * 60;

/// From when to when a certificate holds, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Validity {
    /// notBefore
    pub from: i64,
    /// notAfter
    pub until: i64,
}

impl Validity {
    /// How good a certificate of a pool is, of which one that holds is enough: those that hold
    /// `now` come first and the longest of them before all, then the others by how near they are.
    pub fn rank(self, now: i64) -> (bool, i64) {
        let away = self.from.saturating_sub(now).max(now.saturating_sub(self.until));
        if away > 0 { (false, -away) } else { (true, self.until) }
    }
}

pub(super) fn check(config: &Config, observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    let unit = config.flintlockd.unit.as_str();
    for (file, validity) in &observed.certificates {
        match validity {
            Err(why) => findings.push(sec::no_certificate(file, why, unit).evidence(why)),
            Ok(validity) => {
                let (from, until) = (day(validity.from), day(validity.until));
                let period =
                    format!("valid from {from} to {until}, today is {}", day(observed.now));
                let finding = if validity.until < observed.now {
                    sec::certificate_expired(file, until, unit)
                } else if validity.from > observed.now {
                    sec::certificate_future(file, from, unit)
                } else if validity.until < observed.now.saturating_add(SOON) {
                    sec::certificate_ends(file, until, unit)
                } else {
                    continue;
                };
                findings.push(finding.evidence(period));
            }
        }
    }
    for (file, mode) in observed.secret_modes.iter().filter(|(_, mode)| mode & 0o007 != 0) {
        let mode = format!("{mode:04o}");
        findings.push(sec::key_open(file, &mode).evidence(mode));
    }
    let flintlockd = &config.flintlockd;
    let anybody = flintlockd.tls.is_none() && flintlockd.basic_auth_token_file.is_none();
    if anybody && !flintlockd.grpc_endpoint.is_loopback() {
        let exposed = sec::exposed(flintlockd.grpc_endpoint.to_string());
        findings.push(exposed.evidence("no [flintlockd.tls], no basic-auth-token-file"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_a_pool_holds_and_lasts_or_is_the_nearest() {
        let best = |pool: &[(i64, i64)]| {
            let pool = pool.iter().map(|&(from, until)| Validity { from, until });
            pool.max_by_key(|validity| validity.rank(100))
                .map(|validity| (validity.from, validity.until))
        };
        assert_eq!(best(&[(0, 99), (50, 150), (0, 200), (101, 999)]), Some((0, 200)));
        assert_eq!(best(&[(0, 99), (100, 100), (101, 999)]), Some((100, 100)));
        assert_eq!(best(&[(0, 40), (0, 90), (120, 999)]), Some((0, 90)));
        assert_eq!(best(&[(0, 40), (0, 90), (105, 999)]), Some((105, 999)));
        assert_eq!(best(&[(i64::MIN, i64::MIN), (i64::MAX, 0)]), Some((i64::MAX, 0)));
    }
}
