//! One QEMU process.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::guest::Options;
use crate::image::Image;
use crate::monitor::Monitor;
use crate::tools;

const START_LIMIT: Duration = Duration::from_secs(30);
/// The guest finds its management interface by this address, whatever else is plugged in.
const MANAGEMENT_MAC: &str = "52:54:00:6d:76:6d";
/// Nothing is kept from a processor that guesses ahead, as this one does not: that was a ninth of what
/// an emulated host takes. Nor is every page cleared before it is used, which was a thirtieth.
///
/// Of the security modules those that a rule is about on such a host: the hooks of the others, of bpf
/// for the programs that systemd attaches, were an eighth of an emulated boot of Debian 13.
const CMDLINE: &str = "root=LABEL=mvmroot ro panic=0 systemd.show_status=1 audit=0 mitigations=off \
                       init_on_alloc=0 lsm=capability,landlock,yama,apparmor";
/// One thread takes turns for both processors: with a thread each, a processor may keep running an
/// int3 that the other one has already put back, and both stand still. Linux patches itself that
/// way when a static key turns; making 100 KVM machines in a Debian 12 was enough (QEMU 7.2). It
/// is no slower while two guests share two processors.
const ACCELERATOR: &str = "tcg,thread=single";

/// The socket of a console that takes what is typed, in a guest's folder.
pub(crate) const SERIAL: &str = "serial";
/// The root disk in QEMU's monitor.
pub(crate) const ROOT_DISK: &str = "mvmroot";

/// A running QEMU; it is killed when dropped.
#[derive(Debug)]
pub(crate) struct Machine {
    child: Child,
    monitor: Monitor,
    port: u16,
}

impl Machine {
    /// Starts QEMU on the disk `root` and those in `scratch`; where another one was, with its `memory`.
    pub(crate) fn start(
        image: &Image,
        options: &Options,
        (scratch, root): (&Path, &Path),
        memory: Option<&Path>,
    ) -> Result<Self> {
        let socket = scratch.join("monitor");
        if socket.exists() {
            fs::remove_file(&socket)?;
        }
        let log = File::options().create(true).append(true).open(scratch.join("qemu.log"))?;
        let mut command = command(image, options, scratch);
        disks(&mut command, options, scratch, root);
        if let Some(memory) = memory {
            command.args(["-incoming", &format!("exec:cat {}", memory.display())]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start QEMU")?;
        match Self::connect(&socket) {
            Ok((monitor, port)) => Ok(Self { child, monitor, port }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                let log = fs::read_to_string(scratch.join("qemu.log")).unwrap_or_default();
                Err(error.context(format!("QEMU did not start: {}", log.trim())))
            }
        }
    }

    fn connect(socket: &Path) -> Result<(Monitor, u16)> {
        let mut monitor = Monitor::connect(socket, START_LIMIT)?;
        let port = forwarded_port(&monitor.human("info usernet")?)?;
        Ok((monitor, port))
    }

    /// The port of 127.0.0.1 that leads to the guest's sshd.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// QEMU's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// QEMU's monitor.
    pub(crate) const fn monitor(&mut self) -> &mut Monitor {
        &mut self.monitor
    }

    /// Whether QEMU still runs.
    pub(crate) fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for QEMU to end by itself; `false` when it still runs after `limit`.
    pub(crate) fn wait_for_end(&mut self, limit: Duration) -> Result<bool> {
        Ok(tools::wait(&mut self.child, limit)?.is_some())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // SIGKILL is also what a power cut is; a QEMU that ended already is no error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(image: &Image, options: &Options, scratch: &Path) -> Command {
    let arch = image.arch();
    // A harness that is itself killed must not leave a machine running.
    let mut command = Command::new("setpriv");
    command
        .args([
            "--pdeathsig",
            "KILL",
            &format!("qemu-system-{}", arch.machine()),
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
        ])
        .args(["-display", "none", "-machine", arch.board(), "-accel", ACCELERATOR])
        .args(["-cpu", arch.cpu(), "-smp", "2", "-m", &options.memory_mib.to_string()])
        .arg("-kernel")
        .arg(image.kernel())
        .arg("-initrd")
        .arg(image.initrd())
        .args(["-append", &format!("{CMDLINE} {} {}", arch.cmdline(), options.cmdline)])
        .arg("-qmp")
        .arg(format!("unix:{},server=on,wait=off", scratch.join("monitor").display()))
        .args(["-chardev", &console(options, scratch)])
        .args(["-serial", "chardev:console"])
        .args(["-netdev", "user,id=management,restrict=on,hostfwd=tcp:127.0.0.1:0-:22"])
        .arg("-device")
        .arg(format!("virtio-net-pci,netdev=management,romfile=,mac={MANAGEMENT_MAC}"));
    if let Some(wire) = &options.wire {
        command
            .arg("-netdev")
            .arg(format!(
                "dgram,id=wire,local.type=unix,local.path={},remote.type=unix,remote.path={}",
                wire.own.display(),
                wire.other.display()
            ))
            .arg("-device")
            .arg(format!("virtio-net-pci,netdev=wire,romfile=,mac={}", wire.mac));
    }
    command
}

/// Where the serial console goes: into a file, and where it is asked for also to who types there.
fn console(options: &Options, scratch: &Path) -> String {
    let log = scratch.join("console.log");
    if !options.typed {
        return format!("file,id=console,path={},append=on", log.display());
    }
    format!(
        "socket,id=console,path={},server=on,wait=off,logfile={},logappend=on",
        scratch.join(SERIAL).display(),
        log.display()
    )
}

fn disks(command: &mut Command, options: &Options, scratch: &Path, root: &Path) {
    disk(command, root, "qcow2", ROOT_DISK, false);
    for extra in &options.disks {
        let file = scratch.join(format!("{}.qcow2", extra.serial));
        disk(command, &file, "qcow2", &extra.serial, false);
    }
    if let Some(repository) = &options.repository {
        disk(command, repository, "raw", "mvmrepo", true);
    }
}

fn disk(command: &mut Command, file: &Path, format: &str, serial: &str, read_only: bool) {
    let read_only = if read_only { "on" } else { "off" };
    command
        .arg("-drive")
        .arg(format!(
            "if=none,id={serial},format={format},cache=writeback,discard=unmap,\
             readonly={read_only},file={}",
            file.display().to_string().replace(',', ",,")
        ))
        .arg("-device")
        .arg(format!("virtio-blk-pci,drive={serial},serial={serial}"));
}

/// Reads the port that QEMU chose out of `info usernet`.
fn forwarded_port(text: &str) -> Result<u16> {
    for line in text.lines().filter(|line| line.contains("HOST_FORWARD")) {
        if let Some(port) = line.split_whitespace().nth(3).and_then(|word| word.parse().ok())
            && port != 0
        {
            return Ok(port);
        }
    }
    bail!("QEMU forwards no port: {text}")
}
