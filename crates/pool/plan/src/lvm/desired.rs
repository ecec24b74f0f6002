//! What the file asks for, and what is there.

use mvm_config::Config;

use super::{Group, Intent, Recorded, Volume};
use crate::thinpool::{self, Pool};

/// The folder in which LVM looks for profiles.
const PROFILES: &str = "/etc/lvm/profile";
/// LVM takes a lower threshold for this one.
const LEAST_THRESHOLD: u8 = 50;
/// The tag of a volume group that mvmhost made.
pub const TAG: &str = "mvmhost";

/// A pool on whole disks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// What every pool has.
    pub pool: Pool,
    /// The logical volume, and what LVM has to know of it.
    pub volume: DesiredVolume,
}

impl Desired {
    /// From the configuration; `containerd` is that of the containerd that uses the pool, where
    /// mvmhost does not render one.
    pub fn new(config: &Config, containerd: Option<&str>) -> Self {
        Self { pool: Pool::new(config, containerd), volume: DesiredVolume::new(config) }
    }
}

/// The volume, its group and disks, and how it grows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DesiredVolume {
    /// Paths below /dev/disk/by-id.
    pub devices: Vec<String>,
    /// `thinpool.lvm.volume-group`.
    pub group: String,
    /// The logical volume's name in the group, from `thinpool.name`, which is `GROUP-VOLUME`.
    pub volume: String,
    /// At how many percent dmeventd makes the pool longer.
    pub warn_percent: u8,
    /// By how many percent of its size then.
    pub grow_percent: u8,
}

impl DesiredVolume {
    /// From `[thinpool]`, `[thinpool.lvm]` and `[thinpool.guard]`.
    pub fn new(config: &Config) -> Self {
        let (pool, guard) = (&config.thinpool, &config.thinpool.guard);
        let group = &pool.lvm.volume_group;
        let volume = pool.name.as_str().strip_prefix(&group.dm_prefix()).unwrap_or_default();
        Self {
            devices: pool.lvm.devices.iter().map(|device| device.as_str().to_owned()).collect(),
            group: group.as_str().to_owned(),
            volume: volume.replace("--", "-"),
            warn_percent: guard.warn_percent.0,
            grow_percent: guard.grow_percent.0,
        }
    }

    /// `GROUP/VOLUME`, as LVM's commands take it.
    pub fn path(&self) -> String {
        format!("{}/{}", self.group, self.volume)
    }

    /// The volumes with the pool's metadata and its data.
    pub fn parts(&self) -> [String; 2] {
        [self.metadata(), format!("{}_tdata", self.path())]
    }

    /// The volume with the pool's metadata.
    pub fn metadata(&self) -> String {
        format!("{}_tmeta", self.path())
    }

    /// The volume into which repaired metadata are written; once they have taken the place of the
    /// damaged ones, those are in it. A later run knows it by its name.
    pub fn repaired(&self) -> String {
        format!("{}-mvmhost-repair", self.path())
    }

    /// The name of the profile by which dmeventd makes the pool longer.
    pub fn profile(&self) -> String {
        format!("mvmhost-{}", self.group)
    }

    /// `/etc/lvm/profile/mvmhost-GROUP.profile`.
    pub fn profile_path(&self) -> String {
        format!("{PROFILES}/{}.profile", self.profile())
    }

    /// The text of the profile; the threshold is at least 50 %, because LVM takes no lower one.
    pub fn profile_text(&self) -> String {
        format!(
            "# Written by mvmhost from [thinpool.guard]; changes are lost.\nactivation {{\n\
             \tthin_pool_autoextend_threshold={}\n\tthin_pool_autoextend_percent={}\n}}\n",
            self.warn_percent.max(LEAST_THRESHOLD),
            self.grow_percent
        )
    }
}

/// Everything that [`super::plan`] looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What bears on every pool.
    pub pool: thinpool::Observed,
    /// What the receipt says of a pool on files.
    pub on_files: thinpool::Recorded,
    /// What LVM shows; `None` where lvm2 is not installed.
    pub lvm: Option<LvmState>,
}

/// What LVM and the receipt show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LvmState {
    /// The volume groups of the wanted name.
    pub groups: Vec<Group>,
    /// The logical volumes in them, with those that LVM hides.
    pub volumes: Vec<Volume>,
    /// What the profile says, where there is one.
    pub profile: Option<String>,
    /// The volume's part of `/var/lib/mvmhost/receipt.json`.
    pub receipt: Recorded,
    /// What `mvmhost pool create` began and has not ended.
    pub begun: Option<Intent>,
}
