//! `mvmhost pool check`: reads the metadata of a pool that is down; changes nothing.

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_core::catalogue::teardown;
use mvm_guard_kernel::store;
use mvm_pool_kernel::{check_metadata, desired};

use super::config;

pub(super) fn run(context: &Context) -> Exit {
    let (config, mut findings) = match config(context) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let desired = desired(&context.roots, &config);
    let name = &desired.pool().name;
    match check_metadata(&context.roots, &desired) {
        Ok(Some(refused)) if refused.is_empty() => {
            findings.push(teardown::checked(name));
        }
        Ok(Some(refused)) => findings.extend(refused),
        Ok(None) => {
            findings.push(teardown::not_checked(name));
            match store(&context.roots, &config).0.look() {
                Ok(look) => findings.extend(look.findings),
                Err(error) => findings.push(error.finding(name)),
            }
        }
        Err(error) => findings.push(error.finding(name)),
    }
    output::findings(context.json, &findings);
    output::exit_for(&findings)
}
