//! The pool's road.

use mvm_host::oneshot::{self, Options, Program, Report};
use mvm_plan::thinpool::class;
use mvm_storage::thinpool::{bring_up, desired};

/// Everything that `mvm-thinpool` does.
pub(crate) fn run(program: &Program, options: &Options) -> Report {
    oneshot::configured(program, options, |roots, loaded| {
        let findings = bring_up(roots, &desired(roots, &loaded.config));
        let code = class(&findings).exit_code();
        Report { findings, code }
    })
}
