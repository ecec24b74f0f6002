//! Files that flintlockd reads without a word when they are missing.

use mvm_config::Config;
use mvm_core::{Finding, catalogue, names};
use mvm_units_plan::units::flintlockd_reads_file;

use super::{FileSetting, Observed};

pub(super) fn check(config: &Config, observed: &Observed) -> Vec<Finding> {
    let mut findings: Vec<Finding> = observed
        .unreadable
        .iter()
        .map(|(secret, path, why)| match secret {
            FileSetting::Token => catalogue::flk::token_unreadable(path, why),
            FileSetting::Tls => catalogue::flk::tls_unreadable(path, why),
        })
        .collect();
    if flintlockd_reads_file(config) && observed.flintlockd_config {
        let shadow = names::FLINTLOCKD_OPERATOR_CONFIG;
        findings.push(catalogue::flk::file_shadowed(shadow));
    }
    findings
}
