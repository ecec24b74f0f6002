//! Files that are made from others and are kept in the repository, so that they can be read there.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use mvm_core::render;

use crate::{licences, schemas, tools};

/// Programs whose `--help` stands in the manual page of the same name.
const PROGRAMS: [&str; 8] = [
    "mvmhost",
    "mvm-thinpool",
    "mvm-net",
    "mvm-images",
    "mvm-registry",
    "mvm-hygiene",
    "mvm-validate",
    "mvm-guard",
];

/// Writes the files, or with `check` fails when one is stale.
pub(crate) fn run(check: bool) -> Result<()> {
    tools::apt(tools::BUILD)?;
    let top = tools::top()?;
    let mut stale = Vec::new();
    let mut keep = |path: &str, text: String| -> Result<()> {
        let file = top.join(path);
        if fs::read_to_string(&file).unwrap_or_default() != text {
            stale.push(path.to_owned());
            if !check {
                fs::write(&file, text).with_context(|| format!("writing {path}"))?;
            }
        }
        Ok(())
    };
    keep("packaging/journal/mvmhost.catalog", render::journal_catalog())?;
    keep("packaging/config/mvmhost.schema.json", mvm_config::json_schema())?;
    let diagnostics = "man/mvmhost-diagnostics.7.md";
    keep(diagnostics, block(&top, diagnostics, "CODES", &render::man_body())?)?;
    let keys = "man/mvmhost.toml.5.md";
    keep(keys, block(&top, keys, "KEYS", &mvm_config::man_keys())?)?;
    let versions = "man/mvmhost.8.md";
    keep(versions, block(&top, versions, "VERSIONS", &mvm_checks::versions::man_body())?)?;
    let documents = "man/mvmhost-json.7.md";
    keep(documents, block(&top, documents, "SCHEMAS", &schemas::man_body(&top)?)?)?;
    keep(versions, block(&top, versions, "FILES", &mvm_core::state::man_body())?)?;
    tools::workspace()?;
    for name in PROGRAMS {
        let path = format!("man/{name}.8.md");
        let help = tools::output(Command::new(top.join("target/debug").join(name)).arg("--help"))?;
        let indented: String = help
            .lines()
            .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") })
            .collect();
        keep(&path, block(&top, &path, "OPTIONS", &indented)?)?;
    }
    if check {
        licences::check()?;
    }
    match (check, stale.as_slice()) {
        (_, []) => Ok(()),
        (true, stale) => bail!("stale, run `cargo xtask generate`: {}", stale.join(" ")),
        (false, stale) => {
            println!("written: {}", stale.join(" "));
            Ok(())
        }
    }
}

/// The file's text with the part between its two markers replaced.
fn block(top: &Path, path: &str, name: &str, body: &str) -> Result<String> {
    let text = fs::read_to_string(top.join(path)).with_context(|| format!("reading {path}"))?;
    let (begin, end) =
        (format!("<!-- BEGIN GENERATED {name} -->\n"), format!("<!-- END GENERATED {name} -->"));
    let (before, rest) = text.split_once(&begin).with_context(|| format!("{path}: no {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("{path}: no {end}"))?;
    Ok(format!("{before}{begin}\n{}\n\n{end}{after}", body.trim_end()))
}
