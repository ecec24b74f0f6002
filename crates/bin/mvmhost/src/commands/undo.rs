//! `mvmhost undo`: an uplink back, or else the files of before the last apply, which are applied.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mvm_cli::cli::ApplyArguments;
use mvm_cli::context::{Context, invalid, no_systemd};
use mvm_cli::output::{self, Exit};
use mvm_cli_host::machine;
use mvm_config::load::{Source, parse, read};
use mvm_config::to_toml;
use mvm_core::catalogue::{conf, units, uplink as messages};
use mvm_core::{Finding, Roots, atomic, chain};
use mvm_network_kernel::uplink::Undone;
use mvm_units_plan::undo::{Step, Text, steps};
use mvm_units_systemd::systemd::Manager;

use super::history::{history, keep, texts};
use super::{apply, uplink};

/// Of a file that is not there any more.
const MODE: u32 = 0o644;

pub(super) fn run(context: &Context, arguments: &ApplyArguments) -> Exit {
    if let Undone::Attempted(findings) = uplink::back(&context.roots) {
        return output::report(context.json, &findings, output::exit_for(&findings));
    }
    match Back::of(context) {
        Ok(Some(back)) => back.go(context, arguments),
        Ok(None) => {
            output::report(context.json, &[messages::nothing_to_undo("mvmhost undo")], Exit::Done)
        }
        Err((findings, exit)) => output::report(context.json, &findings, exit),
    }
}

/// The way back to the files of before.
struct Back {
    manager: Manager,
    steps: Vec<Step>,
}

impl Back {
    /// Everything is validated before a file is touched. `None` when nothing is known of before.
    fn of(context: &Context) -> Result<Option<Self>, (Vec<Finding>, Exit)> {
        let roots = &context.roots;
        if context.config.is_some() {
            // The generator does not read it, so it was never what the host is made from.
            return Ok(None);
        }
        let reversal = reversal(roots).map_err(|finding| (vec![finding], Exit::Refused))?;
        let Some(Reversal { steps, before }) = reversal else { return Ok(None) };
        let loaded = parse(&before)
            .map_err(|problems| (problems.iter().map(invalid).collect(), Exit::Config))?;
        let mut manager =
            Manager::connect().map_err(|error| (vec![no_systemd(&error)], Exit::Unavailable))?;
        let refused = |findings| (findings, Exit::Refused);
        let plans = machine::plans(roots, &loaded, &mut manager)
            .map_err(|finding| refused(vec![finding]))?;
        if plans.is_refused() {
            return Err(refused(plans.findings()));
        }
        Ok(Some(Self { manager, steps }))
    }

    /// Writes them, and applies them.
    fn go(self, context: &Context, arguments: &ApplyArguments) -> Exit {
        let mut completed = Vec::new();
        for step in &self.steps {
            if let Err(why) = carry_out(&context.roots, step) {
                let finding = units::step_failed(step.to_string(), why);
                return output::report(context.json, &[finding], Exit::Findings);
            }
            completed.push(step.to_string());
        }
        if let Some(history) = history(&context.roots) {
            keep(&context.roots, &history.undone());
        }
        let undone = conf::undone("/etc/mvmhost.toml").evidence(completed.join("\n"));
        match context.load() {
            Ok(loaded) => apply::with(context, (loaded, self.manager), arguments, vec![undone]),
            Err(invalid) => {
                output::report(context.json, &[undone, invalid.finding()], Exit::Config)
            }
        }
    }
}

/// From the files as they are to those of before.
#[derive(Debug, PartialEq)]
struct Reversal {
    steps: Vec<Step>,
    before: Vec<Source>,
}

/// `None` when nothing is known of before, or it is the same.
fn reversal(roots: &Roots) -> Result<Option<Reversal>, Finding> {
    let Ok(applied) = fs::read_to_string(roots.applied()) else { return Ok(None) };
    let history = history(roots);
    let Some(before) = history.as_ref().and_then(|history| history.before(&applied)) else {
        return Ok(None);
    };
    let now = read(roots, None).ok();
    let now = now.filter(|now| parse(now).is_ok_and(|now| to_toml(&now.config) == applied));
    let now = now.ok_or_else(|| conf::edited("/etc/mvmhost.toml"))?;
    let steps = steps(&texts(now), before);
    let sources =
        before.iter().map(|Text { name, text }| Source { name: name.clone(), text: text.clone() });
    Ok(Some(Reversal { steps, before: sources.collect() })
        .filter(|reversal| !reversal.steps.is_empty()))
}

