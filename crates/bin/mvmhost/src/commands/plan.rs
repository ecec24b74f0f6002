//! `mvmhost plan`: observed against desired, nothing changed.

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_cli_host::machine;
use mvm_core::Severity;
use mvm_core::json::Document;
use serde_json::json;

/// The file that is read unless another one is named.
const DEFAULT: &str = "/etc/mvmhost.toml";

pub(super) fn run(context: &Context) -> Exit {
    let (loaded, mut manager) = match context.start() {
        Ok(started) => started,
        Err(exit) => return exit,
    };
    let plans = match machine::plans(&context.roots, &loaded, &mut manager) {
        Ok(plans) => plans,
        Err(finding) => {
            output::findings(context.json, std::slice::from_ref(&finding));
            return output::exit_by_class(&[finding]);
        }
    };
    let findings = plans.findings();
    let steps = plans.steps();
    if context.json {
        let steps: Vec<_> =
            steps.iter().map(|(domain, step)| json!({"domain": domain, "step": step})).collect();
        output::print(&Document::new(&findings).with("steps", steps).text());
    } else {
        output::findings(false, &findings);
        let lines: Vec<String> =
            steps.iter().map(|(domain, step)| format!("{domain:9} {step}\n")).collect();
        output::print(&lines.concat());
        let refused = findings.iter().any(|finding| finding.severity() == Severity::Error);
        if steps.is_empty() && !refused {
            let file = context
                .config
                .as_deref()
                .map_or(DEFAULT.to_owned(), |file| file.display().to_string());
            output::print(&format!("Nothing to do: this host is as {file} says.\n"));
        }
    }
    match output::exit_for(&findings) {
        Exit::Done if !steps.is_empty() => Exit::Pending,
        exit => exit,
    }
}
