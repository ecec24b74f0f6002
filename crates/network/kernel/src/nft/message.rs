//! From the planned table to the kernel's messages. Nothing is sent here.

use ipnet::IpNet;
use mvm_network_plan::nat::{Action, Chain, Kind as Purpose, Match, Rule, Table};
use netlink_packet_netfilter::nftables::{
    Bitwise, ChainAttribute, ChainMessage, ChecksumType, Cmp, DataAttribute, ExpressionAttribute,
    Expressions, GenMessage, Hook, Immediate, InetHookNumber, ListAttribute, Meta, MetaKey,
    NfTablesMessage, Operator, Payload, Register, RuleAttribute, RuleMessage, SetAttribute,
    SetMessage, TableAttribute, TableMessage, Verdict, VerdictAttribute,
};
use netlink_packet_netfilter::none::ControlMessage;
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use rtnetlink::packet_core::{
    DefaultNla, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST,
    NetlinkHeader, NetlinkMessage,
};

use super::kind::{Kind, TABLE};

/// nf_tables' number among the parts of netfilter, of linux/netfilter/nfnetlink.h.
const NFTABLES: u16 = 10;
/// linux/netfilter.h: what drops and what accepts.
const DROP: u32 = 0;
pub(super) const ACCEPT: u32 = 1;
/// linux/netfilter_ipv4.h and nft(8): where `srcnat` and `filter` stand in a hook.
const SRCNAT: u32 = 100;
const FILTER: u32 = 0;
/// `mangle`, which is -150: the kernel reads the number with its sign.
const MANGLE: u32 = 0_u32.wrapping_sub(150);
/// The bases of a payload, of linux/netfilter/nf_tables.h.
const NETWORK: u32 = 1;
pub(super) const TRANSPORT: u32 = 2;
/// Addresses in the headers of IPv4 and IPv6: offset of the sender's, of the receiver's, length.
const IPV4: (u8, u32, u32, u32) = (2, 12, 16, 4);
const IPV6: (u8, u32, u32, u32) = (10, 8, 24, 16);
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
/// The type of an ICMPv6 message (RFC 4861).
const ROUTER_ADVERTISEMENT: u8 = 134;
/// The byte of a TCP header that holds this flag.
const TCP_SYN: (u32, u8) = (13, 0x02);
/// The option of TCP that says how much may be sent at once.
const MAXSEG: u8 = 2;
/// Where a UDP header has its checksum, and how long that is.
const UDP_CHECKSUM: (u32, u32) = (6, 2);
/// What an interface's name is padded to.
const IFNAMSIZ: usize = 16;

/// Asks for everything of a kind that the table has, or for the table itself.
pub(super) fn list(kind: Kind) -> Vec<u8> {
    let name = || vec![DefaultNla::new(1, [TABLE.as_bytes(), &[0]].concat())];
    let table = TABLE.to_owned();
    let question = match kind {
        Kind::Table => NfTablesMessage::GetTable(TableMessage { attributes: own_table() }),
        Kind::Chain => NfTablesMessage::GetChain(ChainMessage { attributes: Vec::new() }),
        Kind::Rule => {
            NfTablesMessage::GetRule(RuleMessage { attributes: vec![RuleAttribute::Table(table)] })
        }
        Kind::Set => {
            NfTablesMessage::GetSet(SetMessage { attributes: vec![SetAttribute::Table(table)] })
        }
        Kind::Object => NfTablesMessage::GetObject(name()),
        Kind::Flowtable => NfTablesMessage::GetFlowTable(name()),
    };
    let flags = if kind == Kind::Table { NLM_F_ACK } else { NLM_F_DUMP };
    bytes(flags, NetfilterProtoFamily::Inet, 0, question)
}

/// Asks for one chain of the table `ip filter`.
pub(super) fn get_chain(name: &str, v6: bool) -> Vec<u8> {
    let attributes =
        vec![ChainAttribute::Table("filter".to_owned()), ChainAttribute::Name(name.to_owned())];
    let question = NfTablesMessage::GetChain(ChainMessage { attributes });
    let family = if v6 { NetfilterProtoFamily::IPv6 } else { NetfilterProtoFamily::IPv4 };
    bytes(NLM_F_ACK, family, 0, question)
}

/// Asks how often the rules have been changed.
pub(super) fn generation() -> Vec<u8> {
    let question = NfTablesMessage::GetGen(GenMessage { attributes: Vec::new() });
    bytes(NLM_F_ACK, NetfilterProtoFamily::Unspec, 0, question)
}

/// The transaction that makes the table, or replaces it.
pub(super) fn load(table: &Table, replace: bool) -> Vec<u8> {
    let new = || NfTablesMessage::NewTable(TableMessage { attributes: own_table() });
    let mut messages = Vec::new();
    if replace {
        // What is there can be deleted, and what is not there is made before.
        let old = NfTablesMessage::DeleteTable(TableMessage { attributes: own_table() });
        messages.extend([(NLM_F_CREATE, new()), (0, old), (NLM_F_CREATE, new())]);
    } else {
        messages.push((NLM_F_CREATE | NLM_F_EXCL, new()));
    }
    for chain in &table.chains {
        messages.push((NLM_F_CREATE, NfTablesMessage::NewChain(hooked(chain))));
        let rules = chain.rules.iter().map(|rule| {
            (NLM_F_CREATE | NLM_F_APPEND, NfTablesMessage::NewRule(in_chain(chain, rule)))
        });
        messages.extend(rules);
    }
    batch(messages)
}

