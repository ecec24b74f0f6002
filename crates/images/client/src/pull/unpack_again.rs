//! An image whose blobs are all in containerd, and that is not unpacked or unpacked damaged, is
//! unpacked from there: a power cut takes what was unpacked, and the registry may not be back yet.

use mvm_images_plan::{RequestedImage, labels, manifest};
use tokio::sync::mpsc;

use super::{Outcome, Puller};
use crate::verify::{self, State};
use crate::{Error, unpack};

/// Unpacks, and tells whether the image is complete then; `None` when only a registry can help.
pub(super) async fn unpack(
    puller: &Puller<'_>,
    requested: &RequestedImage,
    lost: &State,
) -> Option<Outcome> {
    let damaged = matches!(lost, State::NoKernel { .. });
    match from_content(puller, requested, damaged).await {
        Ok(true) => Some(Outcome::Pulled),
        Ok(false) => None,
        Err(error) => {
            log::debug!("{error}: the registry is asked");
            None
        }
    }
}

async fn from_content(
    puller: &Puller<'_>,
    requested: &RequestedImage,
    damaged: bool,
) -> Result<bool, Error> {
    let containerd = &puller.containerd;
    let Some(record) = containerd.record(requested.reference.as_str()).await? else {
        return Ok(false);
    };
    let Ok((manifest, config)) = verify::described(containerd, &record, &puller.platform).await?
    else {
        return Ok(false);
    };
    let of_config = manifest.config.digest.clone();
    let config = manifest::config(&config, &manifest).map_err(Error::Refused)?;
    if damaged {
        puller.take_down(requested, &config).await?;
    }
    let layers = &manifest.layers;
    let (arrived, arrivals) = mpsc::channel(layers.len().max(1));
    for _ in layers {
        // There are as many places as layers.
        let _ = arrived.try_send(());
    }
    unpack::layers(puller, requested, layers, &config.diff_ids, arrivals).await?;
    if let Some(top) = manifest::chain_ids(&config.diff_ids).last() {
        let labels = labels::of_config(requested.role.snapshotter(), top);
        puller.label(None, &of_config, labels).await?;
    }
    Ok(verify::state(containerd, requested, &puller.platform).await? == State::Complete)
}
