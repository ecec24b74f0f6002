//! Files that are whole or absent, whatever happens while they are written.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use tempfile::Builder;

use crate::Error;

/// Replaces the file at `path`: a reader, or the next boot after a power cut, sees the old
/// contents or the new ones and nothing in between.
///
/// `mode` is that of the new file whatever the umask is, e.g. `0o600`. A missing parent is created
/// with 0755. A symbolic link at `path` is replaced, not followed.
///
/// # Errors
/// When the parent cannot be made or the file cannot be written; the old one is then untouched.
pub fn write(path: &Path, contents: &[u8], mode: u32) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Err(failed(path, io::ErrorKind::InvalidInput.into())),
    };
    create_folder(folder)?;
    replace(folder, path, contents, mode).map_err(|source| failed(path, source))
}

/// As [`write`], but touches nothing when the file is there with these contents and this mode.
/// Returns whether it was written.
///
/// # Errors
/// As [`write`]. A file that cannot be read is not an error: it is replaced.
pub fn write_if_changed(path: &Path, contents: &[u8], mode: u32) -> Result<bool, Error> {
    if is_same(path, contents, mode).unwrap_or(false) {
        return Ok(false);
    }
    write(path, contents, mode)?;
    Ok(true)
}

/// Reads a regular file of at most `limit` bytes; a link, a pipe or a device is not opened and
/// waited for, a larger file is refused, so that a hostile file costs no memory.
///
/// # Errors
/// When the file is absent (`source` has kind `NotFound`), something else than a file, or larger.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    read(path, limit, OFlag::O_NOFOLLOW)
}

/// As [`read_bounded`], and a link is followed: for files that are commonly links, such as
/// certificates.
///
/// # Errors
/// As [`read_bounded`].
pub fn read_linked(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    read(path, limit, OFlag::empty())
}

fn read(path: &Path, limit: u64, flags: OFlag) -> Result<Vec<u8>, Error> {
    let read = || -> io::Result<Vec<u8>> {
        let file = open_regular(path, flags)?;
        let mut contents = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut contents)?;
        if contents.len() as u64 > limit {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("larger than {limit} bytes"),
            ));
        }
        Ok(contents)
    };
    read().map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// O_NONBLOCK: the open(2) of a pipe would wait for its writer.
fn open_regular(path: &Path, flags: OFlag) -> io::Result<File> {
    let flags = flags | OFlag::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_owned(), source }
}

fn create_folder(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
        .map_err(|source| Error::CreateFolder { path: folder.to_owned(), source })
}

fn replace(folder: &Path, path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let mut temporary = Builder::new().prefix(".mvmhost-").tempfile_in(folder)?;
    temporary.as_file().set_permissions(Permissions::from_mode(mode))?;
    temporary.write_all(contents)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|failure| failure.error)?;
    File::open(folder)?.sync_all()
}

fn is_same(path: &Path, contents: &[u8], mode: u32) -> io::Result<bool> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file()
        || metadata.len() != contents.len() as u64
        || metadata.permissions().mode() & 0o7777 != mode
    {
        return Ok(false);
    }
    Ok(fs::read(path)? == contents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn writes_with_mode_and_makes_the_parent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        write(&path, b"one", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(mode_of(&path), 0o600);
        write(&path, b"two", 0o644).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(mode_of(&path), 0o644);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing left behind");
    }

    #[test]
    fn writes_only_what_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(write_if_changed(&path, b"one", 0o644).unwrap());
        assert!(!write_if_changed(&path, b"one", 0o644).unwrap());
        assert!(write_if_changed(&path, b"one", 0o600).unwrap(), "the mode counts");
        assert!(write_if_changed(&path, b"two", 0o600).unwrap());
    }

    #[test]
    fn a_link_is_replaced_and_its_target_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (target, path) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, b"one").unwrap();
        symlink(&target, &path).unwrap();
        assert!(write_if_changed(&path, b"one", 0o644).unwrap());
        assert!(!fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"one");
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder");
        fs::create_dir(&path).unwrap();
        let failure = write(&path, b"one", 0o644).unwrap_err();
        assert!(matches!(failure, Error::Write { .. }), "{failure:?}");
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing left behind");
        let below_a_file = folder.path().join("file/under");
        fs::write(folder.path().join("file"), b"").unwrap();
        let failure = write(&below_a_file, b"one", 0o644).unwrap_err();
        assert!(matches!(failure, Error::CreateFolder { .. }), "{failure:?}");
    }

    #[test]
    fn reads_no_more_than_allowed_and_only_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"12345").unwrap();
        assert_eq!(read_bounded(&path, 5).unwrap(), b"12345");
        assert!(read_bounded(&path, 4).is_err());
        assert!(read_bounded(folder.path(), 4).is_err());
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(read_bounded(&link, 5).is_err());
        assert_eq!(read_linked(&link, 5).unwrap(), b"12345");
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(read_bounded(&fifo, 5).is_err());
    }
}
