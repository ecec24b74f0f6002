//! A disposable Debian host: a QEMU machine on an overlay of an image.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::image::Image;
use crate::leaks;
use crate::machine::Machine;
use crate::ssh::Ssh;
use crate::tools::{self, Output};

pub mod evidence;
mod frozen;
mod template;

pub use frozen::Frozen;
pub use template::Template;

/// Emulated, on a machine that compiles at the same time.
const BOOT_LIMIT: Duration = Duration::from_secs(900);
/// For all that a boot starts; the first one of cloud-init installs packages.
const START_LIMIT: Duration = Duration::from_secs(600);
const COMMAND_LIMIT: Duration = Duration::from_secs(600);
/// Longest rest between two looks at what is waited for.
const REST: Duration = Duration::from_secs(3);

/// An empty disk beside the root disk.
#[derive(Debug, Clone)]
pub struct Disk {
    /// At most 20 letters or digits: `/dev/disk/by-id/virtio-<serial>`.
    pub serial: String,
    /// Virtual size in MiB.
    pub mib: u64,
}

/// One end of a wire between two guests, on the second card.
#[derive(Debug, Clone)]
pub struct Wire {
    /// The card's address.
    pub mac: String,
    /// The socket of this end.
    pub own: PathBuf,
    /// The socket of the other end; what is sent while nobody is there is lost.
    pub other: PathBuf,
}

/// What a guest is made of.
#[derive(Debug, Clone)]
pub struct Options {
    /// Appears in messages.
    pub name: String,
    /// Memory in MiB; 3072 by default.
    pub memory_mib: u32,
    /// Empty disks beside the root disk; none by default.
    pub disks: Vec<Disk>,
    /// A raw image attached read-only with the serial `mvmrepo`.
    pub repository: Option<PathBuf>,
    /// The wire on which its second card is; `None` is no second card.
    pub wire: Option<Wire>,
    /// What its kernel is told beside what every guest's is; of a boot that begins afterwards.
    pub cmdline: String,
    /// Something can be typed into its console, as [`Guest::freeze_before_root`] does.
    pub typed: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "guest".to_owned(),
            memory_mib: 3072,
            disks: Vec::new(),
            repository: None,
            wire: None,
            cmdline: String::new(),
            typed: false,
        }
    }
}

/// A guest. Dropping it kills its QEMU and removes its disks.
#[derive(Debug)]
pub struct Guest {
    // Dropped in this order: connection, machine, lock, files.
    ssh: Ssh,
    machine: Option<Machine>,
    options: Options,
    image: Image,
    /// The file of its root disk.
    root: PathBuf,
    _lock: File,
    scratch: TempDir,
}

/// Of the root disk, in a guest's folder.
const ROOT: &str = "root.qcow2";

impl Guest {
    /// Boots a guest and waits until systemd has finished its start, well or not.
    ///
    /// The machine dies with the thread that called this: call it from a thread that stays.
    ///
    /// # Errors
    /// QEMU does not start, or ssh does not answer within five minutes; the message then holds
    /// the end of the console.
    pub fn boot(image: &Image, options: Options) -> Result<Self> {
        let mut guest = Self::launch(image, options)?;
        guest.wait_for_boot()?;
        Ok(guest)
    }

    /// [`Guest::boot`] without [`Guest::wait_for_boot`], for guests that boot side by side.
    ///
    /// # Errors
    /// QEMU does not start.
    pub fn launch(image: &Image, options: Options) -> Result<Self> {
        leaks::sweep_scratch()?;
        let (scratch, lock) = leaks::new_scratch()?;
        let path = scratch.path();
        let mut overlay = Command::new("qemu-img");
        overlay
            .args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"])
            .args([image.disk(), path.join(ROOT)]);
        tools::ok(&mut overlay, COMMAND_LIMIT)?;
        for disk in &options.disks {
            let mut create = Command::new("qemu-img");
            create
                .args(["create", "-q", "-f", "qcow2"])
                .arg(path.join(format!("{}.qcow2", disk.serial)))
                .arg(format!("{}M", disk.mib));
            tools::ok(&mut create, COMMAND_LIMIT)?;
        }
        let ssh = Ssh::new(&image.key(), &path.join("ssh"));
        let image = image.clone();
        let root = path.join(ROOT);
        let mut guest = Self { ssh, machine: None, options, image, root, _lock: lock, scratch };
        guest.switch_on()?;
        Ok(guest)
    }

