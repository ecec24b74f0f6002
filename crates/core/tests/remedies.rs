//! Each remedy is proven, or is a choice of an operator. remedies.tsv says which, code by code:
//!
//! - `state TEST`: the test, in a guest or here, brings about the state and types the remedy;
//! - `typed`: each command is typed in a guest, on a sound host, and does its work there;
//! - `choice`: the remedy has something to decide or to write; its commands are typed as above
//!   where they change nothing for good;
//! - `none`: nothing is to be done;
//! - `open`: not proven yet.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mvm_core::remedy::{Kind, is_choice, line};
use mvm_core::{Severity, catalogue};

const TABLE: &str = include_str!("remedies.tsv");
/// So many are not proven; fewer is better, more is refused.
const OPEN: usize = 37;

fn table() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let mut table = BTreeMap::new();
    for line in lines {
        let mut cells = line.split('\t');
        let code = cells.next().unwrap();
        let proof = (cells.next().unwrap(), cells.next().unwrap_or_default());
        assert!(table.insert(code, proof).is_none(), "{code} is there twice");
    }
    table
}

/// Every source of tests, by its path.
fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

#[test]
fn every_remedy_is_proven_or_a_choice() {
    let table = table();
    let mut wrong = Vec::new();
    for entry in catalogue::all() {
        let Some((proof, _)) = table.get(entry.code) else {
            wrong.push(format!("{} is not in remedies.tsv", entry.code));
            continue;
        };
        let kinds: Vec<Kind> = entry.remedy.lines().map(|text| line(text).1).collect();
        let fits = match *proof {
            "none" => entry.remedy.is_empty() && entry.severity == Severity::Info,
            "typed" => !kinds.is_empty() && kinds.iter().all(|kind| *kind != Kind::Changes),
            "choice" => is_choice(entry.remedy),
            "state" | "open" => !entry.remedy.is_empty(),
            _ => false,
        };
        if !fits {
            wrong.push(format!("{}: {proof} does not fit {:?}", entry.code, entry.remedy));
        }
    }
    let unknown = table.keys().filter(|code| catalogue::find(code).is_none());
    wrong.extend(unknown.map(|code| format!("{code} is in remedies.tsv and nowhere else")));
    assert!(wrong.is_empty(), "{wrong:#?}");
    let open = table.values().filter(|(proof, _)| *proof == "open").count();
    assert!(open <= OPEN, "{open} remedies are not proven");
}

#[test]
fn a_test_that_is_named_is_there_and_names_the_code() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut all = Vec::new();
    for folder in ["crates", "tests"] {
        sources(&top.join(folder), &mut all);
    }
    for (code, (proof, test)) in table() {
        if proof != "state" {
            continue;
        }
        let name = format!("fn {test}(");
        let there = all.iter().find(|(_, text)| text.contains(&name));
        let (path, text) = there.unwrap_or_else(|| panic!("{code}: there is no test {test}"));
        assert!(text.contains(code), "{} does not name {code}", path.display());
    }
}
