//! The apt repository: the package that was built, with indexes and a signature.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use mvm_vm::archive::{self, Gpg};

use crate::{package, tools};

/// The name of the one suite: the package is the same for every release of Debian.
const SUITE: &str = "stable";

/// Builds the package and adds it to the repository in `folder`, which is made if it is absent.
/// Packages that are there already stay. It is signed by `key`, or by gpg's default key.
pub(crate) fn run(folder: &str, key: Option<&str>) -> Result<()> {
    tools::apt(&["apt-utils", "gnupg"])?;
    let deb = package::run()?;
    // Whoever installs works from another directory than this task.
    let folder = std::path::absolute(folder)?;
    let pool = folder.join("pool");
    fs::create_dir_all(&pool).with_context(|| format!("creating {}", pool.display()))?;
    let name = deb.file_name().context("the package has no name")?;
    fs::copy(&deb, pool.join(name))?;
    let architecture = tools::output(Command::new("dpkg").arg("--print-architecture"))?;
    archive::index(&folder, SUITE, "mvmhost", architecture.trim())?;
    archive::sign(&folder, SUITE, &Gpg { home: None, key: key.map(str::to_owned) })?;
    println!("{}", source(&folder));
    Ok(())
}

/// What an operator puts into /etc/apt/sources.list.d/mvmhost.sources.
fn source(folder: &Path) -> String {
    format!(
        "Types: deb\nURIs: file:{}\nSuites: {SUITE}\nComponents: main\n\
         Signed-By: /etc/apt/keyrings/{}",
        folder.display(),
        archive::KEY
    )
}
