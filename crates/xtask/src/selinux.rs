//! The module for SELinux that the .rpm brings.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::tools;

/// The module; its name in the policy is that of the file.
pub(crate) const MODULE: &str = "packaging/selinux/mvmhost.cil";

/// A policy with the types that the module names.
const STUB: &str = "crates/xtask/src/selinux/stub.cil";

/// The module compiles, and every file that it names is one of the package.
pub(crate) fn lint() -> Result<()> {
    tools::apt(&["secilc"])?;
    let top = tools::top()?;
    let scratch = top.join("target").join(format!("selinux-{}", tools::now()));
    fs::create_dir_all(&scratch)?;
    let contexts = scratch.join("file_contexts");
    let mut compile = Command::new("secilc");
    compile.args(["-M", "true", "-o"]).arg(scratch.join("policy")).arg("-f").arg(&contexts);
    let compiled = tools::check(compile.arg(top.join(STUB)).arg(top.join(MODULE)));
    let contexts = compiled.and_then(|()| Ok(fs::read_to_string(&contexts)?));
    fs::remove_dir_all(&scratch)?;
    let installed = fs::read_to_string(top.join("packaging/deb/debian/mvmhost.install"))?;
    for line in contexts?.lines() {
        let path = line.split_whitespace().next().unwrap_or_default();
        let (folder, name) = path.trim_start_matches('/').rsplit_once('/').unwrap_or_default();
        let entry = format!("bin/{name} {folder}");
        ensure!(installed.lines().any(|line| line == entry), "{MODULE}: {path} is not installed");
    }
    Ok(())
}
