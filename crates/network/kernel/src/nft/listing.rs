//! What the kernel lists of the table, as a text that is the same as long as the table is.
//!
//! Nothing of it is understood but what the kernel counts and numbers by itself, which is left out:
//! whatever somebody else puts into the table makes another text.

use std::fmt::Write;

use rtnetlink::packet_core::NlasIterator;

use super::message::TABLE;

/// What a table is made of. The contents of sets need not be listed: a set as such is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table,
    Chain,
    Rule,
    Set,
    Object,
    Flowtable,
}

/// Of linux/netfilter.h: the family `inet`.
const INET: u8 = 1;
/// The header of netfilter, of which the first byte is the family.
const HEADER: usize = 4;
/// Of everything but the table itself attribute 1 is the name of its table, and of that its own.
const NAME: u16 = 1;
/// The kernel has as many rules as it has memory, and somebody else's are nothing to keep.
const LIMIT: usize = 8 << 20;

impl Kind {
    /// The table first: without it there is nothing else.
    pub(super) const ALL: [Self; 6] =
        [Self::Table, Self::Chain, Self::Rule, Self::Set, Self::Object, Self::Flowtable];

    /// The type of the messages that tell of it: nf_tables is subsystem 10 of nfnetlink, and this is
    /// NFT_MSG_NEWTABLE, NEWCHAIN and so on.
    pub(super) fn told(self) -> u16 {
        let new = match self {
            Self::Table => 0,
            Self::Chain => 3,
            Self::Rule => 6,
            Self::Set => 9,
            Self::Object => 18,
            Self::Flowtable => 22,
        };
        10 << 8 | new
    }

    /// The attributes that change without anybody changing the table: handles, numbers of users,
    /// counters, the place in front of which a rule stands, and what fills up.
    fn changing(self) -> &'static [u16] {
        match self {
            Self::Table => &[3, 4, 5],
            Self::Chain => &[2, 6, 8, 9],
            Self::Rule => &[3, 6, 8],
            // All of these are another's.
            Self::Set | Self::Object | Self::Flowtable => &[],
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Chain => "chain",
            Self::Rule => "rule",
            Self::Set => "set",
            Self::Object => "object",
            Self::Flowtable => "flowtable",
        }
    }
}

/// A listing in the making.
#[derive(Debug, Default)]
pub(super) struct Listing {
    text: String,
}

impl Listing {
    /// Adds what one message tells, unless that is of another table.
    pub(super) fn add(&mut self, kind: Kind, payload: &[u8]) {
        let (Some(&INET), Some(attributes)) = (payload.first(), payload.get(HEADER..)) else {
            return;
        };
        let of_table = |name: &[u8]| name.strip_suffix(&[0]) == Some(TABLE.as_bytes());
        let mut names = NlasIterator::new(attributes).map_while(Result::ok);
        if !names.any(|found| found.kind() == NAME && of_table(found.value())) {
            return;
        }
        if self.text.len() > LIMIT {
            return;
        }
        self.text.push_str(kind.word());
        for found in NlasIterator::new(attributes) {
            // What cannot be read is told apart from what is not there.
            let Ok(found) = found else {
                self.text.push_str(" ?");
                break;
            };
            if kind.changing().contains(&found.kind()) {
                continue;
            }
            // Writing to a String cannot fail.
            let _ = write!(self.text, " {}:", found.kind());
            found.value().iter().for_each(|byte| {
                let _ = write!(self.text, "{byte:02x}");
            });
        }
        self.text.push('\n');
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}
