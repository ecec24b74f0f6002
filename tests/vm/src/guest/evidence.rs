//! What explains a failure, also that of a guest that does not answer.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::Guest;
use crate::tools;

/// Several gigabytes are read and checked for it.
const DISK_LIMIT: Duration = Duration::from_secs(300);
/// What the last boot warned of.
const WARNINGS: &str = "warnings.txt";
/// Of the console and of the warnings: little is kept of what a failed run wrote.
const LAST_LINES: usize = 12;

impl Guest {
    /// Saves what explains a failure: journal, failed units, kernel messages, console.
    ///
    /// A guest that does not answer is switched off for its journal, and on again.
    ///
    /// # Errors
    /// `folder` cannot be written, or the disk of a silent guest cannot be read.
    pub fn evidence(&mut self, folder: &Path) -> Result<()> {
        for name in ["console.log", "qemu.log"] {
            let from = self.scratch.path().join(name);
            if from.exists() {
                fs::copy(from, folder.join(name))?;
            }
        }
        if self.run("true").is_err() {
            return self.journal_of_the_disk(folder);
        }
        for (name, line) in [
            (WARNINGS, "journalctl -b -p warning -o short-precise --no-pager"),
            ("journal.txt", "journalctl -b all -o short-precise --no-pager"),
            (
                "findings.txt",
                "journalctl -b all -t mvmhost -o verbose --no-pager --output-fields=MESSAGE,MVMHOST_EVIDENCE",
            ),
            ("status.txt", "systemctl --no-pager -l status; systemctl --no-pager --failed"),
            ("units.txt", "systemctl --no-pager -l status 'mvm*' 'containerd*' 'flintlockd*'"),
            ("dmesg.txt", "dmesg"),
        ] {
            let output = self.run(line)?;
            fs::write(folder.join(name), output.stdout + &output.stderr)?;
        }
        Ok(())
    }

    fn journal_of_the_disk(&mut self, folder: &Path) -> Result<()> {
        self.machine = None;
        self.ssh.disconnect();
        let (disk, raw) = (self.scratch.path().join("root.qcow2"), folder.join("root.raw"));
        let mut convert = Command::new("qemu-img");
        tools::ok(convert.args(["convert", "-O", "raw"]).args([&disk, &raw]), DISK_LIMIT)?;
        // What the file system's own journal holds is written first; its status tells that it was.
        tools::run(Command::new("e2fsck").args(["-f", "-p"]).arg(&raw), None, DISK_LIMIT)?;
        let dump = format!("rdump /var/log/journal {}", folder.display());
        tools::ok(Command::new("debugfs").args(["-R", &dump]).arg(&raw), DISK_LIMIT)?;
        fs::remove_file(&raw)?;
        for (name, chosen) in [("journal.txt", &[][..]), (WARNINGS, &["-b", "-p", "warning"])] {
            let mut journal = Command::new("journalctl");
            journal.args(["-o", "short-precise", "--no-pager", "-D"]).arg(folder.join("journal"));
            fs::write(folder.join(name), tools::ok(journal.args(chosen), DISK_LIMIT)?)?;
        }
        self.switch_on()
    }

    /// The end of the console as a person reads it, without the jobs that are told of every second.
    pub(super) fn console_end(&self) -> String {
        let bytes = fs::read(self.console_log()).unwrap_or_default();
        let text = plain(&String::from_utf8_lossy(&bytes));
        let lines = text.lines().filter(|line| !line.contains(" Job ") && !line.trim().is_empty());
        last(lines)
    }
}

/// The last warnings that [`Guest::evidence`] kept in `folder`.
#[must_use]
pub fn warnings(folder: &Path) -> String {
    last(fs::read_to_string(folder.join(WARNINGS)).unwrap_or_default().lines())
}

fn last<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<&str> = lines.collect();
    lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default().join("\n")
}

/// Without the sequences that colour a terminal and move its cursor (ECMA-48, 5.4).
fn plain(text: &str) -> String {
    let mut cleaned = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => drop(characters.find(|end| ('@'..='~').contains(end) && *end != '[')),
            '\r' => cleaned.push('\n'),
            _ => cleaned.push(character),
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_read_without_its_colours() {
        let text = "\u{1b}[K[  \u{1b}[0;31m*\u{1b}[0m] Job a\r\nM\r\u{1b}[0;32mOK\u{1b}[0m b";
        assert_eq!(plain(text), "[  *] Job a\n\nM\nOK b");
    }
}
