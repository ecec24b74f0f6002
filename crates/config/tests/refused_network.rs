//! Settings of the network that exclude each other: each is refused with its own message, at its
//! own line.

#![allow(clippy::too_many_lines, reason = "a table is as long as there are cases")]

mod support;

use support::{good, refused};

#[test]
fn modes_of_the_network() {
    let macvtap = "flintlockd.provider = \"cloudhypervisor\"\nnetwork.mode = \"macvtap\"\n";
    let name = format!("{macvtap}network.bridge.name = \"br0\"");
    let parent = format!("{macvtap}network.macvtap.parent = \"br-mvm\"");
    let uplink = format!("{macvtap}network.bridge.uplink = \"eth0\"");
    refused(&[
        (
            "[network]\nmode = \"macvtap\"",
            "2: [network] mode = \"macvtap\": flintlock 0.7 and later serve macvtap with Cloud Hypervisor only",
        ),
        (
            "[network.macvtap]\nparent = \"eth0\"",
            "2: [network.macvtap] parent = \"eth0\": a macvtap parent with mode = \"tap\"",
        ),
        ("[network.macvtap]\naddresses = [\"10.0.0.1/24\"]", "2: [network.macvtap] addresses"),
        (&name, "3: [network.bridge] name = \"br0\": a bridge setting with mode = \"macvtap\""),
        (&uplink, "3: [network.bridge] uplink"),
        (
            &parent,
            "3: [network.macvtap] parent = \"br-mvm\": a bridge or the loopback interface cannot be",
        ),
        (
            "[network.bridge]\nuplink = \"br-mvm\"",
            "2: [network.bridge] uplink = \"br-mvm\": no interface that the bridge could enslave",
        ),
        (
            "[network.bridge]\nname = \"br-0123456789012\"",
            "2: [network.bridge] name = \"br-0123456789012\": an interface name longer than 15 bytes",
        ),
        (
            "[network.bridge]\nname = \"lo\"",
            "2: [network.bridge] name = \"lo\": the loopback interface",
        ),
    ]);
}

#[test]
fn nat() {
    refused(&[
        (
            "[network]\nbridge.uplink = \"eth0\"\nnat.enabled = true",
            "2: [network.bridge] uplink = \"eth0\": microVMs are on eth0's own network",
        ),
        (
            "[network]\nbridge.uplink = \"eth0\"\nnat.enabled = true\nnat.uplink = \"eth0\"",
            "2: [network.bridge] uplink",
        ),
        (
            "[network.nat]\nuplink = \"br-mvm\"",
            "2: [network.nat] uplink = \"br-mvm\": the interface that microVMs are on",
        ),
        (
            "[network]\nbridge.addresses = []\nnat.enabled = true",
            "3: [network.nat] enabled = true: nothing to translate",
        ),
        (
            "[network.nat]\nsources = [\"10.42.0.1/24\"]",
            "2: [network.nat] sources = \"10.42.0.1/24\": the address of a host, not of a subnet; write \"10.42.0.0/24\"",
        ),
    ]);
    good("[network]\nbridge.uplink = \"eth0\"\nnat.enabled = true\nnat.uplink = \"eth1\"");
}

