//! One program at a time makes certificates: the timer and an operator would give a key that does
//! not fit.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};

use mvm_core::Roots;
use nix::fcntl::{Flock, FlockArg};

use crate::Error;
use crate::plan::FOLDER;

/// Makes the folders, which everybody may read, and waits until nobody else makes certificates.
///
/// # Errors
/// A folder cannot be made, opened or locked.
pub fn lock(roots: &Roots) -> Result<Flock<File>, Error> {
    let folder = roots.at(FOLDER);
    let failed = |source| Error::Lock { folder: folder.clone(), source };
    let clients = folder.join("clients");
    fs::DirBuilder::new().recursive(true).mode(0o755).create(&clients).map_err(failed)?;
    for path in [&folder, &clients] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    }
    let opened = File::open(&folder).map_err(failed)?;
    Flock::lock(opened, FlockArg::LockExclusive).map_err(|(_, errno)| failed(errno.into()))
}
