//! What microVMs need: each packet with the places that it passes.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_network_plan::network::{FAR, FAR_V6, TAPS};

use super::Forward;
use super::packet::{ARP, Hop, Layer, Name, Packet};
use super::ruleset::Hook;

/// Which of microVMs' needs a packet serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// From one microVM to another.
    Between,
    /// From a microVM to another network.
    Out,
    /// The answer to a packet of [`Self::Out`].
    Back,
    /// A microVM asks for an address.
    Address,
    /// A microVM asks for a name.
    Name,
    /// A microVM looks for its IPv6 router.
    Router,
    /// A microVM asks for this host's hardware address.
    Neighbour,
    /// This host answers any of these.
    Answer,
}

/// A packet and its path.
pub(super) struct Flow<'a> {
    pub(super) need: Need,
    pub(super) packet: Packet<'a>,
    pub(super) path: Vec<Hop<'a>>,
}

/// Everything that the file asks for.
pub(super) fn flows<'a>(config: &'a Config, forward: &'a Forward) -> Vec<Flow<'a>> {
    let network = &config.network;
    let Some(interface) = network.dhcp.interface.as_ref() else { return Vec::new() };
    let interface = interface.as_str();
    let bridge = network.mode == NetworkMode::Tap && interface == network.bridge.name.as_str();
    let place = Sides { interface, bridge, leaving: &forward.leaving };
    let mut flows = Vec::new();
    let own = network.dhcp_addresses();
    for v6 in [false, true] {
        let of_family = |net: &&IpNet| net.addr().is_ipv6() == v6;
        let source = network.nat.sources.iter().find(of_family).filter(|_| network.nat.enabled);
        if let Some(source) = source {
            flows.push(place.out(*source, v6));
            flows.push(place.back(*source, v6));
        }
        let has_own = own.iter().any(|net| of_family(&net));
        if !v6 && has_own {
            place.neighbours(&mut flows);
        }
        let has = own.iter().any(|net| net.addr().is_ipv6() == v6);
        if bridge && (has || !v6) {
            flows.push(place.between(own.iter().find(of_family).copied(), v6, forward));
        }
        let served = network.dhcp.enabled && own.iter().any(|net| of_family(&net));
        if served {
            place.serve(&mut flows, own, v6, network.dhcp.dns_server);
        }
    }
    flows
}

struct Sides<'a> {
    interface: &'a str,
    bridge: bool,
    leaving: &'a [String],
}

