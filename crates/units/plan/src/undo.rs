//! What `mvmhost undo` goes back to: the operator's files as they were before the last apply. What
//! follows from them is then applied like any other file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `version` in /var/lib/mvmhost/history.json.
const VERSION: u32 = 1;
const FILE: &str = "/etc/mvmhost.toml";
const FRAGMENTS: &str = "/etc/mvmhost.toml.d/";
/// Added to the name of a file for what it said; no `*.toml`, so that it is not read.
const ASIDE: &str = ".undone";

/// One of the operator's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// `/etc/mvmhost.toml`, or a fragment in `/etc/mvmhost.toml.d`.
    pub name: String,
    /// The whole content.
    pub text: String,
}

/// The files of the last two applies that kept a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    version: u32,
    /// The last good configuration that `files` make.
    applied: String,
    files: Vec<Text>,
    before: Option<Vec<Text>>,
}

impl History {
    /// Whether it names files that mvmhost would write, and no others.
    pub fn is_own(&self) -> bool {
        let mut files = self.files.iter().chain(self.before.iter().flatten());
        files.all(|file| is_own(&file.name))
    }

    /// The record with an apply of `files`, which make `applied`, where `last` is the last good
    /// configuration until now. An apply that was killed and is done again counts once.
    pub fn with(old: Option<Self>, last: Option<&str>, applied: &str, files: Vec<Text>) -> Self {
        let before = old.and_then(|old| {
            if old.applied == applied || old.files == files {
                old.before
            } else {
                // Of an apply in between nothing is known here.
                Some(old.files).filter(|_| last == Some(&old.applied))
            }
        });
        Self { version: VERSION, applied: applied.to_owned(), files, before }
    }

    /// The files before the apply that kept `applied`; `None` when they are not known.
    pub fn before(&self, applied: &str) -> Option<&[Text]> {
        self.before.as_deref().filter(|_| self.applied == applied)
    }

    /// Once it has been gone back: the apply that follows is not undone by typing it twice.
    pub fn undone(self) -> Self {
        Self { files: self.before.unwrap_or(self.files), before: None, ..self }
    }
}

fn is_own(name: &str) -> bool {
    let fragment = name.strip_prefix(FRAGMENTS).filter(|file| file.ends_with(".toml"));
    name == FILE || fragment.is_some_and(|file| !file.contains('/') && !file.starts_with('.'))
}

/// One change of the operator's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write a file: one from before, or a copy of today's with `.undone` at the end of its name.
    Write(Text),
    /// Take away one that was not there.
    Remove(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(file) => write!(f, "write {}", file.name),
            Self::Remove(name) => write!(f, "take {name} away"),
        }
    }
}

/// From the files as they are to those of before. What a file says is written beside it first.
pub fn steps(now: &[Text], before: &[Text]) -> Vec<Step> {
    let is_new = |file: &&Text| !before.iter().any(|old| old.name == file.name);
    let changes = |file: &&Text| !before.contains(file);
    let aside = |file: &Text| {
        Step::Write(Text { name: format!("{}{ASIDE}", file.name), text: file.text.clone() })
    };
    let backups = now.iter().filter(changes).map(aside);
    let written = before.iter().filter(|old| !now.contains(old)).cloned().map(Step::Write);
    let removed = now.iter().filter(is_new).map(|file| Step::Remove(file.name.clone()));
    backups.chain(written).chain(removed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> Text {
        Text { name: name.to_owned(), text: text.to_owned() }
    }

    fn main(text: &str) -> Vec<Text> {
        vec![file(FILE, text)]
    }

    #[test]
    fn the_files_before_the_last_apply_are_known() {
        let first = History::with(None, None, "A", main("a"));
        assert_eq!(first.before("A"), None);
        let second = History::with(Some(first.clone()), Some("A"), "B", main("b"));
        assert_eq!(second.before("B"), Some(main("a").as_slice()));
        // Something else was kept since, without this record.
        assert_eq!(second.before("C"), None);
        let third = History::with(Some(second.clone()), Some("C"), "D", main("d"));
        assert_eq!(third.before("D"), None);
        // Killed after the record was written, and before the last good configuration was.
        let again = History::with(Some(second.clone()), Some("A"), "B", main("b # more"));
        assert_eq!(again.before("B"), Some(main("a").as_slice()));
        // Gone back to once, what comes then is the first one.
        let undone = History::with(Some(second.clone().undone()), Some("B"), "A", main("a"));
        assert_eq!(undone.before("A"), None);
        // Another mvmhost makes something else of the same files.
        let upgraded = History::with(Some(second), Some("B"), "B2", main("b"));
        assert_eq!(upgraded.before("B2"), Some(main("a").as_slice()));
    }

    #[test]
    fn a_record_with_a_name_of_somebody_else_is_not_own() {
        let stored = History::with(None, None, "A", main("a"));
        let text = serde_json::to_string(&stored).unwrap();
        let is_own = |text: &str| serde_json::from_str::<History>(text).unwrap().is_own();
        assert!(is_own(&text));
        for wrong in [
            text.replace(FILE, "/etc/shadow"),
            text.replace(FILE, "/etc/mvmhost.toml.d/../shadow.toml"),
            text.replace(FILE, "/etc/mvmhost.toml.d/.toml"),
            text.replace(FILE, "/etc/mvmhost.toml.d/a.conf"),
        ] {
            assert!(!is_own(&wrong), "{wrong}");
        }
        let fragment = text.replace(FILE, "/etc/mvmhost.toml.d/50-a.toml");
        assert!(is_own(&fragment));
    }

    #[test]
    fn what_a_file_says_is_kept_beside_it() {
        let fragment = "/etc/mvmhost.toml.d/a.toml";
        let same = file("/etc/mvmhost.toml.d/b.toml", "same");
        let now = [file(FILE, "new"), file(fragment, "added"), same.clone()];
        let steps = steps(&now, &[file(FILE, "old"), same]);
        let expected = [
            Step::Write(file("/etc/mvmhost.toml.undone", "new")),
            Step::Write(file("/etc/mvmhost.toml.d/a.toml.undone", "added")),
            Step::Write(file(FILE, "old")),
            Step::Remove(fragment.to_owned()),
        ];
        assert_eq!(steps, expected);
    }
}
