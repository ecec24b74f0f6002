//! A look into an unpacked kernel image.

use std::fs::{File, canonicalize};
use std::io::Read;
use std::path::Path;

use mvm_core::Digest;
use mvm_images_plan::{Platform, RequestedImage, Role, kernel};

use crate::Error;
use crate::containerd::Containerd;

/// Whether a kernel image holds a kernel for this machine; images of other roles always pass.
pub(crate) async fn check(
    containerd: &Containerd,
    requested: &RequestedImage,
    top: &Digest,
    platform: &Platform,
) -> Result<(), Error> {
    if requested.role != Role::Kernel {
        return Ok(());
    }
    let snapshotter = requested.role.snapshotter();
    let view = containerd.view(snapshotter, top).await?;
    let folder = view.mounts.first().map(|mount| Path::new(&mount.source));
    let files = kernel::paths(&platform.architecture);
    let there = |file: &&&str| folder.is_some_and(|folder| folder.join(file).is_file());
    let file = files.iter().find(there).or(files.first()).copied().unwrap_or_default();
    let verdict = match folder.map(|folder| head(folder, file)) {
        Some(Ok((head, length))) => kernel::judge(&head, length, &platform.architecture),
        Some(Err(error)) => Err(format!("cannot be read ({error})")),
        None => Err("cannot be read".to_owned()),
    };
    containerd.end_view(snapshotter, &view.key).await?;
    verdict.map_err(|problem| Error::Kernel { file: file.to_owned(), problem })
}

/// The first bytes of a file in an image's folder, and its length in bytes. A link that leads out of it is not followed.
fn head(folder: &Path, file: &str) -> std::io::Result<(Vec<u8>, u64)> {
    let path = canonicalize(folder.join(file))?;
    if !path.starts_with(canonicalize(folder)?) || !path.metadata()?.is_file() {
        return Err(std::io::Error::other("no file of the image"));
    }
    let mut head = Vec::with_capacity(kernel::HEAD);
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    file.take(kernel::HEAD as u64).read_to_end(&mut head)?;
    Ok((head, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_files_of_the_image_are_read() {
        let image = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(image.path().join("vmlinux"), [7; kernel::HEAD + 1]).unwrap();
        symlink("vmlinux", image.path().join("inside")).unwrap();
        symlink(outside.path(), image.path().join("outside")).unwrap();
        let (bytes, length) = head(image.path(), "inside").unwrap();
        assert_eq!((bytes, length), (vec![7; kernel::HEAD], kernel::HEAD as u64 + 1));
        for file in ["outside", "missing", "."] {
            assert!(head(image.path(), file).is_err(), "{file}");
        }
    }
}