#[test]
fn vlans() {
    let vlan = |rest: &str| format!("[[network.vlan]]\nparent = \"bond0\"\n{rest}\n");
    let first = vlan("id = 1000");
    refused(&[
        (&vlan("id = 0"), "3: [[network.vlan]] id = 0: outside 1 to 4094"),
        (&vlan("id = 4095"), "3: [[network.vlan]] id = 4095: outside 1 to 4094"),
        (&vlan("name = \"x\""), "1: [[network.vlan]]: id is missing"),
        (&vlan("id = 1000\nnmae = \"x\""), "4: [[network.vlan]] nmae: unknown key; write name"),
        (
            &format!("{first}{}", vlan("id = 1000\nname = \"x\"")),
            "6: [[network.vlan]] id = 1000: bond0.1000 is on bond0 with this id already",
        ),
        (
            &format!("{first}{}", vlan("id = 2\nname = \"bond0.1000\"")),
            "7: [[network.vlan]] name = \"bond0.1000\": a second VLAN interface",
        ),
        (
            &vlan("id = 2\nname = \"br-mvm\""),
            "4: [[network.vlan]] name = \"br-mvm\": br-mvm is another interface already",
        ),
        (&vlan("id = 2\nname = \"bond0\""), "4: [[network.vlan]] name"),
        (
            "[[network.vlan]]\nparent = \"br-mvm\"\nid = 2",
            "2: [[network.vlan]] parent = \"br-mvm\": on the bridge",
        ),
        (
            "[[network.vlan]]\nparent = \"enp0s31f6np0\"\nid = 2222",
            "1: [[network.vlan]]: its name would be enp0s31f6np0.2222, longer than 15 bytes",
        ),
    ]);
}

#[test]
fn subnets() {
    let vlan = |net: &str| {
        format!("[[network.vlan]]\nparent = \"bond0\"\nid = 7\naddresses = [\"{net}\"]")
    };
    refused(&[
        (
            &vlan("10.42.0.9/16"),
            "4: [[network.vlan]] addresses = [\"10.42.0.9/16\"]: 10.42.0.0/16 overlaps with 10.42.0.0/24 on br-mvm",
        ),
        (&vlan("10.42.0.129/25"), "4: [[network.vlan]] addresses"),
        (
            &vlan("10.42.0.1/24"),
            "4: [[network.vlan]] addresses = [\"10.42.0.1/24\"]: 10.42.0.1 twice",
        ),
        (
            "[network.bridge]\naddresses = [\"10.0.0.1/8\",\n\"10.1.0.1/16\"]",
            "3: [network.bridge] addresses = \"10.1.0.1/16\": 10.1.0.0/16 overlaps",
        ),
        (
            "[network.bridge]\naddresses = [\"10.0.0.1\"]",
            "2: [network.bridge] addresses = \"10.0.0.1\": an address without its prefix length",
        ),
        (
            "[network.bridge]\naddresses = [\"10.0.0.0/24\"]",
            "2: [network.bridge] addresses = \"10.0.0.0/24\": the address of a whole subnet",
        ),
    ]);
    good("[network.bridge]\naddresses = [\"10.0.0.1/24\", \"10.0.0.2/24\", \"fe80::1/64\"]");
    good(&vlan("10.42.1.1/24"));
}

