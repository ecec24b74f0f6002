//! Files that flintlockd reads without a word when they are missing.

use mvm_config::Config;
use mvm_core::{Finding, catalogue, names};
use mvm_units_plan::units::flintlockd_reads_file;

use super::{Facts, Secret};

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts
        .unreadable
        .iter()
        .map(|(secret, path, why)| match secret {
            Secret::Token => catalogue::flk::token_unreadable(path, why),
            Secret::Tls => catalogue::flk::tls_unreadable(path, why),
        })
        .collect();
    if flintlockd_reads_file(config) && facts.flintlockd_config {
        let shadow = names::FLINTLOCKD_OPERATOR_CONFIG;
        findings.push(catalogue::flk::file_shadowed(shadow));
    }
    findings
}
