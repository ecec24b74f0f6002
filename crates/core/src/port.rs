//! Whether an endpoint is free for a server that is about to start, and who has it if not.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::AsRawFd;

use crate::Roots;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, setsockopt, socket, sockopt,
};

use crate::processes;

/// What became of the attempt to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// A server can listen there.
    Free,
    /// Somebody else listens there.
    Taken {
        /// The process, where /proc shows it.
        pid: Option<i32>,
        /// Its short name, where /proc shows it.
        comm: Option<String>,
    },
    /// No interface has the address, or no address has the name.
    NoSuchAddress,
    /// Refused for another reason, e.g. a port below 1024 without the right to it.
    Refused(String),
}

/// Tries to listen on `host:port` as Go's `net.Listen("tcp", ..)` does: with SO_REUSEADDR (which
/// std sets), on the first IPv4 address of a name and else on its first address; an empty host is
/// every interface. The attempt is over when this returns; a connection that comes meanwhile is
/// reset.
pub fn probe(roots: &Roots, host: &str, port: u16) -> Port {
    let Some(address) = resolve(host, port) else {
        return Port::NoSuchAddress;
    };
    match TcpListener::bind(address) {
        Ok(_) => Port::Free,
        Err(error) => refusal(roots, &TCP, address, &error),
    }
}

/// Tries to bind a UDP port as dnsmasq does, with SO_REUSEADDR: another server that shares it is no
/// conflict. `None` is every address.
pub fn probe_udp(roots: &Roots, address: Option<IpAddr>, port: u16) -> Port {
    let address = SocketAddr::new(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), port);
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let bound = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).and_then(|fd| {
        setsockopt(&fd, sockopt::ReuseAddr, &true)?;
        bind(fd.as_raw_fd(), &SockaddrStorage::from(address))
    });
    match bound {
        Ok(()) => Port::Free,
        Err(errno) => refusal(roots, &UDP, address, &errno.into()),
    }
}

/// Whether somebody takes what comes to this UDP port, on whatever interface.
///
/// # Errors
/// When the kernel's table cannot be read.
pub fn has_udp_server(roots: &Roots, port: u16) -> io::Result<bool> {
    let table = BufReader::new(File::open(roots.at(UDP.tables[0]))?);
    let mut lines = table.lines().map_while(Result::ok);
    Ok(lines.any(|line| listening(&line, UDP.state).is_some_and(|(at, _)| at.port() == port)))
}

/// The kernel's tables of a protocol, and the state of a socket that is a server's.
struct Protocol {
    tables: [&'static str; 2],
    state: &'static str,
}

/// LISTEN is 0A.
const TCP: Protocol = Protocol { tables: ["/proc/net/tcp", "/proc/net/tcp6"], state: "0A" };
/// A UDP socket without a peer is in state CLOSE, 07.
const UDP: Protocol = Protocol { tables: ["/proc/net/udp", "/proc/net/udp6"], state: "07" };

fn resolve(host: &str, port: u16) -> Option<SocketAddr> {
    if host.is_empty() {
        // Go listens on [::], which takes IPv4 too; without IPv6 the kernel refuses that one.
        let every = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let ipv6 = !matches!(TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)),
            Err(error) if error.raw_os_error() == Some(nix::libc::EAFNOSUPPORT));
        return Some(if ipv6 { every } else { (Ipv4Addr::UNSPECIFIED, port).into() });
    }
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().ok()?.collect();
    found.iter().find(|address| address.is_ipv4()).or_else(|| found.first()).copied()
}

fn refusal(roots: &Roots, protocol: &Protocol, address: SocketAddr, error: &io::Error) -> Port {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let inode = listener(roots, protocol, address);
            let pid = inode.and_then(|inode| processes::holder_of_socket(roots, inode));
            Port::Taken { pid, comm: pid.and_then(|pid| processes::name(roots, pid)) }
        }
        io::ErrorKind::AddrNotAvailable => Port::NoSuchAddress,
        _ => Port::Refused(error.to_string()),
    }
}