#[test]
fn dhcp() {
    refused(&[
        (
            "[network.dhcp]\nrange = [\"10.43.0.10\", \"10.43.0.20\"]",
            "2: [network.dhcp] range = [\"10.43.0.10\", \"10.43.0.20\"]: outside the subnet 10.42.0.0/24",
        ),
        ("[network.dhcp]\nrange = [\"10.42.0.10\", \"10.42.1.20\"]", "2: [network.dhcp] range"),
        (
            "[network.dhcp]\nrange = [\"10.42.0.20\", \"10.42.0.10\"]",
            "2: [network.dhcp] range = [\"10.42.0.20\", \"10.42.0.10\"]: a range that ends before it begins",
        ),
        (
            "[network.dhcp]\nrange = [\"10.42.0.20\"]",
            "2: [network.dhcp] range = [\"10.42.0.20\"]: not a first and a last",
        ),
        (
            "[network.dhcp]\nrange = [\"10.42.0.1\", \"10.42.0.20\"]",
            "2: [network.dhcp] range = [\"10.42.0.1\", \"10.42.0.20\"]: holds the router 10.42.0.1",
        ),
        (
            "[network.dhcp]\nrange = [\"10.42.0.10\", \"10.42.0.20\"]\nrouter = \"10.42.0.15\"",
            "2: [network.dhcp] range",
        ),
        (
            "[network.dhcp]\nrange = [\"10.42.0.1\", \"10.42.0.20\"]\nrouter = \"10.42.0.50\"",
            "2: [network.dhcp] range = [\"10.42.0.1\", \"10.42.0.20\"]: holds this host's own address",
        ),
        (
            "[network.dhcp]\nrange = [\"10.42.0.10\", \"10.42.0.255\"]",
            "2: [network.dhcp] range = [\"10.42.0.10\", \"10.42.0.255\"]: holds the address of the whole subnet or its broadcast",
        ),
        (
            "[network.dhcp]\nrouter = \"10.43.0.1\"",
            "2: [network.dhcp] router = \"10.43.0.1\": outside the subnet",
        ),
        (
            "[network.dhcp]\nrouter = \"fd00::1\"",
            "2: [network.dhcp] router = \"fd00::1\": an IPv6 address",
        ),
        (
            "[network.dhcp]\nlease-time = \"1m\"",
            "2: [network.dhcp] lease-time = \"1m\": shorter than two minutes",
        ),
        (
            "[network]\nbridge.addresses = []\nnat.sources = [\"10.0.0.0/8\"]\ndhcp.enabled = true",
            "4: [network.dhcp] enabled = true: the DHCP interface has no IPv4 address",
        ),
        (
            "[network.bridge]\naddresses = [\"10.0.0.1/29\"]",
            "2: [network.bridge] addresses = [\"10.0.0.1/29\"]: no room for a DHCP range in 10.0.0.0/29",
        ),
    ]);
}

#[test]
fn reservations() {
    let one = "{ mac = \"aa:fc:00:00:00:01\", address = \"10.42.0.9\", name = \"a\" }";
    let reserve = |entry: &str| format!("[network.dhcp]\nreservations = [{one},\n{entry}]");
    refused(&[
        (
            &reserve("{ mac = \"AA:fc:00:00:00:01\", address = \"10.42.0.8\" }"),
            "3: [network.dhcp] reservations.mac = \"AA:fc:00:00:00:01\": reserved twice",
        ),
        (
            &reserve("{ mac = \"aa:fc:00:00:00:02\", address = \"10.42.0.9\" }"),
            "3: [network.dhcp] reservations.address = \"10.42.0.9\": reserved twice",
        ),
        (
            &reserve("{ mac = \"aa:fc:00:00:00:02\", address = \"10.42.0.8\", name = \"A\" }"),
            "3: [network.dhcp] reservations.name",
        ),
        (
            &reserve("{ mac = \"aa:fc:00:00:00:02\", address = \"10.43.0.8\" }"),
            "3: [network.dhcp] reservations.address = \"10.43.0.8\": outside the subnet",
        ),
        (
            &reserve("{ mac = \"aa:fc:00:00:00:02\", address = \"10.42.0.1\" }"),
            "3: [network.dhcp] reservations.address = \"10.42.0.1\": the address of this host",
        ),
        (
            &reserve("{ mac = \"01:fc:00:00:00:02\", address = \"10.42.0.7\" }"),
            "3: [network.dhcp] reservations.mac = \"01:fc:00:00:00:02\": a multicast MAC address",
        ),
        (
            &reserve("{ mac = \"aa:fc:00:00:00:02\" }"),
            "3: [network.dhcp] reservations: address is missing",
        ),
        (
            &reserve("7"),
            "3: [network.dhcp] reservations = 7: a number where a table belongs; write { mac = ...",
        ),
    ]);
}

#[test]
fn a_flintlock_of_old_serves_macvtap_with_firecracker() {
    let text = "flintlockd.compatibility = \"before-0.7\"\nnetwork.mode = \"macvtap\"\n";
    assert_eq!(good(text).config.flintlockd.provider, mvm_config::model::Provider::Firecracker);
    let current = text.replace("before-0.7", "current");
    refused(&[(&current, "2: [network] mode = \"macvtap\": flintlock 0.7 and later")]);
}
