//! Machines that stand still: their memory in a file, their root disk as it is at that moment. Any number
//! of machines go on from there, each on a disk of its own above it.

use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::{COMMAND_LIMIT, Guest};
use crate::machine::{Machine, ROOT_DISK, SERIAL};
use crate::tools;

/// A shell before the root file system is mounted; the one that Debian's initramfs has.
const BEFORE_ROOT: &str = "panic= break=premount";
/// What that shell prints when it waits for a command.
const PROMPT: &str = "(initramfs)";

/// What [`Guest::freeze`] left.
#[derive(Debug, Clone)]
pub struct Frozen {
    disk: PathBuf,
    memory: PathBuf,
}

impl Frozen {
    /// The root disk of the machine when it was frozen, below those of the machines that go on.
    #[must_use]
    pub fn disk(&self) -> &Path {
        &self.disk
    }
}

impl Guest {
    /// Ends the machine, and keeps its memory and its disk as they are under `name`.
    ///
    /// # Errors
    /// QEMU refuses, or there is no room.
    pub fn freeze(&mut self, name: &str) -> Result<Frozen> {
        self.ssh.disconnect();
        let memory = self.scratch.path().join(format!("{name}.memory"));
        self.monitor("stop")?;
        self.monitor("migrate_set_parameter max-bandwidth 4G")?;
        self.monitor(&format!("migrate -d \"exec:cat > {}\"", memory.display()))?;
        let start = Instant::now();
        loop {
            let status = self.monitor("info migrate")?;
            if status.contains("completed") {
                break;
            }
            let goes_on = start.elapsed() < COMMAND_LIMIT && !status.contains("failed");
            ensure!(goes_on, "the memory is not in its file: {status}");
            thread::sleep(Duration::from_millis(100));
        }
        self.machine = None;
        Ok(Frozen { disk: self.root.clone(), memory })
    }

    /// Goes on from where a machine was frozen, on a disk of its own under `name`.
    ///
    /// # Errors
    /// QEMU does not start, or the guest does not answer.
    pub fn thaw(&mut self, frozen: &Frozen, name: &str) -> Result<()> {
        self.on_top_of(&frozen.disk, name)?;
        self.wake(&frozen.memory)?;
        self.answers()
    }

    /// A machine that is about to mount its root file system, for [`Guest::boot_from`]; `cmdline` is what
    /// its kernel is told besides. Nothing of `disk` is in its memory.
    ///
    /// # Errors
    /// It does not get there.
    pub fn freeze_before_root(&mut self, disk: &Path, cmdline: &str) -> Result<Frozen> {
        self.on_top_of(disk, "before-root")?;
        let usual = self.options.cmdline.clone();
        self.options.cmdline = format!("{BEFORE_ROOT} {cmdline}");
        let offset = self.console_bytes();
        let started = self.switch_on();
        self.options.cmdline = usual;
        started?;
        self.prompts(offset)?;
        let offset = self.console_bytes();
        // udev has looked for the disk's label.
        let typing = self.type_in("sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1\n")?;
        self.prompts(offset)?;
        drop(typing);
        self.freeze("before-root")
    }

    /// Boots the machine, which is off, from the moment before its root disk is mounted.
    ///
    /// # Errors
    /// As [`Guest::thaw`].
    pub fn boot_from(&mut self, before: &Frozen) -> Result<()> {
        self.wake(&before.memory)?;
        let typing = self.type_in("exit\n")?;
        let answers = self.answers();
        drop(typing);
        answers
    }

    /// [`Guest::reboot`] by [`Guest::boot_from`].
    ///
    /// # Errors
    /// As both.
    pub fn reboot_from(&mut self, before: &Frozen) -> Result<()> {
        self.end("systemctl --no-block reboot")?;
        self.boot_from(before)
    }

    /// The root disk as it would be if the power went at this very moment, in a file that does not change
    /// any more; the machine goes on, on another one.
    ///
    /// # Errors
    /// QEMU refuses.
    pub fn disk_of_a_cut(&mut self, next: &str) -> Result<PathBuf> {
        let next = self.scratch.path().join(format!("{next}.qcow2"));
        self.monitor(&format!("snapshot_blkdev {ROOT_DISK} {} qcow2", next.display()))?;
        Ok(std::mem::replace(&mut self.root, next))
    }

    /// The power goes, and does not come back.
    pub fn power_off(&mut self) {
        self.machine = None;
        self.ssh.disconnect();
    }

    /// The root disk of the next machine is a new one above `disk`.
    ///
    /// # Errors
    /// There is no room.
    pub fn on_top_of(&mut self, disk: &Path, name: &str) -> Result<()> {
        self.power_off();
        self.root = self.scratch.path().join(format!("{name}.qcow2"));
        let mut create = Command::new("qemu-img");
        create.args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"]).arg(disk).arg(&self.root);
        tools::ok(&mut create, COMMAND_LIMIT).map(drop)
    }

    /// Types into the console of a guest that has one, for as long as the answer is kept.
    fn type_in(&self, text: &str) -> Result<UnixStream> {
        let socket = self.scratch.path().join(SERIAL);
        let mut console = UnixStream::connect(&socket).context("there is no console to type in")?;
        console.write_all(text.as_bytes())?;
        Ok(console)
    }

    fn wake(&mut self, memory: &Path) -> Result<()> {
        let files = (self.scratch.path(), self.root.as_path());
        let machine = Machine::start(&self.image, &self.options, files, Some(memory))?;
        self.ssh.set_port(machine.port());
        self.machine = Some(machine);
        let start = Instant::now();
        while self.monitor("info status")?.contains("inmigrate") {
            ensure!(start.elapsed() < COMMAND_LIMIT, "QEMU does not take {}", memory.display());
            thread::sleep(Duration::from_millis(50));
        }
        self.monitor("cont").map(drop)
    }

    fn answers(&mut self) -> Result<()> {
        let start = Instant::now();
        while !self.ssh.try_connect(Duration::from_secs(60))? {
            if start.elapsed() > COMMAND_LIMIT {
                bail!("{} does not answer on ssh\n{}", self.options.name, self.console_end());
            }
            thread::sleep(Duration::from_millis(300));
        }
        Ok(())
    }

    /// Waits for a prompt behind what the console said before.
    fn prompts(&self, offset: usize) -> Result<()> {
        let start = Instant::now();
        loop {
            let console = fs::read(self.console_log()).unwrap_or_default();
            let new =
                String::from_utf8_lossy(console.get(offset..).unwrap_or_default()).into_owned();
            if new.trim_end().ends_with(PROMPT) {
                return Ok(());
            }
            ensure!(start.elapsed() < COMMAND_LIMIT, "no shell before the root: {new}");
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn console_bytes(&self) -> usize {
        fs::read(self.console_log()).map_or(0, |console| console.len())
    }
}
