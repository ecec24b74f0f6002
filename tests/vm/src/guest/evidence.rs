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
            ("journal.txt", "journalctl -b all -o short-precise --no-pager"),
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
        let mut journal = Command::new("journalctl");
        journal.args(["-o", "short-precise", "--no-pager", "-D"]).arg(folder.join("journal"));
        fs::write(folder.join("journal.txt"), tools::ok(&mut journal, DISK_LIMIT)?)?;
        self.switch_on()
    }
}
