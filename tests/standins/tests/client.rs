//! mvmhost's own client against the stand-in for flintlockd.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use mvm_config::Config;
use mvm_config::names::Endpoint;
use mvm_core::chain;
use mvm_units_plan::microvm::{Interface, Kind, Overrides, Request, Spec, complete};
use mvm_units_systemd::flintlock::{Api, State};

const SOON: Duration = Duration::from_secs(20);

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn connect(endpoint: &Endpoint) -> Api {
    let start = Instant::now();
    loop {
        match Api::connect(endpoint, None, None, SOON) {
            Ok(api) => return api,
            Err(error) => assert!(start.elapsed() < SOON, "{}", chain(&error)),
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn spec_of(name: &str) -> Spec {
    let request = Request { name: name.to_owned(), ..Request::default() };
    complete(Spec::default(), &request, &Config::default(), "machine", "amd64").unwrap()
}

#[test]
fn a_microvm_is_asked_for_looked_at_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let _containerd = UnixListener::bind(at("socket")).unwrap();
    fs::write(at("pool"), "").unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint: Endpoint = format!("127.0.0.1:{port}").parse().unwrap();
    let flintlockd = Command::new(env!("CARGO_BIN_EXE_flintlockd"))
        .args(["run", "--insecure", "--bridge-name=lo", "--grpc-endpoint", &endpoint.to_string()])
        .arg(format!("--state-dir={}", folder.path().display()))
        .arg(format!("--containerd-socket={}", at("socket").display()))
        .arg(format!("--firecracker-bin={}", env!("CARGO_BIN_EXE_firecracker")))
        .env("STANDIN_POOL", at("pool"))
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _flintlockd = Killed(flintlockd.unwrap());
    let api = connect(&endpoint);

    let spec = spec_of("one");
    let made = api.create(&spec, SOON).unwrap();
    assert_eq!((made.microvm.namespace.as_str(), made.microvm.name.as_str()), ("default", "one"));
    assert_eq!(Some(&made.cards[0].mac), spec.interfaces[0].guest_mac.as_ref());
    let uid = made.microvm.uid;
    let start = Instant::now();
    while api.get(&uid, SOON).unwrap().unwrap().microvm.state != State::Created {
        assert!(start.elapsed() < SOON);
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(api.list_microvms(SOON).unwrap().len(), 1);

    let refused = api.create(&Spec { vcpu: 99, ..spec_of("two") }, SOON).unwrap_err();
    assert!(refused.message().unwrap().contains("validation failures"), "{}", chain(&refused));
    assert!(!refused.answered());
    // An empty override ends the real one; it is never sent.
    let card = Interface {
        device_id: "eth1".to_owned(),
        kind: Kind::Tap,
        overrides: Some(Overrides { bridge_name: None }),
        ..Interface::default()
    };
    let three = api.create(&Spec { interfaces: vec![card], ..spec_of("three") }, SOON).unwrap();
    for uid in [&uid, &three.microvm.uid] {
        assert!(api.delete(uid, SOON).unwrap());
        while api.get(uid, SOON).unwrap().is_some() {
            assert!(start.elapsed() < 2 * SOON);
            thread::sleep(Duration::from_millis(100));
        }
        assert!(!api.delete(uid, SOON).unwrap(), "it is gone");
    }
}
