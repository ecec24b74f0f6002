//! The real kernel, in a network namespace of the test's own thread: it is gone with the thread.
//! Needs root: without it they fail.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::symlink;
use std::process::Command;
use std::{fs, thread};

use ipnet::IpNet;
use mvm_core::Roots;
use mvm_network_kernel::{Error, Kernel, Network, Outcome, bring_up};
use mvm_network_plan::network::{Bridge, Desired, Link, Mac, Macvtap, Manager, Observed, Step};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

thread_local! {
    /// A /run of the test's own, and the real /sys and /proc.
    static ROOT: TempDir = {
        let folder = tempfile::tempdir().unwrap();
        for shared in ["proc", "sys"] {
            symlink(format!("/{shared}"), folder.path().join(shared)).unwrap();
        }
        folder
    };
}

fn roots() -> Roots {
    ROOT.with(|folder| Roots::new(folder.path()))
}

/// Runs the test in a fresh namespace.
fn in_namespace(test: fn()) {
    let inside = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        test();
    });
    inside.join().unwrap();
}

/// The kernel, and how many changes were sent to it.
struct Counting {
    kernel: Kernel,
    changes: usize,
}

impl Network for Counting {
    fn observe(&mut self) -> Result<Observed, Error> {
        self.kernel.observe()
    }

    fn apply(&mut self, step: &Step) -> Result<(), Error> {
        self.changes += 1;
        self.kernel.apply(step)
    }

    fn keep(&mut self, steps: &[Step]) -> Result<(), Error> {
        self.kernel.keep(steps)
    }

    fn set_unmanaged(&mut self, manager: Manager, names: &[String]) -> Result<(), Error> {
        self.kernel.set_unmanaged(manager, names)
    }
}

fn run(bridge: &Bridge) -> (Outcome, usize) {
    converge(&Desired { bridge: Some(bridge.clone()), ..Desired::default() })
}

fn converge(desired: &Desired) -> (Outcome, usize) {
    let mut network = Counting { kernel: Kernel::connect(&roots()).unwrap(), changes: 0 };
    let outcome = bring_up(&mut network, desired);
    (outcome, network.changes)
}

