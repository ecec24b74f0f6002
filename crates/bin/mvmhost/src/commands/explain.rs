//! `mvmhost explain CODE`

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_core::json::Document;
use mvm_core::{catalogue, render};

pub(super) fn run(context: &Context, code: &str) -> Exit {
    let Some(entry) = catalogue::find(code) else {
        eprintln!("mvmhost: there is no code {code}; mvmhost-diagnostics(7) lists all codes");
        return Exit::Usage;
    };
    if context.json {
        let document = Document::new(&[])
            .with("code", entry.code)
            .with("message-id", entry.id)
            .with("severity", entry.severity)
            .with("message", entry.message)
            .with("cause", entry.cause)
            .with("remedy", entry.remedy);
        output::print(&document.text());
    } else {
        output::print(&render::explanation(entry));
    }
    Exit::Done
}
