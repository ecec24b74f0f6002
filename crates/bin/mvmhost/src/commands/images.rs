//! `mvmhost images`: what the file asks for, and whether flintlock finds it.

use std::path::Path;

use mvm_cli::cli::{ImageRole, ImagesCommand};
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::Config;
use mvm_core::json::Document;
use mvm_core::{Finding, catalogue, chain};
use mvm_images_client::archive::Archive;
use mvm_images_client::run::{Job, findings, not_begun, unread};
use mvm_images_client::verify::State;
use mvm_images_client::{Error, ImageResult, finding};
use mvm_images_plan::{RequestedImage, Role, requested_images, served};
use serde::Serialize;

mod progress;
mod prune;

pub(super) fn run(context: &Context, command: &ImagesCommand) -> Exit {
    let loaded = match context.load() {
        Ok(loaded) => loaded,
        Err(invalid) => return context.refuse(&invalid),
    };
    let mut images = requested_images(&loaded.config);
    if let ImagesCommand::Pull { images: named } | ImagesCommand::Export { images: named, .. } =
        command
    {
        if let Some(stranger) = named.iter().find(|name| !is_one_of(&images, name)) {
            let finding = catalogue::img::not_asked_for(stranger.as_str());
            output::findings(context.json, &[finding]);
            return Exit::Usage;
        }
        images.retain(|image| named.is_empty() || is_named(named, image));
    }
    let progress = progress::progress(context);
    let job = |images| Job::new(&loaded.config, &context.roots, images, &*progress);
    let listing = match command {
        ImagesCommand::Pull { .. } => pull(job(&images)),
        ImagesCommand::List | ImagesCommand::Verify => job(&images).verify().map(look),
        ImagesCommand::Import { file, role } => {
            let archives = match open(file, &mut images, *role) {
                Ok(archive) => [archive],
                Err(finding) => {
                    output::findings(context.json, &[finding]);
                    return Exit::Findings;
                }
            };
            pull(Job { archives: &archives, ..job(&images) })
        }
        ImagesCommand::Export { file, .. } => return export(context, &job(&images), file),
        ImagesCommand::Prune { dry_run } => return prune::run(context, &job(&images), *dry_run),
    };
    if !matches!(command, ImagesCommand::List | ImagesCommand::Verify)
        && let Err(error) = job(&images).serve()
    {
        log::warn!("mvm-registry has the list of before: {}", chain(&error));
    }
    drop(progress);
    match listing {
        Ok((mut rows, mut findings)) => {
            named_locally(&loaded.config, &mut rows);
            findings.extend(unnamed(&loaded.config, &images, &rows));
            report(context, command, &rows, &findings)
        }
        Err(error) => {
            output::findings(context.json, &[not_begun(&error)]);
            Exit::Unavailable
        }
    }
}

/// How each can be asked for on this host, where it is served.
fn named_locally(config: &Config, rows: &mut [Row]) {
    let serve = &config.images.serve;
    if !serve.enabled {
        return;
    }
    let all = requested_images(config);
    for row in rows.iter_mut().filter(|row| row.complete) {
        let one = all.iter().find(|one| one.reference.as_str() == row.image);
        let all = all.iter().map(|one| &one.reference);
        row.local = one.and_then(|one| served::local(&one.reference, &serve.listen, all));
    }
}

/// What came by `--as`, and the line that keeps it.
fn unnamed(config: &Config, images: &[RequestedImage], rows: &[Row]) -> Vec<Finding> {
    let configured = requested_images(config);
    let complete = |image: &&RequestedImage| {
        let (name, role) = (image.reference.as_str(), finding::role(image.role));
        rows.iter().any(|row| row.complete && row.image == name && row.role == role)
    };
    let new = images.iter().filter(|image| !configured.contains(image)).filter(complete);
    new.map(|image| {
        let of_role = configured.iter().filter(|one| one.role == image.role).chain([image]);
        let names: Vec<String> = of_role.map(|one| format!("\"{}\"", one.reference)).collect();
        let line = format!("[images]\n{} = [{}]", finding::role(image.role), names.join(", "));
        catalogue::img::imported(image.reference.as_str()).evidence(line)
    })
    .collect()
}

