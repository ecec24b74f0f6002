//! The measure of every text: length, sentences, words.

use mvm_core::{Entry, catalogue};

/// Characters of a message, before its data are filled in.
const MESSAGE: usize = 90;
/// Sentences of a cause.
const SENTENCES: usize = 3;

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

fn texts(entry: &'static Entry) -> [&'static str; 3] {
    [entry.message, entry.cause, entry.remedy]
}

/// Whole words only: `attend` holds no `tend`.
fn holds(text: &str, words: &str) -> bool {
    let text = text.to_lowercase();
    text.match_indices(words).any(|(at, found)| {
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

#[test]
fn words_are_whole() {
    assert!(holds("Mend it", "mend") && holds("so mend.", "mend"));
    assert!(!holds("recommended", "mend") && !holds("intelligent", "tell"));
}
