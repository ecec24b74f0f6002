//! nftables' trace of single packets: marks on them, and what the kernel tells of their way.
//!
//! The marks stand in tables that end with the socket that made them, even by a kill.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt,
    socket, sockopt,
};

use super::marks::{self, Mark};
use super::{BUFFER, Nftables, ROOM, messages};
use crate::error::Error;

/// Of linux/netfilter/nfnetlink.h: the group NFNLGRP_NFTRACE, as a bit.
const GROUP: u32 = 1 << 8;
/// nf_tables is subsystem 10; NFT_MSG_TRACE.
const TRACE: u16 = 10 << 8 | 17;
/// Of linux/netfilter/nf_tables.h: the attributes of a trace.
const TABLE: u16 = 1;
const CHAIN: u16 = 2;
const HANDLE: u16 = 3;
const VERDICT: u16 = 5;
const PACKET: u16 = 6;
const POLICY: u16 = 16;
/// The first attribute of a verdict.
const CODE: u16 = 1;
/// What tells that an attribute holds others, or has its bytes in the order of networks.
const FLAGS: u16 = 0xc000;
/// The header of netfilter, of which the first byte is the family.
const HEADER: usize = 4;
const DROP: u32 = 0;

/// Marks, and the socket that hears of the packets that have one.
#[derive(Debug)]
pub struct Trace {
    /// With it the tables end.
    _marks: Nftables,
    socket: OwnedFd,
}

/// What a rule or the policy of a chain said of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The same for all that is told of one packet.
    pub packet: u32,
    /// In nft's words; empty for one that is not known.
    pub family: &'static str,
    /// NFTA_TRACE_TABLE: the table that the rule or the policy is in.
    pub table: String,
    /// NFTA_TRACE_CHAIN: the chain in that table.
    pub chain: String,
    /// The kernel's number of the rule; `None` for a policy.
    pub rule: Option<u64>,
    /// Whether the packet ends here.
    pub drops: bool,
}

/// Sockets that stay in the network namespace in which they were opened.
#[derive(Debug)]
pub struct Listener {
    rules: Nftables,
    socket: OwnedFd,
}

impl Listener {
    /// Opens them in the network namespace of this thread.
    ///
    /// # Errors
    /// They could not be opened.
    pub fn open() -> Result<Self, Error> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let failed = |errno: Errno| Error::Connect(errno.into());
        let protocol = SockProtocol::NetlinkNetFilter;
        let socket =
            socket(AddressFamily::Netlink, SockType::Raw, flags, protocol).map_err(failed)?;
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &ROOM);
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUP)).map_err(failed)?;
        Ok(Self { rules: Nftables::connect()?, socket })
    }

    /// Has the kernel tell of the packets that `marks` are for. Kernels have no tables of bridges
    /// where the module is missing; there these are not marked before they are packets of IP.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn mark(self, table: &str, marks: &[Mark]) -> Result<Trace, Error> {
        let failed = |errno: Errno| Error::Transaction { source: errno.into() };
        let load = |bridge| {
            let message = marks::marks(table, marks, bridge);
            self.rules.exchange(&message, &mut |_, _| {})
        };
        load(false).map_err(failed)?;
        if let Err(errno) = load(true) {
            log::debug!("no trace of frames of bridges: {errno}");
        }
        Ok(Trace { _marks: self.rules, socket: self.socket })
    }
}

impl Trace {
    /// What was told since it was asked last.
    pub fn events(&self) -> Vec<Event> {
        let (mut found, mut buffer) = (Vec::new(), vec![0; BUFFER]);
        loop {
            match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(read) => {
                    let traces = messages(buffer.get(..read).unwrap_or_default());
                    let traces = traces.filter(|message| message.message_type() == TRACE);
                    found.extend(traces.filter_map(|message| event(message.payload())));
                }
                // More was told than there was room for.
                Err(Errno::EINTR | Errno::ENOBUFS) => {}
                Err(_) => return found,
            }
        }
    }
}

fn event(payload: &[u8]) -> Option<Event> {
    let family = match payload.first()? {
        1 => "inet",
        2 => "ip",
        5 => "netdev",
        7 => "bridge",
        10 => "ip6",
        _ => "",
    };
    let attributes: Vec<(u16, &[u8])> = attributes(payload.get(HEADER..)?);
    let find =
        |kind: u16| attributes.iter().find(|(found, _)| *found == kind).map(|(_, value)| *value);
    let word = |kind: u16| find(kind).map(text);
    let number = |kind: u16| find(kind).and_then(four);
    let verdict = find(VERDICT).and_then(|verdict| {
        let inner = self::attributes(verdict);
        inner.iter().find(|(kind, _)| *kind == CODE).and_then(|(_, value)| four(value))
    });
    Some(Event {
        packet: number(PACKET)?,
        family,
        table: word(TABLE)?,
        chain: word(CHAIN)?,
        rule: find(HANDLE).and_then(|bytes| bytes.first_chunk().copied()).map(u64::from_be_bytes),
        drops: verdict == Some(DROP) || number(POLICY) == Some(DROP),
    })
}

fn attributes(bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut rest = bytes;
    let mut found = Vec::new();
    // length and kind, each in two bytes, and the value, filled up to four.
    while let Some((length, kind)) = rest.first_chunk::<4>().map(|head| {
        let two = |at: usize| u16::from_ne_bytes([head[at], head[at + 1]]);
        (usize::from(two(0)), two(2) & !FLAGS)
    }) {
        let Some(value) = rest.get(4..length) else { break };
        found.push((kind, value));
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn four(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().copied().map(u32::from_be_bytes)
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len() + 4).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn trace_message(more: &[Vec<u8>]) -> Vec<u8> {
        let begin = [
            vec![2, 0, 0, 0],
            attribute(PACKET, &7_u32.to_be_bytes()),
            attribute(TABLE, b"filter\0"),
            attribute(CHAIN, b"FORWARD\0"),
        ];
        [begin.concat(), more.concat()].concat()
    }

    #[test]
    fn a_rule_and_a_policy_that_drop_are_told_apart() {
        let code = |code: u32| attribute(VERDICT | 0x8000, &attribute(CODE, &code.to_be_bytes()));
        let handle = attribute(HANDLE, &21_u64.to_be_bytes());
        let by_rule = event(&trace_message(&[handle.clone(), code(0)])).unwrap();
        assert_eq!((by_rule.family, by_rule.table.as_str()), ("ip", "filter"));
        assert_eq!(
            (by_rule.chain.as_str(), by_rule.rule, by_rule.drops),
            ("FORWARD", Some(21), true)
        );
        assert!(!event(&trace_message(&[handle, code(1)])).unwrap().drops);
        let policy = event(&trace_message(&[attribute(POLICY, &0_u32.to_be_bytes())])).unwrap();
        assert_eq!((policy.rule, policy.drops), (None, true));
        assert!(!event(&trace_message(&[attribute(POLICY, &1_u32.to_be_bytes())])).unwrap().drops);
    }

    #[test]
    fn what_is_cut_off_is_none_or_less() {
        let whole = trace_message(&[attribute(HANDLE, &21_u64.to_be_bytes())]);
        for length in 0..whole.len() {
            let _ = event(&whole[..length]);
        }
        assert_eq!(event(&[]), None);
        assert_eq!(event(&[2, 0, 0, 0, 3, 0, 1, 0]), None);
    }
}