fn carry_out(roots: &Roots, step: &Step) -> Result<(), String> {
    match step {
        Step::Write(file) => {
            // A link of the operator's stays one.
            let path = roots.at(&file.name);
            let path = fs::canonicalize(&path).unwrap_or(path);
            // What is written beside a file is for the same eyes.
            let mode = mode(&path).or_else(|| mode(&path.with_extension(""))).unwrap_or(MODE);
            atomic::write(&path, file.text.as_bytes(), mode).map_err(|error| chain(&error))
        }
        Step::Remove(name) => fs::remove_file(roots.at(name)).map_err(|error| error.to_string()),
    }
}

/// Of a file; what is left of a name without its end may be a folder.
fn mode(path: &Path) -> Option<u32> {
    let file = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some(file.permissions().mode() & 0o777)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::history::remember;

    /// Files below a root, as an apply finds and keeps them.
    fn applied(roots: &Roots, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            atomic::write(&roots.at(name), text.as_bytes(), 0o640).unwrap();
        }
        let text = to_toml(&parse(&read(roots, None).unwrap()).unwrap().config);
        remember(roots, &text);
        atomic::write(&roots.applied(), text.as_bytes(), 0o600).unwrap();
        text
    }

    const FILE: &str = "/etc/mvmhost.toml";

    #[test]
    fn the_files_of_before_come_back_and_those_of_now_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let old = "# a comment\n[containerd]\nlog-level = \"debug\"\n";
        let first = applied(&roots, &[(FILE, old)]);
        assert_eq!(reversal(&roots), Ok(None));
        let fragment = "/etc/mvmhost.toml.d/50-a.toml";
        let added = "[containerd]\nlog-level = \"warn\"\n";
        applied(&roots, &[(fragment, added)]);
        let Reversal { steps, before } = reversal(&roots).unwrap().unwrap();
        assert_eq!(before, [Source { name: FILE.to_owned(), text: old.to_owned() }]);
        assert_eq!(steps.len(), 2, "{steps:?}");
        steps.iter().for_each(|step| carry_out(&roots, step).unwrap());
        assert!(!roots.at(fragment).exists());
        let aside = roots.at("/etc/mvmhost.toml.d/50-a.toml.undone");
        assert_eq!(fs::read_to_string(aside).unwrap(), added);
        let now = parse(&read(&roots, None).unwrap()).unwrap();
        assert_eq!(to_toml(&now.config), first);
        // Typed once more, nothing is undone.
        keep(&roots, &history(&roots).unwrap().undone());
        applied(&roots, &[]);
        assert_eq!(reversal(&roots), Ok(None));
    }

    #[test]
    fn what_was_edited_since_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        applied(&roots, &[(FILE, "")]);
        applied(&roots, &[(FILE, "[containerd]\nlog-level = \"debug\"\n")]);
        assert!(reversal(&roots).unwrap().is_some());
        for edited in ["[containerd]\nlog-level = \"warn\"\n", "not TOML"] {
            fs::write(roots.at(FILE), edited).unwrap();
            assert_eq!(reversal(&roots).unwrap_err().code(), conf::edited::ROW.code, "{edited}");
        }
        // A comment changes nothing of what was applied.
        fs::write(roots.at(FILE), "# mine\n[containerd]\nlog-level = \"debug\"\n").unwrap();
        assert!(reversal(&roots).unwrap().is_some());
    }

    #[test]
    fn a_file_keeps_its_link_and_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        atomic::write(&roots.at("/srv/mvmhost.toml"), b"new", 0o600).unwrap();
        fs::create_dir(roots.at("/etc")).unwrap();
        std::os::unix::fs::symlink("../srv/mvmhost.toml", roots.at(FILE)).unwrap();
        let old = Step::Write(Text { name: FILE.to_owned(), text: "old".to_owned() });
        carry_out(&roots, &old).unwrap();
        assert_eq!(fs::read_to_string(roots.at("/srv/mvmhost.toml")).unwrap(), "old");
        assert_eq!(mode(&roots.at("/srv/mvmhost.toml")), Some(0o600));
        assert!(fs::symlink_metadata(roots.at(FILE)).unwrap().is_symlink());
        let beside = Text { name: format!("{FILE}.undone"), text: "new".to_owned() };
        carry_out(&roots, &Step::Write(beside)).unwrap();
        assert_eq!(mode(&roots.at("/etc/mvmhost.toml.undone")), Some(0o600));
        fs::create_dir(roots.at("/etc/mvmhost")).unwrap();
        fs::remove_file(roots.at(FILE)).unwrap();
        carry_out(&roots, &old).unwrap();
        assert_eq!(mode(&roots.at(FILE)), Some(0o644));
    }
}
