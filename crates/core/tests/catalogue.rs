//! The catalogue as a whole: ids, codes, templates.

use std::collections::BTreeSet;

use mvm_core::{Severity, catalogue, render};

#[test]
fn ids_are_32_lower_case_hexadecimal_digits_and_unique() {
    let mut ids = BTreeSet::new();
    for entry in catalogue::all() {
        assert_eq!(entry.id.len(), 32, "{}", entry.code);
        assert!(entry.id.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')), "{}", entry.code);
        assert!(ids.insert(entry.id), "{} repeats an id", entry.code);
    }
    assert!(!ids.is_empty());
}

#[test]
fn codes_are_well_formed_and_unique() {
    let mut codes = BTreeSet::new();
    for entry in catalogue::all() {
        let parts: Vec<_> = entry.code.split('-').collect();
        assert_eq!(parts.len(), 3, "{}", entry.code);
        assert_eq!(parts[0], "MVM");
        assert!(parts[1].len() <= 4 && parts[1].chars().all(|c| c.is_ascii_uppercase()));
        assert!(parts[2].len() == 3 && parts[2].chars().all(|c| c.is_ascii_digit()));
        assert!(codes.insert(entry.code), "{} is used twice", entry.code);
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
        for template in [entry.message, entry.cause, entry.remedy] {
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

/// What stands in a remedy is typed: every line is a command, or a comment to the shell, and the
/// first one is a command.
#[test]
fn remedies_are_commands() {
    for entry in catalogue::all() {
        for (at, line) in entry.remedy.lines().enumerate() {
            let word = line.trim_start().split([' ', '(']).find(|word| !word.is_empty());
            let word = word.unwrap_or_default();
            assert!(at > 0 || word != "#", "{}: begins with {line:?}", entry.code);
            let known = PROGRAMS.iter().any(|(program, _)| *program == word);
            let typed = known || word.starts_with('{') || word == "#";
            assert!(typed, "{}: {line:?}", entry.code);
        }
    }
}

/// Each of these programs is there: Debian always has it, the package depends on what has it, or
/// the row is about the program itself.
#[test]
fn programs_of_remedies_are_installed() {
    let control = include_str!("../../../packaging/deb/debian/control");
    let depends = control.split("\nDepends: ").nth(1).unwrap().split("\nSuggests").next().unwrap();
    let depends: Vec<&str> = depends
        .split(',')
        .flat_map(|one| one.split('|'))
        .map(|one| one.split_whitespace().next().unwrap_or_default())
        .collect();
    for (program, package) in PROGRAMS {
        let there =
            ALWAYS.contains(package) || SUBJECTS.contains(package) || depends.contains(package);
        assert!(there, "{program} is in {package}, and that is not in Depends");
    }
}

/// Essential or required in every Debian.
const ALWAYS: [&str; 5] = ["coreutils", "dash", "grep", "libc-bin", "util-linux"];
/// What a row is about: it names the program because it is there.
const SUBJECTS: [&str; 7] =
    ["apparmor", "containerd", "firewalld", "lvm2", "mvmhost", "tailscale", "ufw"];

/// A program that remedies name, and the package of Debian that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("apparmor_parser", "apparmor"),
    ("cat", "coreutils"),
    ("chattr", "e2fsprogs"),
    ("chmod", "coreutils"),
    ("command", "dash"),
    ("containerd", "containerd"),
    ("cp", "coreutils"),
    ("date", "coreutils"),
    ("df", "coreutils"),
    ("dmsetup", "dmsetup"),
    ("findmnt", "util-linux"),
    ("firewall-cmd", "firewalld"),
    ("getent", "libc-bin"),
    ("grep", "grep"),
    ("head", "coreutils"),
    ("hwclock", "util-linux"),
    ("install", "coreutils"),
    ("ip", "iproute2"),
    ("journalctl", "systemd"),
    ("losetup", "util-linux"),
    ("ls", "coreutils"),
    ("lsblk", "util-linux"),
    ("lscpu", "util-linux"),
    ("lsattr", "e2fsprogs"),
    ("lvchange", "lvm2"),
    ("lvremove", "lvm2"),
    ("lvs", "lvm2"),
    ("modprobe", "kmod"),
    ("mkdir", "coreutils"),
    ("mv", "coreutils"),
    ("mvmhost", "mvmhost"),
    ("nft", "nftables"),
    ("printf", "coreutils"),
    ("pvs", "lvm2"),
    ("rm", "coreutils"),
    ("ss", "iproute2"),
    ("sysctl", "procps"),
    ("systemctl", "systemd"),
    ("systemd-analyze", "systemd"),
    ("tail", "coreutils"),
    ("tailscale", "tailscale"),
    ("thin_check", "thin-provisioning-tools"),
    ("thin_ls", "thin-provisioning-tools"),
    ("thin_repair", "thin-provisioning-tools"),
    ("timedatectl", "systemd"),
    ("truncate", "coreutils"),
    ("udevadm", "udev"),
    ("ufw", "ufw"),
    ("umask", "dash"),
    ("uname", "coreutils"),
    ("update-ca-certificates", "ca-certificates"),
    ("vgs", "lvm2"),
];
