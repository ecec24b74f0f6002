//! The copyright file, in Debian's machine-readable format (DEP-5), from what cargo-about has found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::sbom::Crate;

/// Texts that Debian keeps once for all packages, and where.
const COMMON: [&str; 2] = ["Apache-2.0", "MPL-2.0"];

const HEADER: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: mvmhost
Source: https://github.com/mvmhost/mvmhost
Comment: Made by `cargo xtask licences`, of Cargo.lock. The programs are linked with the crates
 below, which cargo fetches; `cargo vendor` puts them into vendor/.

Files: *
Copyright: 2026 The mvmhost authors
License: Apache-2.0
";

/// The place of a crate in the file.
const FOLDER: &str = "Files: vendor/";

/// What a crate is under.
#[derive(Default)]
struct Terms {
    /// Names of texts in this file.
    names: BTreeSet<String>,
    holders: BTreeSet<String>,
    expression: String,
}

/// The file, and the expression of all licences together.
pub(super) fn render(
    about: &Value,
    linked: &BTreeSet<Crate>,
    others: &str,
) -> Result<(String, String)> {
    let mut texts: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut crates: BTreeMap<Crate, Terms> = BTreeMap::new();
    let mut ids: BTreeSet<String> = stanzas(others, "License: ");
    for licence in about["licenses"].as_array().context("no licences")? {
        let id = licence["id"].as_str().context("a licence without id")?;
        let text = licence["text"].as_str().context("a licence without text")?;
        let users = licence["used_by"].as_array().context("a licence of nobody")?;
        let users: Vec<Crate> = users
            .iter()
            .filter_map(|user| of(&user["crate"]))
            .filter(|c| linked.contains(c))
            .collect();
        if users.is_empty() {
            continue;
        }
        ids.insert(id.to_owned());
        let name = if COMMON.contains(&id) { id.to_owned() } else { named(&mut texts, id, text) };
        for user in users {
            let terms = crates.entry(user).or_default();
            terms.names.insert(name.clone());
            terms.holders.extend(holders(text));
        }
    }
    offered(about, &mut crates)?;
    let mut text = HEADER.to_owned();
    crates.iter().for_each(|(linked, terms)| stanza(&mut text, linked, terms));
    let _ = write!(text, "\n{}\n", others.trim());
    for (name, body) in texts.values() {
        let _ = write!(text, "\nLicense: {name}\n{}", indented(body));
    }
    for id in COMMON {
        let _ = write!(
            text,
            "\nLicense: {id}\n On Debian systems the text is in /usr/share/common-licenses/{id}; \
             elsewhere it is\n beside this file.\n"
        );
    }
    ids.insert("Apache-2.0".to_owned());
    let all: BTreeSet<&str> = ids.iter().filter_map(|id| spdx(id)).collect();
    Ok((text, all.into_iter().collect::<Vec<_>>().join(" AND ")))
}

/// Adds the crates' own expressions, and the authors of those whose texts name no holder.
fn offered(about: &Value, crates: &mut BTreeMap<Crate, Terms>) -> Result<()> {
    for entry in about["crates"].as_array().context("no crates")? {
        let Some(terms) = of(&entry["package"]).and_then(|user| crates.get_mut(&user)) else {
            continue;
        };
        let package = &entry["package"];
        terms.expression = package["license"].as_str().unwrap_or_default().replace('/', " OR ");
        if terms.holders.is_empty() {
            let authors = package["authors"].as_array().into_iter().flatten();
            terms.holders.extend(authors.filter_map(|author| Some(author.as_str()?.to_owned())));
        }
        if terms.holders.is_empty() {
            let name = package["name"].as_str().unwrap_or_default();
            terms.holders.insert(format!("The authors of {name}"));
        }
    }
    Ok(())
}

