//! Which images go: those that mvmhost brought, the file no longer names and nobody uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mvm_core::Digest;
use serde::{Deserialize, Serialize};

use super::RequestedImage;

/// `version` of /var/lib/mvmhost/images.json.
const VERSION: u32 = 1;

/// What mvmhost brought, kept over boots: names, and the digests that they stood for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PulledImages {
    version: u32,
    images: BTreeMap<String, String>,
}

impl Default for PulledImages {
    fn default() -> Self {
        Self { version: VERSION, images: BTreeMap::new() }
    }
}

impl PulledImages {
    /// Takes down that a name stands for something of ours; says whether that is new. A name that
    /// was somebody else's `before` stays theirs.
    pub fn note(&mut self, name: &str, digest: &Digest, before: Option<&Digest>) -> bool {
        let recorded = self.images.get(name);
        let is_own = before.is_none()
            || recorded.is_some_and(|one| Some(one.as_str()) == before.map(Digest::as_str));
        if !is_own {
            return self.images.remove(name).is_some();
        }
        self.images.insert(name.to_owned(), digest.to_string()).as_deref() != Some(digest.as_str())
    }

    /// Strikes a name out.
    pub fn forget(&mut self, name: &str) {
        self.images.remove(name);
    }

    /// The names that the file no longer has.
    pub fn unlisted(&self, requested: &[RequestedImage]) -> Vec<String> {
        let requested: BTreeSet<&str> =
            requested.iter().map(|one| one.reference.as_str()).collect();
        self.images.keys().filter(|name| !requested.contains(name.as_str())).cloned().collect()
    }
}

/// An image as containerd has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The record's name.
    pub name: String,
    /// What it stands for; `None` when there is no such record.
    pub digest: Option<Digest>,
    /// Its uppermost snapshot; `None` when its blobs do not say.
    pub top: Option<Digest>,
}

/// A snapshot as containerd lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Such as `devmapper`; two snapshotters may have snapshots of the same name.
    pub snapshotter: String,
    /// A chain ID, or whatever the client chose.
    pub name: String,
    /// Empty for none.
    pub parent: String,
    /// Whether it is an image's layer and not somebody's disk.
    pub is_layer: bool,
}

/// What is to be done with an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// mvmhost brought it, and no disk is built upon it.
    Remove,
    /// Somebody else brought it, or a disk is or may be built upon it.
    Keep(Reason),
    /// containerd has no record of this name any more.
    Gone,
}

/// Why an image stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The name stands for something that mvmhost did not bring.
    Foreign,
    /// This snapshot is built upon it.
    Used(String),
    /// Its blobs do not say which snapshots are its own, and there are snapshots in use.
    Unreadable,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("somebody else made the name stand for another image"),
            Self::Used(by) => write!(f, "snapshot {by} is built upon it"),
            Self::Unreadable => {
                f.write_str("its manifest cannot be read, so that it may be a microVM's")
            }
        }
    }
}

/// Judges each image.
pub fn judge(pulled: &PulledImages, found: &[Found], snapshots: &[Snapshot]) -> Vec<Verdict> {
    let users = users(snapshots);
    let one = |image: &Found| {
        let Some(digest) = &image.digest else { return Verdict::Gone };
        if pulled.images.get(&image.name).map(String::as_str) != Some(digest.as_str()) {
            return Verdict::Keep(Reason::Foreign);
        }
        match &image.top {
            None if users.is_empty() => Verdict::Remove,
            None => Verdict::Keep(Reason::Unreadable),
            Some(top) => match users.get(top.as_str()) {
                Some(user) => Verdict::Keep(Reason::Used((*user).to_owned())),
                None => Verdict::Remove,
            },
        }
    };
    found.iter().map(one).collect()
}

