//! containerd answers, and its devmapper snapshotter has loaded.

use mvm_config::{Config, places};
use mvm_core::{Finding, catalogue};

use super::Plugin;

/// What containerd says of the plugin is fine, or a finding.
pub fn check(config: &Config, plugin: &Plugin) -> Vec<Finding> {
    let socket = places::containerd_socket(config.containerd.instance);
    let unit = places::containerd_unit(config.containerd.instance);
    let (entry, seen) = match plugin {
        Plugin::Ok => return Vec::new(),
        Plugin::NotOk(state) => {
            let finding = Finding::new(&catalogue::ctrd::PLUGIN_NOT_OK, socket);
            return vec![finding.with("state", state).with("unit", unit).evidence(state)];
        }
        Plugin::NoAnswer(why) => (&catalogue::ctrd::NO_ANSWER, why),
    };
    vec![Finding::new(entry, socket).with("unit", unit).evidence(seen)]
}
