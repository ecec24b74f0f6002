//! What programs and guests write: no stream upsets the diagnosis, and no text of it reaches a
//! command that is printed to be typed.
#![cfg_attr(fuzzing, no_main)]

use std::sync::Mutex;

use libfuzzer_sys::fuzz_target;
use mvm_checks::diagnosis::journal::{Lines, Record};
use mvm_checks::diagnosis::{Diagnosis, Line, Place, Source};

/// Its table of patterns is made once: that takes longer than a look at a line.
static DIAGNOSIS: Mutex<Option<Diagnosis>> = Mutex::new(None);

fuzz_target!(|bytes: &[u8]| {
    let mut diagnosis_slot = DIAGNOSIS.lock().unwrap();
    let diagnosis = diagnosis_slot.get_or_insert_with(|| {
        let config = mvm_config::load::parse(&[]).unwrap().config;
        Diagnosis::new(Place::new(&config), None)
    });
    let mut lines = Lines::default();
    let mut take = |line: &[u8]| {
        let record = Record::parse(line);
        let text = record.as_ref().map_or_else(
            || String::from_utf8_lossy(line).into_owned(),
            |record| record.message.0.clone(),
        );
        let time = record.as_ref().and_then(Record::time);
        for source in [Source::Flintlockd, Source::Containerd, Source::Kernel, Source::MicroVm] {
            diagnosis.line(&Line { source, time, text: &text, microvm: None });
        }
        if let Some(record) = record {
            diagnosis.reported(time, &record.code.0, &record.subject.0, &text);
        }
    };
    let half = bytes.len() / 2;
    lines.push(&bytes[..half], &mut take);
    lines.push(&bytes[half..], &mut take);
    lines.finish(&mut take);
    for finding in diagnosis.findings() {
        let _ = finding.message();
        let remedy = finding.remedy();
        let typed = remedy.lines().filter(|line| !line.trim_start().starts_with('#'));
        for line in typed {
            let harmless =
                line.starts_with("(umask") || !line.contains([';', '`', '$', '|', '&', '>']);
            assert!(harmless, "{line}");
        }
    }
});
