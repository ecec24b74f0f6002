//! The first release, built from its commit by its own xtask: what an upgrade begins with.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::tools;

/// The last commit of 0.1.0.
const COMMIT: &str = "58a4ec814fd2f688ec8b4da28d3ddbcd21c275d1";

/// Its version in the package that the tests install: before the one that is built here.
const VERSION: &str = "0.1.0~before";

/// Makes target/before/mvmhost.deb, once.
pub(crate) fn build() -> Result<()> {
    let folder = tools::top()?.join("target/before");
    let deb = folder.join("mvmhost.deb");
    if deb.is_file() {
        return Ok(());
    }
    let (sources, tree) = (folder.join("sources"), folder.join("tree"));
    fs::create_dir_all(&sources)?;
    let unpack = "git archive \"$1\" | tar -x -C \"$2\"";
    let mut archive = tools::command("bash")?;
    archive.args(["-o", "pipefail", "-c", unpack, "unpack", COMMIT]).arg(&sources);
    tools::check(&mut archive).context("the history has not the commit of 0.1.0")?;
    let mut build = Command::new("cargo");
    build.args(["run", "--quiet", "--locked", "--package", "xtask", "--", "package"]);
    tools::check(build.current_dir(&sources).env_remove("MVMHOST_TOP"))?;
    let built = fs::read_dir(sources.join("target/packages"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let built = built.context("0.1.0 built no package")?;
    tools::check(Command::new("dpkg-deb").arg("--raw-extract").arg(built).arg(&tree))?;
    let control = tree.join("DEBIAN/control");
    let text = fs::read_to_string(&control)?;
    let older = text.replace("\nVersion: 0.1.0\n", &format!("\nVersion: {VERSION}\n"));
    ensure!(older != text, "0.1.0 has another version: {text}");
    fs::write(&control, older)?;
    let mut pack = Command::new("dpkg-deb");
    pack.args(["--root-owner-group", "-Zzstd", "--build"]).arg(&tree).arg(&deb);
    tools::check(pack.stdout(std::process::Stdio::null()))?;
    fs::remove_dir_all(&sources)?;
    fs::remove_dir_all(&tree).map_err(Into::into)
}
