//! Losses, listings and containerd's database.

use super::*;

const PAGE: usize = 4096;

/// A bolt database as bbolt lays it out, with a bucket `devices` on pages of its own.
pub(super) struct Bolt {
    pub(super) bytes: Vec<u8>,
}

impl Bolt {
    /// Root on page 3, `devices` with a branch on page 4 and a leaf for each list from page 5 on.
    pub(super) fn new(leaves: &[&[(&str, &str)]]) -> Self {
        let mut bolt = Self { bytes: vec![0; PAGE * (5 + leaves.len())] };
        bolt.meta(0, 7);
        bolt.meta(1, 8);
        let header = [4_u64.to_le_bytes(), 0_u64.to_le_bytes()].concat();
        bolt.leaf(3, &[(1, b"devices", &header), (1, b"device_ids", &[0; 32])]);
        let mut branch = bolt.header(4, BRANCH, leaves.len());
        for (index, leaf) in leaves.iter().enumerate() {
            let page = 5 + index as u64;
            branch.extend([0; 8]);
            branch.extend(page.to_le_bytes());
            let elements: Vec<_> =
                leaf.iter().map(|(key, value)| (0, key.as_bytes(), value.as_bytes())).collect();
            bolt.leaf(page, &elements);
        }
        bolt.put(4, &branch);
        bolt
    }

    fn header(&self, id: u64, flags: u16, count: usize) -> Vec<u8> {
        let mut page = id.to_le_bytes().to_vec();
        page.extend(flags.to_le_bytes());
        page.extend(u16::try_from(count).unwrap().to_le_bytes());
        page.extend(0_u32.to_le_bytes());
        page
    }

    fn put(&mut self, id: u64, page: &[u8]) {
        let start = usize::try_from(id).unwrap() * PAGE;
        self.bytes[start..start + page.len()].copy_from_slice(page);
    }

    fn leaf(&mut self, id: u64, elements: &[(u32, &[u8], &[u8])]) {
        let mut page = self.header(id, 2, elements.len());
        let mut content: Vec<u8> = Vec::new();
        for (index, (flags, key, value)) in elements.iter().enumerate() {
            let offset = 16 * (elements.len() - index) + content.len();
            for number in [*flags as usize, offset, key.len(), value.len()] {
                page.extend(u32::try_from(number).unwrap().to_le_bytes());
            }
            content.extend(*key);
            content.extend(*value);
        }
        page.extend(content);
        self.put(id, &page);
    }

    fn meta(&mut self, id: u64, transaction: u64) {
        let mut page = self.header(id, 4, 0);
        for number in [0xED0C_DAED_u32, 2, 4096, 0] {
            page.extend(number.to_le_bytes());
        }
        for number in [3, 0, 2, 9, transaction] {
            page.extend(number.to_le_bytes());
        }
        let sum = page[16..].iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        page.extend(sum.to_le_bytes());
        self.put(id, &page);
    }
}

const BRANCH: u16 = 1;

fn device(id: u32, state: i64) -> String {
    format!(
        r#"{{"device_id":{id},"size":1,"name":"p-snap-{id}","parent_name":"","state":{state},"error":""}}"#
    )
}

fn sample() -> Bolt {
    let (one, two, three) = (device(1, 10), device(2, 4), device(3, 1));
    Bolt::new(&[&[("p-snap-1", &one), ("p-snap-2", &two)], &[("p-snap-3", &three)]])
}

#[test]
fn the_devices_of_containerd_are_read() {
    let devices = recorded_devices(&sample().bytes).unwrap();
    let ids: Vec<u32> = devices.iter().map(|device| device.device_id).collect();
    assert_eq!((ids, devices[1].name.as_str()), (vec![1, 2, 3], "p-snap-2"));
    let needed: Vec<bool> = devices.iter().map(RecordedDevice::is_needed).collect();
    assert_eq!(needed, [true, true, false], "the third one is being made");
}

/// Written by bbolt 1.3.10, as containerd does: 32 devices, and the last one removed again.
#[test]
fn what_bbolt_writes_is_read() {
    let devices =
        recorded_devices(include_bytes!("../../../../../tests/fuzz/seeds/repair/database"))
            .unwrap();
    let mut ids: Vec<u32> = devices.iter().map(|device| device.device_id).collect();
    ids.sort_unstable();
    assert!(ids.iter().copied().eq(1..=31), "{ids:?}");
    assert!(devices.iter().all(|device| device.name.ends_with(&format!("-{}", device.device_id))));
}

#[test]
fn one_whole_meta_page_is_enough() {
    for page in [0, 1] {
        let mut bolt = sample();
        bolt.bytes[page * PAGE + 40] ^= 1;
        assert_eq!(recorded_devices(&bolt.bytes).unwrap().len(), 3, "page {page}");
    }
    let mut bolt = sample();
    bolt.bytes[40] ^= 1;
    bolt.bytes[PAGE + 40] ^= 1;
    assert!(recorded_devices(&bolt.bytes).is_err());
}

