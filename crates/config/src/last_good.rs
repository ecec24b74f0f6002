//! The configuration that a program at boot goes by: the file, or the last good one.

use std::path::Path;

use mvm_core::catalogue::conf;
use mvm_core::{Finding, Roots};

use crate::load::{Loaded, Problem, load, load_applied};

/// The file's configuration; when it is invalid, the one that `mvmhost apply` kept, together with
/// the finding (MVM-CONF-002) that says so. That finding is an error for the operator and none for
/// the program: the host comes up.
///
/// # Errors
/// Neither can be used; the findings say what is wrong with which, and the exit code is
/// [`mvm_core::exit::CONFIGURATION`].
pub fn load_or_last_good(
    roots: &Roots,
    config: Option<&Path>,
) -> Result<(Loaded, Option<Finding>), Vec<Finding>> {
    let problems = match load(roots, config) {
        Ok(loaded) => return Ok((loaded, None)),
        Err(problems) => problems,
    };
    match load_applied(roots) {
        Ok(Some(applied)) => Ok((applied, Some(finding(conf::last_good, &problems)))),
        Ok(None) => Err(vec![finding(conf::no_last_good, &problems)]),
        Err(applied) => Err(vec![
            finding(conf::no_last_good, &problems),
            finding(conf::last_good_unreadable, &applied),
        ]),
    }
}

/// The first problem in the message, all of them in the evidence.
fn finding(new: fn(String, String) -> Finding, problems: &[Problem]) -> Finding {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let first = problems.first();
    let file = first.map(|problem| problem.file.clone()).unwrap_or_default();
    new(file, lines.first().cloned().unwrap_or_default()).evidence(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_core::atomic::write;

    fn host(config: Option<&str>, applied: Option<&str>) -> (tempfile::TempDir, Roots) {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        for (path, text) in [(roots.config(), config), (roots.applied(), applied)] {
            if let Some(text) = text {
                write(&path, text.as_bytes(), 0o600).unwrap();
            }
        }
        (folder, roots)
    }

    const GOOD: &str = "[network]\nmode = \"none\"\n";
    const BAD: &str = "[network]\nmode = \"nine\"\nmade-up = 1\n";

    fn codes(outcome: Result<(Loaded, Option<Finding>), Vec<Finding>>) -> Vec<&'static str> {
        match outcome {
            Ok((_, finding)) => finding.iter().map(Finding::code).collect(),
            Err(findings) => findings.iter().map(Finding::code).collect(),
        }
    }

    #[test]
    fn the_file_is_used_when_it_is_good() {
        let (_folder, roots) = host(Some(GOOD), Some(BAD));
        let (loaded, finding) = load_or_last_good(&roots, None).unwrap();
        assert!(finding.is_none());
        assert_eq!(loaded.config.network.mode, crate::model::NetworkMode::None);
    }

    #[test]
    fn the_last_good_one_stands_in_and_it_is_said() {
        let (_folder, roots) = host(Some(BAD), Some(GOOD));
        let (loaded, finding) = load_or_last_good(&roots, None).unwrap();
        assert_eq!(loaded.config.network.mode, crate::model::NetworkMode::None);
        let finding = finding.unwrap();
        assert_eq!(finding.code(), "MVM-CONF-002");
        assert!(finding.message().contains("mvmhost.toml:2: "), "{}", finding.message());
        assert_eq!(finding.evidence_text().lines().count(), 2, "{}", finding.evidence_text());
    }

    #[test]
    fn with_neither_it_is_refused() {
        let (_folder, roots) = host(Some(BAD), None);
        assert_eq!(codes(load_or_last_good(&roots, None)), ["MVM-CONF-003"]);
        let (_folder, roots) = host(Some(BAD), Some(BAD));
        let expected = ["MVM-CONF-003", "MVM-CONF-006"];
        assert_eq!(codes(load_or_last_good(&roots, None)), expected);
    }
}
