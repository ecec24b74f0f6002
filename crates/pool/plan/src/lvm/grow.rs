//! The steps by which `mvmhost pool grow` makes a pool on LVM longer. While it fills up dmeventd does
//! that.

use std::fmt;

use serde::Serialize;

use super::{DesiredVolume, Volume};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeGrowth {
    /// Gives the kernel the tables that LVM has on record, and lets it go on.
    Refresh {
        /// `GROUP/VOLUME`
        volume: String,
    },
    /// Makes it longer; LVM rounds up to whole extents.
    Extend {
        /// `GROUP/VOLUME`
        volume: String,
        /// The size of the pool's data afterwards, in bytes.
        size: u64,
    },
}

impl fmt::Display for VolumeGrowth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refresh { volume } => write!(f, "load the tables of {volume} again"),
            Self::Extend { volume, size } => write!(f, "extend {volume} to {size} bytes"),
        }
    }
}

/// The steps that are left until the pool has `size` bytes. LVM writes down the new length, suspends
/// the pool and loads its new tables: one that was killed there has left the old tables, or a pool
/// that stands still.
pub fn grow(
    volume_desired: &DesiredVolume,
    volume: &Volume,
    unfinished: bool,
    size: u64,
) -> Vec<VolumeGrowth> {
    let refresh = unfinished.then(|| VolumeGrowth::Refresh { volume: volume_desired.path() });
    let extend = (volume.size() < size)
        .then(|| VolumeGrowth::Extend { volume: volume_desired.path(), size });
    refresh.into_iter().chain(extend).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_short_is_ended_first() {
        let volume_desired = DesiredVolume {
            group: "a".to_owned(),
            volume: "b".to_owned(),
            ..DesiredVolume::default()
        };
        let volume = Volume { lv_size: "8".to_owned(), ..Volume::default() };
        let steps = |unfinished, size| -> Vec<String> {
            grow(&volume_desired, &volume, unfinished, size)
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        let (again, longer) = ("load the tables of a/b again", "extend a/b to 9 bytes");
        assert_eq!(steps(false, 9), [longer]);
        assert_eq!(steps(true, 9), [again, longer]);
        assert_eq!(steps(true, 8), [again]);
        assert_eq!(steps(false, 8), [""; 0]);
    }
}
