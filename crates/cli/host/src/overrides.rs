//! What systemd reads for the units of the chain beside what mvmhost wrote, and moving it aside.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mvm_config::Config;
use mvm_core::catalogue::overrides as messages;
use mvm_core::{Finding, Roots, atomic, names};
use mvm_units_plan::overrides::{File, OWN, Override, Unit, overrides};
use mvm_units_plan::units::UnitFile;

/// A unit file has some KiB.
const LARGEST: u64 = 1 << 20;
/// Where others put units, the strongest first (systemd.unit(5)).
const OTHERS: [&str; 4] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/etc/systemd/system",
    "/run/systemd/system",
];
/// Where the package's units are.
const PACKAGE: [&str; 2] = ["/usr/lib/systemd/system", "/lib/systemd/system"];
/// What mvmhost adopt adds to a name.
const ASIDE: &str = "before-mvmhost";

/// Every override of the chain's units; `generated` is what the generator writes.
pub fn observe(roots: &Roots, config: &Config, generated: &[UnitFile]) -> Vec<Override> {
    let mut names = mvm_units_plan::chain(config);
    names.extend([names::IMAGES_UNIT, names::WATCH_UNIT, names::TARGET].map(str::to_owned));
    let units: Vec<Unit> = names.iter().map(|name| unit(roots, name, generated)).collect();
    overrides(&units)
}

fn unit(roots: &Roots, name: &str, generated: &[UnitFile]) -> Unit {
    let own = generated.iter().find(|file| file.path == format!("{name}.d/{OWN}"));
    let shipped = PACKAGE.iter().map(|folder| format!("{folder}/{name}"));
    let is_ours = name.starts_with("mvm") || name == names::CONTAINERD_DEV_UNIT;
    let shipped = shipped.filter(|_| is_ours).find_map(|path| text(roots, &path));
    let instead: Vec<File> = OTHERS
        .iter()
        .filter_map(|folder| file(roots, format!("{folder}/{name}")))
        .filter(|file| is_ours || file.text.is_none())
        .collect();
    Unit {
        name: name.to_owned(),
        generated: own.is_some(),
        own: shipped.into_iter().chain(own.map(|file| file.text.clone())).collect(),
        instead,
        dropins: dropins(roots, name),
    }
}

/// Of each name the strongest, in the order of names.
fn dropins(roots: &Roots, unit: &str) -> Vec<File> {
    let mut found: BTreeMap<String, File> = BTreeMap::new();
    for folder in OTHERS.iter().chain(&["/usr/local/lib/systemd/system"]).chain(&PACKAGE) {
        let folder = format!("{folder}/{unit}.d");
        let entries = fs::read_dir(roots.at(&folder)).into_iter().flatten().flatten();
        for entry in entries {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.ends_with(".conf")
                && !found.contains_key(&name)
                && let Some(file) = file(roots, format!("{folder}/{name}"))
            {
                found.insert(name, file);
            }
        }
    }
    found.into_values().collect()
}

fn file(roots: &Roots, path: String) -> Option<File> {
    let place = roots.at(&path);
    let kind = fs::symlink_metadata(&place).ok()?.file_type();
    let target = kind.is_symlink().then(|| fs::read_link(&place).ok()).flatten();
    if target.as_deref() == Some(Path::new("/dev/null")) {
        return Some(File { path, text: None });
    }
    let text = text(roots, &path)?;
    Some(File { path, text: Some(text) })
}

fn text(roots: &Roots, path: &str) -> Option<String> {
    let bytes = atomic::read_linked(&roots.at(path), LARGEST).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Moves the files aside that an operator can have written; those of packages stay.
pub fn move_aside(roots: &Roots, overrides: &[Override]) -> Vec<Finding> {
    let files: BTreeMap<&str, &str> =
        overrides.iter().map(|one| (one.path.as_str(), one.unit.as_str())).collect();
    files.into_iter().map(|(path, unit)| aside(roots, path, unit)).collect()
}

fn aside(roots: &Roots, path: &str, unit: &str) -> Finding {
    let not = |why: &str| messages::not_moved(path, why, unit);
    if !OTHERS.iter().any(|folder| path.starts_with(&format!("{folder}/"))) {
        return not("it belongs to a package");
    }
    let to = format!("{path}.{ASIDE}");
    let target: PathBuf = roots.at(&to);
    // A link that leads nowhere is there as well.
    if fs::symlink_metadata(&target).is_ok() {
        return not(&format!("{to} is there already"));
    }
    match fs::rename(roots.at(path), &target) {
        Ok(()) => messages::moved(path, to),
        Err(error) => not(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> (tempfile::TempDir, Roots) {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let put = |path: &str, text: &str| {
            atomic::write(&roots.at(path), text.as_bytes(), 0o644).unwrap();
        };
        put("/etc/systemd/system/flintlockd.service", "[Service]\nExecStart=/x\n");
        put(
            "/etc/systemd/system/flintlockd.service.d/containerd-dev.conf",
            "[Service]\nExecStart=/y\n",
        );
        put("/usr/lib/systemd/system/mvm-guard.service", "[Service]\nType=notify\n");
        put("/etc/systemd/system/mvm-guard.service.d/x.conf", "[Service]\nType=simple\n");
        std::os::unix::fs::symlink(
            "/dev/null",
            roots.at("/etc/systemd/system/mvm-hygiene.service"),
        )
        .unwrap();
        (folder, roots)
    }

    #[test]
    fn what_is_in_the_way_is_found_moved_aside_and_found_no_more() {
        let (_folder, roots) = host();
        let config = Config::default();
        let generated =
            mvm_units_plan::units::files(&config, mvm_units_plan::units::Installed::default());
        let found = observe(&roots, &config, &generated);
        let paths: Vec<&str> = found.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "/etc/systemd/system/mvm-hygiene.service",
                "/etc/systemd/system/mvm-guard.service.d/x.conf",
                "/etc/systemd/system/flintlockd.service.d/containerd-dev.conf",
            ]
        );
        let moved = move_aside(&roots, &found);
        assert!(moved.iter().all(|one| one.code() == "MVM-HOST-253"), "{moved:?}");
        assert_eq!(observe(&roots, &config, &generated), []);
        assert!(roots.at("/etc/systemd/system/flintlockd.service").exists(), "the operator's unit");
        let again = move_aside(&roots, &found);
        assert!(again.iter().all(|one| one.code() == "MVM-HOST-254"), "nothing is overwritten");
    }
}