fn ip(args: &str) -> String {
    let output = Command::new("ip").args(args.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn desired_bridge(addresses: &[&str]) -> Bridge {
    Bridge {
        name: "br-mvm".to_owned(),
        mac: Mac([0x02, 0xaa, 0, 0, 0, 1]),
        mtu: None,
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        requested: true,
    }
}

fn bridge() -> Link {
    link("br-mvm")
}

fn link(name: &str) -> Link {
    let observed = Kernel::connect(&roots()).unwrap().observe().unwrap();
    observed.links.into_iter().find(|link| link.name == name).unwrap()
}

fn codes(outcome: &Outcome) -> Vec<&'static str> {
    outcome.findings.iter().map(|finding| finding.code()).collect()
}

#[test]
fn netns_makes_the_bridge_and_then_changes_nothing() {
    in_namespace(|| {
        let desired = desired_bridge(&["10.42.0.1/24", "fd00:42::1/64"]);
        let (outcome, changes) = run(&desired);
        assert_eq!((codes(&outcome), changes), (vec!["MVM-NET-001"], 4), "{outcome:?}");
        let link = bridge();
        assert_eq!((link.kind.as_str(), link.up, link.mtu), ("bridge", true, 1500));
        assert_eq!(link.mac, Some(desired.mac));
        let options = link.bridge.unwrap();
        assert!(!options.stp && options.forward_delay == 0);
        for address in &desired.addresses {
            assert!(link.addresses.contains(address), "{link:?}");
        }
        let (outcome, changes) = run(&desired);
        assert!(changes == 0 && outcome.findings.is_empty(), "{outcome:?}");
    });
}

#[test]
fn netns_keeps_its_mac_when_ports_come() {
    in_namespace(|| {
        let desired = desired_bridge(&["10.42.0.1/24"]);
        run(&desired);
        ip("link add fltap0000001 address 00:16:3e:00:00:01 type veth");
        ip("link set fltap0000001 master br-mvm up");
        assert_eq!(bridge().mac, Some(desired.mac));
        assert_eq!(run(&desired).1, 0);
    });
}

#[test]
fn netns_converges_what_differs_and_leaves_foreign_addresses() {
    in_namespace(|| {
        ip("link add br-mvm type bridge stp_state 1 forward_delay 1500");
        ip("address add 172.20.0.1/16 dev br-mvm");
        let desired = Bridge { mtu: Some(1400), ..desired_bridge(&["10.42.0.1/24"]) };
        let (outcome, changes) = run(&desired);
        assert_eq!((codes(&outcome), changes), (vec!["MVM-NET-001"], 6), "{outcome:?}");
        let link = bridge();
        let foreign: IpNet = "172.20.0.1/16".parse().unwrap();
        assert!(link.addresses.contains(&foreign) && link.mtu == 1400 && link.up);
        assert!(!link.bridge.unwrap().stp);
        assert_eq!(run(&desired).1, 0);
    });
}

#[test]
fn netns_a_large_mtu_survives_a_port_with_a_small_one() {
    in_namespace(|| {
        let desired = Bridge { mtu: Some(9000), ..desired_bridge(&[]) };
        run(&desired);
        ip("link add fltap0000001 type veth");
        ip("link set fltap0000001 master br-mvm");
        assert_eq!((bridge().mtu, run(&desired).1), (9000, 0));
    });
}

#[test]
fn netns_others_ports_keep_the_bridge_as_it_is() {
    in_namespace(|| {
        ip("link add br-mvm address 00:16:3e:00:00:09 type bridge stp_state 1");
        ip("link add eth0 type veth");
        ip("link set eth0 master br-mvm up");
        let (outcome, _) = run(&desired_bridge(&["10.42.0.1/24"]));
        assert_eq!(codes(&outcome), ["MVM-NET-005", "MVM-NET-001"], "{outcome:?}");
        let link = bridge();
        assert_eq!(link.mac, Some(Mac([0x00, 0x16, 0x3e, 0, 0, 9])));
        assert!(link.bridge.unwrap().stp && link.up);
    });
}

#[test]
fn netns_a_taken_name_is_refused_and_untouched() {
    in_namespace(|| {
        ip("link add br-mvm type veth");
        let before = ip("-details link show br-mvm");
        let (outcome, changes) = run(&desired_bridge(&["10.42.0.1/24"]));
        assert_eq!((codes(&outcome), changes), (vec!["MVM-NET-002"], 0));
        assert_eq!(ip("-details link show br-mvm"), before);
    });
}

#[test]
fn netns_an_overlap_is_refused_by_address_and_by_route() {
    in_namespace(|| {
        ip("link add wlan0 type veth");
        ip("link set wlan0 up");
        ip("address add 192.168.5.2/24 dev wlan0");
        ip("route add 10.42.0.0/16 via 192.168.5.1 dev wlan0");
        ip("route add default via 192.168.5.1 dev wlan0");
        for address in ["192.168.5.129/24", "192.168.5.6/29", "10.42.0.1/15"] {
            let (outcome, changes) = run(&desired_bridge(&[address]));
            assert_eq!((codes(&outcome), changes), (vec!["MVM-NET-003"], 0), "{address}");
            assert!(outcome.findings[0].message().ends_with("wlan0"));
        }
        assert_eq!(codes(&run(&desired_bridge(&["10.43.0.1/24"])).0), ["MVM-NET-001"]);
        // A part of what is routed elsewhere is no conflict.
        assert_eq!(
            codes(&run(&desired_bridge(&["10.42.7.1/24"])).0),
            ["MVM-NET-021", "MVM-NET-001"]
        );
    });
}

#[test]
fn netns_an_overlap_that_comes_later_has_the_same_verdict() {
    in_namespace(|| {
        let desired = desired_bridge(&["10.42.0.1/24"]);
        run(&desired);
        ip("link add tun9 type veth");
        ip("address add 10.42.0.77/16 dev tun9");
        let (outcome, changes) = run(&desired);
        assert_eq!((codes(&outcome), changes), (vec!["MVM-NET-003"], 0));
    });
}

#[test]
fn netns_ipv6_turned_off_has_its_own_answer() {
    in_namespace(|| {
        // /proc/sys/net is that of the reading thread's namespace.
        let switch = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
        std::fs::write(switch, "1").unwrap();
        let desired = desired_bridge(&["10.42.0.1/24", "fd00:42::1/64"]);
        let (outcome, _) = run(&desired);
        assert_eq!(codes(&outcome), ["MVM-NET-022", "MVM-NET-001"], "{outcome:?}");
        // Off for the bridge alone.
        std::fs::write(switch, "0").unwrap();
        ip("link set br-mvm down");
        let (outcome, _) = run(&desired);
        assert_eq!(codes(&outcome), ["MVM-NET-022", "MVM-NET-001"], "{outcome:?}");
        assert!(bridge().up && bridge().addresses.contains(&desired.addresses[0]));
    });
}

#[test]
fn netns_an_interface_that_went_away_is_named() {
    in_namespace(|| {
        let mut kernel = Kernel::connect(&roots()).unwrap();
        let failure = kernel.apply(&Step::SetUp { name: "br-mvm".to_owned() }).unwrap_err();
        assert!(matches!(failure, Error::Gone { .. }), "{failure:?}");
        assert_eq!(failure.to_string(), "cannot bring br-mvm up: no such interface");
        ip("link add br-mvm type bridge");
        let step = Step::CreateBridge { name: "br-mvm".to_owned(), mac: Mac([2, 0, 0, 0, 0, 1]) };
        assert_eq!(kernel.apply(&step).unwrap_err().errno(), Some(17));
    });
}

#[test]
fn netns_a_parent_of_macvtaps_is_brought_up_with_its_addresses() {
    in_namespace(|| {
        ip("link add eth0 type veth");
        ip("link set veth0 up");
        let addresses = vec!["10.9.0.1/24".parse().unwrap()];
        let macvtap = Some(Macvtap { parent: Some("eth0".to_owned()), addresses });
        let desired = Desired { macvtap, ..Desired::default() };
        let (outcome, changes) = converge(&desired);
        assert_eq!((codes(&outcome), changes), (vec!["MVM-NET-001"], 2), "{outcome:?}");
        assert!(link("eth0").up && link("eth0").carrier);
        assert_eq!(converge(&desired).1, 0);
        ip("link add link eth0 name flvtap0 type macvtap mode bridge");
        ip("link set veth0 down");
        let (outcome, changes) = converge(&desired);
        assert_eq!((codes(&outcome), changes), (vec!["MVM-NET-016"], 0));
    });
}

#[test]
fn netns_a_port_of_a_bridge_is_no_parent() {
    in_namespace(|| {
        ip("link add br0 type bridge");
        ip("link add eth0 type veth");
        ip("link set eth0 master br0 up");
        let macvtap = Some(Macvtap { parent: Some("eth0".to_owned()), addresses: vec![] });
        let (outcome, changes) = converge(&Desired { macvtap, ..Desired::default() });
        assert_eq!((codes(&outcome), changes), (vec!["MVM-NET-015"], 0));
        assert!(outcome.findings[0].message().contains("port of the bridge br0"));
    });
}

#[test]
fn netns_takes_away_what_it_made_and_nothing_else() {
    in_namespace(|| {
        ip("link add up0 type veth peer name up1");
        ip("link set up1 up");
        let on_up0 = |address: &str| Macvtap {
            parent: Some("up0".to_owned()),
            addresses: vec![address.parse().unwrap()],
        };
        let bridge_of = Some(desired_bridge(&["10.42.0.1/24", "fd00:42::1/64"]));
        let desired = Desired {
            bridge: bridge_of,
            macvtap: Some(on_up0("10.7.0.1/24")),
            ..Desired::default()
        };
        converge(&desired);
        let networkd = roots().at(Manager::Networkd.path());
        let unmanaged = || fs::read_to_string(&networkd).unwrap_or_default();
        assert!(unmanaged().contains("Name=br-mvm\n"), "{}", unmanaged());
        assert_eq!(converge(&desired).1, 0);

        // What somebody else put on the bridge keeps it there.
        ip("address add 10.99.0.1/24 dev br-mvm");
        let other = Desired { macvtap: Some(on_up0("10.7.0.2/24")), ..Desired::default() };
        assert_eq!(codes(&converge(&other).0), ["MVM-NET-017", "MVM-NET-001"]);
        assert!(ip("-4 -o address show dev br-mvm").contains("10.42.0.1/24"));
        let up0 = ip("-4 -o address show dev up0");
        assert!(up0.contains("10.7.0.2/24") && !up0.contains("10.7.0.1/24"), "{up0}");

        ip("address del 10.99.0.1/24 dev br-mvm");
        let (outcome, changes) = converge(&Desired::default());
        assert_eq!((codes(&outcome), changes), (vec!["MVM-NET-001"; 2], 2), "{outcome:?}");
        assert_eq!(ip("-4 -o address show dev up0"), "");
        assert!(link("up0").up && !networkd.exists());

        // What somebody made under the same name since is his.
        run(&desired_bridge(&["10.42.0.1/24"]));
        ip("link delete br-mvm");
        ip("link add br-mvm type bridge");
        assert_eq!(converge(&Desired::default()).1, 0);
        assert!(bridge().bridge.is_some());
    });
}

#[test]
fn netns_a_subnet_goes_from_what_is_not_named_any_more_to_what_is() {
    in_namespace(|| {
        ip("link add up0 type veth peer name up1");
        ip("link set up1 up");
        let addresses = vec!["10.42.0.1/24".parse().unwrap()];
        let macvtap = Some(Macvtap { parent: Some("up0".to_owned()), addresses });
        converge(&Desired { macvtap, ..Desired::default() });
        let (outcome, _) = run(&desired_bridge(&["10.42.0.1/24"]));
        assert_eq!(codes(&outcome), ["MVM-NET-001"; 2], "{outcome:?}");
        let named = Bridge { name: "br-new".to_owned(), ..desired_bridge(&["10.42.0.1/24"]) };
        let (outcome, _) = run(&named);
        assert_eq!(codes(&outcome), ["MVM-NET-001"; 2], "{outcome:?}");
        assert!(ip("-4 -o address").contains("br-new"));
        assert!(!ip("link show").contains("br-mvm"));
        assert_eq!(run(&named).1, 0);
    });
}

/// Neither keeps microVMs from their network.
#[test]
fn netns_what_cannot_be_recorded_or_told_is_said_and_the_bridge_is_made() {
    in_namespace(|| {
        let at = |path: &str| roots().at(path);
        fs::create_dir_all(at("/run/NetworkManager")).unwrap();
        for file in ["/run/mvmhost", "/run/NetworkManager/conf.d"] {
            fs::write(at(file), "a file where a folder has to be").unwrap();
        }
        let outcome = run(&desired_bridge(&["10.1.0.1/24"])).0;
        for code in ["MVM-NET-018", "MVM-NET-019", "MVM-NET-001"] {
            assert!(codes(&outcome).contains(&code), "{code}: {:?}", codes(&outcome));
        }
        assert!(bridge().up);
    });
}
