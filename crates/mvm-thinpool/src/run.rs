//! The pool's road.

use mvm_host::oneshot::{self, Options, Program, Report};
use mvm_plan::thinpool::{Desired, class};
use mvm_storage::thinpool::bring_up;

/// Everything that `mvm-thinpool` does.
pub(crate) fn run(program: &Program, options: &Options) -> Report {
    oneshot::configured(program, options, |roots, loaded| {
        let findings = bring_up(roots, &Desired::new(&loaded.config));
        let code = class(&findings).exit_code();
        Report { findings, code }
    })
}
