//! From files to a validated [`Config`]: the way in for every program.

use std::path::Path;

use mvm_core::Roots;
use toml::Spanned;
use toml::de::DeTable;

use crate::defaults::{complete, written_out};
use crate::problem::Report;
use crate::refuse::{self, TlsKeys};
use crate::schema::{self, Draft};
use crate::walk::{Walk, Written};
use crate::{Config, files, syntax};

pub use crate::files::{MOST_BYTES, MOST_FRAGMENTS, read};
pub use crate::problem::{MOST_PROBLEMS, Problem, Source};

/// Which keys the operator wrote, in any of the files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetKeys {
    paths: Vec<&'static str>,
}

impl SetKeys {
    /// Whether a key such as `network.nat.enabled` was written.
    pub fn contains(&self, path: &str) -> bool {
        self.paths.binary_search(&path).is_ok()
    }

    /// Whether any key of a table such as `network.nat`, or of a table below it, was written.
    pub fn any_in(&self, table: &str) -> bool {
        let inside = |path: &&str| {
            path.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.paths.iter().any(inside)
    }

    /// Every written key as `network.nat.enabled`, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.paths.iter().copied()
    }
}

/// A configuration and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Complete: what no file says is at its default.
    pub config: Config,
    /// What the files say.
    pub set: SetKeys,
}

/// Reads and merges texts, later ones winning, and checks the whole.
///
/// # Errors
/// Everything that is wrong with any of them, in the order of files and lines, at most
/// [`MOST_PROBLEMS`] and one that says how many more there are.
pub fn parse(sources: &[Source]) -> Result<Loaded, Vec<Problem>> {
    parse_part(sources, true)
}

/// [`parse`]; `whole` is false when a file is missing that could not be read.
fn parse_part(sources: &[Source], whole: bool) -> Result<Loaded, Vec<Problem>> {
    let mut report = Report::new(sources, schema::help);
    let trees: Result<Vec<_>, _> =
        sources.iter().map(|source| DeTable::parse(&source.text)).collect();
    if let Ok(trees) = trees {
        return interpret(&trees, report, whole);
    }
    let texts: Vec<String> = sources
        .iter()
        .enumerate()
        .map(|(file, source)| syntax::readable(file, &source.text, &mut report))
        .collect();
    let trees: Vec<_> = texts.iter().map(|text| DeTable::parse_recoverable(text).0).collect();
    interpret(&trees, report, false)
}

/// `whole` is false when lines or files had to be left out, so that an absent key proves nothing.
fn interpret(
    trees: &[Spanned<DeTable<'_>>],
    mut report: Report<'_>,
    whole: bool,
) -> Result<Loaded, Vec<Problem>> {
    let mut draft = Draft::of(written_out());
    let mut written = Written::default();
    for (file, tree) in trees.iter().enumerate() {
        let mut walk = Walk { file, draft: &mut draft, written: &mut written, report: &mut report };
        walk.table("", tree.get_ref());
    }
    let tls = TlsKeys::of(&draft);
    let config = complete(draft, |path| written.contains(path));
    refuse::combinations(&config, tls, &written, &mut report, whole);
    if report.is_empty() {
        return Ok(Loaded { config, set: SetKeys { paths: written.into_paths() } });
    }
    Err(report.finish())
}

/// [`read`] and [`parse`].
///
/// # Errors
/// Everything that is wrong with any of the files; a file that could not be read does not keep
/// the mistakes in the others from being told.
pub fn load(roots: &Roots, config: Option<&Path>) -> Result<Loaded, Vec<Problem>> {
    let (sources, mut problems) = files::read_what_can_be(roots, config);
    match parse_part(&sources, problems.is_empty()) {
        Ok(loaded) if problems.is_empty() => Ok(loaded),
        Ok(_) => Err(problems),
        Err(more) => {
            problems.extend(more);
            Err(problems)
        }
    }
}

/// The last good configuration; `None` when there is none.
///
/// # Errors
/// The file is there and cannot be read, or is no valid configuration.
pub fn load_applied(roots: &Roots) -> Result<Option<Loaded>, Vec<Problem>> {
    match files::read_applied(roots).map_err(|problem| vec![*problem])? {
        Some(source) => parse(&[source]).map(Some),
        None => Ok(None),
    }
}
