//! What the files of a microVM show as a whole: nothing was ever written, a boot that does not end.

use mvm_core::Entry;
use mvm_core::catalogue::seen::microvm as vm;

/// The end of a file of a microVM.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tail {
    /// Its last bytes; what is no UTF-8 is replaced.
    pub text: String,
    /// There is more before them.
    pub cut: bool,
}

/// The three files that a VMM writes; `None` is a file that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// The guest's console.
    pub stdout: Option<Tail>,
    /// The VMM's complaints.
    pub stderr: Option<Tail>,
    /// The VMM's log.
    pub log: Option<Tail>,
}

/// The first line of a Linux kernel.
const BOOT: &str = "Linux version ";
const LOGIN: &str = "login:";
const PANIC: &str = "Kernel panic - not syncing";
/// systemd's and cloud-init's words for a boot that waits for an address.
const WAITS: [&str; 3] = [
    "A start job is running for Wait for Network",
    "A start job is running for Network",
    "cloud-init-nonet",
];

/// What is wrong, with the line that shows it. A console whose boot began before the part that was
/// read is not judged.
pub fn judge(files: &Files) -> Option<(&'static Entry, String)> {
    let all = [&files.stdout, &files.stderr, &files.log];
    let empty = |tail: &&Option<Tail>| tail.as_ref().is_none_or(|tail| tail.text.trim().is_empty());
    if all.iter().all(empty) {
        return Some((&vm::never_started::ROW, "stdout, stderr and log are empty".to_owned()));
    }
    let console = &files.stdout.as_ref()?.text;
    let boot = console.get(console.rfind(BOOT)?..)?;
    let line = |word: &str| boot.lines().rev().find(|line| line.contains(word)).map(str::to_owned);
    if let Some(line) = line(PANIC) {
        // The known patterns tell that one better.
        return (!boot.contains("Unable to mount root fs"))
            .then_some((&vm::guest_panic::ROW, line));
    }
    if boot.contains(LOGIN) {
        return None;
    }
    if let Some(line) = WAITS.iter().find_map(|word| line(word)) {
        return Some((&vm::waits_for_network::ROW, line));
    }
    let last = boot.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Some((&vm::no_login::ROW, last.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(text: &str) -> Files {
        let tail = |text: &str| Some(Tail { text: text.to_owned(), cut: false });
        Files { stdout: tail(text), stderr: tail(""), log: tail("") }
    }

    fn code(files: &Files) -> Option<&'static str> {
        judge(files).map(|(entry, _)| entry.code)
    }

    #[test]
    fn nothing_written_is_never_started() {
        assert_eq!(code(&Files::default()), Some("MVM-VM-509"));
        assert_eq!(code(&console(" \n")), Some("MVM-VM-509"));
        let complained = Tail { text: "no".to_owned(), cut: false };
        assert_eq!(code(&Files { stderr: Some(complained), ..Files::default() }), None);
    }

    #[test]
    fn a_boot_is_judged_by_its_last_start() {
        let boot = "[    0.000000] Linux version 5.10.77\n";
        assert_eq!(code(&console(&format!("{boot}ubuntu login: "))), None);
        assert_eq!(code(&console(&format!("{boot}login:\n{boot}Run /init\n"))), Some("MVM-VM-510"));
        let waits = format!(
            "{boot}[ *** ] A start job is running for Wait for Network to be Configured (12s / no limit)\n"
        );
        assert_eq!(code(&console(&waits)), Some("MVM-VM-511"));
        assert_eq!(judge(&console(&waits)).unwrap().1, waits.lines().nth(1).unwrap());
        let panic = format!("{boot}Kernel panic - not syncing: Attempted to kill init!\n");
        assert_eq!(code(&console(&panic)), Some("MVM-VM-512"));
        let root = format!("{boot}Kernel panic - not syncing: VFS: Unable to mount root fs on x\n");
        assert_eq!(code(&console(&root)), None);
        // The beginning of its boot was not read.
        assert_eq!(code(&console("systemd[1]: Started x\n")), None);
    }
}
