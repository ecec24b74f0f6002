//! The text of dnsmasq.conf. Everything in it is typed: names, addresses, numbers.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use mvm_config::Config;
use mvm_config::model::{Dhcp, Network, Reservation};

use super::LEASES;

/// Of router advertisements, in seconds: what dnsmasq takes by itself.
const RA_INTERVAL: u32 = 600;

/// What the machine shows of the interface that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lan {
    /// Whether clients with an address of another network are told that it is wrong.
    pub authoritative: bool,
    /// The MTU in bytes that clients are told; `None` leaves them theirs.
    pub mtu: Option<u32>,
    /// Whether the kernel has IPv6.
    pub ipv6: bool,
}

impl Default for Lan {
    /// An interface that is microVMs' alone, on a host whose uplink takes what they send.
    fn default() -> Self {
        Self { authoritative: true, mtu: None, ipv6: true }
    }
}

/// dnsmasq's configuration; `None` when the file asks for no DHCP.
pub fn render(config: &Config) -> Option<String> {
    render_on(config, Lan::default())
}

/// As [`render`], for an interface like this.
pub fn render_on(config: &Config, lan: Lan) -> Option<String> {
    let dhcp = &config.network.dhcp;
    let interface = dhcp.interface.as_ref().filter(|_| dhcp.enabled)?;
    let mut out = String::from("# Written by mvm-net from /etc/mvmhost.toml.\n");
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    // Only there, and also when the interface comes later or goes away for a while.
    line(format!("interface={interface}"));
    line("except-interface=lo".to_owned());
    line("bind-dynamic".to_owned());
    if !dhcp.dns_server {
        line("port=0".to_owned());
    }
    // This host's own names are its own business.
    line("no-hosts".to_owned());
    if lan.authoritative {
        line("dhcp-authoritative".to_owned());
    }
    line(format!("dhcp-leasefile={LEASES}"));
    let lease = dhcp.lease_time.as_secs();
    let own = config.network.dhcp_addresses();
    // Where several are served, what holds for one of them has a mark.
    let mark = if dhcp.also.is_empty() { "" } else { "main" };
    let main =
        ServedInterface { mark, own, range: dhcp.range, router: dhcp.router, dns: &dhcp.dns };
    main.lines(&mut line, &config.network);
    line_options(&mut line, dhcp, mark);
    if let Some(mtu) = lan.mtu {
        line(format!("dhcp-option=option:mtu,{mtu}"));
    }
    let any = lan.ipv6 && line_v6(&mut line, own, lease, &dhcp.reservations);
    if let Some(mtu) = lan.mtu.filter(|_| any) {
        // As often as dnsmasq does it by itself, in seconds.
        line(format!("ra-param={interface},mtu:{mtu},{RA_INTERVAL}"));
    }
    for (number, one) in dhcp.also.iter().enumerate() {
        line(format!("interface={}", one.interface));
        let (mark, own) = (format!("also{number}"), config.network.addresses_of(&one.interface));
        let served = ServedInterface {
            mark: &mark,
            own,
            range: one.range,
            router: one.router,
            dns: &one.dns,
        };
        served.lines(&mut line, &config.network);
        let any = lan.ipv6 && line_v6(&mut line, own, lease, &dhcp.reservations);
        if let Some(mtu) = lan.mtu.filter(|_| any) {
            line(format!("ra-param={},mtu:{mtu},{RA_INTERVAL}", one.interface));
        }
    }
    for reservation in &dhcp.reservations {
        line(host(reservation));
    }
    Some(out)
}

/// `network.dhcp.interface` or an entry of `network.dhcp.also`.
struct ServedInterface<'a> {
    /// What the options of its clients are marked with; empty where all clients are on it.
    mark: &'a str,
    own: &'a [IpNet],
    range: Option<(Ipv4Addr, Ipv4Addr)>,
    router: Option<IpAddr>,
    dns: &'a [IpAddr],
}

impl ServedInterface<'_> {
    /// Ranges, router and name servers.
    fn lines(&self, line: &mut impl FnMut(String), network: &Network) {
        let lease = network.dhcp.lease_time.as_secs();
        let set = if self.mark.is_empty() { String::new() } else { format!("set:{},", self.mark) };
        // A reserved address is in none of the ranges: a lease of old is not made longer either.
        for (first, last) in network.leased(self.range) {
            if let Some(mask) = mask(self.own, first) {
                line(format!("dhcp-range={set}{first},{last},{mask},{lease}s"));
            }
        }
        if let Some(IpAddr::V4(router)) = self.router {
            line(format!("dhcp-option={}option:router,{router}", tag(self.mark)));
        }
        line_dns(line, self.dns, network.dhcp.dns_server, self.mark);
    }
}

