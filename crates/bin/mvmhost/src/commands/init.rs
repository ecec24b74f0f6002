//! `mvmhost init`: looks at the host, asks four questions, writes a short configuration, shows what
//! apply would do, and stops.

mod ask;
mod observe;

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use mvm_cli::cli::InitArguments;
use mvm_cli::context::{Context, invalid};
use mvm_cli::output::{self, Exit};
use mvm_config::quantities::Bytes;
use mvm_config::{Source, load};
use mvm_core::catalogue::init as messages;
use mvm_core::json::Document;
use mvm_core::{Finding, atomic, chain};
use mvm_units_plan::init::{Answers, Network, Observed, Pool, refuse, render};

use super::plan;

/// Answers have a few lines.
const LARGEST: u64 = 64 * 1024;

pub(super) fn run(context: &Context, arguments: &InitArguments) -> Exit {
    match prepare(context, arguments) {
        Ok(exit) => exit,
        Err((findings, exit)) => {
            output::findings(context.json, &findings);
            exit
        }
    }
}

type Refused = (Vec<Finding>, Exit);

fn refused(finding: Finding, exit: Exit) -> Refused {
    (vec![finding], exit)
}

fn prepare(context: &Context, arguments: &InitArguments) -> Result<Exit, Refused> {
    let arguments = with_preseed(arguments)?;
    let file = context.config.clone().unwrap_or_else(|| PathBuf::from("/etc/mvmhost.toml"));
    let there = edited(context, &file, &arguments)?;
    let observed = observe::observe(context);
    let guess = Answers::guess(&observed);
    let mut answers = answers(&arguments, &observed, guess)?;
    if !arguments.yes && arguments.preseed.is_none() && !arguments.dry_run {
        if !io::stdin().is_terminal() {
            let stdin = messages::no_answer("standard input");
            return Err(refused(stdin, Exit::Usage));
        }
        answers = ask::ask(&arguments, &observed, answers).map_err(bad)?;
    }
    if let Some(why) = refuse(&answers, &observed) {
        return Err(bad(why));
    }
    let text = render(&answers, &observed);
    valid(context, &file, &text)?;
    let findings = observe::findings(&observed, &answers);
    if arguments.dry_run {
        return Ok(show(context, &observed, &answers, &text, &findings));
    }
    write(context, &file, &text, there)?;
    let written = messages::written(file.display().to_string());
    let findings: Vec<Finding> = findings.into_iter().chain([written]).collect();
    if context.json {
        return Ok(show(context, &observed, &answers, &text, &findings));
    }
    output::print(&text);
    output::findings(false, &findings);
    if let Pool::Disk(_) = answers.pool {
        output::print("\n# next: mvmhost pool create, then mvmhost apply\n\n");
    } else {
        output::print("\n# next: mvmhost apply, which makes these changes:\n\n");
    }
    // What is pending is no failure of init.
    match plan::run(context) {
        Exit::Pending => Ok(Exit::Done),
        exit => Ok(exit),
    }
}

fn bad(why: String) -> Refused {
    refused(messages::bad_answer(why), Exit::Usage)
}

fn with_preseed(arguments: &InitArguments) -> Result<InitArguments, Refused> {
    let Some(file) = &arguments.preseed else { return Ok(arguments.clone()) };
    let bytes = atomic::read_linked(file, LARGEST).map_err(|error| bad(chain(&error)))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let preseed: InitArguments =
        toml::from_str(&text).map_err(|error| bad(format!("{}: {error}", file.display())))?;
    Ok(arguments.clone().or(preseed))
}

/// Whether there is a file; one that says anything is refused.
fn edited(context: &Context, file: &Path, arguments: &InitArguments) -> Result<bool, Refused> {
    let place = context.roots.at(file);
    if !place.exists() {
        return Ok(false);
    }
    // One that is not valid was edited as well.
    let keys = match load::load(&context.roots, context.config.as_deref()) {
        Ok(loaded) => loaded.set.iter().map(ToString::to_string).collect::<Vec<_>>(),
        Err(_) => vec!["it is not valid".to_owned()],
    };
    match keys.is_empty() || arguments.replace || arguments.dry_run {
        true => Ok(true),
        false => {
            let edited = messages::edited(file.display().to_string(), keys.join(", "));
            Err(refused(edited, Exit::Refused))
        }
    }
}

/// The guesses, with what was given beforehand.
fn answers(
    arguments: &InitArguments,
    observed: &Observed,
    mut answers: Answers,
) -> Result<Answers, Refused> {
    let size = arguments.pool_size.as_ref().map(|size| size.parse::<Bytes>());
    let size = size.transpose().map_err(|error| bad(error.to_string()))?;
    match (arguments.pool.as_deref(), &mut answers.pool) {
        (Some("loop") | None, Pool::Loop(bytes)) => *bytes = size.map_or(*bytes, |size| size.0),
        (Some(disk), pool) if disk != "loop" => *pool = Pool::Disk(disk.to_owned()),
        _ => {}
    }
    let interface = arguments.interface.clone();
    let default = observed.uplink.as_ref().map(|uplink| uplink.name.clone());
    let interface = interface.or(default).unwrap_or_default();
    let address: Option<IpNet> = arguments.address;
    match (arguments.network.as_deref(), &mut answers.network) {
        (Some("nat") | None, Network::Nat(own)) => *own = address.unwrap_or(*own),
        (Some("uplink"), network) => *network = Network::Uplink(interface),
        (Some("macvtap"), network) => *network = Network::Macvtap(interface),
        (Some(other), _) => {
            return Err(bad(format!(
                "{other:?} is no way to the network; choose nat, uplink or macvtap"
            )));
        }
        (None, _) => {}
    }
    match arguments.provider.as_deref() {
        Some("firecracker") => answers.cloud_hypervisor = false,
        Some("cloudhypervisor") => answers.cloud_hypervisor = true,
        Some(other) => {
            return Err(bad(format!(
                "{other:?} is not a VMM; choose firecracker or cloudhypervisor"
            )));
        }
        None => {}
    }
    answers.listen = arguments.listen.clone().filter(|listen| listen != "local");
    Ok(answers)
}

/// What is about to be written is read back as it will be read.
fn valid(context: &Context, file: &Path, text: &str) -> Result<(), Refused> {
    let name = file.display().to_string();
    let mut sources = load::read(&context.roots, context.config.as_deref()).unwrap_or_default();
    sources.retain(|source| source.name != name);
    sources.insert(0, Source { name, text: text.to_owned() });
    load::parse(&sources)
        .map(|_| ())
        .map_err(|problems| (problems.iter().map(invalid).collect(), Exit::Config))
}

fn write(context: &Context, file: &Path, text: &str, there: bool) -> Result<(), Refused> {
    let place = context.roots.at(file);
    let failed = |why: String| {
        let not = messages::not_written(file.display().to_string(), why);
        refused(not, Exit::Findings)
    };
    if there {
        // The shipped one, all comments, is kept as well: nobody has to look for it.
        let mut backup = place.clone().into_os_string();
        backup.push(".before-init");
        fs::copy(&place, &backup).map_err(|error| failed(error.to_string()))?;
    }
    atomic::write(&place, text.as_bytes(), 0o644).map_err(|error| failed(chain(&error)))
}

fn show(
    context: &Context,
    observed: &Observed,
    answers: &Answers,
    text: &str,
    findings: &[Finding],
) -> Exit {
    if context.json {
        let document = Document::new(findings).with("seen", observed).with("answers", answers);
        output::print(&document.with("configuration", text).text());
    } else {
        output::print(text);
        output::findings(false, findings);
    }
    Exit::Done
}