/// What is below disks, whichever snapshotter it is in: name to one disk above it. Images that
/// share layers share a microVM's use of them only up to its own image.
fn users(snapshots: &[Snapshot]) -> BTreeMap<&str, &str> {
    let parents: BTreeMap<(&str, &str), &str> = snapshots
        .iter()
        .map(|one| ((one.snapshotter.as_str(), one.name.as_str()), one.parent.as_str()))
        .collect();
    let mut users = BTreeMap::new();
    for disk in snapshots.iter().filter(|one| !one.is_layer) {
        let mut visited = BTreeSet::from([disk.name.as_str()]);
        let mut below = disk.parent.as_str();
        while !below.is_empty() && visited.insert(below) {
            users.insert(below, disk.name.as_str());
            below = parents.get(&(disk.snapshotter.as_str(), below)).copied().unwrap_or("");
        }
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use mvm_config::names::ImageRef;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    fn found(name: &str, top: Option<&str>) -> Found {
        Found { name: name.to_owned(), digest: Some(digest(name)), top: top.map(digest) }
    }

    fn snapshot(name: &str, parent: &str, is_layer: bool) -> Snapshot {
        let (name, parent) = (name.to_owned(), parent.to_owned());
        Snapshot { snapshotter: "devmapper".to_owned(), name, parent, is_layer }
    }

    fn pulled(names: &[&str]) -> PulledImages {
        let mut pulled = PulledImages::default();
        names.iter().for_each(|name| assert!(pulled.note(name, &digest(name), None)));
        pulled
    }

    #[test]
    fn what_the_file_names_is_no_candidate() {
        let reference = ImageRef::parse("r.test/a:1").unwrap();
        let requested = [RequestedImage { reference, role: Role::Root }];
        assert_eq!(pulled(&["r.test/a:1", "r.test/b:1"]).unlisted(&requested), ["r.test/b:1"]);
    }

    #[test]
    fn a_name_that_was_somebody_elses_stays_theirs() {
        let mut one = PulledImages::default();
        assert!(!one.note("a", &digest("new"), Some(&digest("old"))));
        assert_eq!(one, PulledImages::default());
        assert!(one.note("a", &digest("old"), None));
        assert!(one.note("a", &digest("new"), Some(&digest("old"))));
        assert!(!one.note("a", &digest("new"), Some(&digest("new"))));
        assert!(one.note("a", &digest("newer"), Some(&digest("moved by another"))));
        assert_eq!(one, PulledImages::default());
    }

    #[test]
    fn unused_ones_go_and_used_ones_stay() {
        let (base, top, other) = (digest("base"), digest("top"), digest("other"));
        let snapshots = [
            snapshot(base.as_str(), "", true),
            snapshot(top.as_str(), base.as_str(), true),
            snapshot(other.as_str(), base.as_str(), true),
            snapshot("vm", top.as_str(), false),
        ];
        let images = [
            found("used", Some("top")),
            found("unused", Some("other")),
            found("damaged", None),
            found("foreign", Some("other")),
            Found { digest: None, ..found("gone", None) },
        ];
        let pulled_images = pulled(&["used", "unused", "damaged", "gone"]);
        let keep = Verdict::Keep;
        assert_eq!(
            judge(&pulled_images, &images, &snapshots),
            [
                keep(Reason::Used("vm".to_owned())),
                Verdict::Remove,
                keep(Reason::Unreadable),
                keep(Reason::Foreign),
                Verdict::Gone,
            ]
        );
        assert_eq!(judge(&pulled_images, &images[2..3], &snapshots[..3]), [Verdict::Remove]);
    }

    #[test]
    fn a_circle_of_parents_is_an_end() {
        let a = digest("a");
        let snapshots = [snapshot("vm", a.as_str(), false), snapshot(a.as_str(), "vm", true)];
        let used = Verdict::Keep(Reason::Used("vm".to_owned()));
        assert_eq!(judge(&pulled(&["x"]), &[found("x", Some("a"))], &snapshots), [used]);
    }
}
