//! What `mvm-images` does.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mvm_config::Loaded;
use mvm_config::model::OnFailure;
use mvm_core::catalogue::img;
use mvm_core::{Finding, Roots, chain, exit, notify};
use mvm_images_client::run::{Job, findings, not_begun};
use mvm_images_client::{Progress, attempts};
use mvm_images_plan::{RequestedImage, requested_images};
use mvm_oneshot as oneshot;
use mvm_oneshot::{Options, Program, Report};

/// For longer than the pause between two signs of life.
const EXTENSION: Duration = Duration::from_secs(60);
/// systemd is told about bytes no more often than this.
const RARELY: Duration = Duration::from_secs(1);

/// Everything that `mvm-images` does.
pub(crate) fn run(program: &Program, options: &Options) -> Report {
    let act = if options.has("--list") { list } else { images };
    oneshot::configured(program, options, act)
}

/// What the registry on this host gives out. Without containerd the last list stays.
fn list(roots: &Roots, loaded: &Loaded) -> Report {
    let nothing = requested_images(&loaded.config);
    match Job::new(&loaded.config, roots, &nothing, &()).serve() {
        Ok(()) => Report::default(),
        Err(error) => Report { findings: vec![not_begun(&error)], code: exit::UNAVAILABLE },
    }
}

fn images(roots: &Roots, loaded: &Loaded) -> Report {
    let config = &loaded.config;
    let images = requested_images(config);
    if images.is_empty() {
        return Report::default();
    }
    let progress = Status::default();
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let job =
        Job { credentials: credentials.as_deref(), ..Job::new(config, roots, &images, &progress) };
    let run = match job.pull() {
        Ok(run) => run,
        Err(error) => {
            let finding = not_begun(&error);
            write_report(roots, &images, &[]);
            return Report { findings: vec![finding], code: exit::UNAVAILABLE };
        }
    };
    if let Err(error) = job.serve() {
        log::warn!("mvm-registry has the list of before: {}", chain(&error));
    }
    let results = &run.results;
    let failed: Vec<&RequestedImage> =
        results.iter().filter(|(_, result)| result.is_err()).map(|(wanted, _)| wanted).collect();
    let complete = results.len() - failed.len();
    notify::status(&format!("{complete} of {} images are complete", results.len()));
    let mut findings = findings(&run);
    write_report(roots, failed.iter().copied(), &findings);
    if !failed.is_empty() && config.images.on_failure == OnFailure::Block {
        findings.push(img::blocking("[images]", failed.len()));
    }
    Report::of(findings)
}

/// Writes down what is left; without it `mvmhost apply` lets this run once more.
fn write_report<'w>(
    roots: &Roots,
    incomplete: impl IntoIterator<Item = &'w RequestedImage>,
    findings: &[Finding],
) {
    if let Err(error) = attempts::write(roots, incomplete, findings) {
        log::warn!("{}", chain(&error));
    }
}

/// Tells systemd what is being done.
#[derive(Default)]
struct Status(RefCell<Fetched>);

#[derive(Default)]
struct Fetched {
    bytes: u64,
    last: Option<Instant>,
}

impl Progress for Status {
    fn step(&self, image: &str, step: &str) {
        notify::status(&format!("{image}: {step}"));
    }

    fn expected(&self, _: &str, _: u64) {}

    fn bytes(&self, image: &str, more: u64) {
        let mut fetched = self.0.borrow_mut();
        fetched.bytes += more;
        if fetched.last.is_none_or(|last| last.elapsed() >= RARELY) {
            fetched.last = Some(Instant::now());
            notify::status(&format!("{image}: {} MiB fetched in all", fetched.bytes >> 20));
        }
    }

    fn alive(&self) {
        notify::extend_timeout(EXTENSION);
    }
}
