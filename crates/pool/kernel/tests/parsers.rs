//! Whatever the kernel, a disk or an editor hands over: no parser panics, and what was printed is
//! read back as it was. (Here and not in `mvm-pool-plan`, which has no JSON and needs no proptest.)

use mvm_pool_kernel::receipt;
use mvm_pool_plan::thinpool::{
    DevNum, Discards, Mode, Receipt, Recorded, RecordedDatabase, RecordedFile, RecordedIdentity,
    RecordedSuperblock, Shape, Superblock, ThinPoolStatus, ThinPoolTable, Usage, WhenFull, Working,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn shape() -> impl Strategy<Value = Shape> {
    (any::<u64>(), any::<u32>(), any::<u64>(), vec("[a-z_]{1,20}", 0..4)).prop_map(
        |(sectors, block_sectors, low_water_blocks, features)| Shape {
            sectors,
            block_sectors,
            low_water_blocks,
            features,
        },
    )
}

fn table() -> impl Strategy<Value = ThinPoolTable> {
    let number = || (any::<u32>(), any::<u32>()).prop_map(|(major, minor)| DevNum { major, minor });
    (number(), number(), shape()).prop_map(|(metadata, data, shape)| ThinPoolTable {
        metadata,
        data,
        shape,
    })
}

fn working() -> impl Strategy<Value = Working> {
    let usage = || (any::<u64>(), any::<u64>()).prop_map(|(used, total)| Usage { used, total });
    let mode = prop_oneof![Just(Mode::ReadWrite), Just(Mode::ReadOnly), Just(Mode::OutOfDataSpace)];
    let discards =
        prop_oneof![Just(Discards::Ignored), Just(Discards::PassedDown), Just(Discards::Kept)];
    let when_full = prop_oneof![Just(WhenFull::Fails), Just(WhenFull::Waits)];
    let first = (any::<u64>(), usage(), usage(), option::of(any::<u64>()));
    let tail = (mode, discards, when_full, any::<bool>(), any::<u64>());
    // A kernel prints the words after held_root from left to right or not at all.
    (first, tail, 0..=5_u8).prop_map(|((id, metadata, data, root), tail, words)| Working {
        transaction_id: id,
        metadata,
        data,
        held_root: root,
        mode: (words > 0).then_some(tail.0),
        discards: (words > 1).then_some(tail.1),
        when_full: (words > 2).then_some(tail.2),
        needs_check: (words > 3).then_some(tail.3),
        metadata_low_water: (words > 4).then_some(tail.4),
    })
}

fn receipts() -> impl Strategy<Value = Receipt> {
    let file = || {
        ("(/[ -~]{0,12}){1,3}", any::<u64>(), option::of(any::<u64>()), any::<u64>()).prop_map(
            |(path, inode, born, size)| RecordedFile { path: path.into(), inode, born, size },
        )
    };
    let database = ("/[ -~]{0,12}", any::<bool>()).prop_map(|(path, seen)| {
        let file = seen.then_some(RecordedIdentity { inode: 7, born: None });
        RecordedDatabase { path: path.into(), seen, file }
    });
    let superblock = (any::<u32>(), any::<u32>())
        .prop_map(|(version, block_sectors)| RecordedSuperblock { version, block_sectors });
    ("[ -~]{0,20}", file(), file(), shape(), superblock, vec(database, 0..3)).prop_map(
        |(name, metadata, data, table, superblock, databases)| Receipt {
            growing: (databases.len() == 1).then_some(7),
            repairing: (databases.len() == 2).then_some(RecordedIdentity { inode: 8, born: None }),
            name,
            backend: "loop".to_owned(),
            metadata,
            data,
            table,
            superblock,
            databases,
        },
    )
}

proptest! {
    #[test]
    fn no_line_makes_a_parser_panic(line in "\\PC{0,120}") {
        let _ = line.parse::<ThinPoolTable>();
        let _ = line.parse::<ThinPoolStatus>();
        let _ = line.parse::<DevNum>();
        let _ = receipt::parse(&line);
    }

    #[test]
    fn nothing_that_looks_like_a_line_makes_a_parser_panic(
        words in vec("0|7:1|thin-pool|-|rw|ro|[0-9]{1,25}(/[0-9]{0,25})?|:|/", 0..14)
    ) {
        let line = words.join(" ");
        let _ = line.parse::<ThinPoolTable>();
        if let Ok(ThinPoolStatus::Working(working)) = line.parse::<ThinPoolStatus>() {
            let _ = (working.data.percent(), working.metadata.percent());
        }
    }

    #[test]
    fn a_table_survives_the_round_trip(table in table()) {
        prop_assert_eq!(table.to_string().parse(), Ok(table));
    }

    #[test]
    fn a_status_survives_the_round_trip(working in working()) {
        let status = ThinPoolStatus::Working(working);
        prop_assert_eq!(status.to_string().parse(), Ok(status));
    }

    #[test]
    fn no_block_makes_the_superblock_parser_panic(
        mut block in vec(any::<u8>(), 0..4200),
        magic in any::<bool>(),
    ) {
        if magic && block.len() >= 40 {
            block[32..40].copy_from_slice(&27_022_010_u64.to_le_bytes());
        }
        let _ = Superblock::parse(&block);
    }

    #[test]
    fn a_receipt_survives_the_round_trip(first in receipts(), second in receipts()) {
        let text = receipt::render(None, &first).unwrap();
        prop_assert_eq!(receipt::parse(&text), Recorded::Pool(Box::new(first)));
        let text = receipt::render(Some(&text), &second).unwrap();
        prop_assert_eq!(receipt::parse(&text), Recorded::Pool(Box::new(second)));
    }

    #[test]
    fn a_receipt_that_was_cut_or_changed_never_passes_for_none(
        receipt in receipts(), at in any::<proptest::sample::Index>(), with in option::of("[ -~]")
    ) {
        let mut text = receipt::render(None, &receipt).unwrap();
        let at = at.index(text.len() - 2);
        match with {
            None => text.truncate(at),
            Some(with) => text.replace_range(at..=at, &with),
        }
        if !text.contains("\"pool\"") && serde_json::from_str::<serde_json::Value>(&text).is_ok() {
            // The one change that no reader can see: the key became another domain's.
            return Ok(());
        }
        prop_assert_ne!(receipt::parse(&text), Recorded::Absent);
    }
}

#[test]
fn what_other_domains_wrote_stays() {
    let old = r#"{"version": 1, "network": {"bridge": "br-mvm"}}"#;
    assert_eq!(receipt::parse(old), Recorded::Absent);
    let receipt = Receipt {
        growing: None,
        repairing: None,
        name: "p".to_owned(),
        backend: "loop".to_owned(),
        metadata: RecordedFile { path: "/m".into(), inode: 1, born: None, size: 2 },
        data: RecordedFile { path: "/d".into(), inode: 3, born: Some(4), size: 5 },
        table: Shape::new_pool(1 << 30),
        superblock: RecordedSuperblock { version: 2, block_sectors: 128 },
        databases: Vec::new(),
    };
    let text = receipt::render(Some(old), &receipt).unwrap();
    assert!(text.contains("br-mvm"), "{text}");
    assert!(receipt::render(Some("[]"), &receipt).is_err());
}

#[test]
fn a_receipt_of_another_version_is_named() {
    assert_eq!(receipt::parse(r#"{"version": 2, "pool": 5}"#), Recorded::Version(2));
    for text in ["", "{}", "null", r#"{"version": "1"}"#, r#"{"version": 1, "pool": {}}"#] {
        assert!(matches!(receipt::parse(text), Recorded::Unreadable(_)), "{text}");
    }
}
