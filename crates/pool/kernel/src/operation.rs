//! What device-mapper is asked to do, so that an error says which of it failed.

use std::fmt;

/// One request to device-mapper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Read what is under a name.
    Look,
    /// Read which thin devices a pool has.
    LookInto,
    /// Create a device without a table.
    Create,
    /// Load a table, which takes effect at the next resume.
    Load,
    /// Let the loaded table take effect.
    Resume,
    /// Write what a pool has in memory.
    Commit,
    /// Remove a device, which fails while somebody has it open.
    Remove,
    /// Send a message to a pool.
    Message,
    /// Create, load and resume a thin device.
    MakeThin,
    /// Hold the I/O of a device back.
    Suspend,
}

/// What a failure of the operation means for the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The pool was not activated, and what was made for it is removed again.
    NotActivated,
    /// Nothing was changed, and it is not known how the pool is.
    Unknown,
    /// The pool is as it was, and one step was not done.
    NotDone,
}

impl Operation {
    /// What the pool is like after this failed.
    pub(crate) const fn meaning(self) -> Meaning {
        match self {
            Self::Create | Self::Load | Self::Resume => Meaning::NotActivated,
            Self::Look | Self::LookInto => Meaning::Unknown,
            Self::Commit | Self::Remove | Self::Message | Self::MakeThin | Self::Suspend => {
                Meaning::NotDone
            }
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Look => "look at",
            Self::LookInto => "look into",
            Self::Create => "create",
            Self::Load => "load the table of",
            Self::Resume => "resume",
            Self::Commit => "commit",
            Self::Remove => "remove",
            Self::Message => "send a message to",
            Self::MakeThin => "make",
            Self::Suspend => "pause",
        })
    }
}
