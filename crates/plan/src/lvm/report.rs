//! What `lvs --reportformat json --units b --nosuffix` says. On Debian 12 every value is a string.

use serde::Deserialize;

/// One logical volume.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Volume {
    /// Its volume group.
    pub vg_name: String,
    /// Its name; LVM puts brackets around those that are not for use.
    pub lv_name: String,
    /// `thin-pool`, `thin`, `linear`, ...
    pub segtype: String,
    /// The profile that is attached to it; empty when none is.
    pub lv_profile: String,
    /// `monitored` when dmeventd watches it.
    pub seg_monitor: String,
}

impl Volume {
    /// Whether it is a thin pool that grows by this profile. A profile that was written and never
    /// attached does nothing, and without dmeventd nobody looks at it: both have to be so.
    pub fn grows_by(&self, profile: &str) -> bool {
        self.segtype == "thin-pool" && self.lv_profile == profile && self.seg_monitor == "monitored"
    }
}

/// Something that is not a report of lvs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportError {
    /// What is wrong with it.
    pub why: String,
}

#[derive(Deserialize)]
struct Report {
    report: Vec<Section>,
}

#[derive(Deserialize)]
struct Section {
    lv: Vec<Volume>,
}

/// Reads a report with at least the columns of [`Volume`].
///
/// # Errors
/// When it is not one.
pub fn volumes(json: &str) -> Result<Vec<Volume>, ReportError> {
    let report: Report =
        serde_json::from_str(json).map_err(|error| ReportError { why: error.to_string() })?;
    Ok(report.report.into_iter().flat_map(|section| section.lv).collect())
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
            "segtype":"thin-pool", "lv_profile":"{profile}", "seg_monitor":"{monitor}",
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

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = volumes(&text);
        }
    }
}
