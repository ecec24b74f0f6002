//! `mvmhost vm logs` and `vm console`: what guest and VMM wrote into flintlockd's state directory.
//! Guests choose the bytes: nothing but text and colors reaches the terminal.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use mvm_cli::cli::{LogFile, VmLogs};
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::last_good::load_or_last_good;
use mvm_config::places;
use mvm_core::Finding;
use mvm_core::catalogue::vm as messages;
use mvm_units_systemd::microvms::{self, Directory};
use nix::libc;

use crate::files::VMMS;
use crate::session::report;

/// Of a file this much is read from its end, in bytes.
const END: u64 = 4 << 20;
/// As fast as a person reads.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn run(context: &Context, arguments: &VmLogs) -> Exit {
    show(context, &arguments.microvm, arguments.file, arguments.lines, arguments.follow)
}

pub(super) fn console(context: &Context, microvm: &str) -> Exit {
    show(context, microvm, LogFile::Console, 25, true)
}

fn show(context: &Context, target: &str, log_file: LogFile, lines: usize, follow: bool) -> Exit {
    let loaded = match load_or_last_good(&context.roots, context.config.as_deref()) {
        Ok((loaded, _)) => loaded,
        Err(findings) => {
            output::findings(context.json, &findings);
            return Exit::Config;
        }
    };
    let state = places::microvms(&loaded.config);
    let found = match find(context, &state, target) {
        Ok(found) => found,
        Err(finding) => return report(context, &[finding]),
    };
    let missing = || {
        let missing = messages::no_file(target, extension(log_file));
        report(context, &[missing])
    };
    let Some(path) = file(&found.path, log_file) else { return missing() };
    match tail(&path, lines, follow) {
        Ok(()) => Exit::Done,
        Err(error) if error.kind() == io::ErrorKind::NotFound => missing(),
        Err(error) => {
            let unreadable = messages::file_unreadable(path.display().to_string(), error);
            report(context, &[unreadable])
        }
    }
}

/// By its directory: flintlockd may be down when its files are needed most.
fn find(context: &Context, state: &str, target: &str) -> Result<Directory, Finding> {
    let all = microvms::directories(&context.roots, state)
        .map_err(|error| messages::file_unreadable(state, error))?;
    let is_meant = |directory: &Directory| {
        let mut parts = directory.id.split('/');
        let (namespace, name) =
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let uid = parts.next().unwrap_or_default();
        [name, uid, &directory.id, &format!("{namespace}/{name}")].contains(&target)
    };
    let mut meant = all.into_iter().filter(is_meant);
    match (meant.next(), meant.next()) {
        (None, _) => Err(messages::not_found(target)),
        (Some(one), None) => Ok(one),
        (Some(first), Some(second)) => {
            let ids: Vec<String> =
                [first, second].into_iter().chain(meant).map(|one| one.id).collect();
            Err(messages::several(target).evidence(ids.join("\n")))
        }
    }
}

fn extension(log_file: LogFile) -> &'static str {
    match log_file {
        LogFile::Console => "stdout",
        LogFile::Stderr => "stderr",
        LogFile::Vmm => "log",
    }
}

fn file(folder: &Path, log_file: LogFile) -> Option<PathBuf> {
    let paths = VMMS.iter().map(|vmm| folder.join(format!("{vmm}.{}", extension(log_file))));
    paths.into_iter().find(|path| path.exists())
}

fn tail(path: &Path, lines: usize, follow: bool) -> io::Result<()> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut file = File::options().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut place = file.metadata()?.len().saturating_sub(END);
    file.seek(SeekFrom::Start(place))?;
    let mut bytes = Vec::new();
    place += (&file).take(END).read_to_end(&mut bytes)? as u64;
    let mut screen = Screen::default();
    let mut out = io::stdout().lock();
    out.write_all(screen.show(last(&bytes, lines)).as_bytes())?;
    if !follow {
        return Ok(());
    }
    loop {
        out.flush()?;
        thread::sleep(PAUSE);
        // Rotation cuts it.
        if file.metadata()?.len() < place {
            place = 0;
            file.seek(SeekFrom::Start(0))?;
        }
        bytes.clear();
        place += (&file).take(END).read_to_end(&mut bytes)? as u64;
        match out.write_all(screen.show(&bytes).as_bytes()) {
            // The reader has gone away.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
}

/// The last lines, with a last one that has no end yet.
fn last(bytes: &[u8], lines: usize) -> &[u8] {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut ends = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    match (lines, ends.nth(lines.saturating_sub(1))) {
        (0, _) => &[],
        (_, Some((at, _))) => bytes.get(at + 1..).unwrap_or_default(),
        (_, None) => bytes,
    }
}

/// What a guest wrote, as it may go to a terminal: text, line ends, tabs, and colors.
#[derive(Debug, Default)]
struct Screen {
    /// An escape sequence that goes on.
    pending: String,
}

impl Screen {
    fn show(&mut self, bytes: &[u8]) -> String {
        let mut out = String::with_capacity(bytes.len());
        for c in String::from_utf8_lossy(bytes).chars() {
            match (self.pending.as_str(), c) {
                ("", '\u{1b}') => self.pending.push(c),
                ("", '\n' | '\t') => out.push(c),
                // A console ends its lines with both.
                ("", '\r') => {}
                ("", c) if c.is_control() => out.push('\u{fffd}'),
                ("", c) => out.push(c),
                ("\u{1b}", '[') => self.pending.push(c),
                (begun, '0'..='9' | ';') if begun.len() > 1 && begun.len() < 20 => {
                    self.pending.push(c);
                }
                (begun, 'm') if begun.len() > 1 => {
                    out.push_str(&self.pending);
                    out.push('m');
                    self.pending.clear();
                }
                // Anything else that moves, asks or sets is left out.
                _ => self.pending.clear(),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_counted_from_the_end() {
        let text = b"a\nb\nc\n";
        assert_eq!(last(text, 2), b"b\nc\n");
        assert_eq!(last(text, 9), text);
        assert_eq!(last(b"a\nb\nlogin: ", 1), b"login: ");
        assert_eq!(last(text, 0), b"");
        assert_eq!(last(b"", 3), b"");
    }

    #[test]
    fn a_guest_writes_text_and_colors_and_nothing_else() {
        let mut screen = Screen::default();
        let shown = screen.show(b"\x1b[0;32mOK\x1b[0m\r\n\x1b]0;title\x07\x1b[2J\x1b[6nx\x1b[3");
        assert_eq!(shown, "\u{1b}[0;32mOK\u{1b}[0m\n0;title\u{fffd}x");
        assert_eq!(screen.show(b"1mred"), "\u{1b}[31mred");
        assert_eq!(screen.show("\u{9b}2J".as_bytes()), "\u{fffd}2J");
    }
}
