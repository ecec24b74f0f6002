//! containerd's databases about the pool: they and the pool are one from the moment they are there.

use std::path::{Path, PathBuf};

use mvm_core::Finding;
use mvm_core::catalogue::{self, database};

use super::receipt::{RecordedDatabase, RecordedIdentity};
use super::{Aside, Observed, Pool, refusal};

/// Databases that were there with the pool and are not there now, or are other files.
pub(crate) fn against_record(
    pool: &Pool,
    observed: &Observed,
    on_record: &[RecordedDatabase],
    aside: &Aside<'_>,
) -> Vec<Finding> {
    let missing = on_record.iter().filter(|database| {
        database.seen
            && pool.databases().contains(&database.path)
            && !observed.databases.contains(&database.path)
    });
    let missing = missing.map(|database| {
        refusal(&catalogue::pool::database_gone::ROW, text(&database.path), aside)
            .with("pool", &pool.name)
    });
    let mut findings: Vec<Finding> = missing.collect();
    findings.extend(replaced(pool, observed, on_record, aside));
    findings.extend(elsewhere(pool, observed, on_record, aside));
    findings
}

/// Databases on record from where this containerd does not look for them, unless they moved along.
fn elsewhere(
    pool: &Pool,
    observed: &Observed,
    on_record: &[RecordedDatabase],
    aside: &Aside<'_>,
) -> Vec<Finding> {
    let moved = |was: &RecordedDatabase, to: &PathBuf| {
        let same = |file: RecordedIdentity| {
            observed.database_files.iter().any(|(path, is)| path == to && file.is_same(is))
        };
        was.file.is_none_or(same) && observed.databases.contains(to)
    };
    let moved_away = on_record.iter().filter(|was| was.seen).filter_map(|was| {
        let to = pool.database_paths.devmapper.join(was.path.file_name()?);
        (to != was.path && !moved(was, &to)).then_some((was, to))
    });
    moved_away
        .map(|(was, to)| {
            refusal(&database::elsewhere::ROW, text(&was.path), aside)
                .with("pool", &pool.name)
                .with("to", text(&to))
        })
        .collect()
}

/// Databases that are there and are other files than those on record: what they list may be in
/// another pool, or in none.
fn replaced(
    pool: &Pool,
    observed: &Observed,
    on_record: &[RecordedDatabase],
    aside: &Aside<'_>,
) -> Vec<Finding> {
    let other = |path: &PathBuf| {
        let was = on_record.iter().find(|database| database.path == *path)?.file?;
        let (_, is) = observed.database_files.iter().find(|(there, _)| there == path)?;
        (!was.is_same(is)).then_some((was, *is))
    };
    let paths = pool.databases();
    let pairs = paths.iter().filter_map(|file| other(file).map(|pair| (file, pair)));
    pairs
        .map(|(file, (was, is))| {
            refusal(&database::replaced::ROW, text(file), aside)
                .with("pool", &pool.name)
                .with("was", was.describe())
                .with("is", is.describe())
        })
        .collect()
}

/// The databases as they are now, with what `old` remembers of those that are gone.
pub(crate) fn on_record(
    pool: &Pool,
    observed: &Observed,
    old: &[RecordedDatabase],
) -> Vec<RecordedDatabase> {
    let before =
        |path: &PathBuf| old.iter().find(|database| database.seen && database.path == *path);
    let now = pool.databases().into_iter().map(|path| RecordedDatabase {
        seen: observed.databases.contains(&path) || before(&path).is_some(),
        file: observed
            .database_files
            .iter()
            .find(|(there, _)| *there == path)
            .map(|(_, file)| *file)
            .or_else(|| before(&path)?.file),
        path,
    });
    now.collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
