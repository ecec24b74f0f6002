//! `mvmhost config check|show|schema`

use mvm_cli::cli::ConfigCommand;
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_core::json::Document;

pub(super) fn run(context: &Context, command: ConfigCommand) -> Exit {
    if command == ConfigCommand::Schema {
        output::print(&mvm_config::json_schema());
        return Exit::Done;
    }
    let loaded = match context.load() {
        Ok(loaded) => loaded,
        Err(invalid) => return context.refuse(&invalid),
    };
    let text = mvm_config::to_toml(&loaded.config);
    match (command, context.json) {
        (ConfigCommand::Show, false) => output::print(&text),
        (ConfigCommand::Show, true) => {
            output::print(&Document::new(&[]).with("toml", text).text());
        }
        (_, true) => output::findings(true, &[]),
        _ => output::print("The configuration is valid.\n"),
    }
    Exit::Done
}
