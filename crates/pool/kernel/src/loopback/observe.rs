//! The facts about a pool on files.

use std::path::Path;

use mvm_pool_plan::loopback::{Attachment, Desired, Observed};
use mvm_pool_plan::thinpool::{
    Control, Device, FileFacts, FileSystem, Recorded, SECTOR, Superblock,
};

use crate::loops::Loop;
use crate::thinpool::{System, facts};
use crate::{Error, files, receipt};

/// Gathers the facts about the pool. Changes nothing.
///
/// # Errors
/// When something that decides about the pool cannot be read.
pub fn observe(system: &System<'_>, desired: &Desired) -> Result<Observed, Error> {
    let mut observed = nothing(system);
    facts::live(system, &desired.pool, &mut observed.pool)?;
    on_disk(system, desired, &mut observed)?;
    facts::node_or_check(system, &desired.pool, &mut observed.pool);
    match &observed.pool.device {
        Device::Pool(_) => {}
        // Only what activates a pool has to know about free loop devices.
        Device::Absent | Device::Empty { .. } | Device::Other { .. } => {
            observed.loop_control = system.loops.control();
            observed.attachments = attachments(system, &observed)?;
        }
    }
    Ok(observed)
}

fn nothing(system: &System<'_>) -> Observed {
    Observed {
        pool: facts::control(system),
        loop_control: Control::Usable,
        directory: false,
        file_system: FileSystem { magic: 0, free: 0, size: 0, read_only: false },
        metadata: None,
        superblock: Superblock::Blank,
        data: None,
        attachments: Vec::new(),
        receipt: Recorded::Absent,
    }
}

fn on_disk(system: &System<'_>, desired: &Desired, observed: &mut Observed) -> Result<(), Error> {
    let roots = system.roots;
    observed.directory = files::exists(&roots.at(&desired.directory))?;
    observed.file_system = files::file_system(&roots.at(&desired.directory))?;
    observed.metadata = files::facts(&roots.at(desired.metadata_path()))?;
    observed.data = files::facts(&roots.at(desired.data_path()))?;
    if observed.metadata.as_ref().is_some_and(|file| file.regular) {
        observed.superblock = files::superblock(&roots.at(desired.metadata_path()))?;
    }
    observed.receipt = receipt::read(roots);
    facts::databases(system, &desired.pool, &mut observed.pool)
}

fn attachments(system: &System<'_>, observed: &Observed) -> Result<Vec<Attachment>, Error> {
    let both = [&observed.metadata, &observed.data];
    if both.iter().all(|file| file.is_none()) {
        return Ok(Vec::new());
    }
    let sys = system.roots.at("/sys");
    let mut found = Vec::new();
    for attached in system.loops.attached()? {
        let file = both.into_iter().flatten().find(|file| file.id == attached.file);
        if let Some(file) = file {
            found.push(Attachment {
                whole: is_whole(&sys, &attached, file),
                holders: files::holders(&sys, &attached.device),
                device: attached.device,
                file: attached.file,
                autoclear: attached.autoclear,
            });
        }
    }
    Ok(found)
}

/// A loop device does not follow a file that gets longer, so its own size counts too.
fn is_whole(sys: &Path, attached: &Loop, file: &FileFacts) -> bool {
    let sectors: Option<u64> = files::block_attribute(sys, &attached.device, "size").parse().ok();
    (attached.offset, attached.limit, attached.read_only) == (0, 0, false)
        && sectors == Some(file.size / SECTOR)
}
