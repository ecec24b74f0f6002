//! What every command of the operator has in common: the command line, what a command starts from, exit
//! codes, and what goes to standard output.
//!
//! Belongs here: clap's types, the report of an invalid configuration. Does not belong here: any command
//! (`mvm-cli-host`, `mvm-cli-microvms`, `mvmhost`).

pub mod cli;
pub mod context;
pub mod invalid;
pub mod output;
