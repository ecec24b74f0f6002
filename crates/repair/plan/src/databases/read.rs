//! What each of the three databases says.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Apart, File};
use crate::bolt::{Bucket, Database, NotBolt};

/// A thin device as `<pool>.db` has it.
#[derive(Debug, Deserialize)]
pub(super) struct Device {
    pub(super) device_id: u32,
    pub(super) name: String,
    #[serde(default)]
    pub(super) state: i64,
    /// Why its last change of state failed; empty where it did not.
    #[serde(default)]
    pub(super) error: serde_json::Value,
    /// Where its state is, and what is there.
    #[serde(skip)]
    pub(super) digit: Option<(u64, u8)>,
}

/// Opens a file that may be none: bbolt fills an empty one.
fn open(bytes: &[u8]) -> Result<Option<Database<'_>>, NotBolt> {
    if bytes.is_empty() { Ok(None) } else { Database::open(bytes).map(Some) }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `meta.db` says.
#[derive(Debug, Default)]
pub(super) struct MetaDatabase {
    /// The snapshots that the namespaces know, by the snapshotter's names.
    pub(super) names: BTreeSet<String>,
    /// For each namespace what the snapshotter's name of its next snapshot begins with:
    /// `NAMESPACE/NUMBER/` (metadata/snapshot.go, createKey).
    pub(super) next: Vec<String>,
    /// containerd has written it, which it does at its first start.
    pub(super) written: bool,
}

/// `meta.db`: v1, namespace, "snapshots", snapshotter, key; there "name" is the snapshotter's name.
pub(super) fn meta_database(bytes: &[u8]) -> Result<MetaDatabase, NotBolt> {
    let mut meta = MetaDatabase::default();
    let Some(database) = open(bytes)? else {
        return Ok(meta);
    };
    let Some(version) = database.top()?.bucket(&database, b"v1")? else {
        return Ok(meta);
    };
    meta.written = true;
    for name in version.names() {
        let Some(namespace) = version.bucket(&database, name)? else { continue };
        let all = namespace.at(&database, &[b"snapshots", b"devmapper"])?;
        for key in all.names() {
            let name = all.bucket(&database, key)?.and_then(|one: Bucket<'_>| one.value(b"name"));
            meta.names.extend(name.map(text));
        }
        meta.next.push(format!("{}/{}/", text(name), all.sequence.saturating_add(1)));
    }
    Ok(meta)
}

/// A snapshot as `metadata.db` has it.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) name: String,
    pub(super) id: u64,
    /// It is the base of others, and nobody writes into it.
    pub(super) committed: bool,
}

/// Of a committed one (snapshots/snapshotter.go, KindCommitted).
const COMMITTED: u8 = 3;

/// `metadata.db`: v1, "snapshots", name; there "id" is the snapshot's number. With the last number
/// that was given out.
pub(super) fn snapshots(bytes: &[u8]) -> Result<(u64, Vec<Snapshot>), NotBolt> {
    let Some(database) = open(bytes)? else {
        return Ok((0, Vec::new()));
    };
    let all = database.top()?.at(&database, &[b"v1", b"snapshots"])?;
    let mut found = Vec::new();
    for key in all.names() {
        let Some(one) = all.bucket(&database, key)? else { continue };
        let Some(id) = one.value(b"id").and_then(varint) else { continue };
        let committed = one.value(b"kind").and_then(|kind| kind.first()) == Some(&COMMITTED);
        found.push(Snapshot { name: text(key), id, committed });
    }
    Ok((all.sequence, found))
}

/// A number as Go's encoding/binary writes it: seven bits a byte, the lowest first.
pub(super) fn varint(bytes: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for (place, byte) in bytes.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// `<pool>.db`: "devices", name; the value is JSON.
pub(super) fn devices(bytes: &[u8]) -> Result<Vec<Device>, Apart> {
    let unsound = |why: String| Apart::Unsound(File::Pool, why);
    let Some(database) = open(bytes).map_err(|why| unsound(why.to_string()))? else {
        return Ok(Vec::new());
    };
    let all = database.top().and_then(|top| top.at(&database, &[b"devices"]));
    let mut devices = Vec::new();
    for (key, value) in all.map_err(|why| unsound(why.to_string()))?.pairs {
        let device = serde_json::from_slice(value);
        let mut device: Device =
            device.map_err(|why| unsound(format!("the entry of {} is {why}", text(key))))?;
        device.digit = digit(value, device.state)
            .and_then(|(at, was)| Some(((database.place(value)?.checked_add(at)?) as u64, was)));
        devices.push(device);
    }
    Ok(devices)
}

/// The last digit of the state in an entry of `<pool>.db`, where there is no doubt which it is.
pub(super) fn digit(value: &[u8], state: i64) -> Option<(usize, u8)> {
    let entry = std::str::from_utf8(value).ok()?;
    let member = format!("\"state\":{state}");
    let mut places = entry.match_indices(&member);
    let (start, _) = places.next()?;
    let end = start.checked_add(member.len())?;
    let ends = matches!(value.get(end), Some(b',' | b'}'));
    let at = end.checked_sub(1)?;
    (places.next().is_none() && ends).then_some((at, *value.get(at)?))
}

/// `<pool>.db`: "device_ids", number; 0 is free. The first free one is next, else the one after all
/// that were ever given out (snapshots/devmapper/metadata.go, getNextDeviceID).
pub(super) fn next(pool: &[u8]) -> Result<Option<u32>, NotBolt> {
    let Some(database) = open(pool)? else {
        return Ok(Some(1));
    };
    let all = database.top()?.at(&database, &[b"device_ids"])?;
    let free = all.pairs.iter().find(|(_, state)| state.first() == Some(&0));
    Ok(match free {
        Some((number, _)) => text(number).parse().ok(),
        None => u32::try_from(all.sequence.saturating_add(1)).ok(),
    })
}
