//! Who uses a device.

use std::fmt;

use serde::Serialize;

/// Somebody who uses a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Holder {
    /// The device-mapper name of what is used.
    pub device: String,
    /// By whom.
    pub who: Who,
}

/// Who uses a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// A process has it open.
    Process {
        /// Its number.
        pid: i32,
        /// Its name.
        comm: String,
        /// The microVM that it is the VMM of.
        microvm: Option<String>,
    },
    /// It is mounted.
    Mount(String),
    /// A block device stands on it, such as `dm-7`, that is no thin device of the pool.
    Device(String),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, comm, microvm: Some(microvm) } => {
                write!(f, "microVM {microvm} ({comm}, pid {pid})")
            }
            Self::Process { pid, comm, microvm: None } => write!(f, "{comm} (pid {pid})"),
            Self::Mount(place) => write!(f, "the mount {place}"),
            Self::Device(name) => write!(f, "the device {name}"),
        }
    }
}
