//! Load, then the pool's road.

use std::path::PathBuf;

use mvm_host::oneshot::{Options, Program, Report};
use mvm_host::{configuration, exit};
use mvm_plan::thinpool::{Desired, class};
use mvm_storage::thinpool::bring_up;

/// Everything that `mvm-thinpool` does.
pub(crate) fn run(program: &Program, options: &Options) -> Report {
    let roots = options.roots();
    if let Some(refusal) = Report::unless_root(program, &roots) {
        return refusal;
    }
    let config = options.get("--config").map(PathBuf::as_path);
    let (loaded, stand_in) = match configuration::load_or_last_good(&roots, config) {
        Ok(found) => found,
        Err(findings) => {
            return Report { findings, code: exit::CONFIGURATION };
        }
    };
    let pool = bring_up(&roots, &Desired::new(&loaded.config));
    let code = class(&pool).exit_code();
    // Said first and not counted: the host comes up from the last good configuration.
    let findings = stand_in.into_iter().chain(pool).collect();
    Report { findings, code }
}
