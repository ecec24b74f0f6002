//! THE file that tells the backends apart: a pool on files, on LVM, or of somebody else's. Each decides
//! for itself in a folder of its own and knows no other.

use std::fmt;

use mvm_config::{Config, model};
use mvm_core::catalogue::disk;
use mvm_core::{Finding, Plan};
use serde::Serialize;

use crate::thinpool::{self, Aside, Device, FileFacts, Pool};
use crate::{external, loopback, lvm};

/// What the file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// A pool on files, behind loop devices.
    Loop(loopback::Desired),
    /// A pool on whole disks, as a logical volume.
    Lvm(lvm::Desired),
    /// A pool that somebody else makes.
    External(external::Desired),
}

impl Backend {
    /// The part of the configuration that is about the pool; `containerd` is that of the containerd
    /// that uses it, where mvmhost does not render one.
    pub fn new(config: &Config, containerd: Option<&str>) -> Self {
        match config.thinpool.backend {
            model::Backend::Loop => Self::Loop(loopback::Desired::new(config, containerd)),
            model::Backend::Lvm => Self::Lvm(lvm::Desired::new(config, containerd)),
            model::Backend::External => Self::External(external::Desired::new(config, containerd)),
        }
    }

    /// What every pool has.
    pub const fn pool(&self) -> &Pool {
        match self {
            Self::Loop(desired) => &desired.pool,
            Self::Lvm(desired) => &desired.pool,
            Self::External(desired) => &desired.pool,
        }
    }

    /// The pool on disks, which `mvmhost pool create` makes.
    ///
    /// # Errors
    /// That it is on none.
    pub fn on_disks(&self) -> Result<&lvm::Desired, Finding> {
        match self {
            Self::Lvm(desired) => Ok(desired),
            Self::Loop(_) | Self::External(_) => Err(disk::not_lvm(&self.pool().name)),
        }
    }
}

/// What the file asks for, beside what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation<'a> {
    /// Of a pool on files.
    Loop(&'a loopback::Desired, loopback::Observed),
    /// Of a pool on whole disks.
    Lvm(&'a lvm::Desired, lvm::Observed),
    /// Of a pool that somebody else makes.
    External(&'a external::Desired, thinpool::Observed),
}

impl Observation<'_> {
    /// Decides what is to be done about the pool.
    pub fn plan(&self) -> Plan<Step> {
        match self {
            Self::Loop(desired, observed) => of(loopback::plan(desired, observed), Step::Loop),
            Self::Lvm(desired, observed) => of(lvm::plan(desired, observed), Step::Lvm),
            Self::External(desired, observed) => {
                Plan::new(Vec::new(), external::look(desired, observed))
            }
        }
    }

    /// What device-mapper has under the pool's name.
    pub const fn device(&self) -> &Device {
        match self {
            Self::Loop(_, observed) => &observed.pool.device,
            Self::Lvm(_, observed) => &observed.pool.device,
            Self::External(_, observed) => &observed.device,
        }
    }

    /// Whether the live pool of the name is on the files or disks of the configuration.
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Loop(_, observed) => match &observed.pool.device {
                Device::Pool(live) => loopback::is_ours(observed, live),
                Device::Absent | Device::Empty { .. } | Device::Other { .. } => false,
            },
            Self::Lvm(desired, observed) => lvm::is_live(desired, observed),
            Self::External(..) => false,
        }
    }

    /// `GROUP/VOLUME` of a pool that LVM takes down.
    pub fn volume(&self) -> Option<String> {
        match self {
            Self::Lvm(desired, _) => Some(desired.volume.path()),
            Self::Loop(..) | Self::External(..) => None,
        }
    }

    /// The pool's files that are there.
    pub fn files(&self) -> Vec<&FileFacts> {
        match self {
            Self::Loop(_, observed) => observed.metadata.iter().chain(&observed.data).collect(),
            Self::Lvm(..) | Self::External(..) => Vec::new(),
        }
    }

    /// What can be set aside of the pool.
    pub fn aside(&self) -> Aside<'_> {
        match self {
            Self::Loop(desired, observed) => loopback::aside(desired, observed),
            Self::Lvm(desired, observed) => lvm::aside(desired, observed),
            Self::External(desired, observed) => Aside::new(&desired.pool, observed, Vec::new()),
        }
    }
}

fn of<S>(plan: Plan<S>, step: fn(S) -> Step) -> Plan<Step> {
    Plan { steps: plan.steps.into_iter().map(step).collect(), findings: plan.findings }
}

/// One thing to do. Nothing is ever done to a pool that somebody else makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Step {
    /// To a pool on files.
    Loop(loopback::Step),
    /// To a pool on whole disks.
    Lvm(lvm::Step),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loop(step) => step.fmt(f),
            Self::Lvm(step) => step.fmt(f),
        }
    }
}
