//! Which crates are linked into the programs, by Cargo.lock.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::arch::ALL;
use crate::sbom::Crate;
use crate::{musl, package};

/// All programs of the package.
pub(super) fn programs() -> impl Iterator<Item = &'static &'static str> {
    package::PROGRAMS.iter().chain(&musl::PROGRAMS)
}

/// The crates of all programs for all architectures: neither what only runs at build time nor our
/// own.
pub(super) fn crates() -> Result<BTreeSet<Crate>> {
    let mut crates = BTreeSet::new();
    for arch in &ALL {
        for (library, programs) in
            [("gnu", package::PROGRAMS.as_slice()), ("musl", &musl::PROGRAMS)]
        {
            let target = arch.target(library);
            let mut arguments =
                vec!["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none"];
            arguments.extend(["--format", "{p}", "--target", &target]);
            arguments.extend(programs.iter().flat_map(|name| ["--package", name]));
            crates.extend(super::cargo(&arguments)?.lines().filter_map(parse));
        }
    }
    ensure!(crates.len() > programs().count(), "cargo tree names no crates");
    Ok(crates)
}

/// `libc v0.2.170`, with ` (*)` where it was shown before; a crate of ours has its path there.
fn parse(line: &str) -> Option<Crate> {
    let line = line.trim_end_matches(" (*)");
    let (name, version) = line.split_once(" v")?;
    let plain = !version.contains(' ');
    plain.then(|| Crate { name: name.to_owned(), version: version.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_registries_are_told_from_ours() {
        let libc = Crate { name: "libc".to_owned(), version: "0.2.170".to_owned() };
        assert_eq!(parse("libc v0.2.170"), Some(libc.clone()));
        assert_eq!(parse("libc v0.2.170 (*)"), Some(libc));
        assert_eq!(parse("mvm-plan v0.1.0 (/srv/a b/crates/plan)"), None);
        assert_eq!(parse("mvm-plan v0.1.0 (/srv/crates/plan) (*)"), None);
        assert_eq!(parse(""), None);
    }
}
