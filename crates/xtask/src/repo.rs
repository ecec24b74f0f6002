//! The apt repository: the packages that were built, with indexes and a signature.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use mvm_vm::archive::{self, Gpg};

use crate::arch::Arch;
use crate::{release, tools};

/// The name of the one suite: the package is the same for every release of Debian.
const SUITE: &str = "stable";

/// Adds the package to the repository in `folder`, which is made if it is absent. Packages that are
/// there already stay. It is signed by `key`, or by gpg's default key; so is the list of checksums.
pub(crate) fn add(deb: &Path, arch: &Arch, folder: &Path, key: Option<&str>) -> Result<()> {
    tools::apt(&["apt-utils", "gnupg"])?;
    // Whoever installs works from another directory than this task.
    let folder = std::path::absolute(folder)?;
    let pool = folder.join("pool");
    fs::create_dir_all(&pool).with_context(|| format!("creating {}", pool.display()))?;
    let name = deb.file_name().context("the package has no name")?.to_string_lossy();
    let components = format!("{name}.cdx.json");
    fs::copy(deb, pool.join(&*name))?;
    fs::copy(deb.with_file_name(&components), pool.join(&components))?;
    archive::index(&folder, SUITE, "mvmhost", arch.debian)?;
    let gpg = Gpg { home: None, key: key.map(str::to_owned) };
    archive::sign(&folder, SUITE, &gpg)?;
    let list = release::sums(&pool)?.display().to_string();
    gpg.run(&["--yes", "--armor", "--detach-sign", "--output", &format!("{list}.asc"), &list])?;
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
