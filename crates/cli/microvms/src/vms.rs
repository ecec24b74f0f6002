//! `mvmhost vms`: microVMs from flintlockd's API, joined with what this host shows of them.

use std::fmt::Write;
use std::path::Path;

use mvm_checks::diagnosis::microvm::judge;
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::last_good::load_or_last_good;
use mvm_config::{Config, places};
use mvm_core::json::Document;
use mvm_core::{Finding, Roots, catalogue};
use mvm_units_plan::hygiene;
use mvm_units_systemd::flintlock::{MicroVm, State};
use mvm_units_systemd::microvms;
use mvm_validate::api;
use serde::Serialize;

use crate::files::{read_files, vmm};

/// One line of the table.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// `NAMESPACE/NAME/UID`
    pub microvm: String,
    /// flintlockd's word; `unknown to flintlockd` for files without a microVM.
    pub state: &'static str,
    /// Of its specification: no count of crashes.
    pub revision: i32,
    /// Failed attempts in a row.
    pub retries: i32,
    /// The VMM's process, when it lives.
    pub pid: Option<i32>,
    /// The guest's console has something in it.
    pub boot_log: bool,
    /// What its files show to be wrong, as a code.
    pub wrong: Option<&'static str>,
}

/// Prints a line for each microVM; exit 69 when flintlockd does not answer.
pub fn run(context: &Context) -> Exit {
    let (loaded, last_good) = match load_or_last_good(&context.roots, context.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(findings) => {
            output::findings(context.json, &findings);
            return Exit::Config;
        }
    };
    let mut findings: Vec<Finding> = last_good.into_iter().collect();
    let listing = match api::microvms(&context.roots, &loaded.config) {
        Ok(listing) => listing.unwrap_or_default(),
        Err(why) => {
            findings.push(silent(&loaded.config, &why));
            output::findings(context.json, &findings);
            return Exit::Unavailable;
        }
    };
    let state = places::microvms(&loaded.config);
    let rows = match rows(&context.roots, &state, &listing) {
        Ok(rows) => rows,
        Err(error) => {
            let quoted = hygiene::quoted(Path::new(&state));
            let unreadable = catalogue::seen::flintlockd::state_unreadable(state, error, quoted);
            findings.push(unreadable);
            Vec::new()
        }
    };
    if context.json {
        output::print(&Document::new(&findings).with("microvms", rows).text());
    } else {
        output::print(&table(&rows));
        output::findings(false, &findings);
    }
    output::exit_for(&findings)
}

fn silent(config: &Config, why: &str) -> Finding {
    let endpoint = config.flintlockd.grpc_endpoint.to_string();
    catalogue::flk::api_silent(endpoint, api::TIMEOUT.as_secs(), config.flintlockd.unit.as_str())
        .evidence(why)
}

/// What flintlockd knows, and after it what only has files.
pub fn rows(roots: &Roots, state: &str, listing: &[MicroVm]) -> std::io::Result<Vec<Row>> {
    let mut files = microvms::directories(roots, state)?;
    let mut rows = Vec::new();
    for microvm in listing {
        let id = format!("{}/{}/{}", microvm.namespace, microvm.name, microvm.uid);
        let at = files.iter().position(|found| found.id == id);
        let directory = at.map(|at| files.remove(at));
        let mut row = row(roots, id, directory.as_ref())?;
        row.state = microvm.state.word();
        row.revision = microvm.version;
        row.retries = microvm.retry;
        if microvm.state == State::Created && row.pid.is_none() {
            row.wrong.get_or_insert(catalogue::seen::microvm::no_vmm::ROW.code);
        }
        rows.push(row);
    }
    for directory in files {
        rows.push(row(roots, directory.id.clone(), Some(&directory))?);
    }
    Ok(rows)
}

fn row(
    roots: &Roots,
    microvm: String,
    directory: Option<&microvms::Directory>,
) -> std::io::Result<Row> {
    let mut row = Row {
        microvm,
        state: "unknown to flintlockd",
        revision: 0,
        retries: 0,
        pid: None,
        boot_log: false,
        wrong: None,
    };
    if let Some(directory) = directory {
        let (files, _) = read_files(directory)?;
        row.boot_log = files.stdout.as_ref().is_some_and(|tail| !tail.text.trim().is_empty());
        row.wrong = judge(&files).map(|(entry, _)| entry.code);
        row.pid = vmm(roots, directory);
    }
    Ok(row)
}

fn table(rows: &[Row]) -> String {
    let mut out = String::new();
    let longest =
        |cells: &mut dyn Iterator<Item = usize>, head: usize| cells.max().unwrap_or(0).max(head);
    let width = longest(&mut rows.iter().map(|row| row.microvm.chars().count()), 7);
    let states = longest(&mut rows.iter().map(|row| row.state.chars().count()), 9);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{:width$} {:states$} {:>8} {:>7} {:>8} {:8} WRONG",
        "MICROVM", "STATE", "REVISION", "RETRIES", "VMM", "CONSOLE"
    );
    for row in rows {
        let pid = row.pid.map_or("-".to_owned(), |pid| pid.to_string());
        let console = if row.boot_log { "written" } else { "empty" };
        let name: String =
            row.microvm.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        let _ = writeln!(
            out,
            "{name:width$} {:states$} {:>8} {:>7} {pid:>8} {console:8} {}",
            row.state,
            row.revision,
            row.retries,
            row.wrong.unwrap_or("-")
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_api_is_joined_with_files_and_processes() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for microvm in ["ns/a/1", "ns/lost/9"] {
            fs::create_dir_all(at("var/lib/flintlock/vm").join(microvm)).unwrap();
        }
        let files = at("var/lib/flintlock/vm/ns/a/1");
        fs::write(files.join("firecracker.stdout"), "Linux version 5.10\nlogin:\n").unwrap();
        fs::write(files.join("firecracker.pid"), "77\n").unwrap();
        fs::create_dir_all(at("proc/77")).unwrap();
        fs::write(at("proc/77/cmdline"), "firecracker\0--id\x001\0").unwrap();
        let microvm = |name: &str, uid: &str, retry| MicroVm {
            namespace: "ns".to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            state: State::Created,
            retry,
            version: 3,
            devices: Vec::new(),
        };
        let listing = [microvm("a", "1", 0), microvm("new", "2", 1)];
        let rows = rows(&Roots::new(folder.path()), "/var/lib/flintlock/vm", &listing).unwrap();
        assert_eq!((rows[0].pid, rows[0].boot_log, rows[0].wrong), (Some(77), true, None));
        assert_eq!((rows[1].pid, rows[1].revision, rows[1].retries), (None, 3, 1));
        assert_eq!(rows[1].wrong, Some("MVM-VM-525"), "created, and no VMM runs");
        assert_eq!(rows[2].state, "unknown to flintlockd");
        assert_eq!(rows[2].wrong, Some("MVM-VM-509"));
        let text = table(&rows);
        assert_eq!(text.lines().count(), 4, "{text}");
        let columns: Vec<_> = text.lines().map(|line| line.trim_end().rfind(' ')).collect();
        assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
        // A process with that number that is another one is not the VMM.
        fs::write(at("proc/77/cmdline"), "sshd\0").unwrap();
        assert_eq!(
            vmm(
                &Roots::new(folder.path()),
                &microvms::Directory { id: "ns/a/1".to_owned(), path: files }
            ),
            None
        );
    }
}