/// Whom an option is for.
fn tag(mark: &str) -> String {
    if mark.is_empty() { String::new() } else { format!("tag:{mark},") }
}

/// The mask of the subnet that the range is in.
fn mask(own: &[IpNet], first: Ipv4Addr) -> Option<Ipv4Addr> {
    own.iter().find_map(|net| match net {
        IpNet::V4(net) if net.contains(&first) => Some(net.netmask()),
        _ => None,
    })
}

/// What microVMs are told beside their address and router.
fn line_options(line: &mut impl FnMut(String), dhcp: &Dhcp, mark: &str) {
    if let Some(domain) = &dhcp.domain {
        line(format!("dhcp-option=option:domain-name,{domain}"));
        line(format!("dhcp-option=option:domain-search,{domain}"));
    }
    if !dhcp.ntp.is_empty() {
        let servers: Vec<String> = dhcp.ntp.iter().map(ToString::to_string).collect();
        line(format!("dhcp-option=option:ntp-server{}", listed(&servers)));
    }
    let mut routes: Vec<String> = dhcp
        .routes
        .iter()
        .flat_map(|route| [route.to.to_string(), route.via.to_string()])
        .collect();
    if !routes.is_empty() {
        // A client that reads these leaves the router aside (RFC 3442).
        if let Some(IpAddr::V4(router)) = dhcp.router {
            routes.extend(["0.0.0.0/0".to_owned(), router.to_string()]);
        }
        let tag = tag(mark);
        line(format!("dhcp-option={tag}option:classless-static-route{}", listed(&routes)));
    }
}

fn line_dns(line: &mut impl FnMut(String), dns: &[IpAddr], serves: bool, mark: &str) {
    let of = |v4: bool| -> Vec<String> {
        dns.iter()
            .filter(|address| address.is_ipv4() == v4)
            .map(|address| if v4 { address.to_string() } else { format!("[{address}]") })
            .collect()
    };
    let (v4, v6) = (of(true), of(false));
    // An option without a value: dnsmasq would otherwise name itself.
    if !v4.is_empty() || !serves {
        line(format!("dhcp-option={}option:dns-server{}", tag(mark), listed(&v4)));
    }
    if !v6.is_empty() {
        line(format!("dhcp-option={}option6:dns-server{}", tag(mark), listed(&v6)));
    }
}

fn listed(values: &[String]) -> String {
    values.iter().fold(String::new(), |mut out, value| {
        // Writing to a String cannot fail.
        let _ = write!(out, ",{value}");
        out
    })
}

/// Router advertisements for every /64: addresses by SLAAC, and by DHCPv6 where one is reserved.
fn line_v6(
    line: &mut impl FnMut(String),
    own: &[IpNet],
    lease: u64,
    reservations: &[Reservation],
) -> bool {
    let mut any = false;
    for net in own {
        let IpNet::V6(net) = net else { continue };
        if net.prefix_len() != 64 || net.addr().is_unicast_link_local() {
            continue;
        }
        let reserved = reservations.iter().any(|entry| match entry.address {
            IpAddr::V6(address) => net.contains(&address),
            IpAddr::V4(_) => false,
        });
        let mode = if reserved { "static,ra-stateless" } else { "ra-stateless" };
        line(format!("dhcp-range={},{mode},64,{lease}s", net.network()));
        any = true;
    }
    if any {
        line("enable-ra".to_owned());
    }
    any
}

