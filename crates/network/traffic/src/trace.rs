//! What the kernel tells of the test packets, and what came of a packet by that.

use mvm_firewalls::{Dropped, End, Purpose};
use mvm_network_kernel::trace::{Event, Listener, Mark, Trace};
use nix::unistd::gettid;

use crate::packet::{ADVERTISEMENT, SERVICE, SOLICITATION};

/// What the name of the table of marks begins with.
const TABLE: &str = "mvmhost-probe-";
/// Numbers of protocols.
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
/// Where a message of DHCP has the client's hardware address, after the header of UDP.
const CLIENT: u32 = 8 + 28;

/// A packet's end, with the kernel's number of the rule that dropped it.
pub(crate) type PacketEnd = (End, Option<u64>);

/// The packets that were sent: on which way, whether of IPv6, and their ends.
pub(crate) type Packets = Vec<(Purpose, bool, PacketEnd)>;

/// The port that the sender has, and what the kernel tells of its packets; `None` where it has no
/// nftables.
pub(crate) fn traced(listener: Listener, card: [u8; 6]) -> (u16, Option<Trace>) {
    let number = gettid().as_raw();
    let sender = 40_000 + u16::try_from(number.rem_euclid(20_000)).unwrap_or_default();
    let table = format!("{TABLE}{number}");
    let trace = listener.mark(&table, &marks(card, sender));
    let trace = trace.inspect_err(|error| log::debug!("no trace: {error}")).ok();
    (sender, trace)
}

/// Everything that is sent, and what answers it.
fn marks(card: [u8; 6], port: u16) -> Vec<Mark> {
    let mark = |answer, protocol, from: u16, to: u16| Mark {
        answer,
        protocol,
        begins: [from.to_be_bytes(), to.to_be_bytes()].concat(),
        carries: None,
    };
    let client = |mark| Mark { carries: Some((CLIENT, card.to_vec())), ..mark };
    let router =
        |answer, kind| Mark { answer, protocol: ICMPV6, begins: vec![kind], carries: None };
    vec![
        mark(false, TCP, port, SERVICE),
        mark(false, TCP, SERVICE, port),
        client(mark(false, UDP, 68, 67)),
        client(mark(true, UDP, 67, 68)),
        mark(false, UDP, port, 53),
        mark(true, UDP, 53, port),
        router(false, SOLICITATION),
        router(true, ADVERTISEMENT),
    ]
}

/// What came of a packet that arrived or did not.
pub(crate) fn packet_end(trace: Option<&Trace>, arrived: bool) -> PacketEnd {
    if arrived { (End::Arrived(None), None) } else { lost(trace) }
}

/// Throws away what was told so far.
pub(crate) fn begin(trace: Option<&Trace>) {
    if let Some(trace) = trace {
        trace.events();
    }
}

/// Why a packet did not arrive, by what the kernel told of it since it was asked last.
pub(crate) fn lost(trace: Option<&Trace>) -> PacketEnd {
    let Some(trace) = trace else {
        return (End::Lost("nftables tell nothing here".to_owned()), None);
    };
    let events = trace.events();
    let Some(at) = events.iter().rposition(|event| event.drops) else {
        let others = |event: &&Event| !event.table.starts_with(TABLE);
        let why = match events.iter().rfind(others) {
            Some(Event { family, table, chain, .. }) => {
                format!("the last chain that it passed is {family} {table} {chain}")
            }
            None if events.is_empty() => "it did not come to any rule".to_owned(),
            None => "it came to the rules, and no chain of nftables has seen it".to_owned(),
        };
        return (End::Lost(why), None);
    };
    let Some(event) = events.get(at) else { return (End::Lost(String::new()), None) };
    let before = events.iter().take(at).filter(|other| {
        (other.packet, other.family, &other.table) == (event.packet, event.family, &event.table)
            && other.chain != event.chain
    });
    let dropped = Dropped {
        family: event.family.to_owned(),
        table: event.table.clone(),
        chain: event.chain.clone(),
        rule: String::new(),
        through: before.map(|other| other.chain.clone()).collect(),
    };
    (End::Dropped(dropped), event.rule)
}
