//! flintlockd's state directory. Below its `vm` directory no link is ever followed: every step
//! down is an openat(2) of a directory that is held open.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use mvm_core::{Roots, processes};
use mvm_units_plan::hygiene::{Content, PID_FILE_LIMIT, PID_FILES, PidFile, Process, Remove, pid};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// namespace, name, uid
const LEVELS: usize = 3;

/// The `vm` directory, held open.
pub(crate) struct VmDirectory {
    directory: OwnedFd,
}

/// What was found, and the directories that could not be read.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) files: Vec<PidFile>,
    pub(crate) unreadable: Vec<(PathBuf, io::Error)>,
}

impl VmDirectory {
    /// `None` when there is none: flintlockd never ran here.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        match open(path, flags, Mode::empty()) {
            Ok(directory) => Ok(Some(Self { directory })),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Every PID file of every microVM, and the process that it names.
    pub(crate) fn observe(&self, roots: &Roots) -> Found {
        let mut found = Found::default();
        let mut level = vec![PathBuf::new()];
        for _ in 0..LEVELS {
            let mut below = Vec::new();
            for path in &level {
                match self.directory_at(path).and_then(|directory| names(directory.as_ref())) {
                    Ok(names) => below.extend(names.iter().map(|name| path.join(name))),
                    Err(error) => found.unreadable.push((path.clone(), error)),
                }
            }
            level = below;
        }
        for path in &level {
            match self.directory_at(path) {
                Ok(Some(directory)) => look(roots, &directory, path, &mut found),
                Ok(None) => {}
                Err(error) => found.unreadable.push((path.clone(), error)),
            }
        }
        found
    }

    /// Removes the file if it is still the one that was looked at.
    pub(crate) fn remove(&self, step: &Remove) -> io::Result<()> {
        let (Some(parent), Some(name)) = (step.path.parent(), step.path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let Some(directory) = self.directory_at(parent)? else {
            return Ok(());
        };
        match fstatat(&directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(status) if status.st_ino == step.inode => {}
            Ok(_) => {
                return Err(io::Error::other("it was replaced by another file meanwhile"));
            }
            Err(Errno::ENOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        match unlinkat(&directory, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The directory at a path below; `None` when it, or one on the way, is no directory or gone.
    fn directory_at(&self, path: &Path) -> io::Result<Option<OwnedFd>> {
        let mut directory = self.directory.try_clone()?;
        for name in path {
            match step_down(&directory, name)? {
                Some(below) => directory = below,
                None => return Ok(None),
            }
        }
        Ok(Some(directory))
    }
}

fn step_down(directory: impl AsFd, name: &OsStr) -> io::Result<Option<OwnedFd>> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    match openat(directory, name, flags, Mode::empty()) {
        Ok(below) => Ok(Some(below)),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What is in a directory, sorted, without `.` and `..`.
fn names(directory: Option<&OwnedFd>) -> io::Result<Vec<OsString>> {
    let Some(directory) = directory else {
        return Ok(Vec::new());
    };
    // A description of its own: reading moves the offset.
    let own = openat(directory, ".", OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::from_fd(own)?.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn look(roots: &Roots, directory: &OwnedFd, path: &Path, found: &mut Found) {
    for name in PID_FILES {
        match fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(status) => {
                found.files.push(pid_file(roots, directory, path.join(name), name, &status));
            }
            Err(Errno::ENOENT) => {}
            Err(error) => found.unreadable.push((path.join(name), error.into())),
        }
    }
}

fn pid_file(
    roots: &Roots,
    directory: &OwnedFd,
    path: PathBuf,
    name: &str,
    status: &FileStat,
) -> PidFile {
    let kind = SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT;
    let content = match kind {
        SFlag::S_IFREG => match contents(directory, name) {
            Ok(text) => Content::Text(text),
            Err(error) => Content::Unreadable(error.to_string()),
        },
        SFlag::S_IFDIR => Content::Directory,
        _ => Content::NotAFile,
    };
    let number = match &content {
        Content::Text(text) => pid(text),
        _ => None,
    };
    PidFile { path, inode: status.st_ino, content, process: number.map(|pid| process(roots, pid)) }
}

fn process(roots: &Roots, pid: i32) -> Process {
    match processes::command_line(roots, pid) {
        Ok(Some(line)) => Process::CommandLine(line),
        Ok(None) => Process::Absent,
        Err(error) => Process::Unknown(error.to_string()),
    }
}

/// At most one byte more than a PID file has. The file may have been replaced since it was looked
/// at, so a link is refused and a pipe is not waited for.
fn contents(directory: &OwnedFd, name: &str) -> io::Result<Vec<u8>> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let file = std::fs::File::from(openat(directory, name, flags, Mode::empty())?);
    let mut text = Vec::new();
    file.take(PID_FILE_LIMIT as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}
