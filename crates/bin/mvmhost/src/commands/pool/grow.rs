//! `mvmhost pool grow`: one step, or up to a size.

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::quantities::Bytes;
use mvm_core::catalogue::guard;
use mvm_guard_kernel::by_hand;
use mvm_guard_plan::{step, up_to};

use super::config;

pub(super) fn run(context: &Context, to: Option<Bytes>) -> Exit {
    let (config, mut findings) = match config(context) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let name = config.thinpool.name.as_str();
    let (store, policy) = by_hand(&context.roots, &config);
    match store.look() {
        Err(error) => findings.push(error.finding(name)),
        Ok(mut look) => {
            if let Some(figures) = look.figures {
                let size = match to {
                    Some(size) => up_to(&policy, &figures, size.0),
                    None => step(&policy, &figures),
                };
                findings.push(match size {
                    Err(why) => guard::grow_refused(name, why),
                    Ok(size) => match store.grow(size) {
                        Ok(()) => {
                            // A pool that stood still because of what was cut short runs again.
                            look.findings =
                                store.look().map_or(look.findings, |look| look.findings);
                            guard::grew(name, mib(figures.size), mib(size))
                        }
                        Err(error) => guard::grow_failed(name, error.chain()),
                    },
                });
            }
            findings.extend(look.findings);
        }
    }
    output::findings(context.json, &findings);
    output::exit_for(&findings)
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
