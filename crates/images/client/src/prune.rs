//! Removal of images that the file no longer names.

use mvm_core::Roots;
use mvm_images_plan::prune::{Found, Snapshot, Verdict, judge};
use mvm_images_plan::{Platform, RequestedImage, Role};

use crate::containerd::Containerd;
use crate::{Error, brought, verify};

/// Judges what mvmhost brought and `requested` lacks, and unless `dry` removes what may go;
/// containerd takes the blobs and snapshots that nothing else leads to.
pub(crate) async fn prune(
    containerd: &Containerd,
    roots: &Roots,
    requested: &[RequestedImage],
    platform: &Platform,
    dry: bool,
) -> Result<Vec<(String, Verdict)>, Error> {
    let mut pulled = brought::read(roots)?;
    let mut found = Vec::new();
    for name in pulled.unlisted(requested) {
        let record = containerd.record(&name).await?;
        let top = match &record {
            Some(record) => verify::top(containerd, record, platform).await?,
            None => None,
        };
        found.push(Found { name, digest: record.map(|record| record.digest), top });
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut snapshots: Vec<Snapshot> = Vec::new();
    for role in [Role::Root, Role::Kernel] {
        snapshots.extend(containerd.list_snapshots(role.snapshotter()).await?);
    }
    let verdicts = judge(&pulled, &found, &snapshots);
    let judged: Vec<_> = found.into_iter().map(|one| one.name).zip(verdicts).collect();
    if !dry {
        let mut removed = false;
        for (name, verdict) in &judged {
            match verdict {
                Verdict::Keep(_) => continue,
                Verdict::Remove => containerd.delete_record(name).await?,
                Verdict::Gone => {}
            }
            removed |= *verdict == Verdict::Remove;
            pulled.forget(name);
            brought::write(roots, &pulled)?;
        }
        if removed {
            containerd.collect().await?;
        }
    }
    Ok(judged)
}
