//! Tests of `exec`, apart because of their length.

use super::*;
use std::cell::Cell;

fn sh(script: &str, limits: &mut Limits<'_>) -> Result<Exit, Error> {
    System.run(Path::new("/bin/sh"), &[OsStr::new("-c"), OsStr::new(script)], limits)
}

#[test]
fn gives_code_and_both_outputs() {
    let exit = sh("echo out; echo err >&2; exit 3", &mut Limits::default()).unwrap();
    assert_eq!((exit.code, exit.signal), (Some(3), None));
    assert_eq!((exit.stdout.as_str(), exit.stderr.as_str()), ("out\n", "err\n"));
    assert!(!exit.stdout_truncated && !exit.success());
}

#[test]
fn gives_the_signal() {
    let exit = sh("kill -TERM $$", &mut Limits::default()).unwrap();
    assert_eq!((exit.code, exit.signal), (None, Some(15)));
}

#[test]
fn output_is_bounded_and_neither_pipe_blocks_the_other() {
    let script = "i=0; while [ $i -lt 3000 ]; do \
        echo oooooooooooooooooooooooooooooooooooooooooooooooooooooooo; \
        echo eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee >&2; i=$((i+1)); done; \
        echo last >&2";
    let exit = sh(script, &mut Limits::timeout(Duration::from_secs(60))).unwrap();
    assert_eq!(exit.stdout.len(), STDOUT_LIMIT);
    assert!(exit.stdout_truncated);
    assert_eq!(exit.stderr.len(), STDERR_LIMIT);
    assert!(exit.stderr.ends_with("last\n"));
}

#[test]
fn environment_is_ours_and_stdin_is_empty() {
    let exit = System.run(Path::new("/usr/bin/env"), &[], &mut Limits::default()).unwrap();
    let mut lines: Vec<&str> = exit.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
    assert!(System.run(Path::new("/bin/cat"), &[], &mut Limits::default()).unwrap().success());
}

#[test]
fn a_late_program_is_killed() {
    let begun = Instant::now();
    let failure =
        sh("echo why >&2; exec sleep 60", &mut Limits::timeout(Duration::from_millis(300)));
    match failure.unwrap_err() {
        Error::TimedOut { stderr, .. } => assert_eq!(stderr, "why\n"),
        other => panic!("{other:?}"),
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_grandchild_with_the_pipes_is_not_waited_for() {
    let begun = Instant::now();
    let exit = sh("sleep 5 & echo done", &mut Limits::default()).unwrap();
    assert_eq!(exit.stdout, "done\n");
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_program_that_closes_its_pipes_is_waited_for() {
    let exit = sh("exec >&- 2>&-; sleep 0.2; exit 4", &mut Limits::default()).unwrap();
    assert_eq!(exit.code, Some(4));
}

#[test]
fn ticks_while_it_runs() {
    let ticks = Cell::new(0);
    let mut tick = || ticks.set(ticks.get() + 1);
    let every: (Duration, &mut dyn FnMut()) = (Duration::from_millis(50), &mut tick);
    sh("sleep 0.5", &mut Limits { every: Some(every), ..Limits::default() }).unwrap();
    assert!((3..=10).contains(&ticks.get()), "{}", ticks.get());
}

#[test]
fn only_absolute_paths_and_existing_programs() {
    let failure = System.run(Path::new("sh"), &[], &mut Limits::default()).unwrap_err();
    assert!(matches!(failure, Error::NotAbsolute { .. }));
    let failure = System.run(Path::new("/nonexistent"), &[], &mut Limits::default()).unwrap_err();
    assert!(matches!(failure, Error::Spawn { .. }));
}

#[test]
fn finds_by_name_and_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots::new(folder.path());
    let place = |path: &str, mode: u32| {
        let path = roots.at(path);
        crate::atomic::write(&path, b"", mode).unwrap();
        path
    };
    let second = place("/usr/sbin/tool", 0o755);
    assert_eq!(find(&roots, "tool"), Some(second.clone()));
    let unusable = place("/usr/local/sbin/tool", 0o644);
    assert_eq!(find(&roots, "tool"), Some(second));
    let first = place("/usr/local/bin/tool", 0o755);
    assert_eq!(find(&roots, "tool"), Some(first));
    assert_eq!(find(&roots, "/usr/local/sbin/tool"), None);
    assert!(unusable.is_file());
    let elsewhere = place("/opt/tool", 0o755);
    assert_eq!(find(&roots, "/opt/tool"), Some(elsewhere));
    for wrong in ["", "absent", "..", "../opt/tool", "sub/tool", "/opt"] {
        assert_eq!(find(&roots, wrong), None, "{wrong:?}");
    }
}

#[test]
fn recording_executes_nothing() {
    let recording = Recording::new([Exit { code: Some(1), ..Exit::default() }]);
    let run = || recording.run(Path::new("/bin/x"), &[OsStr::new("y")], &mut Limits::default());
    assert_eq!(run().unwrap().code, Some(1));
    assert_eq!(run().unwrap().code, Some(0));
    assert_eq!(recording.calls().len(), 2);
}

#[test]
fn output_without_end_can_be_taken_piece_by_piece() {
    let mut taken = 0;
    let mut take = |bytes: &[u8]| taken += bytes.len();
    let mut limits = Limits { stdout: Some(&mut take), ..Limits::default() };
    let exit = sh("head -c 300000 /dev/zero", &mut limits).unwrap();
    assert_eq!((exit.code, exit.stdout.as_str()), (Some(0), ""));
    assert_eq!(taken, 300_000);
}
