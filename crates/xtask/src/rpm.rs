//! The .rpm: the files of the .deb, from the same list, packed by rpmbuild.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::arch::Arch;
use crate::{licences, package, selinux, tools};

/// Where an .rpm puts modules for the targeted policy of SELinux.
const MODULES: &str = "usr/share/selinux/packages/targeted";

/// Debian packages that packing and checking needs.
const NEEDED: &[&str] = &["gzip", "rpm", "rpmlint"];

/// Builds target/packages/mvmhost-VERSION-1.ARCH.rpm for this machine.
pub(crate) fn run() -> Result<PathBuf> {
    pack(Arch::native()?)
}

/// Builds the .rpm of this architecture from the stage of its .deb.
pub(crate) fn pack(arch: &Arch) -> Result<PathBuf> {
    tools::apt(NEEDED)?;
    let (packages, stage) = (package::folder(arch)?, package::stage(arch)?);
    let epoch = package::epoch()?;
    let (work, tree, list) = (stage.join("rpm"), stage.join("tree"), stage.join("files.list"));
    fs::create_dir_all(&tree)?;
    let mut files = Vec::new();
    for (source, folder) in installed(&stage)? {
        files.push(install(&stage.join(&source), &tree, folder.trim_start_matches('/'))?);
    }
    files.push(install(&stage.join(selinux::MODULE), &tree, MODULES)?);
    for text in licences(&stage)? {
        let line = install(&text, &tree, "usr/share/licenses/mvmhost")?;
        files.push(format!("%license {line}"));
    }
    fs::write(&list, files.join("\n") + "\n")?;
    let mut same = Command::new("find");
    same.arg(&tree).args(["-exec", "touch", "--no-dereference"]);
    tools::check(same.arg(format!("--date=@{epoch}")).args(["{}", "+"]))?;
    let version = env!("CARGO_PKG_VERSION");
    let mut build = package::packer("rpmbuild");
    build.arg("-bb").arg("--quiet").arg("--nodeps").args(["--target", arch.machine]);
    build.env("SOURCE_DATE_EPOCH", &epoch).env("LC_ALL", "C");
    for (name, value) in [
        ("_topdir", work.display().to_string()),
        ("version", version.to_owned()),
        ("licences", licences::expression()?),
        // rpmbuild forgets what --load has read when it is given a --target.
        ("macros", stage.join("packaging/rpm/macros.systemd").display().to_string()),
        ("tree", tree.display().to_string()),
        ("list", list.display().to_string()),
        // cargo has stripped the programs; what is left of rpm's own work is the manual's gzip.
        ("debug_package", "%{nil}".to_owned()),
        ("__os_install_post", "%{nil}".to_owned()),
        ("_build_id_links", "none".to_owned()),
        ("_buildhost", "reproducible".to_owned()),
        ("use_source_date_epoch_as_buildtime", "1".to_owned()),
        ("clamp_mtime_to_source_date_epoch", "1".to_owned()),
    ] {
        build.arg("--define").arg(format!("{name} {value}"));
    }
    tools::check(build.arg(stage.join("packaging/rpm/mvmhost.spec")))?;
    let machine = arch.machine;
    let name = format!("mvmhost-{version}-1.{machine}.rpm");
    let built = work.join("RPMS").join(machine).join(&name);
    ensure!(built.is_file(), "{} was not built", built.display());
    fs::copy(&built, packages.join(&name))?;
    Ok(packages.join(name))
}

/// rpmlint must have nothing to say.
pub(crate) fn lint(rpm: &Path) -> Result<()> {
    let filters = tools::top()?.join("packaging/rpm/mvmhost.rpmlintrc");
    // One list for both architectures: each has lines that only the other needs.
    let options = ["--strict", "--ignore-unused-rpmlintrc", "--rpmlintrc"];
    tools::check(Command::new("rpmlint").args(options).arg(filters).arg(rpm))
}

/// Every file of the .deb in the stage, and the folder that it goes to on an rpm system.
fn installed(stage: &Path) -> Result<Vec<(String, String)>> {
    let list = fs::read_to_string(stage.join("debian/mvmhost.install"))?;
    let mut files: Vec<(String, String)> = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .map(|(source, folder)| Ok((matching(stage, source)?, rpm_folder(folder))))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flat_map(|(sources, folder)| sources.into_iter().map(move |one| (one, folder.clone())))
        .collect();
    for page in fs::read_to_string(stage.join("debian/mvmhost.manpages"))?.lines() {
        let section = page.rsplit('.').next().context("a page without section")?;
        files.push((page.to_owned(), format!("usr/share/man/man{section}")));
    }
    Ok(files)
}

