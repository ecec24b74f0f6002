//! Marks on packets, of which the kernel tells what rules say of them. Nothing is sent here.

use netlink_packet_netfilter::NetfilterProtoFamily;
use netlink_packet_netfilter::nftables::{
    ChainAttribute, ChainMessage, DataAttribute, ExpressionAttribute, Expressions, Hook, Immediate,
    InetHookNumber, ListAttribute, Meta, MetaKey, NfTablesMessage, Operator, Register,
    RuleAttribute, RuleMessage, TableAttribute, TableFlags, TableMessage,
};
use rtnetlink::packet_core::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL};

use super::message::{ACCEPT, TRANSPORT, batch_of, compare, protocol, read};

/// Where packets arrive, and where this host sends its own; bridges have the same numbers.
const ARRIVES: InetHookNumber = InetHookNumber::PreRouting;
const ANSWERED: InetHookNumber = InetHookNumber::LocalOut;
/// Before iptables' table `raw`, which is -300.
const BEFORE_ALL: u32 = 0_u32.wrapping_sub(500);

/// The transaction that makes a table of `marks`: of frames of bridges, or of packets of IP.
pub(super) fn marks(table: &str, marks: &[Mark], bridge: bool) -> Vec<u8> {
    let family = if bridge { NetfilterProtoFamily::Bridge } else { NetfilterProtoFamily::Inet };
    let attributes =
        vec![TableAttribute::Name(table.to_owned()), TableAttribute::Flags(TableFlags::Owner)];
    let new = NfTablesMessage::NewTable(TableMessage { attributes });
    let mut messages = vec![(NLM_F_CREATE | NLM_F_EXCL, new)];
    for (name, hook) in [("arrives", ARRIVES), ("answered", ANSWERED)] {
        // Frames that this host sends have their marks from IP.
        let marks = marks.iter().filter(|mark| mark.answer == (hook == ANSWERED));
        let mut rules = marks.map(|mark| traced(table, name, mark)).peekable();
        if rules.peek().is_none() || bridge && hook == ANSWERED {
            continue;
        }
        let hook = vec![Hook::Number(hook.into()), Hook::Priority(BEFORE_ALL)];
        let attributes = vec![
            ChainAttribute::Table(table.to_owned()),
            ChainAttribute::Name(name.to_owned()),
            ChainAttribute::Hook(hook),
            ChainAttribute::Policy(ACCEPT),
            ChainAttribute::Type("filter".to_owned()),
        ];
        messages.push((NLM_F_CREATE, NfTablesMessage::NewChain(ChainMessage { attributes })));
        let rules = rules.map(|rule| (NLM_F_CREATE | NLM_F_APPEND, NfTablesMessage::NewRule(rule)));
        messages.extend(rules);
    }
    batch_of(family, messages)
}

/// Which packets the kernel tells of.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Whether this host sends them.
    pub answer: bool,
    /// The number of the protocol above IP.
    pub protocol: u8,
    /// The bytes with which its header begins: both ports, or the type of a message.
    pub begins: Vec<u8>,
    /// Bytes at an offset of that header and of what follows.
    pub carries: Option<(u32, Vec<u8>)>,
}

fn traced(table: &str, chain: &str, mark: &Mark) -> RuleMessage {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or_default();
    let mut all = protocol(mark.protocol).to_vec();
    let begins = &mark.begins;
    all.extend([read(TRANSPORT, 0, length(begins)), compare(Operator::Equal, begins)]);
    if let Some((offset, bytes)) = &mark.carries {
        all.extend([read(TRANSPORT, *offset, length(bytes)), compare(Operator::Equal, bytes)]);
    }
    all.push(Expressions::Immediate(vec![
        Immediate::DestinationRegister(Register::Reg1),
        Immediate::Data(DataAttribute::Value(vec![1])),
    ]));
    all.push(Expressions::Meta(vec![
        Meta::Key(MetaKey::NftraceBit),
        Meta::SourceRegister(Register::Reg1),
    ]));
    let expressions = all.into_iter().map(ListAttribute::<ExpressionAttribute>::from).collect();
    let attributes = vec![
        RuleAttribute::Table(table.to_owned()),
        RuleAttribute::Chain(chain.to_owned()),
        RuleAttribute::Expressions(expressions),
    ];
    RuleMessage { attributes }
}
