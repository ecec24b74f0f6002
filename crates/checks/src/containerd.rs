//! containerd answers, and its devmapper snapshotter has loaded.

use mvm_config::{Config, places};
use mvm_core::{Finding, catalogue};

use super::Plugin;

/// What containerd says of the plugin is fine, or a finding.
pub fn check(config: &Config, plugin: &Plugin) -> Vec<Finding> {
    let socket = places::containerd_socket(config.containerd.instance);
    let unit = places::containerd_unit(config.containerd.instance);
    match plugin {
        Plugin::Ok => Vec::new(),
        Plugin::NotOk(state) => {
            vec![catalogue::ctrd::plugin_not_ok(socket, state, unit).evidence(state)]
        }
        Plugin::NoAnswer(why) => {
            vec![catalogue::ctrd::no_answer(socket, unit).evidence(why)]
        }
    }
}
