//! What every guest of the project begins as: an image, the repository with our package, and where
//! they are needed the stand-ins.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::guest::{Disk, Guest, Options, Wire};
use crate::image::{Image, Suite, default_cache};
use crate::repository::Repository;
use crate::scenario::Context;
use crate::tools;

/// The programs that are in no package registry, made by tests/standins.
const STANDINS: [&str; 2] = ["flintlockd", "firecracker"];

const STRIP_LIMIT: Duration = Duration::from_secs(30);

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
    let mut context = launch(image, None)?;
    ready(&mut context)?;
    Ok(context)
}

/// [`boot`] without [`ready`], for guests that boot side by side, and may hang on a wire.
///
/// # Errors
/// No package was built, or QEMU does not start.
pub fn launch(image: Image, wire: Option<Wire>) -> Result<Context> {
    let disks = vec![Disk { serial: "mvmscratch".to_owned(), mib: SCRATCH_MIB }];
    launch_with(&image, Options { disks, wire, ..Options::default() })
}

/// [`host`] for [`Guest::freeze`]: with one disk, and with little memory, which is read for each case of
/// a campaign.
///
/// # Errors
/// As [`host`].
pub fn freezable(suite: Suite) -> Result<Context> {
    let image = Image::ensure(suite, &default_cache())?;
    let memory_mib = 1536;
    let mut context =
        launch_with(&image, Options { memory_mib, typed: true, ..Options::default() })?;
    ready(&mut context)?;
    Ok(context)
}

fn launch_with(image: &Image, options: Options) -> Result<Context> {
    let packages = image.arch().packages();
    let repository = Repository::build(image, &[&image.pool(), &packages])?;
    let guest = Guest::launch(image, Options { repository: Some(repository.disk()), ..options })?;
    Ok(Context { guest, repository: Some(Arc::new(repository)) })
}

/// Waits for a launched guest, and shows it its packages.
///
/// # Errors
/// It does not boot, or has no use for the packages.
pub fn ready(context: &mut Context) -> Result<()> {
    context.guest.wait_for_boot()?;
    context.repository.iter().try_for_each(|packages| packages.install(&mut context.guest))
}

/// Copies the stand-ins for flintlockd and firecracker to where an operator puts the real ones.
///
/// # Errors
/// They were not built, or the guest has no room.
pub fn copy_standins(guest: &mut Guest) -> Result<()> {
    copy_programs(guest, &STANDINS)
}

/// Copies programs of tests/standins to /usr/local/bin.
///
/// # Errors
/// They were not built, or the guest has no room.
pub fn copy_programs(guest: &mut Guest, programs: &[&str]) -> Result<()> {
    let arch = guest.image().arch();
    let scratch = tempfile::tempdir()?;
    for standin in programs {
        // Most of it is of use to a debugger alone, and a guest decrypts what it is sent.
        let small = scratch.path().join(standin);
        let mut strip = Command::new(format!("{}-linux-gnu-strip", arch.machine()));
        strip.arg("-o").arg(&small).arg(arch.standins().join(standin));
        tools::ok(&mut strip, STRIP_LIMIT)?;
        guest.copy_in(&small, &format!("/usr/local/bin/{standin}"))?;
    }
    Ok(())
}
