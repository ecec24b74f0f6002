//! The images are where flintlock looks.

use mvm_config::Config;
use mvm_config::model::OnFailure;
use mvm_core::Finding;
use mvm_core::catalogue::img;

use super::Observed;

pub(super) fn check(config: &Config, observed: &Observed) -> Vec<Finding> {
    let images = observed.images.iter();
    let mut found: Vec<_> = images.filter_map(|(wanted, state)| state.finding(wanted)).collect();
    if !found.is_empty() && config.images.on_failure == OnFailure::Block {
        found.push(img::blocking("[images]", found.len()));
    }
    found
}
