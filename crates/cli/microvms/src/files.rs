//! What flintlockd and the VMM keep of a microVM in its directory.

use std::path::PathBuf;

use mvm_checks::diagnosis::microvm::{Files, Tail};
use mvm_core::{Roots, processes};
use mvm_units_plan::hygiene;
use mvm_units_systemd::microvms;

/// Of each file of a microVM this much is read, from its end, in bytes.
const END: u64 = 256 * 1024;
/// The VMMs whose files are read.
pub const VMMS: [&str; 2] = ["firecracker", "cloudhypervisor"];

/// The ends of the files of the VMM that this microVM has, and where its guest's console is.
pub fn read_files(microvm: &microvms::Directory) -> std::io::Result<(Files, PathBuf)> {
    let mut found = (Files::default(), microvm.path.join("firecracker.stdout"));
    for vmm in VMMS {
        let end = |name: &str| {
            let path = microvm.path.join(format!("{vmm}.{name}"));
            microvms::end_of(&path, END).map(|end| end.map(tail))
        };
        let own = Files { stdout: end("stdout")?, stderr: end("stderr")?, log: end("log")? };
        if own != Files::default() {
            found = (own, microvm.path.join(format!("{vmm}.stdout")));
        }
    }
    Ok(found)
}

fn tail(end: microvms::Tail) -> Tail {
    Tail { text: String::from_utf8_lossy(&end.bytes).into_owned(), cut: end.cut }
}

/// The process that a PID file names, if it is the VMM of this microVM.
pub fn vmm(roots: &Roots, directory: &microvms::Directory) -> Option<i32> {
    let uid = directory.id.rsplit('/').next()?;
    let limit = hygiene::PID_FILE_LIMIT as u64;
    let pids = VMMS.iter().filter_map(|name| {
        let end = microvms::end_of(&directory.path.join(format!("{name}.pid")), limit);
        hygiene::pid(&end.ok()??.bytes)
    });
    let lives = |pid: &i32| {
        let line = processes::command_line(roots, *pid).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&line).contains(uid)
    };
    pids.into_iter().find(lives)
}
