//! `mvmhost images prune`: what mvmhost brought and the file no longer names.

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_core::Finding;
use mvm_core::catalogue::img;
use mvm_images_client::Error;
use mvm_images_client::run::{Job, not_begun};
use mvm_images_plan::prune::Verdict;

pub(super) fn run(context: &Context, job: &Job<'_>, dry: bool) -> Exit {
    let (findings, exit) = match job.prune(dry) {
        Ok(judged) => {
            let findings = judged.iter().filter_map(|(name, verdict)| finding(name, verdict, dry));
            (findings.collect(), Exit::Done)
        }
        Err(Error::OwnFile { path, why }) => {
            let unread = img::brought_unread(path.to_string_lossy());
            (vec![unread.evidence(why)], Exit::Refused)
        }
        Err(error) => (vec![not_begun(&error)], Exit::Unavailable),
    };
    output::findings(context.json, &findings);
    exit
}

fn finding(name: &str, verdict: &Verdict, dry: bool) -> Option<Finding> {
    Some(match verdict {
        Verdict::Remove if dry => img::would_prune(name),
        Verdict::Remove => img::pruned(name),
        Verdict::Keep(reason) => img::not_pruned(name, reason),
        Verdict::Gone => return None,
    })
}
