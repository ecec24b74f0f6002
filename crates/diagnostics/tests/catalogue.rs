//! The catalogue as a whole: ids, codes, templates.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mvm_diagnostics::{Severity, catalogue, render};

#[test]
fn ids_are_32_lower_case_hexadecimal_digits_and_unique() {
    let mut seen = BTreeSet::new();
    for entry in catalogue::all() {
        assert_eq!(entry.id.len(), 32, "{}", entry.code);
        assert!(entry.id.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')), "{}", entry.code);
        assert!(seen.insert(entry.id), "{} repeats an id", entry.code);
    }
    assert!(!seen.is_empty());
}

#[test]
fn codes_are_well_formed_and_unique() {
    let mut seen = BTreeSet::new();
    for entry in catalogue::all() {
        let parts: Vec<_> = entry.code.split('-').collect();
        assert_eq!(parts.len(), 3, "{}", entry.code);
        assert_eq!(parts[0], "MVM");
        assert!(parts[1].len() <= 4 && parts[1].chars().all(|c| c.is_ascii_uppercase()));
        assert!(parts[2].len() == 3 && parts[2].chars().all(|c| c.is_ascii_digit()));
        assert!(seen.insert(entry.code), "{} is used twice", entry.code);
    }
}

#[test]
fn an_error_says_why_and_what_to_do() {
    for entry in catalogue::all() {
        assert!(!entry.message.contains('\n'), "{}: a message is one line", entry.code);
        assert!(!entry.message.ends_with('.'), "{}: a message is no sentence", entry.code);
        assert!(!entry.cause.is_empty(), "{} has no cause", entry.code);
        if entry.severity != Severity::Info {
            assert!(!entry.remedy.is_empty(), "{} has no remedy", entry.code);
        }
    }
}

#[test]
fn templates_close_what_they_open() {
    for entry in catalogue::all() {
        for template in [entry.message, entry.remedy] {
            let names = template.split('{').skip(1).map(|rest| rest.split_once('}'));
            for name in names {
                let (name, _) = name.unwrap_or_else(|| panic!("{}: open brace", entry.code));
                assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", entry.code);
            }
        }
    }
}

#[test]
fn every_entry_stands_in_the_rendered_files() {
    let (catalog, man) = (render::journal_catalog(), render::man_body());
    for entry in catalogue::all() {
        assert!(catalog.contains(&format!("\n-- {}\n", entry.id)));
        assert!(man.contains(&format!("## {}\n", entry.code)));
        assert!(render::explanation(entry).contains(entry.code));
    }
}

/// A row that nothing says is a promise that nobody keeps. Names of rows stand in the sources as
/// `pool::READY` or `&catalogue::pool::READY`.
#[test]
fn every_entry_is_emitted_somewhere() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = String::new();
    let mut folders = vec![top];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("catalogue") && !path.ends_with("tests") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    for (name, entry) in catalogue::names() {
        assert!(sources.contains(&format!("::{name}")), "{} ({name}) is never said", entry.code);
    }
}

/// What stands in a remedy is typed: every line is a command, or a comment to the shell.
#[test]
fn remedies_are_commands() {
    for entry in catalogue::all() {
        for line in entry.remedy.lines() {
            let word = line.trim_start().split([' ', '(']).find(|word| !word.is_empty());
            let word = word.unwrap_or_default();
            let typed = COMMANDS.contains(&word) || word.starts_with('{') || word == "#";
            assert!(typed, "{}: {line:?}", entry.code);
        }
    }
}

const COMMANDS: &[&str] = &[
    "apt-get",
    "chattr",
    "chmod",
    "command",
    "cp",
    "date",
    "df",
    "dmsetup",
    "file",
    "findmnt",
    "firewall-cmd",
    "hwclock",
    "install",
    "ip",
    "journalctl",
    "losetup",
    "ls",
    "lsblk",
    "lvchange",
    "lvremove",
    "lvs",
    "modprobe",
    "mv",
    "mvmhost",
    "nft",
    "printf",
    "pvs",
    "rm",
    "ss",
    "sysctl",
    "systemctl",
    "tail",
    "tailscale",
    "thin_check",
    "thin_ls",
    "thin_repair",
    "timedatectl",
    "truncate",
    "udevadm",
    "ufw",
    "umask",
    "uname",
    "update-ca-certificates",
    "vgs",
];
