//! An uplink and its gateway on the real kernel: a veth pair whose other end is in a namespace of
//! its own. Needs root: without it they fail.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mvm_core::Roots;
use mvm_network_kernel::uplink::{self, Undone};
use mvm_network_kernel::{Error, Kernel, Network, Outcome, Probe, bring_up, take_down};
use mvm_network_plan::network::{Bridge, Desired, Mac, Manager, Observed, Step, Uplink};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

mod boot;
mod former;

/// What `wan` has: two addresses of a subnet, one with a label, one without a subnet's route; IPv6;
/// routes with a metric, an MTU, an own source, an on-link gateway, and one of another table.
const WAN: &str = "link set lo up
address add 192.0.2.2/24 brd + dev wan
address add 192.0.2.3/24 dev wan label wan:1
address add 198.51.100.2/25 dev wan noprefixroute
-6 address add 2001:db8::2/64 dev wan nodad
-6 address add 2001:db8::3/64 dev wan
link set wan address 02:00:00:00:00:77 mtu 1400 up
route add 198.51.100.0/25 dev wan scope link
route add 203.0.113.0/24 via 192.0.2.1 dev wan metric 7 mtu 1300 src 192.0.2.3 proto static
route add 10.99.0.0/16 via 172.31.0.1 dev wan onlink
route add default via 192.0.2.1 dev wan metric 100
route add default via 192.0.2.1 dev wan table 42
-6 route add 2001:db8:9::/48 via 2001:db8::1 dev wan
-6 route add default via 2001:db8::1 dev wan metric 50";

/// Longer than a gateway in the next namespace takes to answer.
const ASKED: Duration = Duration::from_secs(4);

