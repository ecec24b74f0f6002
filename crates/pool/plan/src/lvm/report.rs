//! What LVM's reports (`--reportformat json --units b --nosuffix`) and wipefs say. On Debian 12
//! every value is a string.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The columns of [`Volume`], as `lvs --options` takes them.
pub const VOLUME: &str = "vg_name,lv_name,lv_uuid,lv_size,segtype,lv_profile,seg_monitor,\
                          lv_tags,lv_active,lv_device_open,chunk_size,transaction_id";
/// The columns of [`Group`], as `vgs --options` takes them.
pub const GROUP: &str =
    "vg_name,vg_uuid,vg_tags,vg_extent_size,vg_extent_count,vg_free_count,vg_missing_pv_count";

/// The columns of [`Physical`], as `pvs --options` takes them.
pub const PHYSICAL: &str = "pv_uuid,vg_name,pv_in_use,pv_mda_used_count";

/// A logical volume: a row of `lvs`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Volume {
    /// Its volume group.
    pub vg_name: String,
    /// Its name; LVM puts brackets around those that are not for use.
    pub lv_name: String,
    /// Its identity, whatever its name.
    pub lv_uuid: String,
    pub(super) lv_size: String,
    /// `thin-pool`, `thin`, `linear`, ...
    pub segtype: String,
    /// The profile that is attached to it; empty when none is.
    pub lv_profile: String,
    /// `monitored` when dmeventd watches it; empty while it is not active.
    pub seg_monitor: String,
    /// Its tags, with commas between.
    #[serde(default)]
    pub lv_tags: String,
    /// `active`; another text or none where it has no device.
    #[serde(default)]
    pub lv_active: String,
    #[serde(default)]
    pub(super) lv_device_open: String,
    #[serde(default)]
    pub(super) chunk_size: String,
    #[serde(default)]
    pub(super) transaction_id: String,
}

impl Volume {
    /// Its size in bytes; 0 when LVM did not say.
    pub fn size(&self) -> u64 {
        number(&self.lv_size)
    }

    /// Size of one block of a thin pool's data, in bytes; 0 when LVM did not say.
    pub fn chunk(&self) -> u64 {
        number(&self.chunk_size)
    }

    /// The transaction that LVM expects in a thin pool's metadata.
    pub fn transaction(&self) -> u64 {
        number(&self.transaction_id)
    }

    /// Whether it carries this tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.lv_tags.split(',').any(|own| own == tag)
    }

    /// Whether it has a device.
    pub fn is_active(&self) -> bool {
        self.lv_active == "active"
    }

    /// Whether somebody uses its device. Of one without a device, or whose device has no table and
    /// cannot be opened, LVM says `unknown`.
    pub fn is_open(&self) -> bool {
        self.lv_device_open == "open"
    }

    /// Whether it is a thin pool that grows by this profile. A profile that was written and never
    /// attached does nothing, and without dmeventd nobody looks at it: both have to be so.
    pub fn grows_by(&self, profile: &str) -> bool {
        self.segtype == "thin-pool" && self.lv_profile == profile && self.seg_monitor == "monitored"
    }
}

/// A physical volume: a row of `pvs`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Physical {
    /// Its identity, whatever the disk is called.
    pub pv_uuid: String,
    vg_name: String,
    pv_in_use: String,
    pv_mda_used_count: String,
}

impl Physical {
    /// Whether it is in no volume group. One that is says so itself, unless it is told to keep no
    /// copy of LVM's metadata.
    pub fn is_alone(&self) -> bool {
        ["", "[unknown]"].contains(&self.vg_name.as_str()) && number(&self.pv_mda_used_count) > 0
    }

    /// Whether its label says that it is in one.
    pub fn is_marked(&self) -> bool {
        !self.pv_in_use.is_empty()
    }
}

/// A volume group: a row of `vgs`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Group {
    /// Its name; two groups may have the same one.
    pub vg_name: String,
    /// Its identity, whatever its name.
    pub vg_uuid: String,
    /// Its tags, with commas between.
    pub vg_tags: String,
    vg_extent_size: String,
    vg_extent_count: String,
    vg_free_count: String,
    vg_missing_pv_count: String,
}

impl Group {
    /// Whether it carries this tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.vg_tags.split(',').any(|own| own == tag)
    }

    /// Size of one extent in bytes; 0 when LVM did not say.
    pub fn extent_size(&self) -> u64 {
        number(&self.vg_extent_size)
    }

    /// How many extents are free.
    pub fn free(&self) -> u64 {
        number(&self.vg_free_count)
    }

    /// How many extents there are.
    pub fn extents(&self) -> u64 {
        number(&self.vg_extent_count)
    }

    /// How many of its disks are not there; all of them when LVM did not say.
    pub fn missing(&self) -> u64 {
        self.vg_missing_pv_count.parse().unwrap_or(u64::MAX)
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// What wipefs finds on a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Where, in hexadecimal bytes.
    pub offset: String,
    /// `ext4`, `LVM2_member`, `gpt`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Its identity, where it has one.
    #[serde(default)]
    pub uuid: Option<String>,
    /// The label of a file system, where it has one.
    #[serde(default)]
    pub label: Option<String>,
}

