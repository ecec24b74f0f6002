//! The stand-ins as programs: what they refuse, how they fail, and what they serve.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use mvm_standins::api::flintlock::types::{Kernel, MicroVmSpec, NetworkInterface, Volume};
use mvm_standins::api::microvm::services::api::v1alpha1::micro_vm_client::MicroVmClient;
use mvm_standins::api::microvm::services::api::v1alpha1::{
    CreateMicroVmRequest, DeleteMicroVmRequest, ListMicroVMsRequest,
};
use tonic::Request;
use tonic::transport::Channel;

const FLINTLOCKD: &str = env!("CARGO_BIN_EXE_flintlockd");
const FIRECRACKER: &str = env!("CARGO_BIN_EXE_firecracker");

/// A flintlockd that is killed with the test; what it says goes to `<folder>/stderr`.
struct Running(Child);

impl Running {
    fn start(folder: &Path, port: u16, more: &[&str]) -> Self {
        let stderr = fs::File::options().create(true).append(true).open(folder.join("stderr"));
        let child = Command::new(FLINTLOCKD)
            .args(["run", "--bridge-name=lo", "--grpc-endpoint"])
            .arg(format!("127.0.0.1:{port}"))
            .arg(format!("--state-dir={}", folder.display()))
            .arg(format!("--containerd-socket={}", folder.join("socket").display()))
            .arg(format!("--firecracker-bin={FIRECRACKER}"))
            .args(more)
            .env("STANDIN_POOL", folder.join("pool"))
            .env("STANDIN_RETRY_SECONDS", "0")
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stderr(stderr.unwrap())
            .spawn();
        Self(child.unwrap())
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(event: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "never: {event}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn logged(folder: &Path, text: &str) -> bool {
    fs::read_to_string(folder.join("stderr")).is_ok_and(|all| all.contains(text))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn refusal(program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(program).args(arguments).env("HOME", "/nonexistent").output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn refusals_before_the_start_exit_with_one() {
    for (arguments, text) in [
        (vec!["run", "--bridge", "br0"], "Error: unknown flag: --bridge\n"),
        (vec!["run"], "Error: you must supply at least one of parent interface, bridge name\n"),
        (vec!["gw"], "Error: unknown command \"gw\" for \"flintlockd\"\n"),
    ] {
        let (status, stderr) = refusal(FLINTLOCKD, &arguments);
        assert_eq!(status, Some(1));
        assert!(stderr.starts_with(text), "{stderr}");
    }
    let (status, stderr) = refusal(FIRECRACKER, &["--seccomp", "x"]);
    assert_eq!((status, stderr.contains("unknown flag: --seccomp")), (Some(1), true));
    let version = Command::new(FIRECRACKER).arg("--version").output().unwrap();
    assert!(version.stdout.starts_with(b"Firecracker v1.14.4\n"));
    let version = Command::new(FLINTLOCKD).args(["version", "--short"]).output().unwrap();
    assert_eq!(version.stdout, b"0.11.0\n");
}

#[test]
fn a_failed_start_stays_alive_until_sigint() {
    let folder = tempfile::tempdir().unwrap();
    let _containerd = UnixListener::bind(folder.path().join("socket")).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut busy = Running::start(folder.path(), port, &["--insecure"]);
    let text = format!(
        "level=error msg=\"failed serving api: setting up gRPC api listener: listen tcp \
         127.0.0.1:{port}: bind: address already in use\""
    );
    until("the busy port", || logged(folder.path(), &text));
    assert!(logged(
        folder.path(),
        "standin: start pool=absent containerd-socket=present bridge=lo:"
    ));
    assert!(busy.0.try_wait().unwrap().is_none());
    busy.signal("INT");
    until("the end", || busy.0.try_wait().unwrap().is_some_and(|status| status.success()));

    let mut insecure = Running::start(folder.path(), free_port(), &[]);
    let text = "failed serving api: validating tls config: certificate file path is required";
    until("the refusal", || logged(folder.path(), text));
    insecure.signal("TERM");
    until("death", || insecure.0.try_wait().unwrap().is_some_and(|status| !status.success()));
}

#[test]
fn without_containerd_it_stays_alive_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), free_port(), &["--insecure"]);
    until("the dial", || logged(folder.path(), "failed serving api: failed to dial \\\""));
    assert!(logged(folder.path(), "connect: no such file or directory"));
    assert!(running.0.try_wait().unwrap().is_none());
}

fn request(name: &str) -> CreateMicroVmRequest {
    let kernel = Kernel { filename: Some("boot/vmlinux".to_owned()), ..Kernel::default() };
    let spec = MicroVmSpec {
        id: name.to_owned(),
        namespace: "ns1".to_owned(),
        vcpu: 1,
        memory_in_mb: 1024,
        kernel: Some(kernel),
        root_volume: Some(Volume::default()),
        interfaces: vec![NetworkInterface::default()],
        ..MicroVmSpec::default()
    };
    CreateMicroVmRequest { microvm: Some(spec), ..CreateMicroVmRequest::default() }
}

fn with_token<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", "Basic c2VjcmV0".parse().unwrap());
    request
}