fn ip(args: &str) -> String {
    let output = Command::new("ip").args(args.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The namespace of the gateway, gone with this process of its own.
struct Gateway(Child);

impl Gateway {
    fn new() -> Self {
        let mut child = Command::new("unshare")
            .args(["-n", "sh", "-c", "echo up; exec sleep 120"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut up).unwrap();
        Self(child)
    }

    fn ip(&self, args: &str) {
        let pid = self.0.id().to_string();
        let mut command = Command::new("nsenter");
        command.args(["-t", &pid, "-n", "ip"]).args(args.split(' '));
        assert!(command.status().unwrap().success(), "{args}");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A machine with one default route, and the folder of its records.
struct Lab {
    gateway: Gateway,
    root: TempDir,
    kernel: Kernel,
}

impl Lab {
    fn roots(&self) -> Roots {
        Roots::new(self.root.path())
    }

    fn bring_up(&mut self) -> Outcome {
        uplink::bring_up(&self.roots(), &mut self.kernel, desired())
    }
}

fn in_lab(test: fn(&mut Lab)) {
    let inside = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let gateway = Gateway::new();
        ip("link add wan type veth peer name gw");
        ip(&format!("link set gw netns {}", gateway.0.id()));
        WAN.lines().for_each(|line| drop(ip(line)));
        gateway.ip("address add 192.0.2.1/24 dev gw");
        gateway.ip("-6 address add 2001:db8::1/64 dev gw nodad");
        gateway.ip("link set gw up");
        // A carrier is noticed when the kernel gets round to it.
        let start = Instant::now();
        while !ip("-6 address show dev wan").contains("fe80:") {
            assert!(start.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(20));
        }
        let root = tempfile::tempdir().unwrap();
        symlink("/sys", root.path().join("sys")).unwrap();
        let kernel = Kernel::connect(&Roots::new(root.path())).unwrap();
        test(&mut Lab { gateway, root, kernel });
    });
    inside.join().unwrap();
}

fn desired() -> Desired {
    let bridge = Bridge {
        name: "br-mvm".to_owned(),
        mac: Mac([2, 0xaa, 0, 0, 0, 1]),
        mtu: None,
        addresses: vec![],
        requested: true,
    };
    Desired { bridge: Some(bridge), uplink: Some(Uplink::new("wan")), ..Desired::default() }
}

/// Everything that has to be as it was.
fn everything() -> String {
    shown(&["-j address", "-j route show table all", "-j -6 route show table all"])
}

/// As ip(8) tells it, once no address is being proved unique any more.
fn shown(what: &[&str]) -> String {
    let start = Instant::now();
    while ip("-6 address show tentative").contains("inet6") {
        assert!(start.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(50));
    }
    what.iter().map(|what| ip(what)).collect()
}

fn codes(outcome: &Outcome) -> Vec<&'static str> {
    outcome.findings.iter().map(|finding| finding.code()).collect()
}

fn undone(lab: &mut Lab) -> Vec<mvm_core::Finding> {
    match uplink::undo(&lab.roots(), &mut lab.kernel) {
        Undone::Attempted(findings) => findings,
        Undone::Nothing => Vec::new(),
    }
}

fn reached() -> bool {
    let ping = |family: &str, to: &str| {
        let mut command = Command::new("ping");
        command.args([family, "-c", "1", "-W", "2", to]).stdout(Stdio::null());
        command.status().unwrap().success()
    };
    ping("-4", "192.0.2.1") && ping("-6", "2001:db8::1")
}

#[test]
fn netns_an_uplink_that_nobody_confirms_is_as_before() {
    in_lab(|lab| {
        let before = everything();
        assert_eq!(codes(&lab.bring_up()), ["MVM-NET-060"], "never without being asked");
        assert_eq!(everything(), before);

        uplink::arm(&lab.roots(), "wan", "br-mvm", 1).unwrap();
        let outcome = lab.bring_up();
        assert_eq!(codes(&outcome), ["MVM-NET-001", "MVM-NET-001"], "{outcome:?}");
        let bridge = ip("-j address show br-mvm");
        for held in ["192.0.2.2", "192.0.2.3", "198.51.100.2", "2001:db8::2", "02:00:00:00:00:77"] {
            assert!(bridge.contains(&format!("\"{held}\"")), "{held}: {bridge}");
        }
        assert!(bridge.contains("\"mtu\":1400"), "{bridge}");
        assert!(!ip("-4 address show wan").contains("inet"));
        assert!(ip("route show table 42").contains("dev br-mvm"));
        let special = "dev br-mvm proto static src 192.0.2.3 metric 7 mtu 1300";
        assert!(ip("route show 203.0.113.0/24").contains(special));
        assert!(reached());
        // Nothing is left to do, and the trial goes on.
        assert!(lab.bring_up().applied.is_empty());

        let findings = uplink::watch(&lab.roots(), &mut lab.kernel);
        assert_eq!(findings[0].code(), "MVM-NET-069", "{findings:?}");
        assert_eq!(everything(), before);
        assert!(reached());
        assert_eq!(codes(&lab.bring_up()), ["MVM-NET-060"], "once is enough");
    });
}

#[test]
fn netns_both_directions_work_all_the_way_and_back() {
    in_lab(|lab| {
        everything();
        assert!(reached());
        // IPv6 from the address that is proved unique when an interface gets it.
        let ping = |args: &[&str]| {
            let mut ping = Command::new("ping");
            ping.args(["-q", "-i", "0.005", "-c", "400", "-W", "1"]).args(args);
            ping.stdout(Stdio::piped()).spawn().unwrap()
        };
        let running = [ping(&["192.0.2.1"]), ping(&["-6", "-I", "2001:db8::3", "2001:db8::1"])];
        thread::sleep(Duration::from_millis(500));
        uplink::arm(&lab.roots(), "wan", "br-mvm", 60).unwrap();
        let start = Instant::now();
        lab.bring_up();
        let moved = start.elapsed();
        thread::sleep(Duration::from_millis(500));
        let start = Instant::now();
        let findings = undone(lab);
        let back = start.elapsed();
        assert_eq!(findings[0].code(), "MVM-NET-069", "{findings:?}");
        for ping in running {
            let output = ping.wait_with_output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let words: Vec<&str> = text.split_whitespace().collect();
            let at = words.iter().position(|word| *word == "received,").unwrap_or_default();
            let received: u32 = words[at.saturating_sub(1)].parse().unwrap_or_default();
            // What arrives while the kernel makes the interface a port, or no port, is lost: one or
            // two each way, or as many as a machine that has other work takes time for it.
            let lost = 400_u32.saturating_sub(received);
            let under_way = (moved + back).as_millis() / 5 + 4;
            assert!(u128::from(lost) <= under_way, "moved in {moved:?}, back in {back:?}: {text}");
        }
    });
}

/// Without a link-local address the kernel asks for nobody on its own, as in the first two seconds
/// of a bridge's carrier, and whoever sends meanwhile is refused.
#[test]
fn netns_a_gateway_that_is_asked_for_is_reached_meanwhile() {
    in_lab(|lab| {
        everything();
        ip("-6 address flush dev wan scope link");
        ip("neighbour replace 192.0.2.7 lladdr 02:00:00:00:00:07 dev wan nud permanent");
        assert!(reached());
        let known = || ip("-6 neighbour show 2001:db8::1 dev wan").contains("lladdr");
        let gateways = ["2001:db8::1", "192.0.2.7"].map(|gateway| gateway.parse().unwrap());
        let answers = lab.kernel.answers("wan", &gateways, Duration::from_millis(500));
        assert_eq!(answers.unwrap(), [] as [IpAddr; 0]);
        assert!(known() && reached());
        assert!(ip("neighbour show 192.0.2.7 dev wan").contains("PERMANENT"));
        let answers = lab.kernel.answers("wan", &["192.0.2.1".parse().unwrap()], ASKED);
        assert_eq!(answers.unwrap().len(), 1);
    });
}

/// A kernel that refuses one step.
struct Failing<'a> {
    kernel: &'a mut Kernel,
    remaining: usize,
}

impl Network for Failing<'_> {
    fn observe(&mut self) -> Result<Observed, Error> {
        self.kernel.observe()
    }

    fn apply(&mut self, step: &Step) -> Result<(), Error> {
        self.remaining = self.remaining.wrapping_sub(1);
        if self.remaining == 0 {
            Err(Error::Gone { step: step.to_string() })
        } else {
            self.kernel.apply(step)
        }
    }

    fn keep(&mut self, steps: &[Step]) -> Result<(), Error> {
        self.kernel.keep(steps)
    }

    fn set_unmanaged(&mut self, manager: Manager, names: &[String]) -> Result<(), Error> {
        self.kernel.set_unmanaged(manager, names)
    }
}

