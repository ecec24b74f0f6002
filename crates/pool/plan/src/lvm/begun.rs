//! What `mvmhost pool create` began, and how what an interrupted run of it left is told from
//! everything else: by identities that were on record before the first byte was written.

use mvm_core::Digest;
use serde::{Deserialize, Serialize};

use super::{DesiredVolume, Disk, LvmState, Signature, layout};
use crate::thinpool::Device;

/// What the tag of a group begins with that no other group carries.
const MARK: &str = "mvmhost-";
/// How lvcreate calls the spare of a pool's metadata before and after it is one.
const SPARE: [&str; 2] = ["lvol0", "[lvol0_pmspare]"];
/// How LVM groups the 32 characters of an identity.
const GROUPS: [usize; 7] = [6, 4, 4, 4, 4, 4, 6];

/// What is on record from before the first change until the pool is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Intent {
    /// The tag that the volume group and the pool carry from their first moment.
    pub mark: String,
    /// The operator's leave to lose what was on the disks.
    pub token: Option<String>,
    /// The disks of the volume group, as each was before.
    pub disks: Vec<IntendedDisk>,
}

/// One disk of it, as it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IntendedDisk {
    /// [`Disk::path`].
    pub path: String,
    /// [`Disk::size`], in bytes; with the path it tells which disk this is.
    pub size: u64,
    /// The identity of the physical volume that it becomes.
    pub physical: String,
    /// [`Disk::signatures`].
    pub signatures: Vec<Signature>,
    /// [`Disk::partitions`].
    pub partitions: Vec<String>,
    /// [`Disk::edges`]
    pub edges: String,
}

/// How a disk stands to what was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// In no way.
    Foreign,
    /// It is our physical volume, in no group, and nothing else.
    OwnLabel,
    /// The same, and vgcreate was cut short while it made it one of a group.
    OwnLabelMarked,
    /// Of what the operator's token is for, some is still there.
    HalfWiped,
}

impl Intent {
    /// What is to be on record for these disks. `old` is what is; `seed` is new and random, in
    /// hexadecimal digits.
    pub(super) fn new(
        old: Option<&Self>,
        disks: &[(Disk, Standing)],
        token: Option<&str>,
        seed: &str,
    ) -> Self {
        let mut intent = old.cloned().unwrap_or_else(|| Self {
            mark: format!("{MARK}{}", digits(&["mark", seed], 16)),
            token: None,
            disks: Vec::new(),
        });
        for (disk, standing) in disks {
            let intended = intent.disks.iter().any(|old| old.is(disk));
            if intended && (*standing != Standing::Foreign || !disk.is_occupied()) {
                continue;
            }
            intent.disks.retain(|old| old.path != disk.path);
            intent.disks.push(IntendedDisk::new(disk, seed));
            if disk.is_occupied() {
                intent.token = token.map(str::to_owned);
            }
        }
        intent
    }

    /// How this disk stands to it. A disk that was only half wiped is gone on with when the operator
    /// gives the same token again.
    pub(super) fn standing(&self, disk: &Disk, token: Option<&str>) -> Standing {
        let Some(begun) = self.disks.iter().find(|begun| begun.is(disk)) else {
            return Standing::Foreign;
        };
        if let ([only], [], Some(physical)) =
            (disk.signatures.as_slice(), disk.partitions.as_slice(), &disk.physical)
            && only.uuid.as_ref() == Some(&begun.physical)
            && physical.pv_uuid == begun.physical
            && physical.is_alone()
        {
            return if physical.is_marked() {
                Standing::OwnLabelMarked
            } else {
                Standing::OwnLabel
            };
        }
        let is_subset = disk.is_occupied()
            && disk.signatures.iter().all(|one| begun.signatures.contains(one))
            && disk.partitions.iter().all(|one| begun.partitions.contains(one));
        // One that is as it was has to be so to the byte.
        let fewer = disk.signatures.len() < begun.signatures.len() || disk.edges == begun.edges;
        match (&self.token, token) {
            (Some(was), Some(is)) if is_subset && fewer && was.eq_ignore_ascii_case(is) => {
                Standing::HalfWiped
            }
            _ => Standing::Foreign,
        }
    }

    /// The identity that this disk's physical volume gets.
    pub(super) fn physical(&self, disk: &Disk) -> Option<&str> {
        self.disks.iter().find(|begun| begun.is(disk)).map(|begun| begun.physical.as_str())
    }
}

impl IntendedDisk {
    fn new(disk: &Disk, seed: &str) -> Self {
        Self {
            path: disk.path.clone(),
            size: disk.size,
            physical: identity(&digits(&[&disk.path, seed], 32)),
            signatures: disk.signatures.clone(),
            partitions: disk.partitions.clone(),
            edges: disk.edges.clone(),
        }
    }

    fn is(&self, disk: &Disk) -> bool {
        (self.path.as_str(), self.size) == (disk.path.as_str(), disk.size)
    }
}

fn digits(of: &[&str], count: usize) -> String {
    let digest = Digest::of(format!("{of:?}").as_bytes());
    digest.as_str().chars().skip("sha256:".len()).take(count).collect()
}

/// In LVM's form, such as `a1b2c3-d4e5-...`.
fn identity(digits: &str) -> String {
    let mut rest = digits.chars();
    let parts: Vec<String> =
        GROUPS.iter().map(|length| rest.by_ref().take(*length).collect()).collect();
    parts.join("-")
}

/// The volumes that an interrupted run left in its group, `GROUP/VOLUME`, which are to be removed
/// before the pool is made; `None` when there is anything else. None of them ever held data: they
/// are to become the pool's metadata and its spare, which lvcreate makes first, each with the
/// profile of the pool.
pub(super) fn remains(volume_desired: &DesiredVolume, lvm: &LvmState) -> Option<Vec<String>> {
    let intent = lvm.begun.as_ref()?;
    let [group] = lvm.groups.as_slice() else { return None };
    if !group.has_tag(&intent.mark) || group.missing() > 0 {
        return None;
    }
    let size = group.extent_size();
    let planned = layout(group.extents(), size, volume_desired.grow_percent.into()).ok()?.metadata;
    let mut found = Vec::new();
    for volume in &lvm.volumes {
        let name = volume.lv_name.as_str();
        let is_own = SPARE.contains(&name)
            || (name == volume_desired.volume && volume.has_tag(&intent.mark));
        let fits = volume.segtype == "linear"
            && volume.size() == planned.saturating_mul(size)
            && volume.lv_profile == volume_desired.profile();
        if !is_own || !fits || volume.is_open() {
            return None;
        }
        // A finished spare is used by the next lvcreate.
        if !name.starts_with('[') {
            found.push(format!("{}/{name}", volume_desired.group));
        }
    }
    Some(found)
}

/// Whether the device under the pool's name is of [`remains`].
pub(super) fn is_of_remains(
    volume_desired: &DesiredVolume,
    lvm: &LvmState,
    device: &Device,
) -> bool {
    let active =
        |name: &str| lvm.volumes.iter().any(|volume| volume.lv_name == name && volume.is_active());
    matches!(device, Device::Other { .. } | Device::Empty { .. })
        && remains(volume_desired, lvm)
            .is_some_and(|remains| remains.contains(&volume_desired.path()))
        && active(&volume_desired.volume)
}
