//! Whether the registry on this host runs, and what it is told.

use mvm_config::{Config, places};

use super::{command_line, fill};

/// The drop-in of mvm-registry; None where it serves nothing.
pub(super) fn dropin(config: &Config) -> Option<String> {
    let text = include_str!("../../../../../units/dropins/mvm-registry.conf");
    let content = places::content(config.containerd.instance);
    command(config).map(|argv| {
        let argv = command_line(&argv);
        fill(text, &[("COMMAND", &argv), ("CONTENT", content)])
    })
}

/// mvm-registry's argv; None where it serves nothing.
pub fn command(config: &Config) -> Option<Vec<String>> {
    let serve = &config.images.serve;
    let argv = ["/usr/libexec/mvmhost/mvm-registry".to_owned(), "--listen".to_owned()];
    serve.enabled.then(|| argv.into_iter().chain([serve.listen.to_string()]).collect())
}

/// What mvmhost.target says about it.
pub(super) fn wants(config: &Config) -> &'static str {
    if config.images.serve.enabled { "Wants=mvm-registry.service\n" } else { "" }
}