/// The inode of the socket that listens where `address` cannot.
fn listener(roots: &Roots, protocol: &Protocol, address: SocketAddr) -> Option<u64> {
    protocol.tables.iter().find_map(|path| {
        let lines = BufReader::new(File::open(roots.at(path)).ok()?).lines().map_while(Result::ok);
        lines.filter_map(|line| listening(&line, protocol.state)).find_map(|(local, inode)| {
            let same_port = local.port() == address.port();
            (same_port && meets(local.ip(), address.ip())).then_some(inode)
        })
    })
}

fn meets(a: IpAddr, b: IpAddr) -> bool {
    a.to_canonical() == b.to_canonical() || a.is_unspecified() || b.is_unspecified()
}

/// Address and inode of a line of /proc/net/{tcp,udp}{,6} whose socket is in this state.
fn listening(line: &str, expected_state: &str) -> Option<(SocketAddr, u64)> {
    let mut fields = line.split_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?.parse().ok()?;
    (state == expected_state).then_some((endpoint(local)?, inode))
}

/// `0100007F:2382`: each 32-bit word of the address as this machine stores it, then the port.
fn endpoint(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes)
    };
    let ip = match address.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_probe(host: &str, port: u16) -> Port {
        probe(&Roots::new("/"), host, port)
    }

    #[test]
    fn a_taken_port_names_its_holder() {
        for (host, other) in
            [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", ""), ("0.0.0.0", "localhost")]
        {
            let socket = TcpListener::bind((host, 0)).unwrap();
            let port = socket.local_addr().unwrap().port();
            match own_probe(other, port) {
                Port::Taken { pid, comm } => {
                    assert_eq!(pid, i32::try_from(std::process::id()).ok(), "{host} {other}");
                    assert!(comm.is_some());
                }
                found => panic!("{host} {other}: {found:?}"),
            }
            drop(socket);
            assert_eq!(own_probe(other, port), Port::Free);
            assert_eq!(own_probe(other, port), Port::Free, "the attempt leaves nothing behind");
        }
    }

    #[test]
    fn a_udp_server_that_shares_is_no_conflict_and_another_is_named() {
        let roots = Roots::new("/");
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        for address in [None, Some(IpAddr::from([127, 0, 0, 1]))] {
            let Port::Taken { pid, .. } = probe_udp(&roots, address, port) else { panic!() };
            assert_eq!(pid, i32::try_from(std::process::id()).ok());
        }
        assert!(has_udp_server(&roots, port).unwrap());
        setsockopt(&server, sockopt::ReuseAddr, &true).unwrap();
        assert_eq!(probe_udp(&roots, None, port), Port::Free);
    }

    #[test]
    fn an_address_of_nobody_is_told_apart() {
        assert_eq!(own_probe("192.0.2.1", 9090), Port::NoSuchAddress);
        assert_eq!(own_probe("no-such-host.invalid", 9090), Port::NoSuchAddress);
    }

    #[test]
    fn reads_the_kernels_lines() {
        let v4 = "   0: 0100007F:2382 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000 100 0";
        let v6 = "   1: 00000000000000000000000001000000:2382 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 777 1";
        assert_eq!(listening(v4, TCP.state), Some(("127.0.0.1:9090".parse().unwrap(), 12345)));
        assert_eq!(listening(v6, TCP.state), Some(("[::1]:9090".parse().unwrap(), 777)));
        assert_eq!(
            listening(&v4.replace(" 0A ", " 01 "), TCP.state),
            None,
            "a connection is no listener"
        );
        for broken in ["", "  sl  local_address rem_address   st", "0: zz:zz 0 0A 0 0 0 0 0 0"] {
            assert_eq!(listening(broken, TCP.state), None);
        }
    }
}
