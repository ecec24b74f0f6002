//! From the planned table to the kernel's messages. Nothing is sent here.

use ipnet::IpNet;
use mvm_plan::nat::{Action, Chain, Kind as Purpose, Match, Rule, Table};
use netlink_packet_netfilter::nftables::{
    Bitwise, ChainAttribute, ChainMessage, ChecksumType, Cmp, DataAttribute, ExpressionAttribute,
    Expressions, Hook, Immediate, InetHookNumber, ListAttribute, Meta, MetaKey, NfTablesMessage,
    Operator, Payload, Register, RuleAttribute, RuleMessage, SetAttribute, SetMessage,
    TableAttribute, TableMessage,
};
use netlink_packet_netfilter::none::ControlMessage;
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use rtnetlink::packet_core::{
    DefaultNla, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST,
    NetlinkHeader, NetlinkMessage,
};

use super::listing::Kind;

/// The name of the table.
pub(super) const TABLE: &str = "mvmhost";
/// nf_tables' number among the parts of netfilter, of linux/netfilter/nfnetlink.h.
const NFTABLES: u16 = 10;
/// linux/netfilter.h: what accepts.
const ACCEPT: u32 = 1;
/// linux/netfilter_ipv4.h and nft(8): where `srcnat` and `filter` stand in a hook.
const SRCNAT: u32 = 100;
const FILTER: u32 = 0;
/// The bases of a payload, of linux/netfilter/nf_tables.h.
const NETWORK: u32 = 1;
const TRANSPORT: u32 = 2;
/// Addresses in the headers of IPv4 and IPv6: offset of the sender's, of the receiver's, length.
const IPV4: (u8, u32, u32, u32) = (2, 12, 16, 4);
const IPV6: (u8, u32, u32, u32) = (10, 8, 24, 16);
const UDP: u8 = 17;
/// Where a UDP header has its checksum, and how long that is.
const UDP_CHECKSUM: (u32, u32) = (6, 2);
/// What an interface's name is padded to.
const IFNAMSIZ: usize = 16;

/// Asks for everything of a kind that the table has, or for the table itself.
pub(super) fn list(kind: Kind) -> Vec<u8> {
    let name = || vec![DefaultNla::new(1, [TABLE.as_bytes(), &[0]].concat())];
    let table = TABLE.to_owned();
    let question = match kind {
        Kind::Table => NfTablesMessage::GetTable(TableMessage { attributes: named() }),
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
pub(super) fn get_chain(name: &str) -> Vec<u8> {
    let attributes =
        vec![ChainAttribute::Table("filter".to_owned()), ChainAttribute::Name(name.to_owned())];
    let question = NfTablesMessage::GetChain(ChainMessage { attributes });
    bytes(NLM_F_ACK, NetfilterProtoFamily::IPv4, 0, question)
}

/// The transaction that makes the table, or replaces it.
pub(super) fn load(table: &Table, replace: bool) -> Vec<u8> {
    let new = || NfTablesMessage::NewTable(TableMessage { attributes: named() });
    let mut messages = Vec::new();
    if replace {
        // What is there can be deleted, and what is not there is made before.
        let old = NfTablesMessage::DeleteTable(TableMessage { attributes: named() });
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
    let attributes = named();
    batch(vec![(0, NfTablesMessage::DeleteTable(TableMessage { attributes }))])
}

/// Begin and end of a transaction around `messages`, the last of which is acknowledged: kernels before
/// 6.10 do not acknowledge the end.
fn batch(mut messages: Vec<(u16, NfTablesMessage)>) -> Vec<u8> {
    let edge = |edge: ControlMessage| bytes(0, NetfilterProtoFamily::Unspec, NFTABLES, edge);
    if let Some((flags, _)) = messages.last_mut() {
        *flags |= NLM_F_ACK;
    }
    let inner = messages
        .into_iter()
        .flat_map(|(flags, message)| bytes(flags, NetfilterProtoFamily::Inet, 0, message));
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

fn named() -> Vec<TableAttribute> {
    vec![TableAttribute::Name(TABLE.to_owned())]
}

fn hooked(chain: &Chain) -> ChainMessage {
    let priority = match chain.kind {
        Purpose::Nat => SRCNAT,
        Purpose::Filter => FILTER,
    };
    let hook = vec![Hook::Number(InetHookNumber::PostRouting.into()), Hook::Priority(priority)];
    let attributes = vec![
        ChainAttribute::Table(TABLE.to_owned()),
        ChainAttribute::Name(chain.name.to_owned()),
        ChainAttribute::Hook(hook),
        ChainAttribute::Policy(ACCEPT),
        ChainAttribute::Type(chain.kind.words().0.to_owned()),
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
        Match::NotOutBy(name) => {
            vec![meta(MetaKey::Oifname), compare(Operator::NotEqual, &padded(name))]
        }
        Match::Udp { source, destination } => vec![
            meta(MetaKey::L4Proto),
            compare(Operator::Equal, &[UDP]),
            read(TRANSPORT, 0, 4),
            compare(Operator::Equal, &[source.to_be_bytes(), destination.to_be_bytes()].concat()),
        ],
    }
}

fn acting(action: Action) -> Vec<Expressions> {
    match action {
        Action::Masquerade => {
            vec![Expressions::Other { expression_type: "masq".to_owned(), attributes: Vec::new() }]
        }
        Action::ClearUdpChecksum => {
            let (offset, length) = UDP_CHECKSUM;
            let zero = Immediate::Data(DataAttribute::Value(vec![0; 2]));
            let written = vec![
                Payload::SourceRegister(Register::Reg1),
                Payload::Base(TRANSPORT),
                Payload::Offset(offset),
                Payload::Len(length),
                Payload::CsumType(ChecksumType::Inet),
                Payload::CsumOffset(offset),
            ];
            let loaded = vec![Immediate::DestinationRegister(Register::Reg1), zero];
            vec![Expressions::Immediate(loaded), Expressions::Payload(written)]
        }
    }
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
        all.push(Expressions::Bitwise(vec![
            Bitwise::SourceRegister(Register::Reg1),
            Bitwise::DestinationRegister(Register::Reg1),
            Bitwise::Length(length),
            Bitwise::Xor(DataAttribute::Value(vec![0; mask.len()])),
            Bitwise::Mask(DataAttribute::Value(mask)),
        ]));
    }
    all.push(compare(operator, &octets(net.network())));
    all
}

fn meta(key: MetaKey) -> Expressions {
    Expressions::Meta(vec![Meta::DestinationRegister(Register::Reg1), Meta::Key(key)])
}

fn read(base: u32, offset: u32, length: u32) -> Expressions {
    Expressions::Payload(vec![
        Payload::DestinationRegister(Register::Reg1),
        Payload::Base(base),
        Payload::Offset(offset),
        Payload::Len(length),
    ])
}

fn compare(operator: Operator, value: &[u8]) -> Expressions {
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
