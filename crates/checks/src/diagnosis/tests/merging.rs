//! One finding per cause, whatever the number of lines, and nothing that a line can break.

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};

use super::journal::{Lines, Record};
use super::*;

fn line(text: &str, time: u64) -> Line<'_> {
    Line { source: Source::Flintlockd, time: Some(time), text, microvm: None }
}

fn failed(vm: &str) -> String {
    format!(
        "level=error msg=\"failed to reconcile vmid {vm}: snapshotter not loaded: devmapper: invalid argument\""
    )
}

#[test]
fn lines_of_one_cause_are_one_finding() {
    let mut diagnosis = Diagnosis::new(place(), None);
    for at in 0..20_u64 {
        diagnosis
            .line(&line(&failed(&format!("ns/vm{}/u", at % 10)), (1_763_700_000 + at) * 1_000_000));
    }
    let findings = diagnosis.findings();
    assert_eq!(findings.len(), 1);
    let evidence = findings[0].evidence_text();
    assert!(
        evidence.starts_with(
            "20 times, from 2025-11-21T04:40:00Z to 2025-11-21T04:40:19Z; microVMs ns/vm0/u, "
        ),
        "{evidence}"
    );
    assert!(evidence.contains("ns/vm7/u and more\n"), "{evidence}");
    assert!(evidence.ends_with("snapshotter not loaded: devmapper: invalid argument\""));
    let occurrences = diagnosis.occurrences();
    assert_eq!((occurrences[0].count, occurrences[0].microvms.len()), (20, 8));
}

#[test]
fn one_microvm_can_be_asked_for() {
    let mut diagnosis = Diagnosis::new(place(), Some("ns/a"));
    for vm in ["ns/a/1", "ns/ab/1", "other/a/1"] {
        diagnosis.line(&line(&failed(vm), 1));
    }
    diagnosis.line(&line("failed serving api: listen tcp :9090: address already in use", 1));
    let occurrences = diagnosis.occurrences();
    assert_eq!(occurrences.len(), 2, "what names no microVM concerns all: {occurrences:?}");
    assert_eq!(occurrences[0].microvms, ["ns/a/1"]);
}

#[test]
fn subjects_without_end_are_summed_up() {
    let mut diagnosis = Diagnosis::new(place(), None);
    for at in 0..1000 {
        let text = format!("failed to lookup parent network interface \"br{at}\": Link not found");
        diagnosis.line(&line(&text, 1));
    }
    assert_eq!(diagnosis.findings().len(), SUBJECTS + 1);
}

#[test]
fn what_mvmhost_said_stands_until_it_cleared() {
    let mut diagnosis = Diagnosis::new(place(), None);
    let log = |diagnosis: &mut Diagnosis, code: &str, message: &str| {
        diagnosis.reported(Some(1_763_700_000_000_000), code, "x", &format!("{code}: {message}"));
    };
    log(&mut diagnosis, "MVM-FLK-003", "port 9090 of x is taken by y");
    log(&mut diagnosis, "MVM-FLK-001", "there is no flintlockd at x");
    log(&mut diagnosis, "MVM-HOST-135", "was upgraded");
    log(&mut diagnosis, "MVM-NO-SUCH", "x");
    log(&mut diagnosis, "MVM-HOST-901", "MVM-FLK-003 of x is gone");
    let findings = diagnosis.findings();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].message().contains("MVM-FLK-001"), "{}", findings[0].message());
    assert!(findings[0].remedy().starts_with("mvmhost explain MVM-FLK-001"));
    diagnosis.clear("MVM-FLK-001", "y");
    assert_eq!(diagnosis.findings().len(), 1);
    diagnosis.clear("MVM-FLK-001", "x");
    assert!(diagnosis.findings().is_empty());
}

#[test]
fn what_came_right_by_itself_is_over() {
    let mut diagnosis = Diagnosis::new(place(), None);
    let mut log = |code: &str, subject: &str| {
        diagnosis.reported(Some(1), code, subject, &format!("{code}: words"));
    };
    log("MVM-IMG-007", "r.test/a:1");
    log("MVM-IMG-007", "r.test/b:1");
    log("MVM-IMG-001", "r.test/a:1");
    log("MVM-HOST-101", "flintlockd.service");
    log("MVM-HOST-102", "/etc/mvmhost.toml");
    let findings = diagnosis.findings();
    let subjects: Vec<_> = findings.iter().map(Finding::subject).collect();
    assert_eq!(subjects, ["r.test/b:1"]);
    // The other order: it is wrong again.
    diagnosis.reported(Some(2), "MVM-IMG-007", "r.test/a:1", "MVM-IMG-007: words");
    assert_eq!(diagnosis.findings().len(), 2);
}

#[test]
fn a_pool_that_takes_writes_again_was_full() {
    let full = "device-mapper: thin: 253:0: switching pool to out-of-data-space (queue IO) mode";
    let again = "device-mapper: thin: 253:0: switching pool to write mode";
    assert_eq!(diagnose(Source::Kernel, &[full]).len(), 1);
    assert_eq!(diagnose(Source::Kernel, &[full, again]), []);
    assert_eq!(diagnose(Source::Kernel, &[full, again, full]).len(), 1);
}

#[test]
fn records_of_every_shape_are_read() {
    let record = |text: &str| Record::parse(text.as_bytes());
    let whole = r#"{"__REALTIME_TIMESTAMP":"1763700000000000","MESSAGE":"a","_SYSTEMD_UNIT":"f.service","PRIORITY":"6","__CURSOR":"s=1"}"#;
    let read = record(whole).unwrap();
    assert_eq!((read.message.0.as_str(), read.unit.0.as_str()), ("a", "f.service"));
    assert_eq!(read.time(), Some(1_763_700_000_000_000));
    for (value, expected) in [
        ("null", ""),
        ("[104,105,255]", "hi\u{fffd}"),
        (r#"["one","two"]"#, "one"),
        (r#"[null,"two"]"#, "two"),
    ] {
        assert_eq!(record(&format!("{{\"MESSAGE\":{value}}}")).unwrap().message.0, expected);
    }
    for broken in ["", "{", "7", "{\"MESSAGE\":7}", "\u{0}", "{\"MESSAGE\":\"a"] {
        assert_eq!(record(broken), None, "{broken}");
    }
}

#[test]
fn a_stream_is_cut_into_lines_of_bounded_length() {
    let mut found = Vec::new();
    let mut lines = Lines::default();
    let long = vec![b'x'; journal::LONGEST_RECORD + 1];
    for piece in [&b"one\ntw"[..], b"o\n\n", &long, &long, b"\nthree"] {
        lines.push(piece, &mut |line| found.push(line.to_vec()));
    }
    assert_eq!(lines.finish(&mut |line| found.push(line.to_vec())), 1);
    assert_eq!(found, [&b"one"[..], b"two", b"three"]);
}

proptest! {
    // A table is made for each case, which takes longer than to look at its lines.
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn no_text_upsets_the_table(lines in vec(any::<(String, Option<String>)>(), 0..200)) {
        let mut diagnosis = Diagnosis::new(place(), Some("ns/a"));
        for (text, vm) in &lines {
            for source in [Source::Flintlockd, Source::Containerd, Source::Kernel, Source::MicroVm] {
                let microvm = vm.as_deref();
                diagnosis.line(&Line { source, time: Some(u64::MAX), text, microvm });
            }
        }
        for finding in diagnosis.findings() {
            let _ = (finding.message(), finding.remedy());
        }
    }
}