/// One image, as it is shown.
#[derive(Serialize)]
struct Row {
    image: String,
    role: &'static str,
    snapshotter: &'static str,
    complete: bool,
    /// The reference under which microVMs on this host can ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<String>,
}

impl Row {
    fn new(image: &RequestedImage, complete: bool) -> Self {
        Self {
            image: image.reference.to_string(),
            role: finding::role(image.role),
            snapshotter: image.role.snapshotter(),
            complete,
            local: None,
        }
    }
}

type Listing = (Vec<Row>, Vec<Finding>);

/// Asks the registries also for what is complete: a tag may stand for something newer.
fn pull(job: Job<'_>) -> Result<Listing, Error> {
    let run = Job { again: true, ..job }.pull()?;
    let rows =
        run.results.iter().map(|(wanted, result)| Row::new(wanted, result.is_ok())).collect();
    Ok((rows, findings(&run)))
}

/// An archive, of whose images those stay that it holds; with a role, and all others of it.
fn open(
    file: &Path,
    images: &mut Vec<RequestedImage>,
    role: Option<ImageRole>,
) -> Result<Archive, Finding> {
    let archive = Archive::open(file).map_err(|error| unread(&error))?;
    images.retain(|image| archive.names().any(|name| *name == image.reference));
    let role = role.map(|role| match role {
        ImageRole::Root => Role::Root,
        ImageRole::Kernel => Role::Kernel,
    });
    for (name, role) in archive.names().filter_map(|name| Some((name, role?))) {
        let one = RequestedImage { reference: name.clone(), role };
        // What the file names keeps the use that the file gives it.
        if !images.iter().any(|image| image.reference == *name) {
            images.push(one);
        }
    }
    if images.is_empty() {
        let names: Vec<String> = archive.names().map(ToString::to_string).collect();
        let none = catalogue::img::not_in_archive(file.to_string_lossy());
        let contents = if names.is_empty() {
            "no image in it has a name".to_owned()
        } else {
            names.join("\n")
        };
        return Err(none.evidence(contents));
    }
    Ok(archive)
}

fn export(context: &Context, job: &Job<'_>, file: &Path) -> Exit {
    let subject = file.to_string_lossy();
    let failed = |why: String| catalogue::img::not_exported(&*subject).evidence(why);
    let written = match file.symlink_metadata() {
        Ok(_) => Err("it is there already".to_owned()),
        Err(_) => job.export(file).map_err(|error| chain(&error)),
    };
    let finding =
        written.map_or_else(failed, |()| catalogue::img::exported(&*subject, job.images.len()));
    output::findings(context.json, std::slice::from_ref(&finding));
    output::exit_for(&[finding])
}

fn look(states: Vec<ImageResult<State>>) -> Listing {
    let mut listing = Listing::default();
    for (image, state) in &states {
        let finding = match state {
            Ok(state) => state.finding(image),
            Err(error) => Some(finding::failed(image, error)),
        };
        listing.0.push(Row::new(image, finding.is_none()));
        listing.1.extend(finding);
    }
    listing
}

/// The list is no judgement; the others are, by their exit code.
fn report(context: &Context, command: &ImagesCommand, rows: &[Row], found: &[Finding]) -> Exit {
    let lacking = rows.iter().filter(|row| !row.complete).count();
    let mut findings = found.to_vec();
    if lacking > 0 && !matches!(command, ImagesCommand::List) {
        let incomplete = catalogue::img::left("[images]", lacking);
        findings.push(incomplete);
    }
    if context.json {
        output::print(&Document::new(&findings).with("images", rows).text());
    } else {
        output::print(&rows.iter().map(line).collect::<String>());
        output::findings(false, &findings);
    }
    output::exit_for(&findings)
}

fn line(row: &Row) -> String {
    let state = if row.complete { "complete" } else { "incomplete" };
    let local = row.local.as_ref().map(|local| format!("  {local}")).unwrap_or_default();
    format!("{:6} {:9} {state:10} {}{local}\n", row.role, row.snapshotter, row.image)
}

fn is_one_of(images: &[RequestedImage], name: &str) -> bool {
    images.iter().any(|image| image.reference.as_str() == name)
}

fn is_named(named: &[String], image: &RequestedImage) -> bool {
    named.iter().any(|name| image.reference.as_str() == name)
}
