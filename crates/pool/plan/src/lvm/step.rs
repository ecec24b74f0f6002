//! What can be done about a pool on LVM.

use std::fmt;

use serde::Serialize;

use super::VolumeReceipt;

/// One thing to do. A path is the host's, not yet below a test's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Writes the profile by which dmeventd makes the pool longer.
    WriteProfile {
        /// `/etc/lvm/profile/mvmhost-GROUP.profile`.
        path: String,
        /// What is to stand in the file, whole.
        text: String,
    },
    /// Takes down the part of the pool that somebody read.
    Deactivate {
        /// `GROUP/VOLUME`
        volume: String,
    },
    /// Activates the pool, which checks its metadata, and has dmeventd watch it.
    Activate {
        /// `GROUP/VOLUME`
        volume: String,
    },
    /// Writes the pool into the receipt.
    WriteReceipt {
        /// The whole record, which takes the place of the old one.
        receipt: VolumeReceipt,
    },
    /// Adds what is new to the receipt of a pool that it identifies already. That this fails, on a
    /// full disk say, is told, and the host comes up all the same.
    RefreshReceipt {
        /// The record that is there, with what is new.
        receipt: VolumeReceipt,
    },
    /// Waits until udev has made `/dev/mapper/NAME`.
    AwaitNode {
        /// The device-mapper name.
        name: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteProfile { path, .. } => write!(f, "write {path}"),
            Self::Deactivate { volume } => write!(f, "deactivate {volume}"),
            Self::Activate { volume } => {
                write!(f, "activate {volume} with LVM, watched by dmeventd")
            }
            Self::WriteReceipt { receipt } => {
                write!(f, "write {} into the receipt", receipt.name)
            }
            Self::RefreshReceipt { receipt } => {
                write!(f, "add to the receipt of {}", receipt.name)
            }
            Self::AwaitNode { name } => write!(f, "wait for /dev/mapper/{name}"),
        }
    }
}
