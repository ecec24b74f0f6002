//! microVMs that flintlockd counts as created and for which no VMM runs, and what is theirs.

use std::ffi::OsStr;
use std::time::Duration;

use mvm_checks::Observed;
use mvm_cli_microvms::files::vmm;
use mvm_config::{Config, places};
use mvm_core::Roots;
use mvm_core::exec::{self, Execute, Limits};
use mvm_units_systemd::flintlock::{MicroVm, State};
use mvm_units_systemd::microvms;

/// So many lines of flintlockd's journal are looked through for a reason.
const LINES: &str = "--lines=2000";
const READING: Duration = Duration::from_secs(10);
/// A reason is shown up to this length, in characters.
const REASON: usize = 400;

/// Keeps those taps that no microVM uses, or says that they could not be looked at.
pub(super) fn taps(observed: &mut Observed, listing: Result<Option<&[MicroVm]>, &str>) {
    match left_over(&observed.stale_taps, listing) {
        Ok(unused) => observed.stale_taps = unused,
        Err(why) if !observed.stale_taps.is_empty() => {
            observed.stale_taps.clear();
            observed.unasked.push(("taps".to_owned(), why.to_owned()));
        }
        Err(_) => {}
    }
}

/// Those of the taps without a VMM that belong to no microVM of flintlockd's list, which may use its
/// tap again. It lists the taps of a microVM only when that is created: while it creates one, any tap
/// may be in use.
fn left_over<'w>(
    taps: &[String],
    listing: Result<Option<&[MicroVm]>, &'w str>,
) -> Result<Vec<String>, &'w str> {
    let listed =
        listing?.ok_or("flintlockd lists its microVMs only to clients with a certificate")?;
    if listed.iter().any(|one| one.state != State::Created) {
        return Err("flintlockd lists the taps of a microVM only when that is created");
    }
    let used = |tap: &&String| listed.iter().any(|one| one.devices.contains(*tap));
    Ok(taps.iter().filter(|tap| !used(tap)).cloned().collect())
}

/// microVMs that count as created and have no VMM, each with flintlockd's last line about it.
pub(super) fn without_vmm(
    roots: &Roots,
    config: &Config,
    listing: &[MicroVm],
    programs: &dyn Execute,
) -> Vec<(String, String)> {
    let Ok(files) = microvms::directories(roots, &places::microvms(config)) else {
        // Said by those who list the files.
        return Vec::new();
    };
    let runs = |id: &str| files.iter().any(|one| one.id == id && vmm(roots, one).is_some());
    let created = listing.iter().filter(|one| one.state == State::Created);
    let named = created.map(|one| (format!("{}/{}/{}", one.namespace, one.name, one.uid), one));
    let missing: Vec<(String, &MicroVm)> = named.filter(|(id, _)| !runs(id)).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let journal = journal(roots, config, programs);
    let with_last_line = |(id, one): &(String, &MicroVm)| {
        let line =
            journal.lines().rev().find(|line| !one.uid.is_empty() && line.contains(&one.uid));
        let line: String = line
            .unwrap_or("its journal of this boot does not name it")
            .chars()
            .take(REASON)
            .collect();
        (id.clone(), line)
    };
    missing.iter().map(with_last_line).collect()
}

/// What flintlockd said last in this boot; nothing where that cannot be read.
fn journal(roots: &Roots, config: &Config, programs: &dyn Execute) -> String {
    let Some(program) = exec::find(roots, "journalctl") else {
        return String::new();
    };
    let unit = format!("--unit={}", config.flintlockd.unit.as_str());
    let arguments = ["--boot", "--no-pager", "--quiet", "--output=cat", LINES, &unit];
    let arguments: Vec<&OsStr> = arguments.into_iter().map(OsStr::new).collect();
    let result = programs.run(&program, &arguments, &mut Limits::timeout(READING));
    result.map(|exit| exit.stdout).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_core::exec::{Exit, Recording};

    fn microvm(name: &str, state: State, device: &str) -> MicroVm {
        MicroVm {
            namespace: "ns".to_owned(),
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            state,
            retry: 0,
            version: 1,
            devices: vec![device.to_owned()],
        }
    }

    #[test]
    fn a_tap_is_a_left_over_only_where_every_microvm_is_created() {
        let judged = |listing: &[MicroVm]| {
            left_over(&["fltap1".to_owned()], Ok(Some(listing))).map(|unused| unused.len())
        };
        assert_eq!(judged(&[]), Ok(1));
        assert_eq!(judged(&[microvm("its", State::Created, "fltap1")]), Ok(0));
        assert_eq!(judged(&[microvm("other", State::Created, "fltap2")]), Ok(1));
        assert!(judged(&[microvm("new", State::Pending, "")]).is_err());
        assert!(left_over(&[], Ok(None)).is_err() && left_over(&[], Err("silent")).is_err());
    }

    #[test]
    fn a_created_microvm_without_a_vmm_is_said_with_flintlockds_reason() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        let files = at("var/lib/flintlock/vm/ns/runs/uid-runs");
        std::fs::create_dir_all(&files).unwrap();
        std::fs::write(files.join("firecracker.pid"), "77\n").unwrap();
        std::fs::create_dir_all(at("proc/77")).unwrap();
        std::fs::write(at("proc/77/cmdline"), "firecracker\0--id\0uid-runs\0").unwrap();
        std::fs::create_dir_all(at("usr/bin")).unwrap();
        let program = at("usr/bin/journalctl");
        std::fs::write(&program, "").unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let listing = [
            microvm("runs", State::Created, "fltap1"),
            microvm("lost", State::Created, "fltap2"),
            microvm("new", State::Pending, "fltap3"),
        ];
        let stdout = "level=error msg=\"uid-lost: no kernel\"\nlevel=info msg=other\n".to_owned();
        let programs = Recording::new([Exit { code: Some(0), stdout, ..Exit::default() }]);
        let config = mvm_config::load::parse(&[]).unwrap().config;
        let missing = without_vmm(&Roots::new(folder.path()), &config, &listing, &programs);
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert_eq!(missing[0].0, "ns/lost/uid-lost");
        assert!(missing[0].1.contains("no kernel"), "{missing:?}");
    }
}
