//! Text that is no configuration, however it is broken: problems, never a panic or a hang.

mod support;

use std::time::{Duration, Instant};

use mvm_config::load::MOST_PROBLEMS;
use support::{bad, good};

#[test]
fn syntax_errors_have_their_line() {
    for (text, line) in [
        ("[thinpool", 1),
        ("\n\n[thinpool]\nname", 4),
        ("\n[thinpool]\nname = \"x", 3),
        ("\nx = [\n1,\n", 3),
        ("[a]\n[a]", 2),
        ("[thinpool]\nname = \"a\"\nname = \"b\"", 3),
        ("\nthinpool.name = \"a\"\n[thinpool]\n", 3),
        ("\n\nname = \"a\0b\"", 3),
        ("\0", 1),
        ("\r", 1),
    ] {
        let problems = bad(text);
        assert!(
            problems
                .iter()
                .any(|problem| problem.starts_with(&format!("/etc/mvmhost.toml:{line}: "))),
            "{text:?}\n{}",
            problems.join("\n")
        );
    }
    let twice = bad("[thinpool]\nname = \"a\"\nname = \"b\"");
    assert_eq!(twice, ["/etc/mvmhost.toml:3: not TOML: duplicate key; keep one of the two"]);
}

#[test]
fn what_follows_a_syntax_error_is_read_all_the_same() {
    let problems = bad(
        "[thinpool]\nname\nbackend = \"zfs\"\n[containerd\nbinary = \"x\"\n[flintlockd]\nunit = \"x\"",
    );
    let lines: Vec<&str> = problems.iter().map(|line| &line[..20]).collect();
    assert_eq!(
        lines,
        [
            "/etc/mvmhost.toml:2:",
            "/etc/mvmhost.toml:3:",
            "/etc/mvmhost.toml:4:",
            "/etc/mvmhost.toml:7:"
        ]
    );
}

#[test]
fn windows_line_ends_and_a_byte_order_mark() {
    let loaded = good("\u{feff}[thinpool]\r\nname = \"x\"\r\n");
    assert_eq!(loaded.config.thinpool.name.as_str(), "x");
    let problems = bad("\u{feff}\r\n[thinpool]\r\nname = 1\r\n");
    assert!(problems[0].starts_with("/etc/mvmhost.toml:3: [thinpool] name = 1"), "{problems:?}");
}

#[test]
fn problems_are_shown_on_one_line_each() {
    let long =
        format!("thinpool.name = \"{}\"", "é\u{7}x ".repeat(1000).replace('\u{7}', "\\u0007"));
    for text in ["thinpool.name = \"\"\"a\nb\u{9}\"\"\"", "\"\\u001b[31m\\n\" = 1", &long] {
        for problem in bad(text) {
            assert!(!problem.contains(char::is_control), "{problem:?}");
            assert!(problem.len() < 400, "{problem}");
        }
    }
}

#[test]
fn many_problems_are_counted() {
    let text: String = (0..5000).map(|number| format!("key{number} = 1\n")).collect();
    let problems = bad(&text);
    assert_eq!(problems.len(), MOST_PROBLEMS + 1);
    assert!(
        problems[MOST_PROBLEMS].starts_with("/etc/mvmhost.toml: 4900 more problems"),
        "{}",
        problems[MOST_PROBLEMS]
    );
}

#[test]
fn deep_and_huge_texts_are_refused_soon() {
    let deep = 100_000;
    let mib = 1 << 20;
    let texts = [
        format!("x = {}", "[".repeat(deep)),
        format!("x = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("x = {}1{}", "{a=".repeat(deep), "}".repeat(deep)),
        format!("{} = 1", vec!["a"; deep].join(".")),
        format!("[{}]", vec!["a"; deep].join(".")),
        format!("thinpool.{} = 1", vec!["loop"; 70].join(".")),
        format!("x = {}{}", "{a.b.c.d.e.f.g.h=".repeat(75), "}".repeat(75)),
        "[".repeat(mib),
        "[[".repeat(mib / 2),
        "\"".repeat(mib),
        "=".repeat(mib),
        "a\n".repeat(mib / 2),
        "a=\n".repeat(mib / 3),
        "a=1\n".repeat(mib / 4),
        "[a]\n".repeat(mib / 4),
        format!("thinpool.name = {}", "\"x\"".repeat(mib / 3)),
        format!("thinpool.name = \"{}\"", "x".repeat(mib)),
        format!("thinpool.lvm.devices = [{}]", "1,".repeat(mib / 2)),
        format!("{} = 1", "k".repeat(mib)),
        (0..mib / 12).map(|number| format!("k{number} = 1\n")).collect(),
        (0..mib / 12).map(|number| format!("[k{number}]\n")).collect(),
        (0..mib / 12).map(|number| format!("k{number} = \n")).collect(),
        "[[network.vlan]]\nparent = \"a\"\nid = 1\n".repeat(4096),
    ];
    for text in texts {
        let begun = Instant::now();
        let problems = bad(&text);
        assert!(problems.len() <= MOST_PROBLEMS + 1);
        let took = begun.elapsed();
        let start: String = text.chars().take(30).collect();
        assert!(took < Duration::from_secs(20), "{start}: {took:?}");
        eprintln!("{took:?} {start:?}");
    }
}
