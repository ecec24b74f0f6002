//! Whether and when mvm-images runs, and whether flintlockd waits for it.

use mvm_config::model::OnFailure;
use mvm_config::{Config, places};
use mvm_images_plan as images;

use super::fill;

/// The boot goes on; one that cannot be begun is tried again by its timer.
const PASSING: &str = "
[Service]
# The host comes up without them, and no boot waits for a download.
Type=exec
";
/// Whoever waits for the images is started when they have come.
const BLOCKING: &str =
    "# [images] on-failure = \"block\": flintlockd is started once they have come.
OnFailure=mvmhost-retry.timer
";

/// The drop-in of mvm-images; None where no image is asked for.
pub(super) fn dropin(config: &Config) -> Option<String> {
    let after = format!(
        "# New microVMs need images; those of before the boot come first.\nAfter={}\n{PASSING}",
        config.flintlockd.unit
    );
    let more = if blocks(config) { BLOCKING } else { &after };
    let containerd = places::containerd_unit(config.containerd.instance);
    let text = include_str!("../../../../../units/dropins/mvm-images.conf");
    let proxies = super::proxies(config);
    let environment = if proxies.is_empty() { proxies } else { format!("\n[Service]\n{proxies}") };
    let values = [("CONTAINERD", containerd), ("MORE", more), ("ENVIRONMENT", &environment)];
    has_images(config).then(|| fill(text, &values))
}

/// What mvmhost.target says about it.
pub(super) fn wants(config: &Config) -> &'static str {
    if has_images(config) { "Wants=mvm-images.service\n" } else { "" }
}

/// What flintlockd says about it.
pub(super) fn hold(config: &Config) -> &'static str {
    match has_images(config) && blocks(config) {
        true => {
            "# [images] on-failure = \"block\".\n\
             Requires=mvm-images.service\n\
             After=mvm-images.service\n"
        }
        false => "",
    }
}

fn has_images(config: &Config) -> bool {
    !images::requested_images(config).is_empty()
}

fn blocks(config: &Config) -> bool {
    config.images.on_failure == OnFailure::Block
}
