//! The brake that mvm-guard puts on, as everybody else sees it, and the time for which an operator
//! switches it off.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use crate::Roots;

use crate::{Error, atomic, chain};

/// Bytes of a reason, which is a line.
const LONGEST: u64 = 4096;
/// The longest time for which the brake can be off: nobody who switches it off is away for longer.
pub const LONGEST_OFF: Duration = Duration::from_secs(2 * 3600);
/// What the file begins with that says until when the brake is off.
const UNTIL: &str = "until ";

/// The brake is switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Off {
    /// For how long yet.
    pub remaining: Duration,
    /// What it was set for; `None` when the pool had room.
    pub why: Option<String>,
}

/// Whether the brake is switched off; a file that is damaged, over, or longer than
/// [`LONGEST_OFF`] switches nothing off.
pub fn off(roots: &Roots, file: &str) -> Option<Off> {
    let text = atomic::read_bounded(&roots.at(file), LONGEST).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (first, rest) = text.split_once('\n')?;
    let until: u64 = first.strip_prefix(UNTIL)?.parse().ok()?;
    let remaining = Duration::from_secs(until.checked_sub(boot_seconds(roots))?);
    let why = rest.lines().next().map(str::trim).filter(|why| !why.is_empty());
    (!remaining.is_zero() && remaining <= LONGEST_OFF)
        .then(|| Off { remaining, why: why.map(str::to_owned) })
}

/// Switches the brake off for so long. The file is in /run: a boot switches it on again.
///
/// # Errors
/// The file cannot be written.
pub fn switch_off(roots: &Roots, file: &str, off: &Off) -> Result<(), Error> {
    let until = boot_seconds(roots).saturating_add(off.remaining.as_secs());
    let text = format!("{UNTIL}{until}\n{}\n", off.why.as_deref().unwrap_or_default());
    atomic::write(&roots.at(file), text.as_bytes(), 0o644)
}

/// Removes a file of the brake; one that is not there is no failure.
///
/// # Errors
/// It cannot be removed.
pub fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Seconds since the boot, of a clock that also counts sleep and that nobody sets.
pub fn boot_seconds(roots: &Roots) -> u64 {
    let text = fs::read_to_string(roots.at("/proc/uptime")).unwrap_or_default();
    text.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0)
}

/// Why flintlockd is held back; `None` while it is not.
pub fn reason(file: &Path) -> Option<String> {
    match atomic::read_bounded(file, LONGEST) {
        Ok(text) => Some(String::from_utf8_lossy(&text).trim().to_owned()),
        Err(Error::Read { source, .. }) if source.kind() == ErrorKind::NotFound => None,
        // Whatever is there, it was put there to brake.
        Err(error) => Some(chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_brakes_whatever_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("brake");
        assert_eq!(reason(&file), None);
        std::fs::write(&file, "data at 96 %\n").unwrap();
        assert_eq!(reason(&file).as_deref(), Some("data at 96 %"));
        std::fs::write(&file, vec![b' '; 5000]).unwrap();
        assert!(reason(&file).is_some_and(|why| !why.is_empty()));
    }

    #[test]
    fn it_is_off_for_a_time_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let file = "/run/brake-off";
        let uptime = |seconds: u64| {
            fs::create_dir_all(roots.at("/proc")).unwrap();
            fs::write(roots.at("/proc/uptime"), format!("{seconds}.07 99.00\n")).unwrap();
        };
        uptime(100);
        assert_eq!(off(&roots, file), None);
        let requested =
            Off { remaining: Duration::from_secs(60), why: Some("it is full".to_owned()) };
        fs::create_dir_all(roots.at("/run")).unwrap();
        switch_off(&roots, file, &requested).unwrap();
        assert_eq!(off(&roots, file), Some(requested));
        uptime(159);
        assert_eq!(off(&roots, file).unwrap().remaining, Duration::from_secs(1));
        for over in [160, 5000] {
            uptime(over);
            assert_eq!(off(&roots, file), None, "{over}");
        }
        // What nobody can have asked for holds the brake.
        uptime(1);
        for text in [
            "",
            "until\n",
            "until 9999999\n",
            "until -1\n",
            "off\n",
            "until 18446744073709551616\n",
        ] {
            fs::write(roots.at(file), text).unwrap();
            assert_eq!(off(&roots, file), None, "{text}");
        }
        remove(&roots.at(file)).unwrap();
        remove(&roots.at(file)).unwrap();
    }
}
