use super::*;

#[test]
fn versions_are_read_as_each_program_tells_them() {
    for (text, expected) in [
        ("v0.11.0\n", Some((0, 11))),
        ("0.5.1-rc1", Some((0, 5))),
        ("Firecracker v1.3.1-macvtap", Some((1, 3))),
        ("cloud-hypervisor v41.0", Some((41, 0))),
        ("1.6.20~ds1", Some((1, 6))),
        ("6.12.48+deb13-amd64", Some((6, 12))),
        ("257.9-1~deb13u1", Some((257, 9))),
        ("252", Some((252, 0))),
        ("undefined", None),
        ("", None),
        ("v", None),
        ("99999999999.1", None),
    ] {
        assert_eq!(number(text), expected, "{text:?}");
    }
}

#[test]
fn ranges_speak_for_themselves() {
    for (range, text) in [
        (Range { from: (0, 7), before: None }, "0.7 or newer"),
        (Range { from: (0, 0), before: Some((0, 7)) }, "a version before 0.7"),
        (Range { from: (0, 7), before: Some((0, 9)) }, "0.7 or newer, before 0.9"),
        (Range { from: (0, 0), before: None }, "any version"),
        (Range { from: (1, 0), before: None }, "1.0 or newer"),
        (Range { from: (247, 0), before: None }, "247 or newer"),
    ] {
        assert_eq!(range.to_string(), text);
    }
}

/// Every row is broken by a version below what it needs, and by nothing at its edge.
#[test]
fn every_row_speaks_at_its_edge_and_not_beyond() {
    let text = |(major, minor): Number| format!("{major}.{minor}");
    let below = |(major, minor): Number| match minor {
        0 => format!("{}.99", major - 1),
        minor => format!("{major}.{}", minor - 1),
    };
    for row in PAIRS {
        let version = text(row.versions.from);
        let of = |needs: &str| {
            let versions = [(row.program, version.as_str()), (row.needs, needs)];
            broken(&versions).iter().any(|pair| std::ptr::eq(*pair, row))
        };
        assert!(of(&below(row.needed.from)), "{row:?}");
        assert!(!of(&text(row.needed.from)), "{row:?}");
        if let Some(before) = row.versions.before {
            let versions = [(row.program, text(before)), (row.needs, below(row.needed.from))];
            let versions = versions.each_ref().map(|(part, text)| (*part, text.as_str()));
            assert!(broken(&versions).iter().all(|pair| !std::ptr::eq(*pair, row)));
        }
    }
}

#[test]
fn what_has_no_version_is_not_judged() {
    let versions = [(Part::Flintlockd, "undefined"), (Part::Firecracker, "Firecracker v0.24.0")];
    assert!(broken(&versions).is_empty());
    assert!(broken(&[]).is_empty());
}

#[test]
fn the_page_has_every_row() {
    let body = man_body();
    for pair in PAIRS {
        assert!(body.contains(pair.source) && body.contains(pair.why), "{pair:?}");
    }
    for feature in FEATURES {
        assert!(body.contains(feature.name), "{feature:?}");
    }
    assert!(!body.contains("| any version |"), "a row that says nothing");
}
