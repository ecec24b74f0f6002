//! What the tests share.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(clippy::panic, reason = "only tests call these functions")]

use mvm_config::load::{Loaded, Problem, Source, parse};

/// One text as if it were the operator's file.
pub(crate) fn source(text: &str) -> Source {
    Source { name: "/etc/mvmhost.toml".to_owned(), text: text.to_owned() }
}

pub(crate) fn read(text: &str) -> Result<Loaded, Vec<Problem>> {
    parse(&[source(text)])
}

/// Reads a text that is right.
pub(crate) fn good(text: &str) -> Loaded {
    match read(text) {
        Ok(loaded) => loaded,
        Err(problems) => panic!("{text}\n{}", lines(&problems).join("\n")),
    }
}

/// Reads a text that is wrong; the problems as they are shown.
pub(crate) fn bad(text: &str) -> Vec<String> {
    match read(text) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(problems) => lines(&problems),
    }
}

/// Problems as they are shown.
pub(crate) fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Each text has exactly one problem: it stands in `line: what` as given, and may go on.
pub(crate) fn refused(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let problems = bad(text);
        let one = format!("/etc/mvmhost.toml:{expected}");
        assert_eq!(problems.len(), 1, "{text}\n{}", problems.join("\n"));
        assert!(problems[0].starts_with(&one), "{text}\nexpected {one}\n   found {}", problems[0]);
    }
}
