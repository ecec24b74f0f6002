//! What is tried on a guest, and where it runs.

use std::sync::Arc;

use anyhow::Result;

use crate::guest::{self, Guest};
use crate::image::{Image, Suite};
use crate::repository::Repository;

/// What a scenario works on.
#[derive(Debug)]
pub struct Context {
    /// The host under test.
    pub guest: Guest,
    /// Kept for as long as a guest has its disk.
    pub repository: Option<Arc<Repository>>,
}

impl Context {
    /// The Debian release that the guest's image has.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.guest.image().suite()
    }

    /// What others begin with that are to be like this one.
    ///
    /// # Errors
    /// As [`Guest::template`].
    pub fn template(&mut self) -> Result<Template> {
        Ok(Template { guest: self.guest.template()?, repository: self.repository.clone() })
    }
}

/// The disks of a prepared guest, and its repository.
#[derive(Debug, Clone)]
pub struct Template {
    guest: guest::Template,
    repository: Option<Arc<Repository>>,
}

impl Template {
    /// One more guest.
    ///
    /// # Errors
    /// As [`Guest::from_template`].
    pub fn context(&self) -> Result<Context> {
        let guest = Guest::from_template(&self.guest)?;
        Ok(Context { guest, repository: self.repository.clone() })
    }
}

/// Works on a guest; an error or a panic is a failure.
pub type Body = fn(&mut Context) -> Result<()>;

/// Boots a suite's guest from its image.
pub type Boot = fn(Image) -> Result<Context>;

/// The way from an image to the states that scenarios start from.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Makes the guest.
    pub boot: Boot,
    /// The name under which the booted guest is saved.
    pub booted: &'static str,
    /// What follows, in order.
    pub stages: &'static [Stage],
}

/// A step of a setup, which proves something itself.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// What it is called in the output.
    pub name: &'static str,
    /// The name under which the guest is saved afterwards.
    pub state: &'static str,
    /// What is done from the state before; it is saved where that succeeds.
    pub body: Body,
}

/// The suites on which a scenario belongs to the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// On every suite.
    Both,
    /// On this suite and no other.
    Only(Suite),
    /// On none: `--all` runs it.
    No,
}

/// A named promise, tried from a saved state.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) from: &'static str,
    pub(crate) gate: Gate,
    /// About how long it takes, in seconds of a gate run; the longest ones begin first.
    pub(crate) seconds: u32,
    pub(crate) body: Body,
}

impl Scenario {
    /// `seconds` orders the queue and bounds nothing.
    #[must_use]
    pub const fn new(
        from: &'static str,
        name: &'static str,
        gate: Gate,
        seconds: u32,
        body: Body,
    ) -> Self {
        Self { name, from, gate, seconds, body }
    }

    pub(crate) fn is_in_gate(&self, suite: Suite) -> bool {
        match self.gate {
            Gate::Both => true,
            Gate::Only(one) => one == suite,
            Gate::No => false,
        }
    }

    pub(crate) fn full_name(&self, suite: Suite) -> String {
        format!("{}/{}", suite.name(), self.name)
    }
}
