use serde_json::json;

use super::*;

const MIT: &str = "MIT License\n\nCopyright (c) 2016 Ann\n\nPermission is hereby granted";
const SAME: &str = "MIT License\n\nCopyright 2020 Bob\n\nPermission is\nhereby granted";
const OTHER: &str = "Permission is granted to nobody";

fn about() -> Value {
    let package = |name: &str| json!({ "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0", "authors": ["Eve"] });
    let licence = |text: &str, name: &str| json!({ "id": "MIT", "text": text, "used_by": [{ "crate": package(name) }] });
    json!({
        "licenses": [licence(MIT, "a"), licence(SAME, "b"), licence(OTHER, "c-d"), licence(MIT, "tool")],
        "crates": [{ "package": package("a") }, { "package": package("b") }, { "package": package("c-d") }],
    })
}

fn linked(names: &[&str]) -> BTreeSet<Crate> {
    let of = |name: &&str| Crate { name: (*name).to_owned(), version: "1.0.0".to_owned() };
    names.iter().map(of).collect()
}

#[test]
fn each_crate_has_its_holders_and_each_text_stands_once() {
    let others = "Files: musl\nCopyright: Rich\nLicense: BSD-2-Clause\n";
    let (text, expression) = render(&about(), &linked(&["a", "b", "c-d"]), others).unwrap();
    for part in [
        "Files: vendor/a-1.0.0/*\nCopyright: 2016 Ann\nLicense: MIT\nComment: offered as MIT OR Apache-2.0\n",
        "Files: vendor/b-1.0.0/*\nCopyright: 2020 Bob\nLicense: MIT\n",
        "Files: vendor/c-d-1.0.0/*\nCopyright: Eve\nLicense: MIT-variant-2\n",
        "License: MIT\n MIT License\n .\n",
        "License: MIT-variant-2\n Permission is granted to nobody\n",
        "Files: musl\n",
    ] {
        assert!(text.contains(part), "{part}\n--\n{text}");
    }
    assert!(!text.contains("tool"), "what runs at build time only is not linked");
    assert_eq!(expression, "Apache-2.0 AND BSD-2-Clause AND MIT");
}

#[test]
fn the_crates_of_a_file_are_read_back() {
    let expected = linked(&["a", "b", "c-d"]);
    let (text, _) = render(&about(), &expected, "").unwrap();
    assert_eq!(crates(&text), expected);
    let odd = "Files: vendor/loopdev-3-0.5.3/*\nFiles: vendor/x-1.0.0-rc.1/*\n";
    let found: Vec<String> = crates(odd).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["loopdev-3-0.5.3", "x-1.0.0-rc.1"]);
}

#[test]
fn sentences_about_copyright_name_no_holder() {
    for line in ["copyright notice and this permission notice", "Copyright [yyyy] [name]", ""] {
        assert_eq!(holder(line), None, "{line}");
    }
    assert_eq!(holder(" * Copyright (C) 2019, Ann"), Some("2019, Ann"));
    assert_eq!(holder("Copyright © 2019 Ann"), Some("2019 Ann"));
}
