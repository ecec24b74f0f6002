//! Makes what runs match what is stored, with flintlockd's faults: a PID file with any living
//! number counts as a running microVM, and failures are counted durably until it is given up.

use std::collections::HashMap;
use std::env;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::api::flintlock::types::{MicroVm, MicroVmStatus, micro_vm_status::MicroVmState};
use crate::images::Containerd;
use crate::store::{self, Store};
use crate::{log, taps};

/// What reconciling needs to know.
#[derive(Debug, Clone)]
pub struct Plan {
    /// flintlockd's state directory.
    pub state_dir: PathBuf,
    /// containerd's socket, which must take connections.
    pub containerd_socket: PathBuf,
    /// The device of the thin pool, which must exist.
    pub pool: PathBuf,
    /// `firecracker-bin`: a path, or a name in PATH.
    pub firecracker: PathBuf,
    /// Failures after which a microVM is still tried once more.
    pub maximum_retry: i32,
    /// Time to the first retry; the second comes after twice as long, and so on.
    pub retry_step: Duration,
    /// Time between two looks at everything.
    pub resync: Duration,
    /// The bridge on which taps are made, where they are.
    pub bridge: Option<String>,
    /// Where images are resolved, pulled and unpacked, where they are.
    pub images: Option<Containerd>,
}