/// Something that is not the report that it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportError {
    /// Why it cannot be read, in words.
    pub why: String,
}

#[derive(Deserialize)]
struct Report<T> {
    report: Vec<T>,
}

#[derive(Deserialize)]
struct Volumes {
    lv: Vec<Volume>,
}

#[derive(Deserialize)]
struct Groups {
    vg: Vec<Group>,
}

#[derive(Deserialize)]
struct Physicals {
    pv: Vec<Physical>,
}

#[derive(Deserialize)]
struct Signatures {
    signatures: Vec<Signature>,
}

/// Reads a report of lvs with at least the columns of [`VOLUME`].
///
/// # Errors
/// When it is not one.
pub fn volumes(json: &str) -> Result<Vec<Volume>, ReportError> {
    let report: Report<Volumes> = read(json)?;
    Ok(report.report.into_iter().flat_map(|section| section.lv).collect())
}

/// Reads a report of vgs with at least the columns of [`GROUP`].
///
/// # Errors
/// When it is not one.
pub fn groups(json: &str) -> Result<Vec<Group>, ReportError> {
    let report: Report<Groups> = read(json)?;
    Ok(report.report.into_iter().flat_map(|section| section.vg).collect())
}

/// Reads a report of pvs with at least the columns of [`PHYSICAL`].
///
/// # Errors
/// When it is not one.
pub fn physicals(json: &str) -> Result<Vec<Physical>, ReportError> {
    let report: Report<Physicals> = read(json)?;
    Ok(report.report.into_iter().flat_map(|section| section.pv).collect())
}

/// Reads what `wipefs --no-act --json` writes, which is nothing for a disk with nothing on it.
///
/// # Errors
/// When it is not that.
pub fn signatures(json: &str) -> Result<Vec<Signature>, ReportError> {
    if json.trim().is_empty() {
        return Ok(Vec::new());
    }
    read::<Signatures>(json).map(|found| found.signatures)
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, ReportError> {
    serde_json::from_str(json).map_err(|error| ReportError { why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As provision.sh leaves it: the profile is written, and attached to nothing (its
    /// `apply_lvm_profile` looks for the pool that was made a moment before).
    fn report(profile: &str, monitor: &str) -> String {
        format!(
            r#"{{"report": [{{"lv": [{{"vg_name":"flintlock", "lv_name":"thinpool",
            "lv_uuid":"u", "segtype":"thin-pool", "lv_profile":"{profile}", "seg_monitor":"{monitor}",
            "lv_size":"1019215872"}}]}}]}}"#
        )
    }

    #[test]
    fn a_pool_grows_only_with_its_profile_attached_and_monitored() {
        let grows = |profile, monitor| {
            volumes(&report(profile, monitor)).unwrap()[0].grows_by("flintlock-thinpool")
        };
        assert!(grows("flintlock-thinpool", "monitored"));
        assert!(!grows("", "monitored"));
        assert!(!grows("flintlock-thinpool", "not monitored"));
        assert!(!grows("other", "monitored"));
    }

    #[test]
    fn what_is_no_report_is_said() {
        assert_eq!(volumes(r#"{"report": [{"lv": []}]}"#), Ok(Vec::new()));
        for text in ["", "{}", "[]", r#"{"report": [{"vg": []}]}"#, r#"{"report": [{"lv": [{}]}]}"#]
        {
            assert!(volumes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_group_is_read() {
        let json = r#"{"report": [{"vg": [{"vg_name":"flintlock", "vg_uuid":"u", "vg_tags":"a,mvmhost",
            "vg_extent_size":"4194304", "vg_extent_count":"1023", "vg_free_count":"7",
            "vg_missing_pv_count":"0"}]}]}"#;
        let group = &groups(json).unwrap()[0];
        assert!(group.has_tag("mvmhost") && !group.has_tag("mvm"));
        assert_eq!((group.extent_size(), group.extents(), group.free()), (4 << 20, 1023, 7));
        assert_eq!((group.missing(), Group::default().missing()), (0, u64::MAX));
    }

    #[test]
    fn nothing_is_said_of_a_blank_disk() {
        assert_eq!(signatures("\n"), Ok(Vec::new()));
        let found = signatures(
            r#"{"signatures": [{"device":"vdb", "offset":"0x438", "type":"ext4", "uuid":"1-2", "label":null}]}"#,
        );
        assert_eq!(found.unwrap()[0].kind, "ext4");
        assert!(signatures("[]").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (volumes(&text), groups(&text), physicals(&text), signatures(&text));
        }
    }
}
