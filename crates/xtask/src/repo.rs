//! The apt repository: the packages that were built, with indexes and a signature.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use mvm_vm::archive::{self, Gpg};

use crate::arch::ALL;
use crate::sums::sums;
use crate::tools;

/// The name of the one suite: the package is the same for every release of Debian.
const SUITE: &str = "stable";

/// Adds the package to the repository in `folder`, which is made if it is absent. Packages that are
/// there already stay, those of other architectures as well. It is signed by `key`, or by gpg's
/// default key; so are the lists of checksums, its own and the one beside the package.
pub(crate) fn add(deb: &Path, folder: &Path, key: Option<&str>) -> Result<()> {
    tools::apt(&["apt-utils", "gnupg"])?;
    // Whoever installs works from another directory than this task.
    let folder = std::path::absolute(folder)?;
    let pool = folder.join("pool");
    fs::create_dir_all(&pool).with_context(|| format!("creating {}", pool.display()))?;
    let name = deb.file_name().context("the package has no name")?.to_string_lossy();
    let components = format!("{name}.cdx.json");
    fs::copy(deb, pool.join(&*name))?;
    fs::copy(deb.with_file_name(&components), pool.join(&components))?;
    archive::index(&folder, SUITE, "mvmhost", &architectures(&pool)?)?;
    let gpg = Gpg { home: None, key: key.map(str::to_owned) };
    archive::sign(&folder, SUITE, &gpg)?;
    for folder in [pool.as_path(), deb.parent().context("the package has no folder")?] {
        let list = sums(folder)?.display().to_string();
        gpg.run(&["--yes", "--armor", "--detach-sign", "--output", &format!("{list}.asc"), &list])?;
    }
    println!("{}", source(&folder));
    Ok(())
}

/// Those, by Debian's names, for which there is a package in the pool.
fn architectures(pool: &Path) -> Result<Vec<&'static str>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(pool)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let of = |debian: &str| name.ends_with(&format!("_{debian}.deb"));
        found.extend(ALL.iter().map(|arch| arch.debian).filter(|debian| of(debian)));
    }
    Ok(found.into_iter().collect())
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A package of nothing but its name.
    fn empty(pool: &Path, arch: &str) {
        let tree = pool.with_file_name(arch);
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        let control = format!(
            "Package: mvmhost\nVersion: 1\nArchitecture: {arch}\nMaintainer: a <a@b.c>\nDescription: a\n"
        );
        fs::write(tree.join("DEBIAN/control"), control).unwrap();
        let mut build = Command::new("dpkg-deb");
        build.args(["--root-owner-group", "--build"]).arg(&tree);
        build.arg(pool.join(format!("mvmhost_1_{arch}.deb"))).stdout(std::process::Stdio::null());
        tools::check(&mut build).unwrap();
    }

    #[test]
    fn each_architecture_finds_its_package_and_no_other() {
        let folder = std::env::temp_dir().join(format!("mvmhost-repo-{}", std::process::id()));
        let pool = folder.join("pool");
        fs::create_dir_all(&pool).unwrap();
        empty(&pool, "amd64");
        let one = architectures(&pool).unwrap();
        empty(&pool, "arm64");
        let both = architectures(&pool).unwrap();
        archive::index(&folder, SUITE, "mvmhost", &both).unwrap();
        let read = |name: &str| fs::read_to_string(folder.join("dists/stable").join(name)).unwrap();
        let release = read("Release");
        let lists = both.clone().into_iter().map(|arch| {
            let name = format!("main/binary-{arch}/Packages");
            assert!(release.contains(&name), "{release}");
            read(&name)
        });
        let lists: Vec<String> = lists.collect();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((one, both.as_slice()), (vec!["amd64"], ["amd64", "arm64"].as_slice()));
        assert!(release.contains("Architectures: amd64 arm64\n"), "{release}");
        for (list, (ours, other)) in lists.iter().zip([("amd64", "arm64"), ("arm64", "amd64")]) {
            assert!(list.contains(&format!("pool/mvmhost_1_{ours}.deb")), "{list}");
            assert!(!list.contains(other), "{list}");
        }
    }
}