    /// The image this guest was made from.
    #[must_use]
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// Process id of the QEMU that runs now.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.machine.as_ref().map(Machine::pid)
    }

    /// Everything the guest wrote to its serial console, all boots in one file.
    #[must_use]
    pub fn console_log(&self) -> PathBuf {
        self.scratch.path().join("console.log")
    }

    /// The file of the further disk with this serial, as QEMU keeps it.
    #[must_use]
    pub fn disk(&self, serial: &str) -> PathBuf {
        self.scratch.path().join(format!("{serial}.qcow2"))
    }

    /// Switches a powered-off guest on again and waits as [`Guest::boot`] does.
    ///
    /// # Errors
    /// As [`Guest::boot`].
    pub fn start(&mut self) -> Result<()> {
        self.switch_on()?;
        self.wait_for_boot()
    }

    /// Runs a shell line as root, for at most three minutes.
    ///
    /// # Errors
    /// The guest does not answer or the line takes too long; its own status is no error.
    pub fn run(&mut self, line: &str) -> Result<Output> {
        self.run_within(line, COMMAND_LIMIT)
    }

    /// As [`Guest::run`] with another time limit.
    ///
    /// # Errors
    /// As [`Guest::run`].
    pub fn run_within(&mut self, line: &str, limit: Duration) -> Result<Output> {
        self.ssh.run(line, limit)
    }

    /// Runs shell lines each of which must succeed, and gives their standard output.
    ///
    /// # Errors
    /// As [`Guest::run`], and for the first status other than 0; the message holds both outputs.
    pub fn ok(&mut self, lines: &str) -> Result<String> {
        self.run(&format!("set -e\n{lines}"))?.required(lines)
    }

    /// Runs a shell line until it succeeds, and rests in between for about as long as it took:
    /// what is waited for shares an emulated processor with it.
    ///
    /// # Errors
    /// It never did within `limit`; the message holds the last outputs.
    pub fn wait_for(&mut self, line: &str, limit: Duration) -> Result<()> {
        let start = Instant::now();
        loop {
            let tried_at = Instant::now();
            let output = self.run(line)?;
            if output.success() {
                return Ok(());
            }
            if start.elapsed() > limit {
                let description = format!("{line} (for {} s)", limit.as_secs());
                return output.required(&description).map(drop);
            }
            thread::sleep(tried_at.elapsed().clamp(Duration::from_millis(500), REST));
        }
    }

    /// How another program reaches root in the guest at 127.0.0.1: arguments of ssh.
    #[must_use]
    pub fn ssh_arguments(&self) -> Vec<String> {
        self.ssh.arguments()
    }

    /// Copies a file or folder of the build machine into the guest.
    ///
    /// # Errors
    /// scp fails.
    pub fn copy_in(&mut self, local: &Path, remote: &str) -> Result<()> {
        self.ssh.copy_in(local, remote, COMMAND_LIMIT)
    }

    /// Copies a file or folder of the guest to the build machine.
    ///
    /// # Errors
    /// scp fails.
    pub fn copy_out(&mut self, remote: &str, local: &Path) -> Result<()> {
        self.ssh.copy_out(remote, local, COMMAND_LIMIT)
    }

    /// Reboots cleanly and waits until the next boot has finished.
    ///
    /// QEMU ends where the guest restarts (`-no-reboot`) and a new one takes over: boots after a warm
    /// reset were seen to take up to three times as long. Reboot a guest only through this.
    ///
    /// # Errors
    /// As [`Guest::boot`], or the guest is still on after five minutes.
    pub fn reboot(&mut self) -> Result<()> {
        self.end("systemctl --no-block reboot")?;
        self.start()
    }

    /// Takes the power away without warning and switches the guest on again.
    ///
    /// # Errors
    /// As [`Guest::boot`].
    pub fn power_cut(&mut self) -> Result<()> {
        self.machine = None;
        self.ssh.disconnect();
        self.start()
    }

    /// Shuts the guest down cleanly; [`Guest::start`] switches it on again.
    ///
    /// # Errors
    /// It is still on after five minutes.
    pub fn poweroff(&mut self) -> Result<()> {
        self.end("systemctl --no-block poweroff")
    }

    /// Saves memory and disks under `tag`, replacing what was saved there.
    ///
    /// # Errors
    /// The guest is off or QEMU refuses.
    pub fn save(&mut self, tag: &str) -> Result<()> {
        self.ssh.disconnect();
        self.monitor(&format!("savevm {tag}")).map(drop)
    }

    /// Brings back what [`Guest::save`] kept and sets the clock to the present.
    ///
    /// # Errors
    /// There is no such state, or the guest does not answer afterwards.
    pub fn load(&mut self, tag: &str) -> Result<()> {
        self.ssh.disconnect();
        self.monitor(&format!("loadvm {tag}"))?;
        let start = Instant::now();
        while !self.ssh.try_connect(Duration::from_secs(30))? {
            if start.elapsed() > COMMAND_LIMIT {
                bail!("{} does not answer after loading {tag}", self.options.name);
            }
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        self.ok(&format!("date -s @{}", now.as_secs())).map(drop)
    }

    /// Passes one human monitor command to QEMU.
    ///
    /// # Errors
    /// The guest is off or QEMU refuses.
    pub fn monitor(&mut self, line: &str) -> Result<String> {
        self.machine()?.monitor().human(line)
    }

    /// What `systemctl is-system-running` says.
    ///
    /// # Errors
    /// The guest does not answer.
    pub fn system_state(&mut self) -> Result<String> {
        Ok(self.run("systemctl is-system-running")?.stdout.trim().to_owned())
    }

    /// Time from the start of pid 1 to the end of the boot, initramfs not counted.
    ///
    /// # Errors
    /// The guest does not answer or has not finished booting.
    pub fn boot_time(&mut self) -> Result<Duration> {
        let show = "systemctl show --value -p UserspaceTimestampMonotonic \
                    -p FinishTimestampMonotonic";
        let mut times = self.ok(show)?.lines().map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        times.sort_unstable();
        match times.as_slice() {
            [begin, end] if *begin > 0 => Ok(Duration::from_micros(end - begin)),
            _ => bail!("the boot has not finished"),
        }
    }

    fn switch_on(&mut self) -> Result<()> {
        let files = (self.scratch.path(), self.root.as_path());
        let machine = Machine::start(&self.image, &self.options, files, None)?;
        self.ssh.set_port(machine.port());
        self.machine = Some(machine);
        Ok(())
    }

    fn machine(&mut self) -> Result<&mut Machine> {
        self.machine.as_mut().context("the guest is switched off")
    }

    /// Runs a line that makes QEMU end, and waits for that.
    fn end(&mut self, line: &str) -> Result<()> {
        // The guest's network may go before the answer comes, and nothing would tell.
        let _ = self.run_within(line, Duration::from_secs(10));
        self.ssh.disconnect();
        if !self.machine()?.wait_for_end(BOOT_LIMIT)? {
            bail!("{} ignores `{line}`\n{}", self.options.name, self.console_end());
        }
        self.machine = None;
        Ok(())
    }

    /// Waits until systemd has finished its start, well or not.
    ///
    /// # Errors
    /// As [`Guest::boot`].
    pub fn wait_for_boot(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            if !self.machine.as_mut().is_some_and(Machine::alive) {
                let log = fs::read_to_string(self.scratch.path().join("qemu.log"));
                bail!("QEMU of {} ended: {}", self.options.name, log.unwrap_or_default().trim());
            }
            if self.ssh.try_connect(Duration::from_secs(30))? {
                break;
            }
            if start.elapsed() > BOOT_LIMIT {
                bail!("{} does not answer on ssh\n{}", self.options.name, self.console_end());
            }
            thread::sleep(Duration::from_millis(200));
        }
        // Its status tells "degraded" and the like, which is for the test to judge.
        self.run_within("systemctl is-system-running --wait", START_LIMIT)
            .with_context(|| format!("{} does not finish booting", self.options.name))?;
        Ok(())
    }
}