#[test]
fn a_damaged_database_is_no_database() {
    assert!(recorded_devices(b"").is_err());
    assert!(recorded_devices(&[0; 3 * PAGE]).is_err());
    assert!(recorded_devices(&sample().bytes[..5 * PAGE]).is_err(), "cut");
    let mut circle = sample();
    circle.bytes[4 * PAGE + 16 + 8] = 4;
    assert!(recorded_devices(&circle.bytes).is_err());
    let mut far = sample();
    far.bytes[5 * PAGE + 16 + 4..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(recorded_devices(&far.bytes).is_err());
    let mut text = sample();
    let at = text.bytes.windows(11).position(|bytes| bytes == b"\"device_id\"").unwrap();
    text.bytes[at] = b'!';
    assert!(recorded_devices(&text.bytes).is_err());
}

proptest::proptest! {
    #[test]
    fn no_database_makes_the_reader_panic(at in 0_usize..7 * PAGE, byte in 0_u8..) {
        let mut bolt = sample();
        bolt.bytes[at] = byte;
        let _ = recorded_devices(&bolt.bytes);
        let _ = recorded_devices(&bolt.bytes[..at]);
    }

    #[test]
    fn no_listing_makes_the_reader_panic(text in "(<device |dev_id=\"|[0-9]{1,12}|\"| |\n|mapped_blocks=\"|>){0,40}") {
        let mut listing = Listing::default();
        listing.take(text.as_bytes());
        let _ = listing.end();
    }
}

fn listed(text: &str) -> Option<Devices> {
    let mut listing = Listing::default();
    // However the pipe cuts it.
    text.as_bytes().chunks(7).for_each(|piece| listing.take(piece));
    listing.end()
}

#[test]
fn what_the_tools_list_is_read() {
    let dump = "<superblock uuid=\"\" time=\"3\" transaction=\"0\" flags=\"0\" version=\"2\" data_block_size=\"128\" nr_data_blocks=\"0\">\n  <device dev_id=\"1\" mapped_blocks=\"200\" transaction=\"0\" creation_time=\"0\" snap_time=\"1\">\n  </device>\n  <device dev_id=\"16777215\" mapped_blocks=\"0\" transaction=\"0\" creation_time=\"0\" snap_time=\"1\"/>\n</superblock>\n";
    let expected = Devices::from([(1, 200), (16_777_215, 0)]);
    assert_eq!(listed(dump), Some(expected.clone()));
    assert_eq!(listed("       1 200 \n16777215   0 \n"), Some(expected));
    assert_eq!(listed(""), Some(Devices::new()));
    for odd in ["1 x", "16777216 1", "1 1\n1 1", "<device dev_id=\"1\">", "\u{fffd}", "x"] {
        assert_eq!(listed(odd), None, "{odd}");
    }
    assert_eq!(listed(&"1".repeat(5000)), None);
}

fn parse(states: &[(u32, i64)]) -> Result<Vec<RecordedDevice>, String> {
    states
        .iter()
        .map(|(id, state)| Ok(serde_json::from_str(&device(*id, *state)).unwrap()))
        .collect()
}

#[test]
fn what_is_missing_is_named() {
    let before = Devices::from([(1, 10), (2, 5), (9, 1)]);
    let same = losses(parse(&[(1, 4), (2, 10), (3, 1)]), Some(&before), &before);
    assert_eq!(same, []);
    let after = Devices::from([(1, 9)]);
    let texts: Vec<String> = losses(parse(&[(1, 4), (2, 10)]), Some(&before), &after)
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = [
        "device 2 (p-snap-2) of containerd's is missing",
        "device 1 has 9 of its 10 blocks",
        "device 9 with 1 blocks is missing",
    ];
    assert_eq!(texts, expected);
    assert_eq!(losses(parse(&[]), None, &after), [Loss::Unlisted]);
    let why = "cut".to_owned();
    let unknown = losses(Err(why.clone()), Some(&after), &after);
    assert_eq!(unknown, [Loss::Unknown { why }]);
}

#[test]
fn a_word_is_for_one_result() {
    let word = token(&[1; 32], &[2; 32]);
    assert_eq!(word.len(), 12);
    assert_ne!(word, token(&[1; 32], &[3; 32]));
    assert_ne!(word, token(&[2; 32], &[1; 32]));
}

#[test]
fn only_lvm_expects_a_transaction_and_only_that_of_before() {
    let pool = |transaction| {
        let mut block = vec![0; Superblock::LENGTH];
        block[32..40].copy_from_slice(&27_022_010_u64.to_le_bytes());
        (block[48], block[336]) = (transaction, 128);
        Superblock::parse(&block)
    };
    let outline = |transaction| Outline { block_sectors: 128, blocks: 8, transaction };
    assert_eq!(transaction(None, &pool(1)), None);
    assert_eq!(transaction(Some(&outline(None)), &pool(1)), None);
    assert_eq!(transaction(Some(&outline(Some(3))), &pool(3)), Some(3));
    assert_eq!(transaction(Some(&outline(Some(3))), &Superblock::Foreign), Some(3));
    assert_eq!(transaction(Some(&outline(Some(3))), &pool(1)), None, "older metadata");
}

#[test]
fn a_database_that_may_be_elsewhere_is_not_taken_for_none() {
    let own = Pool::new(&mvm_config::load::parse(&[]).unwrap().config, None);
    assert_eq!(recorded_devices_of(&own, None), Ok(Vec::new()));
    let system = Pool { instance: Instance::System, ..own };
    assert!(recorded_devices_of(&system, None).unwrap_err().ends_with(".db"));
    assert_eq!(recorded_devices_of(&system, Some(&sample().bytes)).unwrap().len(), 3);
}
