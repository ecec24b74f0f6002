//! `mvmhost pool repair`: the metadata of a pool that is down, into a new file that takes the place of
//! the old one.

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_core::json::Document;
use mvm_pool_kernel::desired;
use mvm_repair_kernel::repair::{Asked, Report, repair};

use super::config;

pub(super) fn run(context: &Context, dry_run: bool, accept: Option<&str>) -> Exit {
    let (config, mut findings) = match config(context) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let desired = desired(&context.roots, &config);
    let request = Asked { dry_run, accept: accept.map(str::to_owned) };
    let report = repair(&context.roots, &desired, &request).unwrap_or_else(|error| Report {
        findings: vec![error.finding(&desired.pool().name)],
        ..Report::default()
    });
    findings.extend(report.findings);
    if context.json {
        let document = Document::new(&findings).with("losses", &report.losses);
        let document = document.with("token", &report.token).with("kept", &report.backup);
        output::print(&document.text());
    } else {
        output::findings(false, &findings);
    }
    if report.refused { Exit::Refused } else { output::exit_for(&findings) }
}
