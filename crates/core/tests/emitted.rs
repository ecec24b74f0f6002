//! Every row is emitted somewhere, by the name that the sources give it, and with a value for each of
//! its placeholders.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mvm_core::{Entry, catalogue};

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
            if tree.starts_with("mvm_diagnostics") {
                expand("", &tree, &mut aliases);
            }
        }
        Self { text, aliases }
    }

    /// Full paths of every name in capitals that stands behind a path.
    fn names(&self) -> impl Iterator<Item = String> + '_ {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        self.text.split(move |c: char| !word(c)).filter_map(|path| {
            let path = path.trim_matches(':');
            let (module, name) = path.rsplit_once("::").unwrap_or(("", path));
            let capital = name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            if !capital {
                return None;
            }
            if module.is_empty() {
                return self.aliases.get(name).cloned();
            }
            let (first, rest) = module.split_once("::").unwrap_or((module, ""));
            let first = self.aliases.get(first).map_or(first, String::as_str);
            let middle = if rest.is_empty() { String::new() } else { format!("::{rest}") };
            Some(format!("{first}{middle}::{name}"))
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

fn path(entry: &Entry) -> String {
    format!("{}::{}", entry.module, entry.name)
}

/// A row that nothing says is a promise that nobody keeps.
#[test]
fn every_row_is_said() {
    let said: BTreeSet<String> =
        sources().iter().flat_map(|source| source.names().collect::<Vec<_>>()).collect();
    assert!(said.iter().any(|path| path.starts_with(CATALOGUE)));
    let silent: Vec<String> = catalogue::all()
        // `pool` shows the rows of its second file as its own.
        .filter(|entry| {
            !said.contains(&path(entry)) && !said.contains(&path(entry).replace("::files::", "::"))
        })
        .map(|entry| format!("{} ({})", entry.code, path(entry)))
        .collect();
    assert!(silent.is_empty(), "never said: {silent:#?}");
}

/// What fills a placeholder stands as `.with("name", ..)` in a file that says the row, or in one
/// that such a file hands the finding to.
#[test]
fn every_placeholder_is_given_somewhere() {
    let sources = sources();
    let given: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| source.text.split(".with(").skip(1))
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split_once('"'))
        .map(|(name, _)| name)
        .collect();
    for entry in catalogue::all() {
        for template in [entry.message, entry.cause, entry.remedy] {
            for name in Entry::placeholders(template)
                .filter(|name| *name != "subject" && !name.starts_with("install_"))
            {
                assert!(given.contains(name), "{}: nobody gives {{{name}}}", entry.code);
            }
        }
        // A cause has no value of its own: what it names is given for the message or the remedy.
        for name in Entry::placeholders(entry.cause).filter(|name| *name != "subject") {
            let among = |template| Entry::placeholders(template).any(|other| other == name);
            assert!(among(entry.message) || among(entry.remedy), "{}: {{{name}}}", entry.code);
        }
    }
}
