//! Every row is emitted somewhere, by the name that the sources give it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mvm_core::catalogue;

const CATALOGUE: &str = "mvm_core::catalogue";

/// A source file without comments, its own tests, and what its names stand for.
struct Source {
    text: String,
    aliases: BTreeMap<String, String>,
}

impl Source {
    fn read(path: &Path) -> Self {
        let whole = fs::read_to_string(path).unwrap();
        let code = whole.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        let mut aliases = BTreeMap::new();
        for statement in text.split("use ").skip(1) {
            let tree: String = statement
                .split(';')
                .next()
                .unwrap()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            if tree.starts_with("mvm_core") {
                expand("", &tree, &mut aliases);
            }
        }
        Self { text, aliases }
    }

    /// Full paths of every row that is named: its constructor, or `ROW` in its module.
    fn names(&self) -> impl Iterator<Item = String> + '_ {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        self.text.split(move |c: char| !word(c)).filter_map(|path| {
            let path = path.trim_matches(':').trim_end_matches("::ROW");
            let (first, rest) = path.split_once("::").map_or((path, None), |(a, b)| (a, Some(b)));
            let first = self.aliases.get(first).map_or(first, String::as_str);
            let full = rest.map_or(first.to_owned(), |rest| format!("{first}::{rest}"));
            full.starts_with(CATALOGUE).then_some(full)
        })
    }
}

/// `a::{b, c as d}` as `b` = `a::b`, `d` = `a::c`.
fn expand(before: &str, tree: &str, aliases: &mut BTreeMap<String, String>) {
    let tree = tree.trim();
    let join =
        |tail: &str| if before.is_empty() { tail.to_owned() } else { format!("{before}::{tail}") };
    if let Some((head, group)) = tree.split_once('{') {
        let inner = group.rsplit_once('}').map_or(group, |(inner, _)| inner);
        let head = head.trim().trim_end_matches("::");
        let prefix = if head.is_empty() { before.to_owned() } else { join(head) };
        let (mut depth, mut part) = (0, String::new());
        for c in inner.chars().chain([',']) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if c == ',' && depth == 0 {
                expand(&prefix, &part, aliases);
                part.clear();
            } else {
                part.push(c);
            }
        }
        return;
    }
    let (path, name) = tree.split_once(" as ").unwrap_or((tree, tree.rsplit("::").next().unwrap()));
    match path.trim() {
        "" => {}
        "self" => {
            let last = before.rsplit("::").next().unwrap();
            aliases.insert(
                if name == "self" { last } else { name.trim() }.to_owned(),
                before.to_owned(),
            );
        }
        path => {
            aliases.insert(name.trim().to_owned(), join(path));
        }
    }
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let test =
                path.ends_with("tests") || path.file_name().is_some_and(|name| name == "tests.rs");
            if path.is_dir() {
                if !path.ends_with("catalogue") && !path.ends_with("target") && !test {
                    folders.push(path);
                }
            } else if !test && path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source::read(&path));
            }
        }
    }
    found
}

/// A row that nothing says is a promise that nobody keeps.
#[test]
fn every_row_is_said() {
    let constructed: BTreeSet<String> =
        sources().iter().flat_map(|source| source.names().collect::<Vec<_>>()).collect();
    assert!(constructed.iter().any(|path| path.starts_with(CATALOGUE)));
    let silent: Vec<String> = catalogue::all()
        // `pool` shows the rows of its second file as its own.
        .filter(|row| {
            let named = row.module.replacen("mvm_catalogue", CATALOGUE, 1);
            !constructed.contains(&named)
                && !constructed.contains(&named.replace("::files::", "::"))
        })
        .map(|row| format!("{} ({})", row.code, row.module))
        .collect();
    assert!(silent.is_empty(), "never said: {silent:#?}");
}
