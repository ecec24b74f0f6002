//! `cargo xtask package`: which packages, what lies beside them, and whether they come out the same
//! a second time.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::arch::{ALL, Arch};
use crate::sums::{EXTENSIONS, sums};
use crate::{package, repo, rpm, sbom, tools};

/// What the command line asks for.
#[derive(Debug, Default, PartialEq)]
struct Options<'a> {
    arch: Option<&'a str>,
    rpm: bool,
    verify: bool,
    repo: Option<&'a str>,
    key: Option<&'a str>,
}

impl<'a> Options<'a> {
    fn parse(arguments: &[&'a str]) -> Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter().copied();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().with_context(|| format!("{argument} without a value"));
            match argument {
                "--arch" => options.arch = Some(value()?),
                "--repo" => options.repo = Some(value()?),
                "--key" => options.key = Some(value()?),
                "--rpm" => options.rpm = true,
                "--verify" => options.verify = true,
                other => bail!("package does not know {other}; see: cargo xtask --help"),
            }
        }
        ensure!(options.key.is_none() || options.repo.is_some(), "--key is for --repo");
        Ok(options)
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
    let options = Options::parse(arguments)?;
    for arch in options.arches()? {
        let deb = if arch.is_native() { package::run()? } else { package::pack(arch)? };
        let mut built = vec![deb.clone()];
        // An .rpm takes seconds once the programs are there.
        if options.rpm || options.arch.is_some() || options.verify {
            built.push(rpm::pack(arch)?);
        }
        for package in &built {
            sbom::beside(package, arch)?;
        }
        sums(&package::folder(arch)?)?;
        for package in built {
            println!("{}", package.display());
        }
        if let Some(folder) = options.repo {
            repo::add(&deb, Path::new(folder), options.key)?;
        }
        if options.verify {
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
    let (original, rebuilt) = (package::folder(arch)?, other.join("target/packages"));
    let rebuilt = if arch.is_native() { rebuilt } else { rebuilt.join(arch.debian) };
    let built = again(arch, &other);
    let compared = built.and_then(|()| compare(&original, &rebuilt));
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

fn compare(original: &Path, rebuilt: &Path) -> Result<()> {
    let mut differ = Vec::new();
    for folder in [".", "build/bin"] {
        for entry in fs::read_dir(original.join(folder))? {
            let path = entry?.path();
            let (Some(name), true) = (path.file_name(), path.is_file()) else { continue };
            let listed = path.extension().and_then(|extension| extension.to_str());
            let package = listed.is_some_and(|extension| EXTENSIONS.contains(&extension));
            let other = rebuilt.join(folder).join(name);
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
        let options = Options::parse(&["--arch", "arm64", "--verify"]).unwrap();
        assert_eq!(options, Options { arch: Some("arm64"), verify: true, ..Options::default() });
        assert_eq!(Options::parse(&["--arch", "all"]).unwrap().arches().unwrap().len(), 2);
        for wrong in [&["--arch"][..], &["--key", "k"], &["--what"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn one_other_byte_is_found() {
        let folder = std::env::temp_dir().join(format!("mvmhost-compare-{}", std::process::id()));
        let (original, rebuilt) = (folder.join("ours"), folder.join("theirs"));
        for side in [&original, &rebuilt] {
            fs::create_dir_all(side.join("build/bin")).unwrap();
            fs::write(side.join("a.deb"), "a").unwrap();
            fs::write(side.join("build/bin/mvmhost"), "b").unwrap();
            fs::write(side.join("a.buildinfo"), side.display().to_string()).unwrap();
        }
        assert!(compare(&original, &rebuilt).is_ok());
        fs::write(rebuilt.join("build/bin/mvmhost"), "c").unwrap();
        let why = compare(&original, &rebuilt).unwrap_err().to_string();
        fs::remove_dir_all(&folder).unwrap();
        assert!(why.ends_with("build/bin/mvmhost"), "{why}");
    }
}