impl Probe for Failing<'_> {
    fn answers(&mut self, _: &str, _: &[IpAddr], _: Duration) -> Result<Vec<IpAddr>, Error> {
        Ok(Vec::new())
    }
}

#[test]
fn netns_whatever_step_fails_the_host_is_as_before() {
    in_lab(|lab| {
        let before = everything();
        for failing in 1.. {
            uplink::arm(&lab.roots(), "wan", "br-mvm", 60).unwrap();
            let roots = lab.roots();
            let mut kernel = Failing { kernel: &mut lab.kernel, remaining: failing };
            let outcome = uplink::bring_up(&roots, &mut kernel, desired());
            if codes(&outcome).contains(&"MVM-NET-001") {
                assert!(failing > 5, "every step was refused once");
                return;
            }
            assert_eq!((codes(&outcome), outcome.applied.len()), (vec!["MVM-NET-073"], 0));
            assert_eq!(everything(), before, "step {failing}");
        }
    });
}

#[test]
fn netns_a_bridge_that_was_there_is_as_before_too() {
    in_lab(|lab| {
        ip("link add name br-mvm address 02:aa:00:00:00:09 type bridge");
        ip("address add 10.42.0.1/24 dev br-mvm");
        ip("link set br-mvm up");
        // The kernel keeps a multicast route of its own for a bridge that had a port once.
        let main = || shown(&["-j address", "-j route", "-j -6 route"]);
        let before = main();
        uplink::arm(&lab.roots(), "wan", "br-mvm", 60).unwrap();
        lab.bring_up();
        main();
        assert!(ip("-6 address show dev br-mvm").contains("fe80:") && reached());
        let findings = undone(lab);
        assert_eq!(findings.len(), 1, "{findings:?}");
        // The kernel notices in its own time that the bridge has no port.
        let start = Instant::now();
        while main() != before && start.elapsed() < Duration::from_secs(3) {
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(main(), before);
    });
}

#[test]
fn netns_a_new_bridge_stays_while_a_microvm_is_on_it() {
    in_lab(|lab| {
        uplink::arm(&lab.roots(), "wan", "br-mvm", 60).unwrap();
        lab.bring_up();
        ip("link add fltap0000001 type veth");
        ip("link set fltap0000001 master br-mvm");
        uplink::undo(&lab.roots(), &mut lab.kernel);
        assert!(ip("link show master br-mvm").contains("fltap0000001"));
        assert!(ip("-4 address show wan").contains("192.0.2.2/24") && reached());
        assert_eq!(uplink::undo(&lab.roots(), &mut lab.kernel), Undone::Nothing);
    });
}

#[test]
fn netns_what_comes_back_of_an_own_bridge_is_own_again() {
    in_lab(|lab| {
        let mut before = Desired { uplink: None, ..desired() };
        let addresses = vec!["10.42.0.1/24".parse().unwrap()];
        before.bridge = before.bridge.map(|bridge| Bridge { addresses, ..bridge });
        bring_up(&mut lab.kernel, &before);
        uplink::arm(&lab.roots(), "wan", "br-mvm", 60).unwrap();
        lab.bring_up();
        assert!(!ip("-4 address show dev br-mvm").contains("10.42.0.1"));
        uplink::undo(&lab.roots(), &mut lab.kernel);
        assert!(ip("-4 address show dev br-mvm").contains("10.42.0.1"));
        let outcome = take_down(&mut lab.kernel);
        assert!(outcome.findings.is_empty(), "{outcome:?}");
        assert!(!ip("link show").contains("br-mvm"));
    });
}
