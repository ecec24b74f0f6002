//! `mvmhost status --watch` on a pseudo-terminal, which script(1) makes.

use std::io::Read as _;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// xterm's sequences: to the screen of a program, and back to the shell's.
const ENTERS: &str = "\x1b[?1049h";
const LEAVES: &str = "\x1b[?1049l";

#[test]
fn a_signal_leaves_the_terminal_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_mvmhost");
    let line = format!("echo $$; exec {program} --root {} status --watch", root.path().display());
    let mut script = Command::new("script");
    script.args(["-qefc", &line, "/dev/null"]).env("TERM", "xterm");
    // Its standard input stays open: at the end of it script(1) would type Ctrl-D.
    let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut terminal = script.stdout.take().unwrap();
    let mut shown = Vec::new();
    while !String::from_utf8_lossy(&shown).contains(ENTERS) {
        let mut some = [0; 4096];
        let length = terminal.read(&mut some).unwrap();
        assert_ne!(length, 0, "it ended: {}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&some[..length]);
    }
    let text = String::from_utf8_lossy(&shown).into_owned();
    let process = text.lines().next().unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(process), Signal::SIGTERM).unwrap();
    terminal.read_to_end(&mut shown).unwrap();
    assert!(script.wait().unwrap().success());
    let text = String::from_utf8_lossy(&shown);
    assert!(text.contains(LEAVES), "{text:?}");
}
