//! Asking for an address, in a network namespace of the test's own with servers of the test's own.
//! Needs root: without it it fails.

#![allow(clippy::unwrap_used)]

use std::net::UdpSocket;
use std::thread;

use mvm_core::Roots;
use mvm_network_kernel::{Kernel, Network};
use mvm_network_plan::network::{Mac, Step};
use mvm_network_traffic::offers;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{setsockopt, sockopt};

const BRIDGE: &str = "br-mvm";

/// Answers every question as a server of each of these addresses would.
fn serve(servers: &'static [[u8; 4]]) {
    let socket = UdpSocket::bind(("0.0.0.0", 67)).unwrap();
    socket.set_broadcast(true).unwrap();
    setsockopt(&socket, sockopt::BindToDevice, &BRIDGE.into()).unwrap();
    let mut frame = [0; 1500];
    thread::spawn(move || {
        while let Ok(length) = socket.recv(&mut frame) {
            for (number, server) in (17..).zip(servers) {
                let mut answer = frame[..length].to_vec();
                answer[0] = 2;
                answer[16..20].copy_from_slice(&[10, 42, 0, number]);
                answer.truncate(240);
                answer.extend([&[53, 1, 2, 54, 4][..], server, &[255]].concat());
                socket.send_to(&answer, ("255.255.255.255", 68)).unwrap();
            }
        }
    });
}

fn roots() -> Roots {
    Roots::new("/")
}

fn links() -> Vec<String> {
    let observed = Kernel::connect(&roots()).unwrap().observe().unwrap();
    observed.links.into_iter().map(|link| link.name).collect()
}

#[test]
fn netns_every_server_is_heard_and_nothing_stays() {
    let inside = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        offers(&roots(), BRIDGE).unwrap_err();
        let mut kernel = Kernel::connect(&roots()).unwrap();
        let name = || BRIDGE.to_owned();
        for step in [
            Step::CreateBridge { name: name(), mac: Mac([2, 0xaa, 0, 0, 0, 1]) },
            Step::AddAddress { name: name(), address: "10.42.0.1/24".parse().unwrap() },
            Step::SetUp { name: name() },
        ] {
            kernel.apply(&step).unwrap();
        }
        assert_eq!(offers(&roots(), BRIDGE).unwrap(), []);
        serve(&[[10, 42, 0, 1], [10, 42, 0, 2]]);
        let mut found = offers(&roots(), BRIDGE).unwrap();
        found.sort_by_key(|offer| offer.server);
        let lines: Vec<String> =
            found.iter().map(|offer| format!("{} {}", offer.server, offer.address)).collect();
        assert_eq!(lines, ["10.42.0.1 10.42.0.17", "10.42.0.2 10.42.0.18"]);
        // The kernel takes the namespace away when it comes to it.
        for _ in 0..50 {
            if links().len() == 2 {
                break;
            }
            thread::sleep(std::time::Duration::from_millis(100));
        }
        assert_eq!(links(), ["lo", BRIDGE]);
    });
    inside.join().unwrap();
}
