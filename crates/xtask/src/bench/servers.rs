//! Servers of the bench: processes of its own, on files and sockets of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// For a server to answer.
const UP: Duration = Duration::from_secs(20);

/// A process that is ended with this value.
struct Server(Child);

impl Server {
    fn start(command: &mut Command, answers: impl Fn() -> bool) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let mut server = Self(child);
        let until = Instant::now() + UP;
        while !answers() {
            ensure!(server.0.try_wait()?.is_none(), "{command:?} has ended");
            ensure!(Instant::now() < until, "{command:?} does not answer");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A containerd that has nothing yet, below a folder that stands for a host's root.
pub(super) struct Containerd {
    _server: Server,
    root: PathBuf,
    state: PathBuf,
}

impl Containerd {
    /// Starts one where mvmhost looks for its own.
    pub(super) fn start(host: &Path) -> Result<Self> {
        let (root, state) = (host.join("var/lib/containerd-dev"), host.join("run/containerd-dev"));
        for folder in [&root, &state] {
            fs::create_dir_all(folder)?;
        }
        let file = state.join("config.toml");
        let text = format!(
            "version = 2\nroot = {root:?}\nstate = {state:?}\n\
             disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\naddress = {:?}\n",
            state.join("containerd.sock")
        );
        fs::write(&file, text)?;
        let socket = state.join("containerd.sock");
        let mut command = Command::new("containerd");
        command.arg("--config").arg(&file);
        let server = Server::start(&mut command, || UnixStream::connect(&socket).is_ok())?;
        Ok(Self { _server: server, root, state })
    }

    /// `ctr` in flintlock's namespace.
    pub(super) fn ctr(&self) -> Command {
        let mut ctr = Command::new("ctr");
        ctr.arg("-a").arg(self.state.join("containerd.sock")).args(["-n", "flintlock"]);
        ctr
    }

    /// Ends it and takes away what it had.
    pub(super) fn end(self) -> Result<()> {
        let Self { _server, root, state } = self;
        drop(_server);
        for folder in [root, state] {
            fs::remove_dir_all(&folder).with_context(|| format!("removing {folder:?}"))?;
        }
        Ok(())
    }
}

/// Debian's docker-registry on loopback.
pub(super) struct Registry {
    _server: Server,
    /// A port of 127.0.0.1 that was free.
    pub(super) address: SocketAddr,
}

impl Registry {
    /// Serves what is in `scratch`/registry.
    pub(super) fn start(scratch: &Path) -> Result<Self> {
        // Free a moment ago, and nobody else is asked to take it.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let file = scratch.join("registry.yml");
        let folder = scratch.join("registry");
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder:?}\n\
             http:\n  addr: {address}\n"
        );
        fs::write(&file, text)?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&file);
        let server = Server::start(&mut command, || TcpStream::connect(address).is_ok())?;
        Ok(Self { _server: server, address })
    }
}

/// mvm-registry on loopback.
pub(super) struct Served {
    server: Server,
    /// A port of 127.0.0.1 that was free.
    pub(super) address: SocketAddr,
}

impl Served {
    /// Serves what is in `files`, with `content` and `served`.
    pub(super) fn start(program: &Path, files: &Path) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(program);
        command.arg("--listen").arg(address.to_string()).arg("--files").arg(files);
        let server = Server::start(&mut command, || TcpStream::connect(address).is_ok())?;
        Ok(Self { server, address })
    }

    /// KiB that were resident at most.
    pub(super) fn most_resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        Ok(line.context("no VmHWM")?.trim().trim_end_matches(" kB").parse()?)
    }
}
