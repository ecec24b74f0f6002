//! Settings of what DHCP gives out and tells, and of taps beside macvtaps, that exclude each other.

#![allow(clippy::too_many_lines, reason = "a table is as long as there are cases")]

mod support;

use support::{good, refused};

#[test]
fn reserved_addresses() {
    let one = "{ address = \"10.42.0.5\", name = \"lab\" }";
    let reserved = |entry: &str| format!("[network]\nreserved = [{one},\n{entry}]");
    refused(&[
        (
            &reserved("{ address = \"10.42.0.5\" }"),
            "3: [network] reserved.address = \"10.42.0.5\": reserved twice",
        ),
        (
            &reserved("{ address = \"10.42.0.6\", name = \"LAB\" }"),
            "3: [network] reserved.name = \"LAB\": reserved twice",
        ),
        (
            &reserved("{ address = \"10.42.0.1\" }"),
            "3: [network] reserved.address = \"10.42.0.1\": the address of this host or of the router",
        ),
        (
            &reserved("{ address = \"10.42.0.255\" }"),
            "3: [network] reserved.address = \"10.42.0.255\": the address of a whole subnet",
        ),
        (
            &reserved("{ address = \"10.43.0.5\" }"),
            "3: [network] reserved.address = \"10.43.0.5\": outside the subnet 10.42.0.0/24",
        ),
        (
            &reserved("{ name = \"other\" }"),
            "3: [network] reserved: address is missing; add address = ...",
        ),
        (
            "[network]\nreserved = [{ address = \"10.42.0.9\" }]\ndhcp.reservations = [\n\
             { mac = \"aa:fc:00:00:00:01\", address = \"10.42.0.9\" }]",
            "4: [network.dhcp] reservations.address = \"10.42.0.9\": reserved for nobody below [network]",
        ),
        (
            "[network]\nreserved = [{ address = \"10.42.0.9\" }]\n\
             dhcp.range = [\"10.42.0.9\", \"10.42.0.9\"]",
            "2: [network] reserved = [{ address = \"10.42.0.9\" }]: every address of the DHCP range is reserved",
        ),
    ]);
    let network = good(&reserved("{ address = \"10.42.0.20\" }")).config.network;
    let parts: Vec<String> =
        network.leased(network.dhcp.range).iter().map(|(a, b)| format!("{a}-{b}")).collect();
    assert_eq!(parts, ["10.42.0.10-10.42.0.19", "10.42.0.21-10.42.0.254"]);
    // What an uplink's network has is not in this file.
    good("[network]\nreserved = [{ address = \"192.0.2.5\" }]\nbridge.uplink = \"eth0\"");
}

#[test]
fn what_microvms_are_told() {
    refused(&[
        (
            "[network.dhcp]\nroutes = [{ to = \"192.168.10.0/25\", via = \"10.43.0.2\" }]",
            "2: [network.dhcp] routes.via = \"10.43.0.2\": outside the subnet",
        ),
        (
            "[network.dhcp]\nroutes = [{ to = \"0.0.0.0/0\", via = \"10.42.0.2\" }]",
            "2: [network.dhcp] routes.to = \"0.0.0.0/0\": the default route",
        ),
        (
            "[network.dhcp]\nroutes = [{ to = \"fd00::/64\", via = \"10.42.0.2\" }]",
            "2: [network.dhcp] routes.to = \"fd00::/64\": a subnet of IPv6",
        ),
        ("[network.dhcp]\ndomain = \"a,b\"", "2: [network.dhcp] domain = \"a,b\": not a domain"),
        ("[network.dhcp]\ndomain = \"lab..example\"", "2: [network.dhcp] domain"),
        ("[network.dhcp]\nntp = [\"ntp.example\"]", "2: [network.dhcp] ntp = \"ntp.example\""),
    ]);
}

