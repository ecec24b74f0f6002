//! The table of known failures, and finding a line in it.
//!
//! The numbers are those of the table in flintlock's and containerd's sources that this one was
//! made from; 0 stands for failures beyond it. Within a source the first pattern that fits wins, so
//! a special one stands before a general one.

mod containerd;
mod flintlockd;
mod kernel;
mod microvm;
mod registry;
mod steps;

use std::cell::OnceCell;

use mvm_core::Entry;
use regex::{Regex, RegexSet};

use super::Source;

/// What a cause is about where the text does not name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// flintlockd's unit.
    Flintlockd,
    /// The unit of flintlockd's containerd.
    Containerd,
    /// The thin pool, by its name in device-mapper.
    Pool,
    /// The microVM that the line is about.
    MicroVm,
    /// The image that the line is about.
    Image,
    /// No part of this host alone; the subject is `this host`.
    Host,
}

/// One known failure.
#[derive(Debug)]
pub struct Pattern {
    /// Its number in the table of known failures; 0 for one beyond it.
    pub row: u8,
    /// Who writes it.
    pub from: &'static [Source],
    /// Its text, as a regular expression in which only a group named `subject` is captured. The
    /// group takes nothing that means anything to a shell: remedies are typed as printed.
    pub text: &'static str,
    /// The row of the catalogue with its meaning and its remedy.
    pub entry: &'static Entry,
    /// What it is about, unless `text` captures it.
    pub about: About,
}

const F: &[Source] = &[Source::Flintlockd];
const C: &[Source] = &[Source::Containerd];
/// containerd, and flintlockd, which passes containerd's errors on.
const FC: &[Source] = &[Source::Flintlockd, Source::Containerd];
const K: &[Source] = &[Source::Kernel];
/// Files of a microVM.
const V: &[Source] = &[Source::MicroVm];

const fn p(
    row: u8,
    from: &'static [Source],
    text: &'static str,
    entry: &'static Entry,
    about: About,
) -> Pattern {
    Pattern { row, from, text, entry, about }
}

/// Every known failure.
pub fn all() -> impl Iterator<Item = &'static Pattern> {
    let tables = [
        flintlockd::TABLE,
        registry::TABLE,
        containerd::TABLE,
        kernel::TABLE,
        microvm::TABLE,
        // What the others do not know.
        steps::TABLE,
    ];
    tables.into_iter().flatten()
}

/// The table, ready to be searched: one pass over a line for all patterns of its source. A source
/// that says nothing costs nothing.
#[derive(Debug)]
pub(super) struct Table {
    sources: [OnceCell<Part>; 4],
}

#[derive(Debug)]
struct Part {
    patterns: Vec<(&'static Pattern, OnceCell<Option<Regex>>)>,
    set: Option<RegexSet>,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { sources: [const { OnceCell::new() }; 4] }
    }

    /// The first pattern that fits, and the subject that it captured.
    pub(super) fn find<'t>(
        &self,
        source: Source,
        text: &'t str,
    ) -> Option<(&'static Pattern, Option<&'t str>)> {
        let part = self.sources.get(source as usize)?.get_or_init(|| Part::new(source));
        let at = part.set.as_ref()?.matches(text).iter().next()?;
        let (pattern, one) = part.patterns.get(at)?;
        if !pattern.text.contains("?<subject>") {
            return Some((pattern, None));
        }
        let one = one.get_or_init(|| Regex::new(pattern.text).ok()).as_ref();
        let captured = one.and_then(|one| one.captures(text)?.name("subject"));
        Some((pattern, captured.map(|group| group.as_str())))
    }
}

impl Part {
    fn new(source: Source) -> Self {
        let patterns: Vec<_> = all()
            .filter(|pattern| pattern.from.contains(&source))
            .map(|pattern| (pattern, OnceCell::new()))
            .collect();
        let set = RegexSet::new(patterns.iter().map(|(pattern, _)| pattern.text)).ok();
        Self { patterns, set }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_regular_expression() {
        for pattern in all() {
            Regex::new(pattern.text).unwrap();
        }
        for source in [Source::Flintlockd, Source::Containerd, Source::Kernel, Source::MicroVm] {
            assert!(Part::new(source).set.is_some());
        }
    }

    #[test]
    fn every_number_of_the_table_is_there() {
        let mut rows: Vec<u8> = all().map(|pattern| pattern.row).filter(|row| *row > 0).collect();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows, (1..=61).collect::<Vec<u8>>());
    }

    /// A group takes names, paths and references, and nothing that a shell or a terminal acts on.
    #[test]
    fn subjects_are_plain() {
        for pattern in all().filter(|pattern| pattern.text.contains("?<subject>")) {
            let (_, group) = pattern.text.split_once("(?<subject>").unwrap();
            let plain = ["[A-Za-z0-9._:@/-]+", "[a-z]+", "[A-Za-z0-9._-]+"];
            let words = group.split_once(')').unwrap().0;
            let fixed = words.chars().all(|c| c.is_ascii_alphanumeric() || " |.-".contains(c));
            assert!(fixed || plain.iter().any(|class| words.ends_with(class)), "{}", pattern.text);
        }
    }
}
