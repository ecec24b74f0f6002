//! `cargo xtask package`: which packages, what lies beside them, and whether they come out the same
//! a second time.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::arch::{ALL, Arch};
use crate::sums::{LISTED, sums};
use crate::{package, repo, rpm, sbom, tools};

/// What the command line asks for.
#[derive(Debug, Default, PartialEq)]
struct Wanted<'a> {
    arch: Option<&'a str>,
    rpm: bool,
    verify: bool,
    repo: Option<&'a str>,
    key: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn parse(arguments: &[&'a str]) -> Result<Self> {
        let mut wanted = Self::default();
        let mut rest = arguments.iter().copied();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().with_context(|| format!("{argument} without a value"));
            match argument {
                "--arch" => wanted.arch = Some(value()?),
                "--repo" => wanted.repo = Some(value()?),
                "--key" => wanted.key = Some(value()?),
                "--rpm" => wanted.rpm = true,
                "--verify" => wanted.verify = true,
                other => bail!("package does not know {other}; see: cargo xtask --help"),
            }
        }
        ensure!(wanted.key.is_none() || wanted.repo.is_some(), "--key is for --repo");
        Ok(wanted)
    }

    fn arches(&self) -> Result<Vec<&'static Arch>> {
        Ok(match self.arch {
            None => vec![Arch::native()?],
            Some("all") => ALL.iter().collect(),
            Some(name) => vec![Arch::find(name)?],
        })
    }
}

/// Builds what is asked for and prints where it is.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let wanted = Wanted::parse(arguments)?;
    for arch in wanted.arches()? {
        let deb = if arch.is_native() { package::run()? } else { package::pack(arch)? };
        let mut built = vec![deb.clone()];
        // An .rpm takes seconds once the programs are there.
        if wanted.rpm || wanted.arch.is_some() || wanted.verify {
            built.push(rpm::pack(arch)?);
        }
        for package in &built {
            sbom::beside(package, arch)?;
        }
        sums(&package::folder(arch)?)?;
        for package in built {
            println!("{}", package.display());
        }
        if let Some(folder) = wanted.repo {
            repo::add(&deb, Path::new(folder), wanted.key)?;
        }
        if wanted.verify {
            verify(arch)?;
        }
    }
    Ok(())
}

/// Builds the packages once more from a copy of the sources: in a folder with another and a longer
/// name, by another umask, under another host name, in another time zone, packed as if more than a
/// year later.
/// Every package, and every program in them, must have the same bytes.
fn verify(arch: &Arch) -> Result<()> {
    tools::apt(&["faketime", "util-linux"])?;
    let other =
        std::env::temp_dir().join(format!("mvmhost-built-in-another-folder-{}", tools::now()));
    copy(&tools::top()?, &other)?;
    let (ours, theirs) = (package::folder(arch)?, other.join("target/packages"));
    let theirs = if arch.is_native() { theirs } else { theirs.join(arch.debian) };
    let built = again(arch, &other);
    let compared = built.and_then(|()| compare(&ours, &theirs));
    fs::remove_dir_all(&other)?;
    compared?;
    println!("the same bytes from another folder, host, time and umask");
    Ok(())
}

/// The files that git knows or would add, older by years than they are.
fn copy(top: &Path, other: &Path) -> Result<()> {
    fs::create_dir_all(other)?;
    let script = "git ls-files -z --cached --others --exclude-standard |
        xargs -0 cp --parents --preserve=mode --target-directory=\"$1\" &&
        find \"$1\" -exec touch --no-dereference --date='2020-02-02' {} +";
    let mut copy = Command::new("bash");
    copy.current_dir(top).args(["-o", "pipefail", "-c", script, "copy"]);
    tools::check(copy.arg(other))
}

fn again(arch: &Arch, other: &Path) -> Result<()> {
    let script = "hostname elsewhere && umask 077 && exec \"$@\"";
    let mut build = Command::new("unshare");
    build.args(["--uts", "sh", "-c", script, "again"]).arg(std::env::current_exe()?);
    build.args(["package", "--arch", arch.debian]);
    build.env("MVMHOST_TOP", other).env("TZ", "Asia/Manila").env_remove("SOURCE_DATE_EPOCH");
    tools::check(build.env("MVMHOST_PACK_AT", "+400d"))
}

fn compare(ours: &Path, theirs: &Path) -> Result<()> {
    let mut differ = Vec::new();
    for folder in [".", "build/bin"] {
        for entry in fs::read_dir(ours.join(folder))? {
            let path = entry?.path();
            let (Some(name), true) = (path.file_name(), path.is_file()) else { continue };
            let listed = path.extension().and_then(|extension| extension.to_str());
            let package = listed.is_some_and(|extension| LISTED.contains(&extension));
            let other = theirs.join(folder).join(name);
            let same = || -> Result<bool> { Ok(fs::read(&path)? == fs::read(&other)?) };
            if (package || folder != ".") && !same().unwrap_or(false) {
                differ.push(path.display().to_string());
            }
        }
    }
    ensure!(differ.is_empty(), "not the same bytes a second time: {}", differ.join(" "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_read() {
        let wanted = Wanted::parse(&["--arch", "arm64", "--verify"]).unwrap();
        assert_eq!(wanted, Wanted { arch: Some("arm64"), verify: true, ..Wanted::default() });
        assert_eq!(Wanted::parse(&["--arch", "all"]).unwrap().arches().unwrap().len(), 2);
        for wrong in [&["--arch"][..], &["--key", "k"], &["--what"]] {
            assert!(Wanted::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn one_other_byte_is_found() {
        let folder = std::env::temp_dir().join(format!("mvmhost-compare-{}", std::process::id()));
        let (ours, theirs) = (folder.join("ours"), folder.join("theirs"));
        for side in [&ours, &theirs] {
            fs::create_dir_all(side.join("build/bin")).unwrap();
            fs::write(side.join("a.deb"), "a").unwrap();
            fs::write(side.join("build/bin/mvmhost"), "b").unwrap();
            fs::write(side.join("a.buildinfo"), side.display().to_string()).unwrap();
        }
        assert!(compare(&ours, &theirs).is_ok());
        fs::write(theirs.join("build/bin/mvmhost"), "c").unwrap();
        let why = compare(&ours, &theirs).unwrap_err().to_string();
        fs::remove_dir_all(&folder).unwrap();
        assert!(why.ends_with("build/bin/mvmhost"), "{why}");
    }
}
