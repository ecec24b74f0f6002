//! One blob from the registry to containerd, over as many connections as it takes.

use mvm_images_plan::manifest::Descriptor;
use mvm_images_plan::{RequestedImage, limits};

use crate::containerd::{Ingest, Opened};
use crate::registry::Servers;
use crate::{Error, Puller};

/// Gets one blob into containerd. What broke off goes on where it stopped; what has a wrong digest
/// is thrown away and fetched once more.
pub(crate) async fn blob(
    puller: &Puller<'_>,
    requested: &RequestedImage,
    kind: &str,
    blob: &Descriptor,
) -> Result<(), Error> {
    let mut lost = false;
    let once = async |servers| {
        loop {
            let ingest = match puller.containerd.ingest(kind, &blob.digest, blob.size).await? {
                // What containerd knows may have lost its file.
                Opened::Complete if !lost && !puller.containerd.is_on_disk(blob).await? => {
                    puller.containerd.discard(&blob.digest).await?;
                    lost = true;
                    continue;
                }
                Opened::Complete => return Ok(()),
                Opened::Begun(ingest) => ingest,
            };
            return fill(puller, requested, blob, ingest, servers).await;
        }
    };
    puller.registry.persist(once).await
}

async fn fill(
    puller: &Puller<'_>,
    requested: &RequestedImage,
    blob: &Descriptor,
    mut ingest: Box<Ingest>,
    servers: Servers,
) -> Result<(), Error> {
    // As many bytes as in another namespace or before a kill: nothing is left to fetch.
    if ingest.offset() < blob.size {
        let (registry, path) = (requested.reference.registry(), requested.reference.repository());
        let mut body = puller.registry.blob(registry, path, blob, ingest.offset(), servers).await?;
        let mut message = Vec::with_capacity(limits::CHUNK);
        while let Some(chunk) = body.next().await? {
            puller.progress.bytes(requested.reference.as_str(), chunk.len() as u64);
            message.extend_from_slice(&chunk);
            if message.len() >= limits::CHUNK {
                let full = std::mem::replace(&mut message, Vec::with_capacity(limits::CHUNK));
                ingest.write(full).await?;
            }
        }
        if !message.is_empty() {
            ingest.write(message).await?;
        }
    }
    ingest.commit(&puller.containerd).await
}
