//! THE file that executes programs. Everything else asks an [`Execute`].

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::Roots;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::Error;

/// Of the standard output the beginning is kept, this many bytes.
pub const STDOUT_LIMIT: usize = 64 * 1024;
/// Of the standard error the end is kept, this many bytes: the last words say why.
pub const STDERR_LIMIT: usize = 1024;

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
const SEARCHED: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// How often a program is looked at when it says nothing.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// A killed program that hangs in the kernel is not waited for longer than this.
const REAP: Duration = Duration::from_secs(2);

/// Executes programs.
pub trait Execute {
    /// Runs `program` with `args`, waits for its end and returns how it ended, whatever its exit
    /// code is.
    ///
    /// # Errors
    /// When the path is not absolute, the program cannot be started, or its time is over.
    fn run(&self, program: &Path, args: &[&OsStr], limits: &mut Limits<'_>) -> Result<Exit, Error>;
}

/// Takes output as it comes.
pub type Take<'a> = &'a mut dyn FnMut(&[u8]);

/// For how long a program may run, and what happens meanwhile.
#[derive(Default)]
pub struct Limits<'a> {
    /// After this time the program (and only it, not its children) is killed; `None` is for ever.
    pub timeout: Option<Duration>,
    /// Called again and again at this interval while the program runs, e.g. to extend the start
    /// timeout of our own unit.
    pub every: Option<(Duration, &'a mut dyn FnMut())>,
    /// Takes the standard output piece by piece as it comes, instead of [`Exit::stdout`] keeping
    /// its beginning.
    pub stdout: Option<Take<'a>>,
    /// What the program reads on its standard input, a few kilobytes at most; nothing unless given.
    pub input: Option<&'a [u8]>,
    /// Variables beside PATH and LC_ALL.
    pub environment: Vec<(OsString, OsString)>,
}

impl Limits<'_> {
    /// A timeout and nothing else.
    pub fn timeout(after: Duration) -> Self {
        Self { timeout: Some(after), ..Self::default() }
    }
}

/// How a program ended, and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exit {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The number of the signal that ended it, such as 9; `None` when it ended by itself.
    pub signal: Option<i32>,
    /// The first [`STDOUT_LIMIT`] bytes of its standard output; what is not UTF-8 is replaced.
    pub stdout: String,
    /// Whether there was more on its standard output.
    pub stdout_truncated: bool,
    /// The last [`STDERR_LIMIT`] bytes of its standard error; what is not UTF-8 is replaced.
    pub stderr: String,
}

impl Exit {
    /// Whether it ended with code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

/// Executes programs on this machine: with an empty environment except PATH and LC_ALL=C, nothing
/// on the standard input unless the limits say otherwise, and bounded memory for what they write.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Execute for System {
    fn run(&self, program: &Path, args: &[&OsStr], limits: &mut Limits<'_>) -> Result<Exit, Error> {
        if !program.is_absolute() {
            return Err(Error::NotAbsolute { program: program.to_owned() });
        }
        let mut child = Command::new(program)
            .args(args)
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C")
            .envs(limits.environment.iter().map(|(name, value)| (name, value)))
            .stdin(if limits.input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| Error::Spawn { program: program.to_owned(), source })?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), limits.input) {
            // It fits into the pipe. A program that ends without reading it says so by its exit code.
            let _ = stdin.write_all(input);
        }
        let mut output = Output::default();
        let mut running = Running { child, reaped: false };
        let status = running
            .follow(&mut output, limits)
            .map_err(|source| Error::Follow { program: program.to_owned(), source })?;
        match (status, limits.timeout) {
            (Some(status), _) => Ok(output.exit(status)),
            (None, after) => Err(Error::TimedOut {
                program: program.to_owned(),
                after: after.unwrap_or_default(),
                stderr: output.stderr_text(),
            }),
        }
    }
}

/// A child that is killed and reaped when it is dropped before its end.
struct Running {
    child: Child,
    reaped: bool,
}