impl<'a> Sides<'a> {
    fn hop(&self, hook: Hook, comes_in: Name<'a>, goes_out: Name<'a>) -> Hop<'a> {
        Hop { hook, layer: Layer::Packets, comes_in, goes_out, bridge: Name::None }
    }

    fn own(&self) -> Name<'a> {
        Name::Is(self.interface)
    }

    fn uplink(&self) -> Name<'a> {
        Name::AnyOf(self.leaving, self.interface)
    }

    fn device(&self, hook: Hook, name: Name<'a>) -> Hop<'a> {
        Hop { layer: Layer::Device, ..self.hook_of(hook, name) }
    }

    fn hook_of(&self, hook: Hook, name: Name<'a>) -> Hop<'a> {
        match hook {
            Hook::Egress => self.hop(hook, Name::None, name),
            _ => self.hop(hook, name, Name::None),
        }
    }

    /// The places of frames that a port gives to the host.
    fn arrives(&self) -> Vec<Hop<'a>> {
        if !self.bridge {
            return vec![self.device(Hook::Ingress, self.own())];
        }
        let port = Name::Begins(TAPS);
        let frame = |hook| Hop {
            layer: Layer::Frames,
            bridge: self.own(),
            ..self.hop(hook, port, Name::None)
        };
        vec![
            self.device(Hook::Ingress, port),
            frame(Hook::Prerouting),
            frame(Hook::Input),
            self.device(Hook::Ingress, self.own()),
        ]
    }

    /// The places of frames that the host gives to a port.
    fn leaves(&self) -> Vec<Hop<'a>> {
        if !self.bridge {
            return vec![self.device(Hook::Egress, self.own())];
        }
        let port = Name::Begins(TAPS);
        let frame = |hook| Hop {
            layer: Layer::Frames,
            bridge: self.own(),
            ..self.hop(hook, Name::None, port)
        };
        vec![
            self.device(Hook::Egress, self.own()),
            frame(Hook::Output),
            frame(Hook::Postrouting),
            self.device(Hook::Egress, port),
        ]
    }

    fn out(&self, source: IpNet, v6: bool) -> Flow<'a> {
        let (own, up) = (self.own(), self.uplink());
        let routed = [
            self.hop(Hook::Prerouting, own, Name::None),
            self.hop(Hook::Forward, own, up),
            self.hop(Hook::Postrouting, Name::None, up),
            self.device(Hook::Egress, up),
        ];
        let packet = Packet {
            ports: (None, Some(443)),
            ends: (Some(source), Some(far(v6))),
            to_type: Some("unicast"),
            ..tcp(v6)
        };
        Flow { need: Need::Out, packet, path: [self.arrives(), routed.to_vec()].concat() }
    }

    fn back(&self, source: IpNet, v6: bool) -> Flow<'a> {
        let (own, up) = (self.own(), self.uplink());
        let routed = vec![
            self.device(Hook::Ingress, up),
            self.hop(Hook::Forward, up, own),
            self.hop(Hook::Postrouting, Name::None, own),
        ];
        let packet = Packet {
            ports: (Some(443), None),
            ends: (Some(far(v6)), Some(source)),
            state: "established",
            to_type: Some("unicast"),
            ..tcp(v6)
        };
        Flow { need: Need::Back, packet, path: [routed, self.leaves()].concat() }
    }

    fn between(&self, net: Option<IpNet>, v6: bool, forward: &Forward) -> Flow<'a> {
        let port = Name::Begins(TAPS);
        let frame = |hook, comes_in, goes_out| Hop {
            layer: Layer::Frames,
            bridge: self.own(),
            ..self.hop(hook, comes_in, goes_out)
        };
        let mut path = vec![
            self.device(Hook::Ingress, port),
            frame(Hook::Prerouting, port, Name::None),
            frame(Hook::Forward, port, port),
            frame(Hook::Postrouting, Name::None, port),
            self.device(Hook::Egress, port),
        ];
        if if v6 { forward.bridged6 } else { forward.bridged } {
            let own = self.own();
            path.extend([
                self.hop(Hook::Prerouting, own, Name::None),
                self.hop(Hook::Forward, own, own),
                self.hop(Hook::Postrouting, Name::None, own),
            ]);
        }
        let packet = Packet { ports: (None, Some(443)), ends: (net, net), ..tcp(v6) };
        Flow { need: Need::Between, packet, path }
    }

    /// This host's hardware address, asked and answered.
    fn neighbours(&self, flows: &mut Vec<Flow<'a>>) {
        let own = self.own();
        let arp = |hook, comes_in, goes_out| Hop {
            layer: Layer::Arp,
            ..self.hop(hook, comes_in, goes_out)
        };
        let packet = Packet { protocol: ARP, cast: "broadcast", state: "untracked", ..tcp(false) };
        let request_path = vec![arp(Hook::Input, own, Name::None)];
        let reply_path = vec![arp(Hook::Output, Name::None, own)];
        let need = Need::Neighbour;
        flows.push(Flow { need, packet, path: [self.arrives(), request_path].concat() });
        let packet = Packet { cast: "host", ..packet };
        flows.push(Flow { need, packet, path: [reply_path, self.leaves()].concat() });
    }

    /// DHCP, names and the router, asked and answered.
    fn serve(&self, flows: &mut Vec<Flow<'a>>, own: &[IpNet], v6: bool, names: bool) {
        let net = own.iter().find(|net| net.addr().is_ipv6() == v6).copied();
        let here = net.map(|net| IpNet::from(net.addr()));
        let subnet = net.map(|net| net.trunc());
        let local = Packet { ends: (subnet, here), to_type: Some("local"), ..tcp(v6) };
        let udp = Packet { protocol: "udp", ..local };
        if v6 {
            let icmp = |kind| Packet {
                protocol: "icmpv6",
                icmp: Some(kind),
                cast: "multicast",
                ends: (None, None),
                to_type: None,
                // conntrack leaves neighbour discovery alone.
                state: "untracked",
                ..local
            };
            flows.push(self.request(Need::Router, icmp("nd-neighbor-solicit")));
            flows.push(self.reply(icmp("nd-router-advert")));
        } else {
            let everybody = IpNet::from(IpAddr::V4(Ipv4Addr::BROADCAST));
            let nobody = IpNet::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            let request = Packet {
                ports: (Some(68), Some(67)),
                ends: (Some(nobody), Some(everybody)),
                cast: "broadcast",
                to_type: Some("broadcast"),
                ..udp
            };
            flows.push(self.request(Need::Address, request));
            let answer =
                Packet { ports: (Some(67), Some(68)), ends: (here, None), to_type: None, ..udp };
            flows.push(self.reply(answer));
        }
        if names {
            for packet in [udp, local] {
                flows.push(self.request(Need::Name, Packet { ports: (None, Some(53)), ..packet }));
                let ends = (here, subnet);
                let state = "established";
                let answer =
                    Packet { ports: (Some(53), None), ends, state, to_type: None, ..packet };
                flows.push(self.reply(answer));
            }
        }
    }

    fn request(&self, need: Need, packet: Packet<'a>) -> Flow<'a> {
        let own = self.own();
        let here = vec![
            self.hop(Hook::Prerouting, own, Name::None),
            self.hop(Hook::Input, own, Name::None),
        ];
        Flow { need, packet, path: [self.arrives(), here].concat() }
    }

    fn reply(&self, packet: Packet<'a>) -> Flow<'a> {
        let own = self.own();
        let here = vec![
            self.hop(Hook::Output, Name::None, own),
            self.hop(Hook::Postrouting, Name::None, own),
        ];
        Flow { need: Need::Answer, packet, path: [here, self.leaves()].concat() }
    }
}

fn far(v6: bool) -> IpNet {
    IpNet::from(if v6 { IpAddr::V6(FAR_V6) } else { IpAddr::V4(FAR) })
}

fn tcp<'a>(v6: bool) -> Packet<'a> {
    Packet {
        v6,
        protocol: "tcp",
        ports: (None, None),
        ends: (None, None),
        state: "new",
        cast: "host",
        icmp: None,
        to_type: None,
    }
}
