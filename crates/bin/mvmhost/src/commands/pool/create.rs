//! `mvmhost pool create`: makes the pool on disks; the only command that does.

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_core::sink;
use mvm_pool_kernel::{create, desired};

pub(super) fn run(context: &Context, token: Option<&str>) -> Exit {
    // What is invalid is not acted on, and a file that once was good may name other disks.
    let loaded = match context.load() {
        Ok(loaded) => loaded,
        Err(invalid) => return context.refuse(&invalid),
    };
    let findings = create(&context.roots, &desired(&context.roots, &loaded.config), token);
    // Whoever reads the journal later sees what was done to the disks, and what was refused.
    findings.iter().for_each(sink::record);
    output::findings(context.json, &findings);
    output::exit_by_class(&findings)
}