/// Reconciles everything now, at every message, at each resync and when a retry is due. Ends when
/// the other end of `wake` is gone.
pub fn work(plan: &Plan, store: &Arc<Store>, wake: &Receiver<()>) {
    log::info("starting microvm controller with 1 workers");
    log::info("resyncing microvm specs");
    let mut resync = Instant::now();
    let mut retries = HashMap::new();
    loop {
        let is_resync = resync <= Instant::now();
        if is_resync {
            resync = Instant::now() + plan.resync;
        }
        if let Err(error) = round(plan, store, is_resync, &mut retries) {
            log::error(&format!("resyncing specs on start: {error:#}"));
        }
        let next = retries.values().copied().fold(resync, Instant::min);
        match wake.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Looks at what is new, deleted or due, and at a resync at everything that waits for no retry.
fn round(
    plan: &Plan,
    store: &Store,
    is_resync: bool,
    retries: &mut HashMap<String, Instant>,
) -> Result<()> {
    for mut vm in store.list()? {
        let uid = store::uid_of(&vm);
        let is_deleted = vm.spec.as_ref().is_some_and(|spec| spec.deleted_at.is_some());
        let waits = retries.get(&uid).is_some_and(|time| *time > Instant::now());
        let is_new = store::state_of(&vm) == MicroVmState::Pending;
        if !is_deleted && (waits || !(is_new || is_resync)) {
            continue;
        }
        retries.remove(&uid);
        match one(plan, store, &mut vm) {
            Ok(Some(pause)) => drop(retries.insert(uid, Instant::now() + pause)),
            Ok(None) => {}
            Err(error) => log::error(&format!("saving microvm spec: {error:#}")),
        }
    }
    Ok(())
}

/// Reconciles one microVM; gives the time to its next try when this one failed.
fn one(plan: &Plan, store: &Store, vm: &mut MicroVm) -> Result<Option<Duration>> {
    let vmid = store::vmid(vm);
    let bridge = plan.bridge.as_deref();
    if vm.spec.as_ref().is_some_and(|spec| spec.deleted_at.is_some()) {
        delete(plan, vm)?;
        // As the real one: it is off the list before its taps are gone.
        store.remove(&store::uid_of(vm))?;
        taps::delete(vm);
        plan.images.iter().for_each(|images| images.release(vm));
        return Ok(None);
    }
    let mut status = vm.status.clone().unwrap_or_default();
    if status.state() == MicroVmState::Failed {
        log::error(&format!("microvm reconciliation for {vmid} failed {} times", status.retry));
        return Ok(None);
    }
    let made = taps::create(bridge, vm).and_then(|devices| {
        status.network_interfaces = devices;
        vm.status = Some(status.clone());
        create(plan, vm)
    });
    let pause = match made {
        Ok(()) if status.state() == MicroVmState::Created => return Ok(None),
        Ok(()) => {
            status.set_state(MicroVmState::Created);
            None
        }
        Err(error) => {
            log::error(&format!(
                "failed to reconcile vmid {vmid}: executing plan: executing plan steps: \
                 executing steps: executing step microvm_create: {error:#}"
            ));
            count(plan, &vmid, &mut status)
        }
    };
    vm.status = Some(status);
    store.save(vm)?;
    Ok(pause)
}

/// Counts a failure; gives the time to the next try, or nothing when that was the last.
fn count(plan: &Plan, vmid: &str, status: &mut MicroVmStatus) -> Option<Duration> {
    status.retry += 1;
    let retry = status.retry;
    if retry > plan.maximum_retry {
        status.set_state(MicroVmState::Failed);
        log::error(&format!("microvm reconciliation for {vmid} failed {retry} times"));
        return None;
    }
    let pause = plan.retry_step * retry.unsigned_abs();
    log::info(&format!(
        "[{retry}/{}] reconciliation failed, rescheduled for next attempt at {}",
        plan.maximum_retry,
        prost_types::Timestamp::from(SystemTime::now() + pause)
    ));
    Some(pause)
}

/// Checks what the real one would need for the disks and starts the VMM unless it seems to run.
fn create(plan: &Plan, vm: &MicroVm) -> Result<()> {
    UnixStream::connect(&plan.containerd_socket)
        .with_context(|| format!("failed to dial {:?}", plan.containerd_socket))?;
    if !plan.pool.exists() {
        bail!("snapshotter not loaded: devmapper: invalid argument");
    }
    if let Some(images) = &plan.images {
        images.ensure(vm)?;
    }
    let folder = folder(&plan.state_dir, vm);
    fs::create_dir_all(&folder)?;
    let pid_file = folder.join("firecracker.pid");
    if read_pid(&pid_file)?.is_some_and(alive) {
        return Ok(());
    }
    start(plan, vm, &folder, &pid_file)
}

fn start(plan: &Plan, vm: &MicroVm, folder: &Path, pid_file: &Path) -> Result<()> {
    let append = |name: &str| File::options().create(true).append(true).open(folder.join(name));
    let (config, metadata) = (folder.join("firecracker.cfg"), folder.join("metadata.json"));
    fs::write(&config, taps::config(vm))?;
    fs::write(&metadata, "{}\n")?;
    // setsid would find out later than flintlockd, which starts the program itself.
    if !executable(&plan.firecracker) {
        let program = plan.firecracker.display();
        bail!("starting firecracker process: fork/exec {program}: permission denied");
    }
    // It leads no process group of its own yet, so setsid becomes it and the number is its own.
    let mut child = Command::new("setsid")
        .arg(&plan.firecracker)
        .args(["--id", &store::uid_of(vm), "--boot-timer", "--no-api", "--config-file"])
        .arg(&config)
        .arg("--metadata")
        .arg(&metadata)
        .stdin(Stdio::null())
        .stdout(append("firecracker.stdout")?)
        .stderr(append("firecracker.stderr")?)
        .spawn()
        .context("starting firecracker process")?;
    thread::sleep(Duration::from_millis(50));
    if child.try_wait()?.is_some() {
        bail!("starting microvm: start is not supported");
    }
    fs::write(pid_file, child.id().to_string())?;
    thread::spawn(move || child.wait());
    Ok(())
}

/// Whether a program of this name or path may be executed.
fn executable(program: &Path) -> bool {
    let found = |path: &Path| {
        fs::metadata(path)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    if program.components().count() > 1 {
        return found(program);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| found(&folder.join(program)))
}

fn delete(plan: &Plan, vm: &MicroVm) -> Result<()> {
    let folder = folder(&plan.state_dir, vm);
    if let Some(pid) = read_pid(&folder.join("firecracker.pid"))? {
        for signal in [Signal::SIGHUP, Signal::SIGKILL] {
            if alive(pid) {
                // It may end between the question and the signal.
                let _ = kill(pid, signal);
            }
        }
    }
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// `<state-dir>/vm/<namespace>/<name>/<uid>`.
fn folder(state_dir: &Path, vm: &MicroVm) -> PathBuf {
    state_dir.join("vm").join(store::vmid(vm))
}

fn read_pid(path: &Path) -> Result<Option<Pid>> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let number: i32 = text.trim().parse().context("no number in the pid file")?;
            // Zero and less would mean a whole process group.
            Ok((number > 0).then(|| Pid::from_raw(number)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn alive(pid: Pid) -> bool {
    kill(pid, None) != Err(Errno::ESRCH)
}
