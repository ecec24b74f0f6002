//! The thin pool on whole disks: how LVM divides them, and what LVM says about what is there.
//!
//! Belongs here: sizes, and the meaning of LVM's reports. Does not belong here: running LVM's
//! commands, which is `storage`.

mod layout;
mod report;

pub use layout::{CHUNK, Layout, TooSmall, layout};
pub use report::{ReportError, Volume, volumes};
