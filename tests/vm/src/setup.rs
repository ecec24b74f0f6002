//! What every guest of the project begins as: an image, the repository with our package, and where
//! they are needed the stand-ins.

use anyhow::Result;

use crate::guest::{Disk, Guest, Options};
use crate::image::{Image, Suite, default_cache};
use crate::repository::Repository;
use crate::runner::Context;
use crate::tools;

/// The programs that are in no package registry, made by tests/standins.
const STANDINS: [&str; 2] = ["flintlockd", "firecracker"];

/// An empty disk beside the root disk, which takes up nothing until it is written.
pub const SCRATCH: &str = "/dev/disk/by-id/virtio-mvmscratch";
const SCRATCH_MIB: u64 = 3072;

/// A guest of `suite` as [`boot`] makes it; its image is built the first time.
///
/// # Errors
/// As [`boot`], or the image cannot be built.
pub fn host(suite: Suite) -> Result<Context> {
    boot(Image::ensure(suite, &default_cache())?)
}

/// Boots a guest whose one source of packages holds the mvmhost that was packed last and what it
/// depends on. Nothing of it is installed.
///
/// # Errors
/// No package was built, or the guest does not boot.
pub fn boot(image: Image) -> Result<Context> {
    let packages = tools::target_dir().join("packages");
    let repository = Repository::build(image.suite(), &[&image.pool(), &packages])?;
    let disks = vec![Disk { serial: "mvmscratch".to_owned(), mib: SCRATCH_MIB }];
    let repository_disk = Some(repository.disk());
    let options = Options { disks, repository: repository_disk, ..Options::default() };
    let mut guest = Guest::boot(&image, options)?;
    repository.install(&mut guest)?;
    Ok(Context { guest, repository: Some(repository) })
}

/// Copies the stand-ins for flintlockd and firecracker to where an operator puts the real ones.
///
/// # Errors
/// They were not built, or the guest has no room.
pub fn copy_standins(guest: &mut Guest) -> Result<()> {
    for standin in STANDINS {
        let local = tools::target_dir().join("release").join(standin);
        guest.copy_in(&local, &format!("/usr/local/bin/{standin}"))?;
    }
    Ok(())
}
