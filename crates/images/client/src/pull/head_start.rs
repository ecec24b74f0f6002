//! Transfers of one image that let those of lower layers go first.

use std::time::Duration;

use mvm_images_plan::limits;
use mvm_images_plan::manifest::Descriptor;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Who waits goes on after its time, or when a large layer below has arrived.
pub(super) struct HeadStart(Semaphore);

impl Default for HeadStart {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl HeadStart {
    /// Waits for `longest` at most; in the order of the layers.
    pub(super) async fn wait(&self, longest: Duration) {
        if longest.is_zero() {
            return;
        }
        // Closed by nobody.
        if let Ok(Ok(permit)) = timeout(longest, self.0.acquire()).await {
            permit.forget();
        }
    }

    /// Lets the next one go.
    pub(super) fn arrived(&self, layer: &Descriptor) {
        if layer.size >= limits::LARGE {
            self.0.add_permits(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_core::Digest;
    use tokio::time::Instant;

    fn large() -> Descriptor {
        Descriptor::new(String::new(), Digest::of(b""), limits::LARGE)
    }

    #[test]
    fn who_waits_goes_on_when_a_large_layer_has_arrived_or_after_its_time() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let starts = HeadStart::default();
            let begun = Instant::now();
            starts.wait(Duration::ZERO).await;
            starts.arrived(&large());
            starts.wait(Duration::from_secs(60)).await;
            assert!(begun.elapsed() < Duration::from_secs(30));
            starts.wait(Duration::from_millis(50)).await;
            assert!(begun.elapsed() >= Duration::from_millis(50));
        });
    }
}
