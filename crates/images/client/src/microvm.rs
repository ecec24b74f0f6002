//! What containerd holds of one microVM.

use std::time::Duration;

use mvm_config::{Config, places};
use mvm_core::Roots;
use mvm_images_plan::Role;
use tokio::time::timeout;

use crate::containerd::Containerd;
use crate::{Error, runtime};

/// A list of snapshots is answered from memory.
const LOOK: Duration = Duration::from_secs(20);

/// The snapshots of the microVM with this id, `NAMESPACE/NAME/UID`, in both snapshotters.
///
/// # Errors
/// When containerd cannot be reached or refuses.
pub fn snapshots(config: &Config, roots: &Roots, id: &str) -> Result<Vec<String>, Error> {
    let socket = roots.at(places::containerd_socket(config.containerd.instance));
    let look = async {
        let containerd = Containerd::connect(&socket, &config.containerd.namespace).await?;
        let mut found = Vec::new();
        for role in [Role::Root, Role::Kernel] {
            let all = containerd.list_snapshots(role.snapshotter()).await?;
            found.extend(all.into_iter().map(|one| one.name));
        }
        // flintlock/NAMESPACE/NAME/UID/VOLUME
        found.retain(|name| {
            name.strip_prefix("flintlock/")
                .is_some_and(|rest| rest.strip_prefix(id).is_some_and(|rest| rest.starts_with('/')))
        });
        Ok(found)
    };
    let spent = |_| Err(Error::Budget { after: LOOK });
    runtime()?.block_on(async { timeout(LOOK, look).await.unwrap_or_else(spent) })
}
