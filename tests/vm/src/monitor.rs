//! QEMU's monitor: QMP over a unix socket, used only to pass human monitor commands.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// Saving 3 GiB of guest memory on a busy disk is the slowest command there is.
const ANSWER_LIMIT: Duration = Duration::from_secs(180);

/// A connection to one QEMU.
#[derive(Debug)]
pub(crate) struct Monitor {
    stream: BufReader<UnixStream>,
}

impl Monitor {
    /// Connects to `socket`, waiting up to `limit` for QEMU to make it.
    pub(crate) fn connect(socket: &Path, limit: Duration) -> Result<Self> {
        let start = Instant::now();
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(_) if start.elapsed() < limit => thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(error).context("QEMU made no monitor socket"),
            }
        };
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.set_write_timeout(Some(ANSWER_LIMIT))?;
        let mut monitor = Self { stream: BufReader::new(stream) };
        monitor.read()?;
        monitor.execute(&json!({ "execute": "qmp_capabilities" }))?;
        Ok(monitor)
    }

    /// Runs one human monitor command and gives what it printed.
    pub(crate) fn human(&mut self, line: &str) -> Result<String> {
        let answer = self.execute(&json!({
            "execute": "human-monitor-command",
            "arguments": { "command-line": line }
        }))?;
        let text = answer.as_str().unwrap_or_default().to_owned();
        if text.contains("Error") {
            bail!("QEMU refuses `{line}`: {}", text.trim());
        }
        Ok(text)
    }

    fn execute(&mut self, command: &Value) -> Result<Value> {
        let stream = self.stream.get_mut();
        writeln!(stream, "{command}")?;
        stream.flush()?;
        loop {
            let mut message = self.read()?;
            if let Some(error) = message.get("error") {
                bail!("QEMU refuses {command}: {error}");
            }
            if let Some(answer) = message.get_mut("return") {
                return Ok(answer.take());
            }
        }
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).context("no answer from QEMU's monitor")? == 0 {
            bail!("QEMU closed its monitor");
        }
        serde_json::from_str(&line).context("QEMU's monitor sent no JSON")
    }
}
