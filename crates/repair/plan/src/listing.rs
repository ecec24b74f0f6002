//! What `thin_dump --skip-mappings` and `thin_ls --no-headers -o DEV,MAPPED_BLOCKS` say about the
//! devices in metadata. Both read what is damaged, so that what they say is not believed either.

use std::collections::BTreeMap;

/// The thin devices of a pool, by number, with how many blocks each has mapped.
pub type Devices = BTreeMap<u32, u64>;

/// A line that is longer than this is none of theirs.
const LINE: usize = 4096;
/// More devices than this are in no pool: the kernel takes minutes to delete so many.
const MOST: usize = 1 << 20;
/// The highest number of a thin device.
const TOP: u32 = (1 << 24) - 1;

/// Takes the output piece by piece.
#[derive(Debug, Default)]
pub struct Listing {
    devices: Devices,
    line: Vec<u8>,
    odd: bool,
}

impl Listing {
    /// More of the output.
    pub fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                _ if self.line.len() < LINE => self.line.push(*byte),
                _ => self.odd = true,
            }
        }
    }

    /// The devices; `None` when something in the output was neither a device nor expected.
    pub fn end(mut self) -> Option<Devices> {
        self.end_line();
        (!self.odd).then_some(self.devices)
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let Ok(line) = str::from_utf8(&line) else {
            self.odd = true;
            return;
        };
        let line = line.trim();
        let frame = ["", "<superblock", "</superblock>", "</device>"];
        if frame.contains(&line.split(' ').next().unwrap_or_default()) {
            return;
        }
        match device(line) {
            Some((id, mapped)) if self.devices.len() < MOST => {
                self.odd |= self.devices.insert(id, mapped).is_some();
            }
            _ => self.odd = true,
        }
    }
}

fn device(line: &str) -> Option<(u32, u64)> {
    let (id, mapped) = match line.strip_prefix("<device ") {
        Some(attributes) => (value(attributes, "dev_id")?, value(attributes, "mapped_blocks")?),
        None => line.split_once(' ')?,
    };
    let id = id.parse().ok().filter(|id| *id <= TOP)?;
    Some((id, mapped.trim().parse().ok()?))
}

fn value<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut words = attributes.split([' ', '>', '/']);
    words.find_map(|word| word.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'))
}