fn stanza(text: &mut String, linked: &Crate, terms: &Terms) {
    let holders: Vec<&str> = terms.holders.iter().map(String::as_str).collect();
    let names: Vec<&str> = terms.names.iter().map(String::as_str).collect();
    let _ = write!(
        text,
        "\n{FOLDER}{linked}/*\nCopyright: {}\nLicense: {}\nComment: offered as {}\n",
        holders.join("\n           "),
        names.join(" and "),
        terms.expression
    );
}

/// SPDX's name of a licence of this file, of which the texts of musl have their own.
fn spdx(name: &str) -> Option<&str> {
    match name.strip_suffix("-musl").unwrap_or(name) {
        "public-domain" => None,
        "GPL-3+-with-GCC-exception" => Some("GPL-3.0-or-later WITH GCC-exception-3.1"),
        other => Some(other),
    }
}

/// The crates that a copyright file names.
pub(super) fn crates(text: &str) -> BTreeSet<Crate> {
    let parse = |folder: String| {
        // The version begins at the first hyphen that a number and a dot follow: loopdev-3-0.5.3.
        let at = folder.match_indices('-').map(|(at, _)| at).find(|at| {
            let rest = folder[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit());
            rest.len() < folder[at + 1..].len() && rest.starts_with('.')
        })?;
        let (name, version) = (&folder[..at], &folder[at + 1..]);
        Some(Crate {
            name: name.to_owned(),
            version: version.strip_suffix("/*").unwrap_or(version).to_owned(),
        })
    };
    stanzas(text, FOLDER).into_iter().filter_map(parse).collect()
}

/// What follows this word at the beginning of lines.
fn stanzas(text: &str, word: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| Some(line.strip_prefix(word)?.to_owned())).collect()
}

fn of(package: &Value) -> Option<Crate> {
    let word = |key: &str| Some(package[key].as_str()?.to_owned());
    Some(Crate { name: word("name")?, version: word("version")? })
}

/// The name of a text. Texts that differ in their holders and in line ends only are one.
fn named(texts: &mut BTreeMap<String, (String, String)>, id: &str, text: &str) -> String {
    let body: Vec<&str> = text.lines().filter(|line| holder(line).is_none()).collect();
    let joined = body.join("\n");
    let key: String = joined
        .split_whitespace()
        .flat_map(|word| word.chars().chain([' ']))
        .filter(|c| c.is_alphanumeric() || *c == ' ')
        .flat_map(char::to_lowercase)
        .collect();
    let same = texts.values().filter(|(name, _)| {
        name == id || name.strip_prefix(id).is_some_and(|rest| rest.starts_with("-variant-"))
    });
    let count = same.count();
    let name = if count == 0 { id.to_owned() } else { format!("{id}-variant-{}", count + 1) };
    texts.entry(format!("{id} {key}")).or_insert((name, joined.trim().to_owned())).0.clone()
}

/// Who holds the copyright, from lines that begin with the word.
fn holders(text: &str) -> Vec<String> {
    text.lines().filter_map(holder).map(str::to_owned).collect()
}

fn holder(line: &str) -> Option<&str> {
    let line = line.trim().trim_start_matches(['*', '#', '/']).trim();
    let lower = line.to_lowercase();
    let rest = line.get("copyright".len()..)?;
    let plain = lower.starts_with("copyright (c)")
        || lower.starts_with("copyright ©")
        || lower.starts_with("copyright 1")
        || lower.starts_with("copyright 2");
    let rest = rest.trim_start_matches([' ', ':']);
    let rest = rest.strip_prefix("(c)").or_else(|| rest.strip_prefix("(C)")).unwrap_or(rest);
    let rest = rest.trim_start_matches('©').trim();
    (plain && !rest.is_empty() && !rest.contains(['[', '<'])).then_some(rest)
}

/// As a field's following lines are written.
fn indented(text: &str) -> String {
    let line = |line: &str| match line.trim_end() {
        "" => " .\n".to_owned(),
        line => format!(" {line}\n"),
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests;
