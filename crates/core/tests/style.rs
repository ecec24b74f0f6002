//! The measure of every text: length, sentences, words. Also of what stands outside of the catalogue:
//! manual, README, units, examples, the help of each program.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use mvm_core::{Entry, catalogue};

/// Characters of a message, before its data are filled in.
const MESSAGE: usize = 90;
/// Sentences of a cause.
const SENTENCES: usize = 3;
/// Words of a sentence in the manual and in README.
const WORDS: usize = 34;

/// Folders and files of texts that are not in the catalogue. The help of each command is in the manual.
const OUTSIDE: &[&str] = &[
    "README.md",
    "man",
    "units",
    "packaging/ansible",
    "packaging/config",
    "packaging/cockpit",
    "packaging/deb/debian/control",
    "packaging/examples",
    "packaging/firewalld",
    "packaging/grafana",
    "packaging/logrotate",
    "packaging/network",
    "packaging/schema",
];

/// Words that say nothing to a reader in a hurry, or say it in a private way, and what to write.
const BANNED: &[(&str, &str)] = &[
    ("anew", "again"),
    ("as ever", "as usual"),
    ("by deed", "by a live test"),
    ("brought", "pulled, or added"),
    ("comes by the retry", "is tried again"),
    ("goes on with", "continues with"),
    ("gone on with", "continued"),
    ("has got", "has"),
    ("is said", "is reported"),
    ("mend", "correct, or repair"),
    ("somebody", "another program, or a name"),
    ("tell", "report, or show"),
    ("tells", "reports, or shows"),
    ("the word for", "the token"),
    ("told", "set, or given"),
    ("truth value", "boolean"),
    ("way out", "gateway, or route"),
    ("whoever", "who"),
    ("wish", "desired"),
];

/// More of them, which the texts outside of the catalogue once had.
const BANNED_OUTSIDE: &[(&str, &str)] = &[
    ("gave out", "served"),
    ("gives out the", "serves"),
    ("in so many words", "explicitly"),
    ("is put", "put it in the active voice"),
    ("of old", "older"),
    ("stands in the way", "conflicts, or is wrong"),
    ("somebody else", "another program"),
    ("unless told", "by default"),
    ("what stands", "what is"),
];

fn texts(entry: &'static Entry) -> [&'static str; 3] {
    [entry.message, entry.cause, entry.remedy]
}

/// Whole words only: `attend` holds no `tend`.
fn holds(text: &str, phrase: &str) -> bool {
    let text = text.to_lowercase();
    text.match_indices(phrase).any(|(at, found)| {
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !letter(text[..at].chars().next_back()) && !letter(text[at + found.len()..].chars().next())
    })
}

#[test]
fn a_message_is_short_and_a_cause_has_three_sentences() {
    let mut wrong = Vec::new();
    for entry in catalogue::all() {
        let length = entry.message.chars().count();
        if length > MESSAGE {
            wrong.push(format!("{}: the message has {length} characters", entry.code));
        }
        let ends = entry.cause.match_indices(['.', '!', '?']).filter(|(at, end)| {
            entry.cause[at + end.len()..].chars().next().is_none_or(char::is_whitespace)
        });
        let sentences = ends.count();
        if sentences > SENTENCES {
            wrong.push(format!("{}: the cause has {sentences} sentences", entry.code));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_text_has_a_banned_word() {
    let mut wrong = Vec::new();
    for entry in catalogue::all() {
        for (word, better) in BANNED {
            if texts(entry).iter().any(|text| holds(text, word)) {
                wrong.push(format!("{}: {word:?}; write {better}", entry.code));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The files of [`OUTSIDE`], with their texts.
fn outside() -> Vec<(PathBuf, String)> {
    fn collect(path: &Path, found: &mut Vec<(PathBuf, String)>) {
        if path.is_dir() {
            let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
            entries.for_each(|entry| collect(&entry, found));
        } else if let Ok(text) = fs::read_to_string(path) {
            found.push((path.to_owned(), text));
        }
    }
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    OUTSIDE.iter().for_each(|path| collect(&top.join(path), &mut found));
    found
}

#[test]
fn no_text_outside_has_a_banned_word() {
    let files = outside();
    assert!(files.len() > 80, "{}", files.len());
    let mut wrong = Vec::new();
    for (path, text) in &files {
        for (at, line) in text.lines().enumerate() {
            for (word, better) in BANNED.iter().chain(BANNED_OUTSIDE) {
                if holds(line, word) {
                    wrong.push(format!("{}:{}: {word:?}; write {better}", path.display(), at + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is read as sentences: neither code, tables and headings, nor what is generated.
fn paragraphs(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut generated = false;
    for line in text.lines() {
        generated = (generated || line.starts_with("<!-- BEGIN")) && !line.starts_with("<!-- END");
        let apart = [" ", "|", "#", "!", "<"].iter().any(|start| line.starts_with(start));
        let item = line.starts_with("- ") || line.starts_with(":   ");
        if generated || line.is_empty() || (apart && !line.starts_with("  ")) || item {
            found.push(String::new());
        }
        if !generated
            && !apart
            && let Some(last) = found.last_mut()
        {
            last.push_str(line.trim_start_matches([':', '-', ' ']));
            last.push(' ');
        }
    }
    found
}

#[test]
fn a_sentence_of_the_manual_is_short() {
    let mut wrong = Vec::new();
    for (path, text) in
        outside().iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "md"))
    {
        for paragraph in paragraphs(text).iter().filter(|one| !one.contains(" | ")) {
            let mut words = 0;
            for word in paragraph.split_whitespace() {
                words += 1;
                if words > WORDS {
                    wrong.push(format!("{}: {paragraph}", path.display()));
                    break;
                }
                if word.ends_with(['.', ':', ';', '?', '!']) {
                    words = 0;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn words_are_whole() {
    assert!(holds("Mend it", "mend") && holds("so mend.", "mend"));
    assert!(!holds("recommended", "mend") && !holds("intelligent", "tell"));
}
