//! `mvmhost adopt --drop-ins`: unit files of others that override what mvmhost sets are moved aside.

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_cli_host::overrides;
use mvm_config::last_good::load_or_last_good;
use mvm_core::catalogue::overrides as messages;
use mvm_units_plan::overrides as plan;
use mvm_units_plan::units::{self, Installed};

pub(super) fn run(context: &Context, dry_run: bool) -> Exit {
    let roots = &context.roots;
    let config = match load_or_last_good(roots, context.config.as_deref()) {
        Ok((loaded, _)) => loaded.config,
        Err(findings) => return output::report(context.json, &findings, Exit::Config),
    };
    let installed = Installed::new(&config, |path| roots.at(path).exists());
    let found = overrides::observe(roots, &config, &units::files(&config, installed));
    let findings = match (found.is_empty(), dry_run) {
        (true, _) => vec![messages::nothing(mvm_units_plan::chain(&config).join(", "))],
        (false, true) => plan::findings(&found),
        (false, false) => overrides::move_aside(roots, &found),
    };
    let exit = output::exit_for(&findings);
    output::report(context.json, &findings, exit)
}
