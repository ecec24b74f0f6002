//! Why a text is not what it should be. Belongs here: the one error of every value parser.

/// What is wrong with a value and what to write instead. Neither holds the value itself: who
/// reports it names file, line, key and value around it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {instead}")]
pub struct Invalid {
    /// What is wrong: `not a size`.
    pub what: String,
    /// What to write instead: `write for example "100GiB"`.
    pub instead: String,
}

impl Invalid {
    /// An error from its two halves.
    pub fn new(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { what: what.into(), instead: instead.into() }
    }
}
