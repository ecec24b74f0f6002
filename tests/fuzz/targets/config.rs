//! mvmhost.toml: no text upsets the reader, and what it accepts is shown as a text that means the
//! same.
#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use mvm_config::load::{Source, parse};
use mvm_config::{Config, to_toml};

fn read(text: String) -> Option<Config> {
    parse(&[Source { name: "fuzz.toml".to_owned(), text }]).ok().map(|loaded| loaded.config)
}

fuzz_target!(|bytes: &[u8]| {
    if let Some(config) = read(String::from_utf8_lossy(bytes).into_owned()) {
        assert_eq!(read(to_toml(&config)).as_ref(), Some(&config));
    }
});
