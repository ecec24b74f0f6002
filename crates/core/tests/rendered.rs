//! Every row as people see it: through the real journalctl, in the manual and on the terminal,
//! nothing is left unfilled.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use mvm_core::{Entry, Finding, catalogue, render, sink};

/// A finding with a value for everything that its row names, and nothing that it does not need.
fn sample(entry: &'static Entry) -> Finding {
    let mut finding = Finding::chosen(
        entry,
        if entry.remedy.contains("{install_subject}") { "dmsetup" } else { "its-subject" },
    );
    for template in [entry.message, entry.cause, entry.remedy] {
        for name in Entry::placeholders(template)
            .filter(|name| *name != "subject" && !name.starts_with("install_"))
        {
            finding = finding.with(name, format!("its-{}", name.replace('_', "-")));
        }
    }
    finding
}

/// Words that are left where something was not filled.
fn unfilled(text: &str) -> Option<&str> {
    // `journalctl MVMHOST_CODE=...` is a command, a name alone is a field that was not filled.
    let fields = |word: &&str| {
        let name = word.contains("MVMHOST_") || word.contains("MESSAGE");
        (name && !word.contains('=')) || *word == "SUBJECT"
    };
    let open = |word: &&str| {
        word.split_once('{').is_some_and(|(_, rest)| {
            rest.split_once('}').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            })
        })
    };
    let field = |word: &&str| word.starts_with('@') && word.len() > 2 && word.ends_with('@');
    text.split_whitespace().find(|word| fields(word) || open(word) || field(word))
}

#[test]
fn an_entry_carries_every_field_of_its_catalog_text() {
    let catalog = render::journal_catalog();
    for entry in catalogue::all() {
        let (_, text) = catalog.split_once(&format!("\n-- {}\n", entry.id)).unwrap();
        let text = text.split("\n-- ").next().unwrap();
        let fields: BTreeMap<_, _> = sink::fields(&sample(entry)).into_iter().collect();
        for field in text.split('@').skip(1).step_by(2) {
            let carried =
                field == "MESSAGE" || fields.get(field).is_some_and(|value| !value.is_empty());
            assert!(carried, "{}: @{field}@", entry.code);
        }
        assert!(!text.contains(['{', '}']), "{}: {text}", entry.code);
    }
}

#[test]
fn the_manual_and_the_terminal_show_no_placeholder() {
    for (name, text) in [("man", render::man_body()), ("catalog", render::journal_catalog())] {
        for line in
            text.lines().filter(|line| !line.contains('@') && !line.starts_with("MESSAGE_ID"))
        {
            let name_of_row = |word: &str| word == "SUBJECT" && name == "man";
            let placeholder = unfilled(line).filter(|word| !name_of_row(word));
            assert!(placeholder.is_none(), "{name}: {line}");
        }
    }
    for entry in catalogue::all() {
        let finding = sample(entry);
        for text in [finding.message(), finding.cause(), finding.remedy()] {
            assert_eq!(unfilled(&text), None, "{}: {text}", entry.code);
        }
        let explained = render::explanation(entry);
        let open = explained.lines().find(|line| line.contains('{') && unfilled(line).is_some());
        assert_eq!(open, None, "{}", entry.code);
    }
}

/// The entries are put into a journal by systemd-journal-remote, in the export format, and shown by
/// `journalctl -x` with the catalog that is shipped.
#[test]
fn journalctl_shows_every_entry_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("usr/lib/systemd/catalog")).unwrap();
    fs::create_dir_all(at("var/lib/systemd/catalog")).unwrap();
    fs::write(at("usr/lib/systemd/catalog/mvmhost.catalog"), render::journal_catalog()).unwrap();
    fs::write(at("export"), export()).unwrap();
    run(&format!(
        "cd {folder} && journalctl --update-catalog --root={folder} && \
         /lib/systemd/systemd-journal-remote --split-mode=none -o {folder}/x.journal {folder}/export",
        folder = folder.path().display()
    ));
    // journalctl reads the catalog of the system: in a mount namespace it is ours.
    let shown = run(&format!(
        "unshare -m sh -c 'mount --bind {folder}/var/lib/systemd/catalog /var/lib/systemd/catalog && \
         journalctl -x --no-pager --file {folder}/x.journal'",
        folder = folder.path().display()
    ));
    for entry in catalogue::all() {
        let subject = format!("Subject: {}: {}", entry.code, sample(entry).message());
        assert!(shown.contains(&subject), "{subject}");
    }
    assert_eq!(unfilled(&shown), None);
}

fn export() -> Vec<u8> {
    let mut out = Vec::new();
    for (at, entry) in catalogue::all().enumerate() {
        let finding = sample(entry);
        let time = 1_790_000_000_000_000_u64 + at as u64;
        let head = format!(
            "__REALTIME_TIMESTAMP={time}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID=00112233445566778899aabbccddeeff\nMESSAGE={}: {}\n",
            1_000_000 + at,
            entry.code,
            finding.message()
        );
        out.extend(head.into_bytes());
        for (name, value) in sink::fields(&finding) {
            // The binary form, which the format has for values of several lines.
            out.extend(name.as_bytes());
            out.push(b'\n');
            out.extend((value.len() as u64).to_le_bytes());
            out.extend(value.as_bytes());
            out.push(b'\n');
        }
        out.push(b'\n');
    }
    out
}

fn run(script: &str) -> String {
    assert!(
        Path::new("/lib/systemd/systemd-journal-remote").exists(),
        "apt install systemd-journal-remote"
    );
    let output = Command::new("sh").args(["-ec", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
