//! Under which licences the programs are, with everything that is linked into them: the copyright
//! file, the expression for rpm, and the list of components. cargo-about and cargo-cyclonedx read
//! the crates; what is made of that is kept in the repository, and compared with Cargo.lock by
//! `cargo xtask generate --check`, which takes a second.

mod copyright;
mod linked;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::arch::ALL;
use crate::sbom::{self, Crate};
use crate::{package, tools};

/// The package's copyright file, which the .rpm has too.
const COPYRIGHT: &str = "packaging/deb/debian/copyright";
/// What is linked in and is no crate, written by hand.
const OTHERS: &str = "packaging/licences/others.dep5";
/// What rpm calls the licence.
const EXPRESSION: &str = "packaging/licences/expression";

/// Reads all crates again and writes the files. For a new crate or a new version of one.
pub(crate) fn run() -> Result<()> {
    tools::cargo_tool("cargo-about", "0.9.3")?;
    tools::cargo_tool("cargo-cyclonedx", "0.5.9")?;
    let top = tools::top()?;
    let linked = linked::crates()?;
    tools::run("cargo", &["fetch", "--quiet", "--locked"])?;
    let output = top.join("target/about.json");
    let mut about = tools::command("cargo")?;
    about.args(["about", "generate", "--offline", "--workspace", "--format", "json"]);
    about.args(["--config", "packaging/licences/about.toml", "--output-file"]).arg(&output);
    tools::check(&mut about)?;
    let about: Value = serde_json::from_str(&fs::read_to_string(&output)?)?;
    let others = fs::read_to_string(top.join(OTHERS))?;
    let (text, expression) = copyright::render(&about, &linked, &others)?;
    fs::write(top.join(COPYRIGHT), text)?;
    fs::write(top.join(EXPRESSION), expression + "\n")?;
    fs::write(top.join(sbom::COMPONENTS), components(&top, &linked)?)?;
    check()
}

/// Fails when a crate that is linked in is not in the files, or one that they name is not.
pub(crate) fn check() -> Result<()> {
    let top = tools::top()?;
    let linked = linked::crates()?;
    let text = fs::read_to_string(top.join(COPYRIGHT))?;
    compare(COPYRIGHT, &linked, &copyright::crates(&text))?;
    let text = fs::read_to_string(top.join(sbom::COMPONENTS))?;
    compare(sbom::COMPONENTS, &linked, &sbom::crates(&serde_json::from_str(&text)?))
}

/// What rpm's header says.
pub(crate) fn expression() -> Result<String> {
    Ok(fs::read_to_string(tools::top()?.join(EXPRESSION))?.trim().to_owned())
}

fn compare(file: &str, linked: &BTreeSet<Crate>, named: &BTreeSet<Crate>) -> Result<()> {
    let list =
        |crates: Vec<&Crate>| crates.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let missing = list(linked.difference(named).collect());
    let extra = list(named.difference(linked).collect());
    ensure!(
        missing.is_empty() && extra.is_empty(),
        "{file} is stale, run `cargo xtask licences`: missing [{missing}], not linked any more [{extra}]"
    );
    Ok(())
}

/// Where the workspace's crates are.
const FOLDERS: [&str; 10] = [
    "crates",
    "crates/bin",
    "crates/cli",
    "crates/guard",
    "crates/pool",
    "crates/repair",
    "crates/network",
    "crates/images",
    "crates/units",
    "tests",
];

/// The components of all programs for all architectures, in one document of CycloneDX.
fn components(top: &Path, linked: &BTreeSet<Crate>) -> Result<String> {
    let mut documents = Vec::new();
    for target in ALL.iter().flat_map(|arch| [arch.target("gnu"), arch.target("musl")]) {
        let name = format!("components-{target}");
        let mut tool = tools::command("cargo")?;
        tool.args(["cyclonedx", "-qq", "--format", "json", "--spec-version", "1.5"]);
        tool.args(["--no-build-deps", "--target", &target, "--override-filename", &name]);
        tools::check(tool.env("SOURCE_DATE_EPOCH", package::epoch()?))?;
        // One is written beside each manifest of the workspace; the programs' are of use.
        let folders = FOLDERS.iter().map(|folder| fs::read_dir(top.join(folder)));
        for entry in folders.collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
            let entry = entry?;
            let file = entry.path().join(format!("{name}.json"));
            let Ok(text) = fs::read_to_string(&file) else { continue };
            fs::remove_file(&file)?;
            let program = entry.file_name();
            if linked::programs().any(|known| program.to_str() == Some(*known)) {
                // A path of this machine.
                let text = text.replace(&top.display().to_string(), "/usr/src/mvmhost");
                documents.push(serde_json::from_str(&text).context("cargo-cyclonedx")?);
            }
        }
    }
    Ok(serde_json::to_string_pretty(&sbom::merge(documents, linked)?)? + "\n")
}

/// Standard output of cargo, without the network.
fn cargo(arguments: &[&str]) -> Result<String> {
    let mut command: Command = tools::command("cargo")?;
    tools::output(command.args(arguments))
}
