use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    version: u32,
    text: String,
}

static LOST: Home = Home {
    path: "/run/x/lost.json",
    description: "",
    version: 1,
    limit: 64,
    mode: 0o600,
    damaged: Damaged::Absent,
};
static KEPT: Home = Home { path: "/run/x/kept.json", damaged: Damaged::Refused, ..LOST_SHAPE };
const LOST_SHAPE: Home = Home {
    path: "",
    description: "",
    version: 1,
    limit: 64,
    mode: 0o600,
    damaged: Damaged::Refused,
};

fn note(text: &str) -> Note {
    Note { version: 1, text: text.to_owned() }
}

#[test]
fn what_is_written_is_read_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots::new(folder.path());
    let file = File::<Note>::of(&KEPT);
    assert_eq!(file.read(&roots).unwrap(), None);
    file.write(&roots, &note("a")).unwrap();
    assert_eq!(file.read(&roots).unwrap(), Some(note("a")));
    file.remove(&roots).unwrap();
    file.remove(&roots).unwrap();
    assert_eq!(file.read(&roots).unwrap(), None);
}

#[test]
fn damage_is_an_error_or_nothing_as_declared() {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots::new(folder.path());
    let (kept, lost) = (File::<Note>::of(&KEPT), File::<Note>::of(&LOST));
    for damage in ["", "{", "[]", "{\"version\":2,\"text\":\"a\"}", "{\"text\":\"a\"}", "\0"] {
        for path in [kept.path(&roots), lost.path(&roots)] {
            atomic::write(&path, damage.as_bytes(), 0o600).unwrap();
        }
        assert!(matches!(kept.read(&roots), Err(Error::State { .. })), "{damage}");
        assert_eq!(lost.get(&roots), None, "{damage}");
    }
}

#[test]
fn nothing_is_written_that_is_too_long_to_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots::new(folder.path());
    let file = File::<Note>::of(&KEPT);
    file.write(&roots, &note("a")).unwrap();
    assert!(file.write(&roots, &note(&"b".repeat(64))).is_err());
    assert_eq!(file.read(&roots).unwrap(), Some(note("a")));
}

#[test]
fn every_file_is_declared_once() {
    let mut paths: Vec<&str> = HOMES.iter().map(|home| home.path).collect();
    paths.sort_unstable();
    let all = paths.len();
    paths.dedup();
    assert_eq!(paths.len(), all);
}
