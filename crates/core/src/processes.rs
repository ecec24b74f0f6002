//! What /proc says of processes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::Roots;

/// The kernel's own bound for all arguments together is 6 MiB; a VMM's are a few hundred bytes.
const LONGEST_COMMAND_LINE: u64 = 1024 * 1024;

/// The arguments of a process, each ended by NUL, at most 1 MiB; empty for a zombie and for a
/// kernel thread; `None` when there is no such process.
///
/// # Errors
/// When there is such a process and /proc does not say.
pub fn command_line(roots: &Roots, pid: i32) -> io::Result<Option<Vec<u8>>> {
    let read = File::open(folder(roots, pid).join("cmdline")).and_then(|file| {
        let mut line = Vec::new();
        file.take(LONGEST_COMMAND_LINE).read_to_end(&mut line).map(|_| line)
    });
    match read {
        Ok(line) => Ok(Some(line)),
        // ESRCH: it ended between open and read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(nix::libc::ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The short name of a process (at most 15 bytes, which the process itself chooses); `None` when
/// it is gone. Control characters are replaced, since it goes to terminals.
pub fn name(roots: &Roots, pid: i32) -> Option<String> {
    let text = fs::read(folder(roots, pid).join("comm")).ok()?;
    let text = String::from_utf8_lossy(&text);
    Some(text.trim_end().chars().map(|c| if c.is_control() { '?' } else { c }).collect())
}

/// The processes that have a file open under one of these names, such as `/dev/dm-3`, in the order
/// of their numbers. Whoever came or went meanwhile may be missing.
pub fn with_open(roots: &Roots, names: &[PathBuf]) -> Vec<i32> {
    let mut pids = numbers(roots);
    pids.sort_unstable();
    pids.retain(|pid| names.iter().any(|name| has_open(roots, *pid, name.as_os_str())));
    pids
}

/// The process that has the tap of this name open: the lowest number when there are several.
pub fn holder_of_tap(roots: &Roots, tap: &str) -> Option<i32> {
    let mut pids = numbers(roots);
    pids.sort_unstable();
    pids.into_iter().find(|pid| {
        let entries = fs::read_dir(folder(roots, *pid).join("fdinfo"));
        let infos = entries.into_iter().flatten().flatten();
        // drivers/net/tun.c writes the name; other files have no such line.
        let named = |info: String| {
            info.lines()
                .any(|line| line.strip_prefix("iff:").is_some_and(|name| name.trim() == tap))
        };
        infos.into_iter().any(|info| fs::read_to_string(info.path()).is_ok_and(named))
    })
}

/// The process that has the socket with this inode open: the lowest number when there are several.
/// Processes whose files may not be seen are passed over.
pub fn holder_of_socket(roots: &Roots, inode: u64) -> Option<i32> {
    let expected = format!("socket:[{inode}]");
    let mut pids = numbers(roots);
    pids.sort_unstable();
    pids.into_iter().find(|pid| has_open(roots, *pid, expected.as_ref()))
}

fn numbers(roots: &Roots) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(roots.at("/proc")) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok()).collect()
}

fn has_open(roots: &Roots, pid: i32, expected: &OsStr) -> bool {
    let Ok(entries) = fs::read_dir(folder(roots, pid).join("fd")) else {
        return false;
    };
    let targets = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.into_iter().any(|target| target.as_os_str().as_bytes() == expected.as_bytes())
}

fn folder(roots: &Roots, pid: i32) -> PathBuf {
    roots.at(format!("/proc/{pid}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    fn own() -> i32 {
        i32::try_from(std::process::id()).unwrap()
    }

    #[test]
    fn tells_a_living_process_from_none() {
        let roots = Roots::new("/");
        let line = command_line(&roots, own()).unwrap().unwrap();
        assert!(line.contains(&0) && line.starts_with(b"/"));
        assert_eq!(command_line(&roots, i32::MAX).unwrap(), None);
        assert!(name(&roots, own()).is_some());
        assert_eq!(name(&roots, i32::MAX), None);
    }

    #[test]
    fn finds_who_has_a_socket() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
        let text = link.to_str().unwrap();
        let inode = text.trim_start_matches("socket:[").trim_end_matches(']').parse().unwrap();
        assert_eq!(holder_of_socket(&Roots::new("/"), inode), Some(own()));
        assert_eq!(holder_of_socket(&Roots::new("/"), u64::MAX), None);
    }

    #[test]
    fn finds_who_has_a_tap() {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("proc/7/fdinfo/3", "pos:\t0\nflags:\t0100002\n");
        put("proc/9/fdinfo/12", "pos:\t0\nflags:\t0104002\nmnt_id:\t26\nino:\t5\niff:\tfltap1\n");
        let roots = Roots::new(folder.path());
        assert_eq!(holder_of_tap(&roots, "fltap1"), Some(9));
        assert_eq!(holder_of_tap(&roots, "fltap"), None);
    }

    #[test]
    fn a_root_without_proc_has_no_processes() {
        let roots = Roots::new("/nonexistent");
        assert_eq!(command_line(&roots, 1).unwrap(), None);
        assert_eq!(holder_of_socket(&roots, 1), None);
    }
}
