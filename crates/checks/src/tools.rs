//! The programs that containerd's devmapper snapshotter executes are installed.

use mvm_config::Config;
use mvm_core::Finding;
use mvm_core::catalogue::checked;

use super::Facts;

/// Program, and the package of Debian that has it.
pub const TOOLS: [(&str, &str); 3] =
    [("dmsetup", "dmsetup"), ("mkfs.ext4", "e2fsprogs"), ("blkdiscard", "util-linux")];

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let needed = |name: &str| name != "blkdiscard" || config.containerd.discard_blocks;
    TOOLS
        .iter()
        .filter(|(name, _)| needed(name) && facts.missing_tools.iter().any(|tool| tool == name))
        .map(|(name, package)| Finding::new(&checked::TOOL_MISSING, *name).with("package", package))
        .collect()
}
