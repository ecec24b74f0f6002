//! ssh to a guest: one master connection, over which every command is a cheap session.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::tools::{self, Output};

const HOST: &str = "root@127.0.0.1";
const CONTROL_LIMIT: Duration = Duration::from_secs(10);

/// The way into one guest.
#[derive(Debug)]
pub(crate) struct Ssh {
    key: PathBuf,
    /// Must stay well under the 108 bytes of a unix socket's path.
    control: PathBuf,
    port: u16,
    master: Option<Child>,
}

impl Ssh {
    pub(crate) fn new(key: &Path, control: &Path) -> Self {
        Self { key: key.to_owned(), control: control.to_owned(), port: 0, master: None }
    }

    /// Where the guest's port 22 is reached; a new QEMU has a new one.
    pub(crate) fn set_port(&mut self, port: u16) {
        self.port = port;
    }

    /// One attempt to connect; `false` when the guest does not answer yet.
    pub(crate) fn try_connect(&mut self, limit: Duration) -> Result<bool> {
        self.disconnect();
        let mut command = Command::new("ssh");
        command
            .args(["-M", "-N", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"])
            .args(["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=8"])
            .args(self.options("-p"))
            .arg(HOST)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().context("cannot start ssh")?;
        let start = Instant::now();
        while !self.control.exists() {
            if child.try_wait()?.is_some() {
                return Ok(false);
            }
            if start.elapsed() > limit {
                child.kill()?;
                child.wait()?;
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.master = Some(child);
        Ok(true)
    }

    /// Ends the master connection, if there is one.
    pub(crate) fn disconnect(&mut self) {
        if let Some(mut master) = self.master.take() {
            // It may be gone already; all that matters is that it is gone afterwards.
            let _ = master.kill();
            let _ = master.wait();
        }
        let _ = std::fs::remove_file(&self.control);
    }

    /// Runs a shell line in the guest; reconnects first when the connection broke.
    pub(crate) fn run(&mut self, line: &str, limit: Duration) -> Result<Output> {
        self.ensure()?;
        let mut command = Command::new("ssh");
        command.args(self.options("-p")).args(["-o", "ControlMaster=no", "-T", HOST, "--", line]);
        let output = tools::run(&mut command, None, limit)
            .with_context(|| format!("in the guest: {line}"))?;
        if output.status == 255 && !self.alive() {
            bail!("the connection broke during `{line}`: {}", output.stderr.trim());
        }
        Ok(output)
    }

    /// Copies a file or folder in, with its mode.
    pub(crate) fn copy_in(&mut self, local: &Path, remote: &str, limit: Duration) -> Result<()> {
        let remote = format!("{HOST}:{remote}");
        self.copy(&[local.as_os_str(), remote.as_ref()], limit)
    }

    /// Copies a file or folder out, with its mode.
    pub(crate) fn copy_out(&mut self, remote: &str, local: &Path, limit: Duration) -> Result<()> {
        let remote = format!("{HOST}:{remote}");
        self.copy(&[remote.as_ref(), local.as_os_str()], limit)
    }

    fn copy(&mut self, ends: &[&std::ffi::OsStr], limit: Duration) -> Result<()> {
        self.ensure()?;
        let mut command = Command::new("scp");
        command.args(["-q", "-r", "-p"]).args(self.options("-P")).args(ends);
        tools::ok(&mut command, limit).map(drop)
    }

    /// Options for another program that calls ssh, which is given the port by itself.
    pub(crate) fn arguments(&self) -> Vec<String> {
        self.options("-p")
    }

    fn ensure(&mut self) -> Result<()> {
        if self.alive() || self.try_connect(Duration::from_secs(30))? {
            return Ok(());
        }
        bail!("the guest does not answer on ssh")
    }

    fn alive(&mut self) -> bool {
        let running =
            self.master.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        running && self.check()
    }

    fn check(&self) -> bool {
        if !self.control.exists() {
            return false;
        }
        let mut command = Command::new("ssh");
        command.args(self.options("-p")).args(["-O", "check", HOST]);
        tools::run(&mut command, None, CONTROL_LIMIT).is_ok_and(|output| output.success())
    }

    /// Options that ssh and scp share; they only disagree on the letter of the port.
    fn options(&self, port_letter: &str) -> Vec<String> {
        vec![
            port_letter.to_owned(),
            self.port.to_string(),
            "-F".to_owned(),
            "none".to_owned(),
            "-i".to_owned(),
            self.key.display().to_string(),
            "-o".to_owned(),
            format!("ControlPath={}", self.control.display()),
            "-o".to_owned(),
            "IdentitiesOnly=yes".to_owned(),
            "-o".to_owned(),
            "StrictHostKeyChecking=no".to_owned(),
            "-o".to_owned(),
            "UserKnownHostsFile=/dev/null".to_owned(),
            "-o".to_owned(),
            "LogLevel=ERROR".to_owned(),
        ]
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        self.disconnect();
    }
}