impl Running {
    /// Reads both pipes until the program ends; `None` when its time is over. A grandchild that
    /// keeps the pipes open is not waited for.
    fn follow(
        &mut self,
        output: &mut Output,
        limits: &mut Limits<'_>,
    ) -> io::Result<Option<ExitStatus>> {
        let (mut stdout, mut stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let deadline = limits.timeout.and_then(|after| Instant::now().checked_add(after));
        let mut ticked = Instant::now();
        loop {
            let status = self.child.try_wait()?;
            let wait = if status.is_some() { Duration::ZERO } else { POLL_INTERVAL };
            let read = step(&mut stdout, &mut stderr, output, limits, wait)?;
            if let (Some(status), false) = (status, read) {
                self.reaped = true;
                return Ok(Some(status));
            }
            if status.is_none() && deadline.is_some_and(|end| Instant::now() >= end) {
                return Ok(None);
            }
            if let Some((every, tick)) = &mut limits.every
                && ticked.elapsed() >= *every
            {
                tick();
                ticked = Instant::now();
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        let _ = self.child.kill();
        let end = Instant::now() + REAP;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Waits for output for at most `wait` and reads one piece of it; a pipe at its end becomes
/// `None`. Returns whether anything was read.
fn step<A: Read + AsFd, B: Read + AsFd>(
    stdout: &mut Option<A>,
    stderr: &mut Option<B>,
    output: &mut Output,
    limits: &mut Limits<'_>,
    wait: Duration,
) -> io::Result<bool> {
    let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(2);
    polled.extend(stdout.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
    polled.extend(stderr.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
    if polled.is_empty() {
        // Both pipes are closed: the end is near, so look sooner.
        std::thread::sleep(wait.min(Duration::from_millis(1)));
        return Ok(false);
    }
    let timeout = PollTimeout::try_from(wait).unwrap_or(PollTimeout::ZERO);
    match poll(&mut polled, timeout) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => {}
        Err(failure) => return Err(failure.into()),
    }
    let ready: Vec<bool> = polled.iter().map(|fd| fd.any().unwrap_or(false)).collect();
    let (has_stdout, has_stderr) = match (stdout.is_some(), ready.as_slice()) {
        (true, [first, rest @ ..]) => (*first, rest.first().copied().unwrap_or(false)),
        (false, [only, ..]) => (false, *only),
        (_, []) => (false, false),
    };
    let mut read = false;
    if has_stdout {
        read |= piece(stdout, |bytes| match &mut limits.stdout {
            Some(take) => take(bytes),
            None => output.take_stdout(bytes),
        })?;
    }
    if has_stderr {
        read |= piece(stderr, |bytes| output.take_stderr(bytes))?;
    }
    Ok(read)
}

/// One read(2), which does not block because poll(2) said so.
fn piece<R: Read>(pipe: &mut Option<R>, mut take: impl FnMut(&[u8])) -> io::Result<bool> {
    let Some(open) = pipe else { return Ok(false) };
    let mut buffer = [0; 8192];
    match open.read(&mut buffer) {
        Ok(0) => {
            *pipe = None;
            Ok(false)
        }
        Ok(n) => {
            take(buffer.get(..n).unwrap_or_default());
            Ok(true)
        }
        Err(failure) if failure.kind() == io::ErrorKind::Interrupted => Ok(true),
        Err(failure) => Err(failure),
    }
}

#[derive(Default)]
struct Output {
    stdout: Vec<u8>,
    truncated: bool,
    stderr: VecDeque<u8>,
}

impl Output {
    fn take_stdout(&mut self, bytes: &[u8]) {
        let room = STDOUT_LIMIT - self.stdout.len();
        self.truncated |= bytes.len() > room;
        self.stdout.extend(bytes.iter().take(room));
    }

    fn take_stderr(&mut self, bytes: &[u8]) {
        self.stderr.extend(bytes);
        let surplus = self.stderr.len().saturating_sub(STDERR_LIMIT);
        self.stderr.drain(..surplus);
    }

    fn stderr_text(&self) -> String {
        let bytes: Vec<u8> = self.stderr.iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn exit(&self, status: ExitStatus) -> Exit {
        Exit {
            code: status.code(),
            signal: status.signal(),
            stdout: String::from_utf8_lossy(&self.stdout).into_owned(),
            stdout_truncated: self.truncated,
            stderr: self.stderr_text(),
        }
    }
}

/// Where the program is: `name` is an absolute path, or a name that is looked up in the standard
/// directories. Only a regular file (through links) with an execute permission counts.
///
/// The answer is the path on this machine, below `roots`.
pub fn find(roots: &Roots, name: &str) -> Option<PathBuf> {
    look_up(roots, name, is_program)
}

/// As [`find`], but a regular file without an execute permission counts as well: to tell what is
/// wrong with it.
pub fn find_file(roots: &Roots, name: &str) -> Option<PathBuf> {
    find(roots, name).or_else(|| look_up(roots, name, Path::is_file))
}

fn look_up(roots: &Roots, name: &str, is_it: fn(&Path) -> bool) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.is_absolute() {
        return Some(roots.at(path)).filter(|path| is_it(path));
    }
    let mut components = path.components();
    let (Some(Component::Normal(_)), None) = (components.next(), components.next()) else {
        return None;
    };
    SEARCHED.iter().map(|folder| roots.at(Path::new(folder).join(name))).find(|path| is_it(path))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Executes nothing: remembers what was asked for and answers with what the test prepared.
#[derive(Debug, Default)]
pub struct Recording {
    calls: Mutex<Vec<(PathBuf, Vec<OsString>)>>,
    answers: Mutex<VecDeque<Exit>>,
}

impl Recording {
    /// `answers` are given in this order; after them every program ends well and says nothing.
    pub fn new(answers: impl IntoIterator<Item = Exit>) -> Self {
        Self { calls: Mutex::default(), answers: Mutex::new(answers.into_iter().collect()) }
    }

    /// What was executed, in order.
    pub fn calls(&self) -> Vec<(PathBuf, Vec<OsString>)> {
        self.calls.lock().map(|calls| calls.clone()).unwrap_or_default()
    }
}

impl Execute for Recording {
    fn run(&self, program: &Path, args: &[&OsStr], limits: &mut Limits<'_>) -> Result<Exit, Error> {
        if let Ok(mut calls) = self.calls.lock() {
            calls.push((program.to_owned(), args.iter().map(OsString::from).collect()));
        }
        let answer = self.answers.lock().ok().and_then(|mut answers| answers.pop_front());
        let mut answer = answer.unwrap_or(Exit { code: Some(0), ..Exit::default() });
        if let Some(take) = &mut limits.stdout {
            take(std::mem::take(&mut answer.stdout).as_bytes());
        }
        Ok(answer)
    }
}

#[cfg(test)]
#[path = "exec_tests.rs"]
mod tests;
