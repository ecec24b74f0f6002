//! The pool's road.

use mvm_oneshot as oneshot;
use mvm_oneshot::{Options, Program, Report};
use mvm_pool_kernel::thinpool::{bring_up, desired};
use mvm_pool_plan::thinpool::class;

/// Everything that `mvm-thinpool` does.
pub(crate) fn run(program: &Program, options: &Options) -> Report {
    oneshot::configured(program, options, |roots, loaded| {
        let findings = bring_up(roots, &desired(roots, &loaded.config));
        let code = class(&findings).exit_code();
        Report { findings, code }
    })
}