async fn connect(port: u16) -> MicroVmClient<Channel> {
    let start = Instant::now();
    loop {
        match MicroVmClient::connect(format!("http://127.0.0.1:{port}")).await {
            Ok(client) => return client,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(30), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// State and retries of the only microVM.
async fn state(client: &mut MicroVmClient<Channel>) -> (i32, i32) {
    let list = client.list_micro_v_ms(with_token(ListMicroVMsRequest::default())).await.unwrap();
    let vms = list.into_inner().microvm;
    let status = vms.first().and_then(|vm| vm.status.clone()).unwrap_or_default();
    (status.state, status.retry)
}

async fn reaches(client: &mut MicroVmClient<Channel>, expected: (i32, i32)) {
    let start = Instant::now();
    loop {
        let now = state(client).await;
        if now == expected {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{now:?}, not {expected:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_microvm_lives_through_a_restart_and_is_given_up_without_a_pool() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let _containerd = UnixListener::bind(path.join("socket")).unwrap();
    fs::write(path.join("pool"), "").unwrap();
    fs::create_dir_all(path.join(".config/flintlockd")).unwrap();
    fs::write(path.join(".config/flintlockd/config.yaml"), "basic-auth-token: secret\n").unwrap();
    let port = free_port();
    let running = Running::start(path, port, &["--insecure"]);
    let mut client = connect(port).await;
    let refused = client.list_micro_v_ms(ListMicroVMsRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);

    let made = client.create_micro_vm(with_token(request("one"))).await.unwrap().into_inner();
    let uid = made.microvm.unwrap().spec.unwrap().uid.unwrap();
    reaches(&mut client, (1, 0)).await;
    let vm = path.join("vm/ns1/one").join(&uid);
    let pid = fs::read_to_string(vm.join("firecracker.pid")).unwrap();
    let process = Path::new("/proc").join(&pid);
    let command = fs::read_to_string(process.join("cmdline")).unwrap().replace('\0', " ");
    assert!(command.starts_with(&format!("{FIRECRACKER} --id {uid} --boot-timer --no-api")));

    // The VMM outlives flintlockd, and is found again.
    drop(running);
    assert!(process.exists());
    let running = Running::start(path, port, &["--insecure"]);
    let mut client = connect(port).await;
    assert_eq!(state(&mut client).await, (1, 0));
    assert_eq!(fs::read_to_string(vm.join("firecracker.pid")).unwrap(), pid);

    let delete = DeleteMicroVmRequest { uid: uid.clone() };
    client.delete_micro_vm(with_token(delete)).await.unwrap();
    until("the folder's removal", || !vm.exists());
    until("the VMM's end", || !process.exists());

    fs::remove_file(path.join("pool")).unwrap();
    client.create_micro_vm(with_token(request("two"))).await.unwrap();
    reaches(&mut client, (2, 11)).await;
    assert!(logged(path, "[10/10] reconciliation failed, rescheduled"));
    drop(running);
}