fn host(reservation: &Reservation) -> String {
    let address = match reservation.address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let name = reservation.name.as_ref().map_or(String::new(), |name| format!(",{name}"));
    format!("dhcp-host={},{address}{name}", reservation.mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(configuration: &str) -> Option<String> {
        let source = mvm_config::Source { name: "t".to_owned(), text: configuration.to_owned() };
        let loaded = mvm_config::load::parse(&[source]).unwrap();
        render(&loaded.config)
    }

    #[test]
    fn the_default_host_serves_its_bridge() {
        assert_eq!(
            text("").unwrap(),
            "# Written by mvm-net from /etc/mvmhost.toml.\n\
             interface=br-mvm\nexcept-interface=lo\nbind-dynamic\nno-hosts\ndhcp-authoritative\n\
             dhcp-leasefile=/var/lib/mvmhost/leases/dnsmasq.leases\n\
             dhcp-range=10.42.0.10,10.42.0.254,255.255.255.0,600s\n\
             dhcp-option=option:router,10.42.0.1\n"
        );
        assert_eq!(text("network.dhcp.enabled = false"), None);
    }

    #[test]
    fn dhcp_alone_leaves_port_53_and_names_no_server() {
        let out = text("network.dhcp.dns-server = false").unwrap();
        assert!(out.contains("\nport=0\n") && out.contains("\ndhcp-option=option:dns-server\n"));
        let out = text("network.dhcp.dns = [\"9.9.9.9\", \"2620:fe::fe\"]").unwrap();
        assert!(out.contains("\ndhcp-option=option:dns-server,9.9.9.9\n"), "{out}");
        assert!(out.contains("\ndhcp-option=option6:dns-server,[2620:fe::fe]\n"), "{out}");
    }

    #[test]
    fn reserved_addresses_are_in_no_range() {
        let out = text(
            "[network]\nreserved = [{ address = \"10.42.0.10\" }, { address = \"10.42.0.50\" }, \
             { address = \"10.42.0.51\" }, { address = \"10.42.0.254\" }, { address = \"10.42.0.5\" }]",
        )
        .unwrap();
        let ranges: Vec<&str> =
            out.lines().filter_map(|line| line.strip_prefix("dhcp-range=")).collect();
        assert_eq!(
            ranges,
            [
                "10.42.0.11,10.42.0.49,255.255.255.0,600s",
                "10.42.0.52,10.42.0.253,255.255.255.0,600s"
            ]
        );
    }

    #[test]
    fn more_is_told_where_the_file_has_more() {
        let out = text(
            "[network.dhcp]\ndomain = \"lab.example\"\nntp = [\"10.42.0.1\", \"192.0.2.7\"]\n\
             routes = [{ to = \"192.168.10.0/25\", via = \"10.42.0.2\" }]",
        )
        .unwrap();
        for line in [
            "domain-name,lab.example",
            "domain-search,lab.example",
            "ntp-server,10.42.0.1,192.0.2.7",
            "classless-static-route,192.168.10.0/25,10.42.0.2,0.0.0.0/0,10.42.0.1",
        ] {
            assert!(out.contains(&format!("\ndhcp-option=option:{line}\n")), "{line}\n{out}");
        }
    }

    #[test]
    fn a_hub_serves_its_own_bridge_too() {
        let out = text(
            "[network]\nvlan = [{ parent = \"bond0\", id = 1000, addresses = [\"192.168.10.2/25\"] }]\n\
             [network.dhcp]\nenabled = true\ninterface = \"bond0.1000\"\ndns = [\"192.0.2.53\"]\n\
             also = [{ interface = \"br-mvm\" }]",
        )
        .unwrap();
        let lines = out.lines().filter(|line| {
            ["interface=", "dhcp-range=", "dhcp-option="].iter().any(|key| line.starts_with(key))
        });
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [
                "interface=bond0.1000",
                "dhcp-range=set:main,192.168.10.10,192.168.10.126,255.255.255.128,600s",
                "dhcp-option=tag:main,option:router,192.168.10.2",
                "dhcp-option=tag:main,option:dns-server,192.0.2.53",
                "interface=br-mvm",
                "dhcp-range=set:also0,10.42.0.10,10.42.0.254,255.255.255.0,600s",
                "dhcp-option=tag:also0,option:router,10.42.0.1",
            ]
        );
    }

    #[test]
    fn reservations_and_ipv6() {
        let out = text(
            "[network.bridge]\naddresses = [\"10.42.0.1/24\", \"fd00:42::1/64\"]\n\
             [network.dhcp]\nreservations = [\n\
             { mac = \"aa:fc:00:00:00:01\", address = \"10.42.0.9\", name = \"cp-0\" },\n\
             { mac = \"aa:fc:00:00:00:02\", address = \"fd00:42::9\" }]",
        )
        .unwrap();
        assert!(out.contains("\ndhcp-host=aa:fc:00:00:00:01,10.42.0.9,cp-0\n"), "{out}");
        assert!(out.contains("\ndhcp-host=aa:fc:00:00:00:02,[fd00:42::9]\n"), "{out}");
        assert!(out.contains("\ndhcp-range=fd00:42::,static,ra-stateless,64,600s\n"), "{out}");
        assert!(out.contains("\nenable-ra\n"), "{out}");
    }
}