#[test]
fn further_interfaces() {
    let vlan = "[network]\nvlan = [{ parent = \"bond0\", id = 7, addresses = [\"192.168.10.2/25\"] }]\n\
                [network.dhcp]\n";
    let also = |entry: &str| format!("{vlan}also = [{entry}]");
    refused(&[
        (
            &also("{ interface = \"br-mvm\" }"),
            "4: [network.dhcp] also.interface = \"br-mvm\": served already",
        ),
        (
            &also("{ interface = \"eth1\" }"),
            "4: [network.dhcp] also.interface = \"eth1\": an interface without an IPv4 address in this file",
        ),
        (
            &also("{ interface = \"bond0.7\", range = [\"192.168.10.1\", \"192.168.10.9\"] }"),
            "4: [network.dhcp] also.range = [\"192.168.10.1\", \"192.168.10.9\"]: holds this host's own",
        ),
        (
            &also("{ interface = \"bond0.7\", range = [\"192.168.11.1\", \"192.168.11.9\"] }"),
            "4: [network.dhcp] also.range",
        ),
        (
            &also("{ interface = \"bond0.7\", router = \"192.168.11.1\" }"),
            "4: [network.dhcp] also.router = \"192.168.11.1\": outside the subnet",
        ),
        (
            &also("{ interface = \"bond0.7\" }")
                .replace("[network.dhcp]", "[network.dhcp]\nenabled = false"),
            "5: [network.dhcp] also.interface = \"bond0.7\": served, and DHCP is off",
        ),
    ]);
    let network = good(&also("{ interface = \"bond0.7\" }")).config.network;
    let one = &network.dhcp.also[0];
    assert_eq!(one.range.map(|(first, _)| first.to_string()).as_deref(), Some("192.168.10.10"));
    assert_eq!(one.router.map(|router| router.to_string()).as_deref(), Some("192.168.10.2"));
    let sources: Vec<String> = network.nat.sources.iter().map(ToString::to_string).collect();
    assert_eq!(sources, ["10.42.0.0/24", "192.168.10.0/25"]);
}

#[test]
fn taps_and_macvtaps() {
    let both = "[network.macvtap]\nenabled = true\n";
    refused(&[
        (
            "[network]\nmode = \"none\"\nmacvtap.enabled = true",
            "3: [network.macvtap] enabled = true: macvtaps with mode = \"none\"",
        ),
        (
            "[flintlockd]\nprovider = \"cloudhypervisor\"\n[network]\nmode = \"macvtap\"\nmacvtap.enabled = false",
            "5: [network.macvtap] enabled = false: no macvtaps with mode = \"macvtap\"",
        ),
        (
            &format!("{both}parent = \"eth0\"\n[network.bridge]\nuplink = \"eth0\""),
            "3: [network.macvtap] parent = \"eth0\": a port of the bridge",
        ),
        (
            &format!("{both}parent = \"br-mvm\""),
            "3: [network.macvtap] parent = \"br-mvm\": a bridge or the loopback interface",
        ),
        (
            &format!("{both}parent = \"eth1\"\naddresses = [\"10.42.0.9/24\"]"),
            "4: [network.macvtap] addresses = \"10.42.0.9/24\": 10.42.0.0/24 overlaps",
        ),
    ]);
    assert!(good(&format!("{both}parent = \"eth1\"")).config.network.has_both());
    let shown = mvm_config::to_toml(&good(both).config);
    assert_eq!(good(&shown).config, good(both).config);
}

#[test]
fn disks_without_a_serial_number() {
    let lvm =
        "[thinpool]\nbackend = \"lvm\"\nlvm.devices = [\"/dev/disk/by-path/pci-0000:00:05.0\"]";
    assert_eq!(good(lvm).config.thinpool.lvm.devices.len(), 1);
    refused(&[(
        "[thinpool.lvm]\ndevices = [\"/dev/disk/by-uuid/1-2\"]",
        "2: [thinpool.lvm] devices = \"/dev/disk/by-uuid/1-2\": not below /dev/disk/by-id or by-path",
    )]);
}
