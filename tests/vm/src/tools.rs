//! Programs of the build machine, each bounded by a time limit.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// What a program left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status, or 128 plus the signal that ended the program.
    pub status: i32,
    /// Standard output; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

impl Output {
    /// Whether the program ended with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// The exit status, unless a signal ended the program.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        (self.status < 128).then_some(self.status)
    }

    /// The standard output of a program that must succeed.
    ///
    /// # Errors
    /// The status was not 0; the message holds `command` and both outputs.
    pub fn required(self, command: &str) -> Result<String> {
        if self.success() {
            return Ok(self.stdout);
        }
        bail!(
            "`{command}` ended with status {}\n--- stdout\n{}--- stderr\n{}",
            self.status,
            terminated(&self.stdout),
            terminated(&self.stderr)
        )
    }
}

fn terminated(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

/// Runs `command` to its end with an empty (or the given) standard input.
///
/// # Errors
/// The program cannot be started, or was killed because it took longer than `limit`.
pub fn run(command: &mut Command, input: Option<File>, limit: Duration) -> Result<Output> {
    let name = display(command);
    let stdin = input.map_or_else(Stdio::null, Stdio::from);
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{name}`"))?;
    let stdout = Drain::start(child.stdout.take());
    let stderr = Drain::start(child.stderr.take());
    if let Some(status) = wait(&mut child, limit)? {
        return Ok(Output { status, stdout: stdout.whole(), stderr: stderr.whole() });
    }
    child.kill().with_context(|| format!("cannot kill `{name}`"))?;
    child.wait()?;
    bail!("`{name}` took longer than {} s\n{}{}", limit.as_secs(), stdout.so_far(), stderr.so_far())
}

/// Runs `command`, which must succeed, and gives its standard output.
///
/// # Errors
/// As [`run`], or the program ended with another status than 0.
pub fn ok(command: &mut Command, limit: Duration) -> Result<String> {
    run(command, None, limit)?.required(&display(command))
}

/// Waits for `child`; `None` when it still runs after `limit`.
///
/// # Errors
/// The kernel refuses the wait.
pub fn wait(child: &mut Child, limit: Duration) -> Result<Option<i32>> {
    use std::os::unix::process::ExitStatusExt as _;

    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            let signal = || 128 + status.signal().unwrap_or(0);
            return Ok(Some(status.code().unwrap_or_else(signal)));
        }
        if start.elapsed() >= limit {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// The program and its arguments on one line, for messages.
#[must_use]
pub fn display(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// Cargo's target folder, where images and the evidence of failures are kept.
#[must_use]
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    )
}

/// Reads a stream to its end beside the program that writes it.
struct Drain {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: thread::JoinHandle<()>,
}

impl Drain {
    fn start<R: Read + Send + 'static>(stream: Option<R>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&bytes);
        let thread = thread::spawn(move || {
            let Some(mut stream) = stream else { return };
            let mut buffer = [0; 8192];
            // A stream that breaks off still leaves what it gave, and the status decides.
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                if let (Some(read), Ok(mut bytes)) = (buffer.get(..count), sink.lock()) {
                    bytes.extend_from_slice(read);
                }
            }
        });
        Self { bytes, thread }
    }

    /// Everything, once every holder of the stream has closed it.
    fn whole(self) -> String {
        let Self { bytes, thread } = self;
        // The thread cannot panic; its bytes count either way.
        let _ = thread.join();
        text(&bytes)
    }

    /// What has come by now: a killed ssh leaves its stream open in the master connection.
    fn so_far(&self) -> String {
        text(&self.bytes)
    }
}

fn text(bytes: &Mutex<Vec<u8>>) -> String {
    bytes.lock().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