/// The transaction that takes the table away.
pub(super) fn remove() -> Vec<u8> {
    let attributes = own_table();
    batch(vec![(0, NfTablesMessage::DeleteTable(TableMessage { attributes }))])
}

fn batch(messages: Vec<(u16, NfTablesMessage)>) -> Vec<u8> {
    batch_of(NetfilterProtoFamily::Inet, messages)
}

/// Begin and end of a transaction around `messages`, the last of which is acknowledged: kernels before
/// 6.10 do not acknowledge the end.
pub(super) fn batch_of(
    family: NetfilterProtoFamily,
    mut messages: Vec<(u16, NfTablesMessage)>,
) -> Vec<u8> {
    let edge = |edge: ControlMessage| bytes(0, NetfilterProtoFamily::Unspec, NFTABLES, edge);
    if let Some((flags, _)) = messages.last_mut() {
        *flags |= NLM_F_ACK;
    }
    let inner = messages.into_iter().flat_map(|(flags, message)| bytes(flags, family, 0, message));
    let begin = edge(ControlMessage::BatchBegin).into_iter();
    begin.chain(inner).chain(edge(ControlMessage::BatchEnd)).collect()
}

/// One message with its headers.
fn bytes(
    flags: u16,
    family: NetfilterProtoFamily,
    res_id: u16,
    inner: impl Into<NetfilterMessageInner>,
) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let inner = NetfilterMessage::new(NetfilterHeader::new(family, 0, res_id), inner);
    let mut message = NetlinkMessage::new(header, inner.into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

fn own_table() -> Vec<TableAttribute> {
    vec![TableAttribute::Name(TABLE.to_owned())]
}

fn hooked(chain: &Chain) -> ChainMessage {
    let (number, priority) = match chain.kind {
        Purpose::Nat => (InetHookNumber::PostRouting, SRCNAT),
        Purpose::Filter => (InetHookNumber::PostRouting, FILTER),
        Purpose::Forward => (InetHookNumber::Forward, MANGLE),
        Purpose::Input => (InetHookNumber::LocalIn, FILTER),
        Purpose::Output => (InetHookNumber::LocalOut, FILTER),
    };
    let hook = vec![Hook::Number(number.into()), Hook::Priority(priority)];
    let attributes = vec![
        ChainAttribute::Table(TABLE.to_owned()),
        ChainAttribute::Name(chain.name.to_owned()),
        ChainAttribute::Hook(hook),
        ChainAttribute::Policy(ACCEPT),
        ChainAttribute::Type(chain.kind.type_hook_priority().0.to_owned()),
    ];
    ChainMessage { attributes }
}

fn in_chain(chain: &Chain, rule: &Rule) -> RuleMessage {
    let expressions = rule.matches.iter().flat_map(matching).chain(acting(rule.action));
    let expressions = expressions.map(ListAttribute::<ExpressionAttribute>::from).collect();
    let attributes = vec![
        RuleAttribute::Table(TABLE.to_owned()),
        RuleAttribute::Chain(chain.name.to_owned()),
        RuleAttribute::Expressions(expressions),
    ];
    RuleMessage { attributes }
}

/// The expressions that nft makes of the same words, so that it lists them as these.
fn matching(found: &Match) -> Vec<Expressions> {
    match found {
        Match::From(net) => {
            let mut all = vec![meta(MetaKey::Nfproto), compare(Operator::Equal, &[layout(net).0])];
            all.extend(address(net, layout(net).1, Operator::Equal));
            all
        }
        // The family was compared by `From`, without which this is not used.
        Match::NotTo(net) => address(net, layout(net).2, Operator::NotEqual),
        Match::OutBy(name) => vec![meta(MetaKey::Oifname), compare(Operator::Equal, &padded(name))],
        Match::InBy(name) => vec![meta(MetaKey::Iifname), compare(Operator::Equal, &padded(name))],
        Match::TcpSyn => {
            let (offset, syn) = TCP_SYN;
            let all = [protocol(TCP).to_vec(), vec![read(TRANSPORT, offset, 1), masked(&[syn])]];
            [all.concat(), vec![compare(Operator::NotEqual, &[0])]].concat()
        }
        Match::UdpTo(port) => with_port(2, *port),
        Match::UdpFrom(port) => with_port(0, *port),
        Match::RouterAdvertisement => {
            let kind = [read(TRANSPORT, 0, 1), compare(Operator::Equal, &[ROUTER_ADVERTISEMENT])];
            [protocol(ICMPV6), kind].concat()
        }
        Match::Udp { source, destination } => {
            let ports = [source.to_be_bytes(), destination.to_be_bytes()].concat();
            let both = [read(TRANSPORT, 0, 4), compare(Operator::Equal, &ports)];
            [protocol(UDP), both].concat()
        }
    }
}

/// Compares the protocol above IP.
pub(super) fn protocol(number: u8) -> [Expressions; 2] {
    [meta(MetaKey::L4Proto), compare(Operator::Equal, &[number])]
}

/// UDP, with this port at `offset` of its header.
fn with_port(offset: u32, port: u16) -> Vec<Expressions> {
    let found = [read(TRANSPORT, offset, 2), compare(Operator::Equal, &port.to_be_bytes())];
    [protocol(UDP), found].concat()
}

/// An expression that the library has no words for: its attributes by number.
fn other(name: &str, attributes: &[(u16, &[u8])]) -> Expressions {
    let attributes = attributes.iter().map(|(kind, value)| DefaultNla::new(*kind, value.to_vec()));
    Expressions::Other { expression_type: name.to_owned(), attributes: attributes.collect() }
}

fn acting(action: Action) -> Vec<Expressions> {
    match action {
        Action::Masquerade => {
            vec![Expressions::Other { expression_type: "masq".to_owned(), attributes: Vec::new() }]
        }
        Action::ClampMss => clamp(),
        Action::Drop => vec![dropped()],
        Action::ClearUdpChecksum => {
            let (offset, length) = UDP_CHECKSUM;
            let zero = Immediate::Data(DataAttribute::Value(vec![0; 2]));
            let payload = vec![
                Payload::SourceRegister(Register::Reg1),
                Payload::Base(TRANSPORT),
                Payload::Offset(offset),
                Payload::Len(length),
                Payload::CsumType(ChecksumType::Inet),
                Payload::CsumOffset(offset),
            ];
            let loaded = vec![Immediate::DestinationRegister(Register::Reg1), zero];
            vec![Expressions::Immediate(loaded), Expressions::Payload(payload)]
        }
    }
}

fn dropped() -> Expressions {
    let verdict = DataAttribute::Verdict(vec![VerdictAttribute::Code(Verdict::Other(DROP))]);
    Expressions::Immediate(vec![
        Immediate::DestinationRegister(Register::Verdict),
        Immediate::Data(verdict),
    ])
}

fn layout(net: &IpNet) -> (u8, u32, u32, u32) {
    match net {
        IpNet::V4(_) => IPV4,
        IpNet::V6(_) => IPV6,
    }
}

/// Reads the address at `offset` and compares its network.
fn address(net: &IpNet, offset: u32, operator: Operator) -> Vec<Expressions> {
    let length = layout(net).3;
    let mut all = vec![read(NETWORK, offset, length)];
    let octets = |address: std::net::IpAddr| match address {
        std::net::IpAddr::V4(address) => address.octets().to_vec(),
        std::net::IpAddr::V6(address) => address.octets().to_vec(),
    };
    if net.prefix_len() < net.max_prefix_len() {
        let mask = octets(net.netmask());
        all.push(masked(&mask));
    }
    all.push(compare(operator, &octets(net.network())));
    all
}

/// What was read and this mask.
fn masked(mask: &[u8]) -> Expressions {
    Expressions::Bitwise(vec![
        Bitwise::SourceRegister(Register::Reg1),
        Bitwise::DestinationRegister(Register::Reg1),
        Bitwise::Length(u32::try_from(mask.len()).unwrap_or_default()),
        Bitwise::Xor(DataAttribute::Value(vec![0; mask.len()])),
        Bitwise::Mask(DataAttribute::Value(mask.to_vec())),
    ])
}

/// What nft makes of `tcp option maxseg size set rt mtu`: linux/netfilter/nf_tables.h has the numbers.
/// The kernel takes the lesser MTU of the two directions, and never makes the option larger.
fn clamp() -> Vec<Expressions> {
    let be = u32::to_be_bytes;
    let (register, tcpmss, to_network, of_tcp) = (be(1), be(3), be(1), be(1));
    let (two, offset) = (be(2), be(2));
    vec![
        other("rt", &[(1, &register), (2, &tcpmss)]),
        other(
            "byteorder",
            &[(1, &register), (2, &register), (3, &to_network), (4, &two), (5, &two)],
        ),
        other("exthdr", &[(7, &register), (2, &[MAXSEG]), (3, &offset), (4, &two), (6, &of_tcp)]),
    ]
}

fn meta(key: MetaKey) -> Expressions {
    Expressions::Meta(vec![Meta::DestinationRegister(Register::Reg1), Meta::Key(key)])
}

pub(super) fn read(base: u32, offset: u32, length: u32) -> Expressions {
    Expressions::Payload(vec![
        Payload::DestinationRegister(Register::Reg1),
        Payload::Base(base),
        Payload::Offset(offset),
        Payload::Len(length),
    ])
}

pub(super) fn compare(operator: Operator, value: &[u8]) -> Expressions {
    Expressions::Cmp(vec![
        Cmp::SourceRegister(Register::Reg1),
        Cmp::Op(operator),
        Cmp::Data(DataAttribute::Value(value.to_vec())),
    ])
}

/// The kernel compares all of a name's bytes.
fn padded(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(IFNAMSIZ, 0);
    bytes
}
