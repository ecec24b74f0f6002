//! Who uses a device.

use std::fmt;

use serde::Serialize;

/// Somebody who uses a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Holder {
    /// The device-mapper name of what is used; for a loop device `loop1`.
    pub device: String,
    /// Who keeps the device from being removed.
    pub who: User,
}

/// Who uses a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum User {
    /// A process has it open.
    Process {
        /// Its number in /proc.
        pid: i32,
        /// Its name in /proc/PID/comm, at most 15 bytes; empty when it ended meanwhile.
        comm: String,
        /// By the command line of a VMM, `NAMESPACE/NAME UID` or the UID alone; else `None`.
        microvm: Option<String>,
    },
    /// The place where it is mounted, by /proc/self/mountinfo.
    Mount(String),
    /// A block device stands on it, such as `dm-7`, that is no thin device of the pool.
    Device(String),
}

impl fmt::Display for User {
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
