//! The operator's files of earlier applies, to which `mvmhost undo` goes back.

use std::fs;

use mvm_config::load::{Source, read};
use mvm_core::state::{self, File};
use mvm_core::{Roots, chain};
use mvm_units_plan::undo::{History, Text};

const HISTORY: File<History> = File::of(&state::HISTORY);

/// Notes the operator's files, which make the last good configuration `applied`; apply does not fail
/// for it.
pub(super) fn remember(roots: &Roots, applied: &str) {
    let Ok(files) = read(roots, None) else { return };
    let last = fs::read_to_string(roots.applied()).ok();
    keep(roots, &History::with(history(roots), last.as_deref(), applied, texts(files)));
}

/// Writes it; that this fails is no reason to stop.
pub(super) fn keep(roots: &Roots, history: &History) {
    if let Err(error) = HISTORY.write(roots, history) {
        log::warn!("what mvmhost undo goes back to is not known: {}", chain(&error));
    }
}

/// What is known of earlier applies.
pub(super) fn history(roots: &Roots) -> Option<History> {
    HISTORY.get(roots).filter(History::is_own)
}

/// As they are kept.
pub(super) fn texts(files: Vec<Source>) -> Vec<Text> {
    files.into_iter().map(|Source { name, text }| Text { name, text }).collect()
}
