//! Which versions of the programs on a host go together. This table is the only place for them: the
//! check, mvm-validate and the table in mvmhost(8) are made from it.

mod check;
mod table;

pub(crate) use check::check;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};

pub use table::{FEATURES, MACVTAP_CLOUD_HYPERVISOR, MACVTAP_FIRECRACKER, PAIRS, PROVIDERS};

/// A program whose version matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// This program, by the version of its crate.
    Mvmhost,
    /// flintlockd, by `flintlockd version --short`.
    Flintlockd,
    /// Firecracker, by its `--version`, while it is the configured provider.
    Firecracker,
    /// Cloud Hypervisor, by its `--version`, while it is the configured provider.
    CloudHypervisor,
    /// containerd, by its API; not known while it does not answer.
    Containerd,
    /// The kernel of the host, by /proc/sys/kernel/osrelease.
    Kernel,
    /// systemd of the host, by `systemctl --version`.
    Systemd,
}

impl Part {
    /// As its makers write it.
    pub fn name(self) -> &'static str {
        match self {
            Part::Mvmhost => "mvmhost",
            Part::Flintlockd => "flintlockd",
            Part::Firecracker => "Firecracker",
            Part::CloudHypervisor => "Cloud Hypervisor",
            Part::Containerd => "containerd",
            Part::Kernel => "Linux",
            Part::Systemd => "systemd",
        }
    }
}

/// Major and minor number of a version.
pub type Number = (u32, u32);

/// The versions from the first on, up to the second, which is not one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first one, which is in the range; `(0, 0)` for no lower end.
    pub from: Number,
    /// The first one that is too new; `None` for no upper end.
    pub before: Option<Number>,
}

impl Range {
    /// Whether it has this version.
    pub fn has(self, number: Number) -> bool {
        self.from <= number && self.before.is_none_or(|before| number < before)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // systemd and Cloud Hypervisor count with one number.
        let word = |(major, minor): Number| match (major, minor) {
            (20.., 0) => major.to_string(),
            _ => format!("{major}.{minor}"),
        };
        match (self.from, self.before) {
            ((0, 0), None) => f.write_str("any version"),
            ((0, 0), Some(before)) => write!(f, "a version before {}", word(before)),
            (from, None) => write!(f, "{} or newer", word(from)),
            (from, Some(before)) => write!(f, "{} or newer, before {}", word(from), word(before)),
        }
    }
}

/// What happens outside of the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is known not to work.
    Fails,
    /// Nobody who makes it has tried, or says so.
    Untried,
}

/// One row: these versions of `program` need those of `needs`.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// Who needs something.
    pub program: Part,
    /// Versions of `program` for which the row holds.
    pub versions: Range,
    /// The program whose version has to be in `needed`.
    pub needs: Part,
    /// Versions of `needs` that fit.
    pub needed: Range,
    /// What another version of `needs` means: an error or a warning.
    pub verdict: Verdict,
    /// What happens then: one sentence without its period.
    pub why: &'static str,
    /// The document of its makers that says so: `systemd, NEWS of 247`.
    pub source: &'static str,
}

/// Something that flintlockd can do in these versions only.
#[derive(Debug, Clone, Copy)]
pub struct Feature {
    /// The first column of its table in mvmhost(8): `virtiofs volumes, with Cloud Hypervisor`.
    pub name: &'static str,
    /// Versions of flintlockd that can do it.
    pub flintlockd: Range,
    /// The document of flintlock that says so: `flintlock, release notes of v0.8.0`.
    pub source: &'static str,
}

/// Reads major and minor of what a program, the kernel or a daemon tells of itself: `v0.11.0`,
/// `Firecracker v1.3.1-macvtap`, `1.6.20~ds1`, `6.12.48+deb13-amd64`, `252.39-1~deb12u1`. `None` for
/// a build that has no version.
pub fn number(text: &str) -> Option<Number> {
    let word = text.split_whitespace().find(|word| {
        word.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit())
    })?;
    let mut parts = word.trim_start_matches('v').split(|c: char| !c.is_ascii_digit());
    let major = parts.next()?.parse().ok()?;
    // systemd's versions of old have one number.
    Some((major, parts.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
}

/// The pairs that `versions` break. What tells no version breaks none.
pub fn broken(versions: &[(Part, &str)]) -> Vec<&'static Pair> {
    let of = |part: Part| {
        let entry = versions.iter().find(|(program, _)| *program == part)?;
        number(entry.1)
    };
    let breaks = |pair: &&Pair| match (of(pair.program), of(pair.needs)) {
        (Some(version), Some(needs)) => pair.versions.has(version) && !pair.needed.has(needs),
        _ => false,
    };
    PAIRS.iter().filter(breaks).collect()
}

/// The tables for mvmhost(8), in Markdown.
pub fn man_body() -> String {
    let mut text =
        String::from("| program | needs | otherwise | source |\n| --- | --- | --- | --- |\n");
    for pair in PAIRS {
        let program = match pair.versions {
            Range { from: (0, 0), before: None } => pair.program.name().to_owned(),
            versions => format!("{} {versions}", pair.program.name()),
        };
        let _ = writeln!(
            text,
            "| {program} | {} {} | {}: {} | {} |",
            pair.needs.name(),
            pair.needed,
            match pair.verdict {
                Verdict::Fails => "error",
                Verdict::Untried => "warning",
            },
            pair.why,
            pair.source
        );
    }
    text.push_str("\n| what flintlockd does | in | source |\n| --- | --- | --- |\n");
    for feature in FEATURES {
        let _ =
            writeln!(text, "| {} | {} | {} |", feature.name, feature.flintlockd, feature.source);
    }
    text
}
