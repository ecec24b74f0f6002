//! Which PID files of microVMs outlived their process.
//!
//! flintlockd takes a microVM for running when signal 0 reaches the number in its PID file, and
//! kills that number when the microVM is deleted. The files survive a reboot, the numbers are
//! given to others: only a number whose process names the microVM's uid on its command line is
//! the VMM.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use mvm_core::Plan;
use mvm_core::catalogue::host;
use serde::Serialize;

/// The PID files that flintlockd writes into the directory of a microVM.
pub const PID_FILES: [&str; 3] = ["firecracker.pid", "cloudhypervisor.pid", "virtiofs.pid"];
/// A PID file has at most this many bytes; a larger one is no PID file.
pub const PID_FILE_LIMIT: usize = 64;

/// What is at the place of a PID file. Nothing but a regular file is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A regular file; at most [`PID_FILE_LIMIT`] + 1 bytes of it.
    Text(Vec<u8>),
    /// A link, pipe, socket or device: flintlockd never makes one, and would follow it.
    NotAFile,
    /// A directory, which is reported and left alone.
    Directory,
    /// A regular file that cannot be read, and why.
    Unreadable(String),
}

/// What is known of the process that the file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Process {
    /// There is none.
    Absent,
    /// Its command line, arguments ended by NUL; empty for a zombie and for a kernel thread.
    CommandLine(Vec<u8>),
    /// There is one, and it cannot be read why.
    Unknown(String),
}

/// A file of [`PID_FILES`] in a microVM's directory, and the process that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PidFile {
    /// `<namespace>/<name>/<uid>/<program>.pid`, below the `vm` directory.
    pub path: PathBuf,
    /// The number of its inode, by which it is recognised when it is removed.
    pub inode: u64,
    /// What was read of it, without following a link.
    pub content: Content,
    /// The process of [`pid`]; `None` when the content names none.
    pub process: Option<Process>,
}

/// Why a file is stale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It holds no process number.
    NoNumber,
    /// It is a link, a pipe, a socket or a device.
    NotAFile,
    /// No process has this number.
    NoProcess(i32),
    /// The process with this number is not the microVM's.
    Stranger(i32),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber => f.write_str("no process number"),
            Self::NotAFile => f.write_str("not a file"),
            Self::NoProcess(pid) => write!(f, "no process {pid}"),
            Self::Stranger(pid) => write!(f, "process {pid} is another"),
        }
    }
}

/// A stale PID file; it is removed only while it has the same inode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remove {
    /// As [`PidFile::path`].
    pub path: PathBuf,
    /// As [`PidFile::inode`].
    pub inode: u64,
    /// What makes it so.
    pub reason: Reason,
}

impl fmt::Display for Remove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.path.display(), self.reason)
    }
}

/// The process number in a PID file as flintlockd reads it; `None` when there is none, or one that
/// kill(2) would not take for one process (0, negative).
pub fn pid(text: &[u8]) -> Option<i32> {
    if text.len() > PID_FILE_LIMIT {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?.trim();
    text.parse().ok().filter(|pid| *pid > 0)
}

/// Which files to remove. `folder` is the `vm` directory, for the findings. A file of which it
/// cannot be told is left alone and reported: a running VMM must not lose it.
pub fn plan(folder: &Path, observed: &[PidFile]) -> Plan<Remove> {
    let (mut steps, mut findings) = (Vec::new(), Vec::new());
    for file in observed {
        match judge(file) {
            Ok(None) => {}
            Ok(Some(reason)) => {
                steps.push(Remove { path: file.path.clone(), inode: file.inode, reason });
            }
            Err((reason, evidence)) => {
                let path = folder.join(&file.path);
                findings.push(
                    host::pid_file_unclear(path.display().to_string(), reason, quoted(&path))
                        .evidence(evidence),
                );
            }
        }
    }
    Plan::new(steps, findings)
}

/// A path as a POSIX shell takes it, for remedies that are typed as printed.
pub fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Why a file is stale, `None` when it is not; the error is why that cannot be told.
fn judge(file: &PidFile) -> Result<Option<Reason>, (&'static str, String)> {
    let text = match &file.content {
        Content::Text(text) => text,
        Content::NotAFile => return Ok(Some(Reason::NotAFile)),
        Content::Directory => return Err(("it is a directory", String::new())),
        Content::Unreadable(why) => return Err(("it cannot be read", why.clone())),
    };
    let Some(pid) = pid(text) else {
        return Ok(Some(Reason::NoNumber));
    };
    match &file.process {
        Some(Process::Absent) => Ok(Some(Reason::NoProcess(pid))),
        Some(Process::CommandLine(line)) if names(line, uid(&file.path)) => Ok(None),
        Some(Process::CommandLine(_)) => Ok(Some(Reason::Stranger(pid))),
        Some(Process::Unknown(why)) => Err(("its process cannot be read", why.clone())),
        None => Err(("its process was not looked at", format!("pid {pid}"))),
    }
}

/// The name of the microVM's own directory.
fn uid(path: &Path) -> &[u8] {
    path.parent().and_then(Path::file_name).map_or(b"", OsStr::as_encoded_bytes)
}

/// Whether the uid stands in the command line as a word: `--id UID`, `/…/UID/firecracker.cfg`.
fn names(line: &[u8], uid: &[u8]) -> bool {
    if uid.is_empty() {
        return false;
    }
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    line.windows(uid.len()).enumerate().any(|(at, window)| {
        window == uid
            && !is_word(at.checked_sub(1).and_then(|before| line.get(before)))
            && !is_word(line.get(at + uid.len()))
    })
}

#[cfg(test)]
mod tests;
