//! The table of mvmhost's own, and what a table is made of.

/// The name of the table, which is of the family `inet`.
pub(super) const TABLE: &str = "mvmhost";

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

impl Kind {
    /// The table first: without it there is nothing else.
    pub(super) const ALL: [Self; 6] =
        [Self::Table, Self::Chain, Self::Rule, Self::Set, Self::Object, Self::Flowtable];

    /// The type of the messages that tell of it: nf_tables is subsystem 10 of nfnetlink, and this is
    /// NFT_MSG_NEWTABLE, NEWCHAIN and so on.
    pub(super) fn message_type(self) -> u16 {
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
    pub(super) fn changing(self) -> &'static [u16] {
        match self {
            Self::Table => &[3, 4, 5],
            Self::Chain => &[2, 6, 8, 9],
            Self::Rule => &[3, 6, 8],
            // All of these are another's.
            Self::Set | Self::Object | Self::Flowtable => &[],
        }
    }

    pub(super) fn word(self) -> &'static str {
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
