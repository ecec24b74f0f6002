//! Unit files of others that override what mvmhost sets: systemd reads drop-ins in the order of their
//! names, and the last line of a setting wins (systemd.unit(5)).

use mvm_core::Finding;
use mvm_core::catalogue::overrides as messages;
use serde::Deserialize;

/// The name of every generated drop-in.
pub const OWN: &str = "50-mvmhost.conf";

/// Settings that may be given more than once and add to each other; only an empty value takes back
/// what came before.
const ADDED: [&str; 14] = [
    "After",
    "Before",
    "BindsTo",
    "Conflicts",
    "Documentation",
    "Environment",
    "OnFailure",
    "PartOf",
    "ReadWritePaths",
    "Requires",
    "RequiresMountsFor",
    "SystemCallFilter",
    "Upholds",
    "Wants",
];

/// A file that systemd reads for a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Absolute, such as `/etc/systemd/system/mvm-net.service.d/90-local.conf`.
    pub path: String,
    /// Its text; `None` for a link to /dev/null.
    pub text: Option<String>,
}

/// What systemd reads for one unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// With its suffix, such as `mvm-net.service`.
    pub name: String,
    /// What mvmhost sets: the text of the package's unit and that of the generated drop-in.
    pub own: Vec<String>,
    /// Files that stand instead of the package's unit.
    pub instead: Vec<File>,
    /// Drop-ins of others, in the order in which they are read.
    pub dropins: Vec<File>,
    /// Whether the unit has a generated drop-in.
    pub generated: bool,
}

/// A line or a whole file of another's that wins over what mvmhost sets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// As [`File::path`].
    pub path: String,
    /// As [`Unit::name`].
    pub unit: String,
    /// Line from 1, setting, and the line itself; `None` for a whole file.
    pub line: Option<(usize, String, String)>,
}

/// Unit by unit: files that stand in its place, then drop-ins in the order of their names.
pub fn overrides(units: &[Unit]) -> Vec<Override> {
    units.iter().flat_map(of_unit).collect()
}

/// The finding for each of them.
pub fn findings(overrides: &[Override]) -> Vec<Finding> {
    let finding = |one: &Override| match &one.line {
        None => messages::whole(&one.path, &one.unit),
        Some((line, key, text)) => {
            messages::line(format!("{}:{line}", one.path), key, &one.unit).evidence(text)
        }
    };
    overrides.iter().map(finding).collect()
}

fn of_unit(unit: &Unit) -> Vec<Override> {
    let whole =
        |file: &File| Override { path: file.path.clone(), unit: unit.name.clone(), line: None };
    let mut found: Vec<Override> = unit.instead.iter().map(whole).collect();
    let set: Vec<(String, String)> =
        unit.own.iter().flat_map(|text| lines(text)).map(|line| (line.section, line.key)).collect();
    for file in &unit.dropins {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        // systemd reads one file of each name: this one instead of ours.
        if name == OWN {
            found.push(whole(file));
            continue;
        }
        // What is read before ours is taken back by it, or set again.
        if unit.generated && name < OWN {
            continue;
        }
        let text = file.text.as_deref().unwrap_or_default();
        for line in lines(text) {
            let added = ADDED.contains(&line.key.as_str()) && !line.value.is_empty();
            if added || !set.contains(&(line.section.clone(), line.key.clone())) {
                continue;
            }
            found.push(Override {
                path: file.path.clone(),
                unit: unit.name.clone(),
                line: Some((line.number, line.key.clone(), format!("{}={}", line.key, line.value))),
            });
        }
    }
    found
}

struct Line {
    section: String,
    key: String,
    value: String,
    number: usize,
}

/// The settings of a unit file. A line that ends in `\` goes on in the next.
fn lines(text: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut section = String::new();
    let mut goes_on = false;
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        let begun = std::mem::replace(&mut goes_on, trimmed.ends_with('\\'));
        if begun || trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            // A comment does not end what goes on.
            goes_on |= begun && trimmed.starts_with(['#', ';']);
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, value)) = trimmed.split_once('=') {
            found.push(Line {
                section: section.clone(),
                key: key.trim().to_owned(),
                value: value.trim().chars().take(200).collect(),
                number: at + 1,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "[Unit]\nAfter=a.service\n[Service]\nType=exec\nExecStart=\nExecStart=/x \\\n  y\nKillMode=process\n";

    fn unit(dropins: &[(&str, &str)]) -> Unit {
        let file = |(name, text): &(&str, &str)| File {
            path: format!("/etc/systemd/system/flintlockd.service.d/{name}"),
            text: Some((*text).to_owned()),
        };
        Unit {
            name: "flintlockd.service".to_owned(),
            own: vec![OURS.to_owned()],
            instead: Vec::new(),
            dropins: dropins.iter().map(file).collect(),
            generated: true,
        }
    }

    fn texts(unit: Unit) -> Vec<String> {
        findings(&overrides(&[unit])).iter().map(Finding::message).collect()
    }

    #[test]
    fn the_seed_s_drop_in_is_named_with_its_line() {
        let text = "[Service]\nExecStart=\nExecStart=/usr/local/bin/flintlockd run\n";
        let found = texts(unit(&[("containerd-dev.conf", text)]));
        assert_eq!(found.len(), 2);
        assert!(
            found[1].ends_with("containerd-dev.conf:3 overrides ExecStart of flintlockd.service"),
            "{found:?}"
        );
    }

    #[test]
    fn what_comes_before_or_adds_or_is_of_another_section_is_none() {
        let before = ("10-early.conf", "[Service]\nExecStart=/z\nKillMode=mixed\n");
        let adds = (
            "90-more.conf",
            "[Unit]\nAfter=b.service\nType=x\n[Service]\nEnvironment=A=b\nNice=5\n# KillMode=mixed\nX=\\\nKillMode=mixed\n",
        );
        assert_eq!(texts(unit(&[before, adds])), Vec::<String>::new());
        // An empty one takes ours back.
        assert_eq!(texts(unit(&[("90.conf", "[Unit]\nAfter=\n")])).len(), 1);
        // Without a generated drop-in the unit is the package's, and every drop-in comes after it.
        assert_eq!(texts(Unit { generated: false, ..unit(&[before]) }).len(), 2);
    }

    #[test]
    fn a_file_in_our_place_and_a_masked_unit_are_named_as_a_whole() {
        let mut unit = unit(&[(OWN, "[Service]\n")]);
        unit.instead.push(File { path: "/etc/systemd/system/x.service".to_owned(), text: None });
        let found = texts(unit);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|text| text.contains("replaces the whole")), "{found:?}");
    }
}
