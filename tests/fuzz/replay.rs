//! What the fuzz targets were given so far, as plain tests: no coverage, no libFuzzer.
//!
//! Each target takes `fuzz_target!` from `libfuzzer_sys`, which is this crate here.

#![allow(clippy::unwrap_used, reason = "a test's helpers")]

extern crate self as libfuzzer_sys;

use std::fs;
use std::path::Path;

#[path = "targets/config.rs"]
mod config;
#[path = "targets/journal.rs"]
mod journal;
#[path = "targets/network_answers.rs"]
mod network_answers;
#[path = "targets/pool_state.rs"]
mod pool_state;
#[path = "targets/registry.rs"]
mod registry;
#[path = "targets/repair.rs"]
mod repair;
#[path = "targets/unit_words.rs"]
mod unit_words;

/// One test for each target: every file of `seeds/TARGET` goes through its body.
#[macro_export]
macro_rules! fuzz_target {
    (|$bytes:ident: &[u8]| $body:block) => {
        #[test]
        fn seeds() {
            let body = |$bytes: &[u8]| $body;
            $crate::seeds(module_path!()).iter().for_each(|seed| body(seed));
        }
    };
    (|$text:ident: &str| $body:block) => {
        #[test]
        fn seeds() {
            let body = |$text: &str| $body;
            let seeds = $crate::seeds(module_path!());
            seeds.iter().filter_map(|seed| str::from_utf8(seed).ok()).for_each(body);
        }
    };
}

/// The files of the target that is module `path`; there is at least one.
fn seeds(path: &str) -> Vec<Vec<u8>> {
    let target = path.rsplit("::").next().unwrap();
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fuzz/seeds").join(target);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn every_target_is_replayed() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fuzz");
    let text = fs::read_to_string(here.join("replay.rs")).unwrap();
    for file in fs::read_dir(here.join("targets")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(text.contains(&format!("#[path = \"targets/{name}\"]")), "{name} is not here");
    }
}
