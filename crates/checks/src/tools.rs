//! The programs that containerd's devmapper snapshotter executes are installed.

use mvm_config::Config;
use mvm_core::Finding;
use mvm_core::catalogue::checked;

use super::Observed;

/// Programs that containerd's snapshotter executes.
pub const TOOLS: [&str; 3] = ["dmsetup", "mkfs.ext4", "blkdiscard"];

pub(super) fn check(config: &Config, observed: &Observed) -> Vec<Finding> {
    let needed = |name: &str| name != "blkdiscard" || config.containerd.discard_blocks;
    let missing = |name: &&str| observed.missing_tools.iter().any(|tool| tool == name);
    TOOLS
        .into_iter()
        .filter(|name| needed(name) && missing(name))
        .map(checked::tool_missing)
        .collect()
}
