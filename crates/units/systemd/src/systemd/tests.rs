//! The client against a stand-in for systemd at the other end of a socket.

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread;

use zbus::connection::Builder;
use zbus::object_server::SignalEmitter;
use zbus::{OwnedObjectPath, interface};

use super::*;

type Calls = Arc<Mutex<Vec<String>>>;

struct FakeManager(Calls);

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.systemd1")]
enum Refusal {
    #[zbus(error)]
    ZBus(zbus::Error),
    NoSuchUnit(String),
}

fn path(text: &str) -> OwnedObjectPath {
    OwnedObjectPath::try_from(text).unwrap()
}

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl FakeManager {
    fn subscribe(&self) {
        self.0.lock().unwrap().push("subscribe".to_owned());
    }

    fn reload(&self) {
        self.0.lock().unwrap().push("reload".to_owned());
    }

    async fn start_unit(
        &self,
        name: &str,
        mode: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<OwnedObjectPath, Refusal> {
        self.0.lock().unwrap().push(format!("start {name} {mode}"));
        let result = match name {
            "good.service" => "done",
            "bad.service" => "dependency",
            "slow.service" => return Ok(path("/job/9")),
            _ => return Err(Refusal::NoSuchUnit(format!("Unit {name} not found."))),
        };
        // Another job first, and both before the reply: as fast as a job can be.
        Self::job_removed(&emitter, 8, path("/job/8"), "other.service", "failed").await?;
        Self::job_removed(&emitter, 7, path("/job/7"), name, result).await?;
        Ok(path("/job/7"))
    }

    fn reset_failed_unit(&self, name: &str) -> Result<(), Refusal> {
        Err(Refusal::NoSuchUnit(format!("Unit {name} not loaded.")))
    }

    fn load_unit(&self, name: &str) -> OwnedObjectPath {
        path(if name.ends_with(".service") { "/unit/service" } else { "/unit/target" })
    }

    #[zbus(signal)]
    async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        job: OwnedObjectPath,
        unit: &str,
        result: &str,
    ) -> zbus::Result<()>;
}

struct FakeUnit;

#[interface(name = "org.freedesktop.systemd1.Unit")]
impl FakeUnit {
    #[zbus(property)]
    fn load_state(&self) -> &str {
        "loaded"
    }

    #[zbus(property)]
    fn active_state(&self) -> &str {
        "active"
    }

    #[zbus(property)]
    fn need_daemon_reload(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn drop_in_paths(&self) -> Vec<String> {
        vec!["/run/a.conf".to_owned(), "/run/b.conf".to_owned()]
    }

    #[zbus(property)]
    fn active_enter_timestamp_monotonic(&self) -> u64 {
        1_500_000
    }
}

/// `sasbttttuii`
type Command = (String, Vec<String>, bool, u64, u64, u64, u64, u32, i32, i32);

struct FakeService;

#[interface(name = "org.freedesktop.systemd1.Service")]
impl FakeService {
    #[zbus(property)]
    fn result(&self) -> &str {
        "success"
    }

    #[zbus(property, name = "MainPID")]
    fn main_pid(&self) -> u32 {
        42
    }

    #[zbus(property, name = "NRestarts")]
    fn restarts(&self) -> u32 {
        3
    }

    #[zbus(property)]
    fn status_text(&self) -> &str {
        "checking"
    }

    #[zbus(property)]
    fn exec_start(&self) -> Vec<Command> {
        let argv = vec!["/usr/local/bin/flintlockd".to_owned(), "run".to_owned()];
        vec![("/usr/local/bin/flintlockd".to_owned(), argv, false, 0, 0, 0, 0, 0, 0, 0)]
    }
}

/// A client, and what the stand-in was asked for. The stand-in's thread ends with the client.
fn connected() -> (Manager, Calls) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let calls = Calls::default();
    let fake = FakeManager(Arc::clone(&calls));
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Builder::unix_stream(theirs)
                .server(zbus::Guid::generate())
                .p2p()
                .serve_at("/org/freedesktop/systemd1", fake)
                .serve_at("/unit/service", FakeUnit)
                .serve_at("/unit/service", FakeService)
                .serve_at("/unit/target", FakeUnit)
                .build()
                .await
                .unwrap();
            server.closed().await;
        });
    });
    let manager = Manager::over(|| Builder::unix_stream(ours).p2p()).unwrap();
    (manager.with_one_connection(), calls)
}

const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_job_is_waited_for_and_its_result_told() {
    let (mut manager, calls) = connected();
    let mut start = |unit: &str, mode| manager.run(Job::Start, unit, mode, SOON);
    assert_eq!(start("good.service", Mode::Replace).unwrap(), JobResult::Done);
    assert_eq!(start("bad.service", Mode::Fail).unwrap(), JobResult::Dependency);
    let calls = calls.lock().unwrap();
    assert_eq!(*calls, ["subscribe", "start good.service replace", "start bad.service fail"]);
}

#[test]
fn a_unit_that_is_not_there_is_told_apart() {
    let (mut manager, _) = connected();
    let failure = manager.run(Job::Start, "none.service", Mode::Replace, SOON).unwrap_err();
    assert!(failure.is_no_such_unit(), "{failure:?}");
    assert_eq!(failure.to_string(), "cannot start none.service");
    assert!(mvm_core::chain(&failure).contains("Unit none.service not found."));
    manager.reset_failed("none.service").unwrap();
}

#[test]
fn a_job_without_end_is_not_waited_for_for_ever() {
    let (mut manager, _) = connected();
    let wait = Duration::from_millis(200);
    let failure = manager.run(Job::Start, "slow.service", Mode::Replace, wait).unwrap_err();
    assert!(matches!(failure, Error::JobUnfinished { .. }), "{failure:?}");
}

#[test]
fn reads_units() {
    let (mut manager, _) = connected();
    let service = manager.state("flintlockd.service").unwrap();
    let expected = UnitState {
        load_state: "loaded".to_owned(),
        active_state: "active".to_owned(),
        result: "success".to_owned(),
        main_pid: 42,
        need_daemon_reload: true,
        drop_in_paths: vec!["/run/a.conf".to_owned(), "/run/b.conf".to_owned()],
        active_enter_us: 1_500_000,
        exec_start: vec![vec!["/usr/local/bin/flintlockd".to_owned(), "run".to_owned()]],
        status_text: "checking".to_owned(),
        restarts: 3,
        ..UnitState::default()
    };
    assert_eq!(service, expected);
    assert!(service.is_active() && service.is_loaded());
    let target = manager.state("mvmhost.target").unwrap();
    assert_eq!((target.active_state.as_str(), target.main_pid), ("active", 0));
}

#[test]
fn reloads() {
    let (mut manager, calls) = connected();
    manager.reload().unwrap();
    assert_eq!(*calls.lock().unwrap(), ["reload"]);
}

#[test]
fn the_recording_remembers() {
    let mut units = Recording::default();
    units.results([JobResult::Failed]);
    units.set("a.service", UnitState { main_pid: 7, ..UnitState::default() });
    units.reload().unwrap();
    assert_eq!(units.run(Job::Stop, "a.service", Mode::Fail, SOON).unwrap(), JobResult::Failed);
    assert_eq!(units.run(Job::Start, "a.service", Mode::Fail, SOON).unwrap(), JobResult::Done);
    assert_eq!(units.calls(), ["daemon-reload", "stop a.service", "start a.service"]);
    assert_eq!(units.state("a.service").unwrap().main_pid, 7);
    assert_eq!(units.state("b.service").unwrap().load_state, "not-found");
}
