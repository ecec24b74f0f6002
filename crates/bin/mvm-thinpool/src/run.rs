//! The pool's road.

use mvm_oneshot as oneshot;
use mvm_oneshot::{Options, Program, Report};
use mvm_pool_kernel::{bring_up, desired};

/// Everything that `mvm-thinpool` does.
pub(crate) fn run(program: &Program, options: &Options) -> Report {
    oneshot::configured(program, options, |roots, loaded| {
        Report::by_class(bring_up(roots, &desired(roots, &loaded.config)))
    })
}
