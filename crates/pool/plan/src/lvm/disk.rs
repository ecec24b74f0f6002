//! Whether a disk may be made a part of the pool. Only one with nothing on it is taken; anything
//! else takes a token, which stands for exactly what was seen.

use std::fmt::Write as _;

use mvm_core::Finding;
use mvm_core::catalogue::disk;

use super::report::{Physical, Signature};

/// What one of the configured disks is. `Default` is a disk of no size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Disk {
    /// The path in the configuration, below /dev/disk/by-id.
    pub path: String,
    /// What speaks against using it at all, such as `it is mounted on /srv`; in no case does a
    /// token help.
    pub obstacles: Vec<String>,
    /// Its size in bytes; 0 where the kernel says none.
    pub size: u64,
    /// What wipefs finds on it.
    pub signatures: Vec<Signature>,
    /// The kernel's names of its partitions, such as `sdb1`, sorted.
    pub partitions: Vec<String>,
    /// A digest of its first and last mebibyte, in hexadecimal digits: what was seen is what is
    /// still there.
    pub edges: String,
    /// What LVM says of the physical volume on it, where `mvmhost pool create` began one.
    pub physical: Option<Physical>,
}

impl Disk {
    /// Whether it carries anything that somebody may miss.
    pub fn is_occupied(&self) -> bool {
        !self.signatures.is_empty() || !self.partitions.is_empty()
    }

    /// What it carries, for people.
    pub fn contents(&self) -> String {
        let mut parts: Vec<String> = self.signatures.iter().map(describe).collect();
        if !self.partitions.is_empty() {
            parts.push(format!("partitions {}", self.partitions.join(" ")));
        }
        parts.join(", ")
    }
}

fn describe(signature: &Signature) -> String {
    let mut text = format!("{} at {}", signature.kind, signature.offset);
    let fields = [("label", &signature.label), ("uuid", &signature.uuid)];
    for (name, value) in fields {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            // Writing to a String cannot fail; a label is whatever somebody wrote onto the disk.
            let _ = write!(text, " ({name} {})", value.escape_debug());
        }
    }
    text
}

/// The token for giving up what is on these disks. It changes with everything that was seen.
pub fn token(disks: &[Disk]) -> String {
    let occupied = disks.iter().filter(|disk| disk.is_occupied());
    // Debug quotes every text, so that no two lists of disks read the same.
    let listing: String = occupied.map(|disk| format!("{disk:?}\n")).collect();
    mvm_core::token::token(listing.as_bytes())
}

/// Why these disks are not made a pool; nothing when they may be.
pub fn refusals(disks: &[Disk], operator_token: Option<&str>) -> Vec<Finding> {
    let unusable = obstacles(disks);
    // A token for a disk that cannot be used would promise what is then refused.
    if !unusable.is_empty() {
        return unusable;
    }
    let token = token(disks);
    let occupied = disks.iter().filter(|disk| disk.is_occupied());
    match operator_token {
        Some(operator_token) if operator_token.eq_ignore_ascii_case(&token) => Vec::new(),
        Some(_) if disks.iter().any(Disk::is_occupied) => {
            occupied.map(|disk| finding(disk::changed, disk, &token)).collect()
        }
        _ => occupied.map(|disk| finding(disk::occupied, disk, &token)).collect(),
    }
}

/// What no token helps past.
pub(super) fn obstacles(disks: &[Disk]) -> Vec<Finding> {
    let unusable = disks.iter().flat_map(|disk| {
        let finding = |why| disk::unusable(&disk.path, why);
        disk.obstacles.iter().map(finding)
    });
    unusable.collect()
}

fn finding<'a>(
    new: fn(&'a str, String, &'a str) -> Finding,
    disk: &'a Disk,
    token: &'a str,
) -> Finding {
    new(&disk.path, disk.contents(), token)
        .evidence(format!("{} bytes, edges {}", disk.size, disk.edges))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occupied() -> Disk {
        let signature = Signature {
            offset: "0x438".to_owned(),
            kind: "ext4".to_owned(),
            uuid: Some("1-2".to_owned()),
            label: Some("a\u{1b}[2Jb".to_owned()),
        };
        Disk {
            path: "/dev/disk/by-id/virtio-a".to_owned(),
            size: 1 << 30,
            signatures: vec![signature],
            ..Disk::default()
        }
    }

    fn codes(disks: &[Disk], operator_token: Option<&str>) -> Vec<&'static str> {
        refusals(disks, operator_token).iter().map(Finding::code).collect()
    }

    #[test]
    fn only_a_blank_disk_is_taken_without_a_token() {
        let blank = Disk { size: 1 << 30, ..Disk::default() };
        assert_eq!(codes(std::slice::from_ref(&blank), None), [""; 0]);
        let both = [blank, occupied()];
        assert_eq!(codes(&both, None), [disk::occupied::ROW.code]);
        let finding = refusals(&both, None).remove(0);
        assert!(finding.remedy().contains(&format!("--wipe {}", token(&both))));
        assert_eq!(both[1].contents(), r"ext4 at 0x438 (label a\u{1b}[2Jb) (uuid 1-2)");
        let parted = Disk { partitions: vec!["vdb1".to_owned()], ..Disk::default() };
        assert_eq!(codes(&[parted], None), [disk::occupied::ROW.code]);
    }

    #[test]
    fn a_token_is_good_for_what_was_seen_and_nothing_else() {
        let disks = [occupied()];
        let token = token(&disks);
        assert_eq!(codes(&disks, Some(&token)), [""; 0]);
        assert_eq!(codes(&disks, Some("000000000000")), [disk::changed::ROW.code]);
        let changes: [fn(&mut Disk); 5] = [
            |disk| disk.path.push('b'),
            |disk| disk.size += 512,
            |disk| disk.edges.push('0'),
            |disk| disk.partitions.push("vdb1".to_owned()),
            |disk| disk.signatures.push(disk.signatures[0].clone()),
        ];
        for change in changes {
            let mut now = [occupied()];
            change(&mut now[0]);
            assert_eq!(codes(&now, Some(&token)), [disk::changed::ROW.code], "{now:?}");
        }
    }

    #[test]
    fn no_token_is_offered_for_what_cannot_be_used() {
        let mut mounted = occupied();
        mounted.obstacles = vec!["it is mounted on /srv".to_owned()];
        let token = token(std::slice::from_ref(&mounted));
        assert_eq!(codes(&[mounted, occupied()], Some(&token)), [disk::unusable::ROW.code]);
    }
}
