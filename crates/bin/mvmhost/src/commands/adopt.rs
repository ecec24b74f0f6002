//! `mvmhost adopt`: a fragment of the configuration and a record for the pool that provision.sh made.

use std::path::PathBuf;

use mvm_cli::context::{Context, invalid};
use mvm_cli::output::{self, Exit};
use mvm_config::{Source, load};
use mvm_core::catalogue::adopt as messages;
use mvm_core::json::Document;
use mvm_core::{Finding, atomic, chain};
use mvm_pool_kernel::thinpool::lock;
use mvm_pool_kernel::{desired, observe};
use mvm_pool_plan::adopt;

pub(super) fn run(context: &Context, dry_run: bool) -> Exit {
    let outcome = take_over(context, dry_run).unwrap_or_else(|outcome| outcome);
    if context.json {
        let document = Document::new(&outcome.findings).with("fragment", &outcome.fragment);
        output::print(&document.text());
    } else {
        output::findings(false, &outcome.findings);
        if dry_run && let Some(text) = &outcome.fragment {
            output::print(text);
        }
    }
    outcome.exit
}

/// Findings, the text of the fragment that is or would be written (`None` when there is none to
/// write), and the exit code.
struct Outcome {
    findings: Vec<Finding>,
    fragment: Option<String>,
    exit: Exit,
}

impl Outcome {
    fn failed(findings: Vec<Finding>) -> Self {
        let exit = output::exit_for(&findings);
        Self { findings, fragment: None, exit }
    }
}

impl From<Finding> for Outcome {
    fn from(finding: Finding) -> Self {
        Self::failed(vec![finding])
    }
}

/// The inner error has been decided upon like the rest: both are said the same way.
fn take_over(context: &Context, dry_run: bool) -> Result<Outcome, Outcome> {
    let roots = &context.roots;
    let (others, own, place) = sources(context)?;
    let loaded = parse(&others)?;
    let unit = loaded.config.flintlockd.unit.as_str();
    let observed = mvm_pool_kernel::adopt::observe(roots, unit)
        .map_err(|error| Outcome::from(error.finding("adopt")))?;
    let found = adopt::find(&observed).map_err(Outcome::failed)?;
    let is_set = |key: &str| match key {
        "network.mode" => loaded.set.any_in("network"),
        key => loaded.set.contains(key),
    };
    let text = adopt::fragment(&found, &observed, is_set);
    let mut all = others;
    all.insert(place, Source { name: own.display().to_string(), text: text.clone() });
    let desired = desired(roots, &parse(&all)?.config);

    let name = &desired.pool().name;
    let failed = |error: mvm_pool_kernel::Error| Outcome::from(error.finding(name));
    let _lock = lock(roots).map_err(failed)?;
    let observation = observe(roots, &desired).map_err(failed)?;
    let plan = observation.plan();
    let mut findings = adopt::conflicts(&observed);
    if plan.is_refused() {
        findings.extend(plan.findings);
        return Err(Outcome { findings, fragment: None, exit: Exit::Refused });
    }
    let file = own.display().to_string();
    if dry_run {
        findings.extend(plan.findings);
        findings.push(messages::would_adopt(name));
    } else {
        let not_written = |why: String| messages::not_written(&file, why);
        atomic::write(&roots.at(&own), text.as_bytes(), 0o644)
            .map_err(|error| not_written(chain(&error)))?;
        mvm_pool_kernel::adopt::record(roots, &observation).map_err(failed)?;
        // Some of what was wrong with the pool is mended now.
        let after = observe(roots, &desired).map_err(failed)?;
        findings.extend(after.plan().findings);
        findings.push(messages::adopted(name, &file));
    }
    Ok(Outcome { exit: output::exit_for(&findings), findings, fragment: Some(text) })
}

fn parse(sources: &[Source]) -> Result<mvm_config::Loaded, Outcome> {
    load::parse(sources).map_err(|problems| Outcome {
        findings: problems.iter().map(invalid).collect(),
        fragment: None,
        exit: Exit::Config,
    })
}

/// The operator's files without our fragment, the fragment's path, and its place among them.
fn sources(context: &Context) -> Result<(Vec<Source>, PathBuf, usize), Outcome> {
    let (roots, config) = (&context.roots, context.config.as_deref());
    let mut sources = load::read(roots, config).map_err(|problems| Outcome {
        findings: problems.iter().map(invalid).collect(),
        fragment: None,
        exit: Exit::Config,
    })?;
    let file = config.map_or("/etc/mvmhost.toml".into(), |path| path.display().to_string());
    let own = format!("{file}.d/{}", adopt::FRAGMENT);
    let there = sources.iter().position(|source| source.name == own);
    if there.is_some_and(|there| !adopt::is_ours(&sources.remove(there).text)) {
        let why = "it is there, and mvmhost adopt did not write it";
        return Err(messages::not_written(&own, why).into());
    }
    let behind = |source: &Source| source.name != file && source.name > own;
    let place = sources.iter().position(behind).unwrap_or(sources.len());
    Ok((sources, own.into(), place))
}
