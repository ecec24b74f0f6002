//! What a run has to say when it is over.

use mvm_core::Finding;
use mvm_core::catalogue::pool;

use super::{Device, ThinPoolStatus};

/// How the pool stands, once it is live; `None` while it is not.
pub fn done(name: &str, device: &Device) -> Option<Finding> {
    let Device::Pool(live) = device else {
        return None;
    };
    let Ok(ThinPoolStatus::Working(working)) = live.state.status.parse() else {
        return None;
    };
    Some(
        pool::ready(name, working.data.percent(), working.metadata.percent())
            .evidence(live.state.table.to_string()),
    )
}
