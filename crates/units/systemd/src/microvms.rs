//! flintlockd's state directory, `vm/NAMESPACE/NAME/UID`: which microVMs have one, and the ends of
//! their files. Below `vm` no link is followed: namespaces and names are chosen by clients.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use mvm_core::Roots;
use nix::libc;

/// More microVMs than a host has; a directory tree without end is not walked to its end.
const MOST: usize = 10_000;

/// The directory that flintlockd keeps for one microVM.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Directory {
    /// `NAMESPACE/NAME/UID`; what is no UTF-8 is replaced.
    pub id: String,
    /// Where it is on this machine, below `roots`.
    pub path: PathBuf,
}

/// What [`end_of`] read of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tail {
    /// At most as many as were asked for; the whole file unless `cut`.
    pub bytes: Vec<u8>,
    /// There is more before them.
    pub cut: bool,
}

/// The microVMs below `state`, sorted; empty when flintlockd never ran here.
///
/// # Errors
/// When a directory is there and cannot be read.
pub fn directories(roots: &Roots, state: &str) -> io::Result<Vec<Directory>> {
    let top = roots.at(state);
    let mut level = vec![(String::new(), top)];
    for depth in 0..3 {
        let mut below = Vec::new();
        for (id, path) in &level {
            for (name, path) in folders(path, depth == 0)? {
                let slash = if id.is_empty() { "" } else { "/" };
                below.push((format!("{id}{slash}{name}"), path));
            }
            if below.len() >= MOST {
                break;
            }
        }
        level = below;
    }
    let mut found: Vec<_> = level.into_iter().map(|(id, path)| Directory { id, path }).collect();
    found.sort_unstable();
    found.truncate(MOST);
    Ok(found)
}

/// The folders in a folder, without links; one that went away meanwhile has none.
fn folders(path: &Path, may_be_link: bool) -> io::Result<Vec<(String, PathBuf)>> {
    let is_folder = if may_be_link { path.is_dir() } else { fs::symlink_metadata(path)?.is_dir() };
    if !is_folder {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
    }
    Ok(found)
}

/// The last `most` bytes of a regular file; `None` when there is none of that name.
///
/// # Errors
/// When it is there and cannot be read.
pub fn end_of(path: &Path, most: u64) -> io::Result<Option<Tail>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let start = metadata.len().saturating_sub(most);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(Some(Tail { bytes, cut: start > 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn microvms_are_three_levels_down_and_no_links() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        assert_eq!(directories(&roots, "/vm").unwrap(), []);
        for path in ["vm/ns/b/2", "vm/ns/a/1", "elsewhere/x/y"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        symlink(folder.path().join("elsewhere"), folder.path().join("vm/link")).unwrap();
        fs::write(folder.path().join("vm/ns/file"), "").unwrap();
        let found = directories(&roots, "/vm").unwrap();
        let ids: Vec<_> = found.iter().map(|found| found.id.as_str()).collect();
        assert_eq!(ids, ["ns/a/1", "ns/b/2"]);
    }

    #[test]
    fn only_the_end_of_a_plain_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("log");
        assert_eq!(end_of(&file, 4).unwrap(), None);
        fs::write(&file, "abcdef").unwrap();
        let end = Tail { bytes: b"cdef".to_vec(), cut: true };
        assert_eq!(end_of(&file, 4).unwrap(), Some(end));
        assert!(!end_of(&file, 6).unwrap().unwrap().cut);
        symlink(&file, folder.path().join("link")).unwrap();
        assert_eq!(end_of(&folder.path().join("link"), 4).unwrap(), None);
        nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(end_of(&folder.path().join("pipe"), 4).unwrap(), None);
        assert_eq!(end_of(folder.path(), 4).unwrap(), None);
    }
}
