//! A confirmed uplink at boot: what was confirmed is on disk, and nothing else is left.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, thread};

use mvm_network_kernel::{Error, Network, Probe, uplink};
use mvm_network_plan::network::{Manager, Observed, Step};

use super::{Lab, WAN, codes, desired, everything, in_lab, ip, reached};

/// Both the bridge and what is on it were changed.
const JOINED: [&str; 2] = ["MVM-NET-001", "MVM-NET-001"];

/// What `wan` is before it is confirmed, and the record of it.
struct Booting {
    before: String,
    record: PathBuf,
    confirmed: Vec<u8>,
}

impl Booting {
    fn new(lab: &mut Lab) -> Self {
        let (before, roots) = (everything(), lab.roots());
        assert_eq!(uplink::confirm(&roots, &mut lab.kernel)[0].code(), "MVM-NET-068");
        uplink::arm(&roots, "wan", "br-mvm", 60).unwrap();
        lab.bring_up();
        let findings = uplink::confirm(&roots, &mut lab.kernel);
        assert_eq!(findings[0].code(), "MVM-NET-067", "{findings:?}");
        assert!(uplink::watch(&roots, &mut lab.kernel).is_empty(), "there is nothing to wait for");
        let record = lab.root.path().join("var/lib/mvmhost/uplink.json");
        let confirmed = fs::read(&record).unwrap();
        Self { before, record, confirmed }
    }

    fn boot(&self, lab: &mut Lab) {
        uplink::undo(&lab.roots(), &mut lab.kernel);
        assert_eq!(everything(), self.before);
        fs::write(&self.record, &self.confirmed).unwrap();
        fs::remove_dir_all(lab.root.path().join("run")).unwrap();
    }
}

fn is_port() -> bool {
    ip("link show dev wan").contains("master br-mvm")
}

#[test]
fn netns_a_confirmed_uplink_is_a_port_at_boot_while_its_gateway_answers() {
    in_lab(|lab| {
        let booting = Booting::new(lab);
        booting.boot(lab);
        assert_eq!(codes(&lab.bring_up()), JOINED);
        assert!(reached());

        booting.boot(lab);
        lab.gateway.ip("link set gw down");
        let start = Instant::now();
        assert_eq!(codes(&lab.bring_up()), ["MVM-NET-070"]);
        assert!(start.elapsed() < uplink::TIMEOUT + Duration::from_secs(3));
        assert!(ip("-4 address show wan").contains("192.0.2.2/24"));

        // Tried again by the retry timer: not touched while nobody answers, and a port then.
        let untouched = lab.bring_up();
        assert_eq!((codes(&untouched), untouched.applied.len()), (vec!["MVM-NET-070"], 0));
        lab.gateway.ip("link set gw up");
        assert_eq!(codes(&lab.bring_up()), JOINED);
    });
}

/// Before anybody configured it.
fn bare() {
    ip("address flush dev wan scope global");
    ip("-6 route flush dev wan proto boot");
}

/// As ifupdown does with what udev found late: it goes on with the port, and the host is cut off.
#[test]
fn netns_whoever_configures_the_uplink_is_waited_for() {
    in_lab(|lab| {
        let booting = Booting::new(lab);
        booting.boot(lab);
        bare();
        let late = thread::spawn(|| {
            thread::sleep(Duration::from_secs(2));
            let rest = WAN.lines().filter(|line| line.contains("add "));
            rest.for_each(|line| drop(ip(line)));
        });
        assert_eq!(codes(&lab.bring_up()), JOINED);
        late.join().unwrap();
        assert!(reached() && !ip("-4 address show wan").contains("inet"));

        booting.boot(lab);
        bare();
        let untouched = lab.bring_up();
        assert_eq!((codes(&untouched), untouched.applied.len()), (vec!["MVM-NET-075"], 0));
        assert!(!is_port());
    });
}

/// A kernel that is not asked any more after so many steps.
struct Killed<'a> {
    lab: &'a mut Lab,
    remaining: usize,
}

impl Killed<'_> {
    fn count(&mut self) {
        self.remaining =
            self.remaining.checked_sub(1).unwrap_or_else(|| panic!("killed, as it should be"));
    }
}

impl Network for Killed<'_> {
    fn observe(&mut self) -> Result<Observed, Error> {
        self.lab.kernel.observe()
    }

    fn apply(&mut self, step: &Step) -> Result<(), Error> {
        self.count();
        self.lab.kernel.apply(step)
    }

    fn keep(&mut self, steps: &[Step]) -> Result<(), Error> {
        self.lab.kernel.keep(steps)
    }

    fn set_unmanaged(&mut self, manager: Manager, names: &[String]) -> Result<(), Error> {
        self.lab.kernel.set_unmanaged(manager, names)
    }
}

impl Probe for Killed<'_> {
    fn answers(
        &mut self,
        interface: &str,
        gateways: &[IpAddr],
        timeout: Duration,
    ) -> Result<Vec<IpAddr>, Error> {
        self.count();
        self.lab.kernel.answers(interface, gateways, timeout)
    }
}

#[test]
fn netns_what_was_killed_on_the_way_is_begun_anew() {
    in_lab(|lab| {
        let booting = Booting::new(lab);
        for remaining in 0.. {
            booting.boot(lab);
            let roots = lab.roots();
            let mut killed = Killed { lab: &mut *lab, remaining };
            let whole = catch_unwind(AssertUnwindSafe(|| {
                uplink::bring_up(&roots, &mut killed, desired());
            }));
            if whole.is_ok() {
                assert!(remaining > 6, "killed before every step and before the last look");
                // Nothing of it is left to be begun again.
                assert!(lab.bring_up().applied.is_empty());
                return;
            }
            lab.bring_up();
            assert!(is_port() && reached(), "killed before step {remaining}");
            assert!(!ip("-4 address show wan").contains("inet"), "killed before step {remaining}");
        }
    });
}