/// The files that a line of the list names: one, or with `*.` all of a folder that end so.
fn matching(stage: &Path, source: &str) -> Result<Vec<String>> {
    let Some((folder, end)) = source.split_once('*') else {
        return Ok(vec![source.to_owned()]);
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(stage.join(folder))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(end) {
            found.push(format!("{folder}{name}"));
        }
    }
    ensure!(!found.is_empty(), "{source} is no file");
    found.sort();
    Ok(found)
}

/// The copyright file, and the texts that it refers to, which Debian has once for all packages.
fn licences(stage: &Path) -> Result<Vec<PathBuf>> {
    let common = ["Apache-2.0", "CC0-1.0", "GPL-3", "MPL-2.0"];
    let mut texts = vec![stage.join("debian/copyright")];
    for name in common {
        // Some of these are links to a text of the same licence.
        let text = stage.join("licences").join(name);
        fs::create_dir_all(stage.join("licences"))?;
        fs::copy(Path::new("/usr/share/common-licenses").join(name), &text)?;
        texts.push(text);
    }
    Ok(texts)
}

/// Debian's folders that have another name there.
fn rpm_folder(folder: &str) -> String {
    match folder {
        "lib/systemd/system" => "usr/lib/systemd/system",
        "usr/share/zsh/vendor-completions" => "usr/share/zsh/site-functions",
        other => other,
    }
    .to_owned()
}

/// Copies a file into the tree and gives its line of the list.
fn install(source: &Path, tree: &Path, folder: &str) -> Result<String> {
    let name = source.file_name().and_then(|name| name.to_str()).context("a file without name")?;
    fs::create_dir_all(tree.join(folder))?;
    let target = tree.join(folder).join(name);
    fs::copy(source, &target).with_context(|| format!("copying {}", source.display()))?;
    let program = source.parent().is_some_and(|parent| parent.ends_with("bin"));
    let mode = if program { 0o755 } else { 0o644 };
    fs::set_permissions(&target, fs::Permissions::from_mode(mode))?;
    Ok(match folder {
        "etc" | "etc/logrotate.d" => format!("%config(noreplace) /{folder}/{name}"),
        folder if folder.starts_with("usr/share/man/") => {
            tools::check(Command::new("gzip").args(["-9", "-n"]).arg(&target))?;
            format!("%doc /{folder}/{name}.gz")
        }
        _ => format!("/{folder}/{name}"),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    const SPEC: &str = include_str!("../../../packaging/rpm/mvmhost.spec");
    const TABLE: &str = include_str!("../../../packaging/rpm/requires.tsv");

    #[test]
    fn each_requirement_has_a_package_in_every_distribution() {
        let required: BTreeSet<&str> =
            SPEC.lines().filter_map(|line| line.strip_prefix("Requires:")).map(str::trim).collect();
        let mut listed = BTreeSet::new();
        for row in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let cells: Vec<&str> = row.split('\t').collect();
            let [requirement, names @ ..] = cells.as_slice() else { panic!("{row}") };
            assert_eq!(names.len(), 3, "{row}");
            let parts: Vec<&str> = requirement.split([' ', '(', ')']).collect();
            for name in names {
                assert!(parts.contains(name), "{name} does not answer {requirement}");
            }
            listed.insert(*requirement);
        }
        assert_eq!(required, listed);
    }

    #[test]
    fn what_debian_requires_the_rpm_requires_as_well() {
        let control = include_str!("../../../packaging/deb/debian/control");
        let (_, depends) = control.split_once("\nDepends: ").unwrap();
        let (depends, _) = depends.split_once("\nSuggests:").unwrap();
        // Debian's name, and the one in mvmhost.spec where it is another.
        let names = [
            ("default-dbus-system-bus", "dbus"),
            ("dmsetup", "device-mapper"),
            ("dnsmasq-base", "dnsmasq"),
        ];
        for entry in depends.split(',').map(str::trim).filter(|entry| !entry.starts_with('$')) {
            let debian = entry.split(' ').next().unwrap();
            let other = names.iter().find(|(name, _)| *name == debian);
            let name = other.map_or(debian, |(_, other)| *other);
            let requires = SPEC.lines().filter(|line| line.starts_with("Requires:"));
            let mut parts = requires.flat_map(|line| line.split([' ', '(', ')']));
            assert!(parts.any(|word| word == name), "the .rpm does not require {name}");
        }
    }
}
