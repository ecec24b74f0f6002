//! What the last run in this boot left incomplete, for whoever plans the next one.

use std::collections::{BTreeMap, BTreeSet};

use mvm_core::state::{self, File};
use mvm_core::{Finding, Roots};
use mvm_images_plan::RequestedImage;
use serde::{Deserialize, Serialize};

const FILE: File<Report> = File::of(&state::IMAGES_REPORT);

#[derive(Serialize, Deserialize)]
struct Report {
    version: u32,
    incomplete: BTreeSet<String>,
    /// By image, what was said of it.
    #[serde(default)]
    why: BTreeMap<String, String>,
}

/// Writes down what a run has left.
///
/// # Errors
/// When the file cannot be written.
pub fn write<'w>(
    roots: &Roots,
    incomplete: impl IntoIterator<Item = &'w RequestedImage>,
    findings: &[Finding],
) -> Result<(), mvm_core::Error> {
    let incomplete: BTreeSet<String> =
        incomplete.into_iter().map(|requested| requested.reference.to_string()).collect();
    let about = findings.iter().filter(|finding| incomplete.contains(finding.subject()));
    let why = about.map(|finding| {
        let text =
            format!("{}: {}\n{}", finding.code(), finding.message(), finding.evidence_text());
        (finding.subject().to_owned(), text)
    });
    let report = Report { version: 1, why: why.collect(), incomplete };
    FILE.write(roots, &report)
}

/// What the last run in this boot has left; nothing where there was none, or where the file says
/// nothing that can be read.
pub fn read(roots: &Roots) -> Vec<String> {
    FILE.get(roots).map(|report| report.incomplete.into_iter().collect()).unwrap_or_default()
}

/// What the last run in this boot said of each image that it left incomplete.
pub fn why(roots: &Roots) -> BTreeMap<String, String> {
    FILE.get(roots).map(|report| report.why).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_config::names::ImageRef;
    use mvm_core::catalogue::img;
    use mvm_images_plan::Role;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        assert!(read(&roots).is_empty());
        let reference = ImageRef::parse("r.test/a:1").unwrap();
        let both = [Role::Root, Role::Kernel]
            .map(|role| RequestedImage { reference: reference.clone(), role });
        let finding = img::out_of_time("r.test/a:1").evidence("slow");
        write(&roots, &both, &[finding, img::pruned("r.test/b:1")]).unwrap();
        assert_eq!(read(&roots), ["r.test/a:1"]);
        let why = why(&roots).into_iter().collect::<Vec<_>>();
        let text = "MVM-IMG-009: image r.test/a:1 was not complete in time\nslow";
        assert_eq!(why, [("r.test/a:1".to_owned(), text.to_owned())]);
        std::fs::write(FILE.path(&roots), "{").unwrap();
        assert!(read(&roots).is_empty());
    }
}
