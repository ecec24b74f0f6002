//! What the last run in this boot left incomplete, for whoever plans the next one.

use std::collections::BTreeSet;
use std::fs;

use mvm_config::Roots;
use mvm_host::atomic;
use mvm_plan::images::Wanted;
use mvm_plan::names;
use serde::{Deserialize, Serialize};

/// Bytes of the file.
const LONGEST: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Report {
    version: u32,
    incomplete: BTreeSet<String>,
}

/// Writes down what a run has left.
///
/// # Errors
/// When the file cannot be written.
pub fn write<'w>(
    roots: &Roots,
    incomplete: impl IntoIterator<Item = &'w Wanted>,
) -> Result<(), mvm_host::Error> {
    let incomplete = incomplete.into_iter().map(|wanted| wanted.reference.to_string()).collect();
    let text = serde_json::to_string(&Report { version: 1, incomplete }).unwrap_or_default();
    atomic::write(&roots.at(names::IMAGES_REPORT), text.as_bytes(), 0o644)
}

/// What the last run in this boot has left; nothing where there was none, or where the file says
/// nothing that can be read.
pub fn read(roots: &Roots) -> Vec<String> {
    let path = roots.at(names::IMAGES_REPORT);
    let short = fs::symlink_metadata(&path).is_ok_and(|file| file.len() <= LONGEST);
    let text = if short { fs::read(&path).unwrap_or_default() } else { Vec::new() };
    let report = serde_json::from_slice::<Report>(&text);
    report.map(|report| report.incomplete.into_iter().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_config::names::ImageRef;
    use mvm_plan::images::Role;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        assert!(read(&roots).is_empty());
        let reference = ImageRef::parse("r.test/a:1").unwrap();
        let both =
            [Role::Root, Role::Kernel].map(|role| Wanted { reference: reference.clone(), role });
        write(&roots, &both).unwrap();
        assert_eq!(read(&roots), ["r.test/a:1"]);
        fs::write(roots.at(names::IMAGES_REPORT), "{").unwrap();
        assert!(read(&roots).is_empty());
    }
}
