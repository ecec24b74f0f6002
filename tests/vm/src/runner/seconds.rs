//! How long what passed took last, in a file of lines `name<TAB>seconds`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

const FILE: &str = "seconds.tsv";

/// What `folder` knows; nothing where nothing ran yet.
#[must_use]
pub fn last(folder: &Path) -> BTreeMap<String, f64> {
    let text = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(name, seconds)| Some((name.to_owned(), seconds.parse().ok()?)))
        .collect()
}

/// Adds `measured` to what `folder` knows.
///
/// # Errors
/// The folder cannot be written.
pub fn keep(folder: &Path, measured: &[(String, f64)]) -> Result<()> {
    let mut durations = last(folder);
    durations.extend(measured.iter().cloned());
    let lines: String =
        durations.iter().map(|(name, seconds)| format!("{name}\t{seconds:.1}\n")).collect();
    fs::create_dir_all(folder)?;
    fs::write(folder.join(FILE), lines).with_context(|| format!("writing {FILE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_figure_of_each_name_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        keep(folder.path(), &[("a/b".to_owned(), 1.0), ("c".to_owned(), 2.0)]).unwrap();
        keep(folder.path(), &[("a/b".to_owned(), 3.5)]).unwrap();
        let durations = last(folder.path());
        assert_eq!(
            durations.into_iter().collect::<Vec<_>>(),
            [("a/b".into(), 3.5), ("c".into(), 2.0)]
        );
    }
}
