//! Files made from the catalogue: the journal's message catalog and mvmhost-diagnostics(7).

use std::fmt::Write;

use crate::catalogue;
use crate::packages::{self, Manager};
use crate::{Entry, Severity};

/// A line of a catalog entry is folded at this many columns; `journalctl -x` indents it by three.
const COLUMNS: usize = 76;

/// The text of `/usr/lib/systemd/catalog/mvmhost.catalog`.
///
/// Data of the moment stand as fields that [`crate::sink::fields`] always sends: the message, the
/// evidence and the remedy are those of the entry that `journalctl -x` shows.
pub fn journal_catalog() -> String {
    let mut out = String::from("# Made by `cargo xtask generate` from crates/catalogue.\n");
    for entry in catalogue::all() {
        let cause = match entry.cause.contains('{') {
            true => "@MVMHOST_CAUSE@".to_owned(),
            false => folded(&plain(entry.cause)),
        };
        let _ = write!(
            out,
            "\n-- {}\nSubject: @MESSAGE@\nDefined-By: mvmhost\nSupport: man:mvmhost-diagnostics(7)\nDocumentation: man:mvmhost-diagnostics(7)\n\n{cause}\n",
            entry.id,
        );
        if entry.severity != Severity::Info {
            out.push_str("\nSeen:\n@MVMHOST_EVIDENCE@\n");
        }
        if !entry.remedy.is_empty() {
            out.push_str("\nWhat to do:\n@MVMHOST_REMEDY@\n");
        }
    }
    out
}

/// The text of `mvmhost explain CODE`.
pub fn explanation(entry: &Entry) -> String {
    let severity = word(entry.severity);
    let mut out = format!(
        "{} ({severity})\n\n{}\n\n{}\n",
        entry.code,
        placeholders(entry.message),
        folded(&placeholders(entry.cause))
    );
    if !entry.remedy.is_empty() {
        let _ = write!(out, "\nWhat to do:\n");
        for line in entry.remedy.lines() {
            let _ = writeln!(out, "  {}", placeholders(line));
        }
    }
    let _ = write!(out, "\nIn the journal: journalctl MVMHOST_CODE={} -x\n", entry.code);
    out
}

/// The body of mvmhost-diagnostics(7) in Markdown, a section for each code.
pub fn man_body() -> String {
    let mut out = String::new();
    for entry in catalogue::all() {
        let _ = write!(
            out,
            "## {}\n\n**{}.** {}\n\n{}\n\n",
            entry.code,
            word(entry.severity),
            placeholders(entry.message),
            placeholders(entry.cause)
        );
        if !entry.remedy.is_empty() {
            out.push_str("What to do:\n\n");
            for line in entry.remedy.lines() {
                let _ = writeln!(out, "    {}", placeholders(line));
            }
            out.push('\n');
        }
        let _ = write!(out, "MESSAGE_ID={}\n\n", entry.id);
    }
    out
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Info => "Information",
    }
}

/// `{path}` reads `PATH` where there is no data, as in a manual; what installs a package reads as
/// Debian's.
fn placeholders(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match packages::value(Manager::Apt, name, "") {
            Some(command) => out.push_str(&command),
            None => out.extend(name.chars().flat_map(char::to_uppercase)),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// `@` would start a field of the journal.
fn plain(text: &str) -> String {
    text.replace('@', " at ")
}

fn folded(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        if column > 0 && column + 1 + word.len() > COLUMNS {
            out.push('\n');
            column = 0;
        }
        if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.len();
    }
    out
}
