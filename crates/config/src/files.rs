//! The configuration's files as texts. Belongs here: which files there are, and reading them
//! without ever waiting for one. What they mean is not looked at.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use mvm_core::Roots;

use crate::problem::{Problem, Source, printable};

/// A file with more bytes than this is refused unread.
pub const MOST_BYTES: u64 = 1 << 20;

/// More fragments than this are refused unread.
pub const MOST_FRAGMENTS: usize = 256;

/// Linux' O_NONBLOCK on every architecture that mvmhost is built for (asm-generic/fcntl.h): a
/// file that became a FIFO after it was looked at must not make the open wait for a writer.
const O_NONBLOCK: i32 = 0o4000;

const CONFIG: &str = "/etc/mvmhost.toml";
const APPLIED: &str = "/etc/mvmhost/applied.toml";

/// Where the operator's file and its fragments are.
struct Places {
    path: PathBuf,
    /// The path as messages show it, without the root.
    name: String,
    folder: PathBuf,
}

impl Places {
    fn of(roots: &Roots, config: Option<&Path>) -> Self {
        match config {
            Some(path) => {
                let mut folder = path.as_os_str().to_owned();
                folder.push(".d");
                let name = path.to_string_lossy().into_owned();
                Self { path: path.to_owned(), name, folder: folder.into() }
            }
            None => Self {
                path: roots.config(),
                name: CONFIG.to_owned(),
                folder: roots.config_fragments(),
            },
        }
    }
}

/// Writes the files of [`read`] back to the disk. What an editor or a shell leaves in memory alone
/// is cut off or empty after a power cut, and an empty file stands for all defaults.
///
/// # Errors
/// The disk does not take them, or a file cannot be opened; one that is absent is no error.
pub fn write_back(roots: &Roots, config: Option<&Path>) -> io::Result<()> {
    let Places { path, folder, .. } = Places::of(roots, config);
    let fragments = fragments(&folder, "").unwrap_or_default();
    for file in iter::once(path).chain(fragments.into_iter().map(|name| folder.join(name))) {
        match open(&file) {
            Ok(Some(open)) => open.sync_all()?,
            Ok(None) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        }
        // The name of a file that is new is in its folder.
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
    }
    Ok(())
}

/// The operator's file and its fragments in the order in which they are merged.
///
/// Without `config` that is `/etc/mvmhost.toml`, which may be absent; with it, that very file. The
/// fragments are the `*.toml` in the folder of the same name with `.d` added, in byte order.
///
/// # Errors
/// Every file that cannot be read, is no regular file, is too large, or is not UTF-8 or has a byte
/// that is zero.
pub fn read(roots: &Roots, config: Option<&Path>) -> Result<Vec<Source>, Vec<Problem>> {
    let (sources, problems) = read_what_can_be(roots, config);
    if problems.is_empty() { Ok(sources) } else { Err(problems) }
}

/// The files that could be read, and what is wrong with the others.
pub(crate) fn read_what_can_be(
    roots: &Roots,
    config: Option<&Path>,
) -> (Vec<Source>, Vec<Problem>) {
    let Places { path, name, folder } = Places::of(roots, config);
    let mut sources = Vec::new();
    let mut problems = Vec::new();
    match read_one(&path, &name) {
        Ok(Some(source)) => sources.push(source),
        Ok(None) if config.is_some() => problems.push(whole(
            &name,
            "no such file",
            "name a file that is there, or leave --config out",
        )),
        Ok(None) => {}
        Err(problem) => problems.push(*problem),
    }
    let folder_name = format!("{name}.d");
    match fragments(&folder, &folder_name) {
        Ok(names) => {
            for file in names {
                let shown = format!("{folder_name}/{}", file.to_string_lossy());
                match read_one(&folder.join(&file), &shown) {
                    Ok(source) => sources.extend(source),
                    Err(problem) => problems.push(*problem),
                }
            }
        }
        Err(problem) => problems.push(*problem),
    }
    (sources, problems)
}

/// `/etc/mvmhost/applied.toml`; `None` when it is absent.
pub(crate) fn read_applied(roots: &Roots) -> Result<Option<Source>, Box<Problem>> {
    read_one(&roots.applied(), APPLIED)
}

/// The names of the fragments in byte order; none when there is no folder. Names that begin with a
/// dot are left alone, as `*.toml` does: editors keep their own files under such names.
fn fragments(folder: &Path, shown: &str) -> Result<Vec<OsString>, Box<Problem>> {
    let failed = |error: io::Error| Box::new(unreadable(shown, &error));
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let bytes = name.as_bytes();
        if !bytes.ends_with(b".toml") || bytes.starts_with(b".") {
            continue;
        }
        if names.len() == MOST_FRAGMENTS {
            let message = format!("more than {MOST_FRAGMENTS} fragments");
            return Err(Box::new(whole(shown, &message, "put several of them into one file")));
        }
        names.push(name);
    }
    names.sort_unstable();
    Ok(names)
}

fn read_one(path: &Path, shown: &str) -> Result<Option<Source>, Box<Problem>> {
    let failed = |error: io::Error| Box::new(unreadable(shown, &error));
    let file = match open(path) {
        Ok(Some(file)) => file,
        Ok(None) => {
            let hint = "replace it with a file of TOML";
            return Err(Box::new(whole(shown, "not a regular file", hint)));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::symlink_metadata(path).is_ok() {
                let hint = "mend or remove it";
                return Err(Box::new(whole(shown, "a symbolic link that leads nowhere", hint)));
            }
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    let length = file.metadata().map_err(failed)?.len();
    if length > MOST_BYTES {
        return Err(Box::new(too_large(shown, length)));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    // One byte beyond the limit shows a file that grew meanwhile.
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Box::new(too_large(shown, bytes.len() as u64)));
    }
    match String::from_utf8(bytes) {
        Ok(text) => match text.split_once('\0') {
            Some((valid, _)) => {
                let hint =
                    "write this line and those after it again; a power cut can leave such bytes";
                Err(Box::new(after(valid.as_bytes(), whole(shown, "bytes that are zero", hint))))
            }
            None => Ok(Some(Source { name: printable(shown), text })),
        },
        Err(error) => {
            let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or(&[]);
            let problem = whole(shown, "not UTF-8", "write the file again as UTF-8");
            Err(Box::new(after(valid, problem)))
        }
    }
}

/// The problem in the line that follows these bytes.
fn after(valid: &[u8], mut problem: Problem) -> Problem {
    let newlines = valid.iter().filter(|byte| **byte == b'\n').count();
    problem.line = u32::try_from(newlines).unwrap_or(u32::MAX).saturating_add(1);
    problem
}

/// Opens a regular file; `None` for anything else, which is not touched: even a non-blocking open
/// of a device can set it in motion. Symbolic links are followed.
fn open(path: &Path) -> io::Result<Option<File>> {
    if !fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
    Ok(Some(file).filter(|file| file.metadata().is_ok_and(|metadata| metadata.is_file())))
}

fn too_large(shown: &str, length: u64) -> Problem {
    let message = format!("{length} bytes long, more than {MOST_BYTES}");
    whole(shown, &message, "write a configuration, which is a few kilobytes")
}

fn unreadable(shown: &str, error: &io::Error) -> Problem {
    let hint = "make it readable for root";
    whole(shown, &format!("cannot be read: {error}"), hint)
}

fn whole(file: &str, message: &str, instead: &str) -> Problem {
    Problem {
        file: printable(file),
        line: 0,
        key: String::new(),
        value: String::new(),
        message: message.to_owned(),
        instead: instead.to_owned(),
        span: None,
        help: "",
    }
}
