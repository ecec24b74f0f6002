//! Sizes, percentages and durations.

use std::time::Duration;

use mvm_config::quantities::{Bytes, Percent, Spelt, parse_duration};
use proptest::prelude::{any, prop_assert_eq, proptest};

#[test]
fn units_of_sizes() {
    for (text, bytes) in [
        ("0", 0),
        ("1", 1),
        ("1K", 1 << 10),
        ("1KiB", 1 << 10),
        ("1KB", 1000),
        ("3M", 3 << 20),
        ("3MiB", 3 << 20),
        ("3MB", 3_000_000),
        ("100G", 100 << 30),
        ("100GiB", 100 << 30),
        ("10GB", 10_000_000_000),
        ("2T", 2 << 40),
        ("2TiB", 2 << 40),
        ("2TB", 2_000_000_000_000),
        ("18446744073709551615", u64::MAX),
        ("16777215TiB", 16_777_215 << 40),
    ] {
        assert_eq!(Bytes::parse(text), Ok(Bytes(bytes)), "{text}");
    }
}

#[test]
fn refused_sizes() {
    for text in [
        "", "G", "GiB", "10X", "10 GiB", "10gib", "-1", "+1", "1e3", "10GiBs", "1_000", "１", "1\n",
    ] {
        let error = Bytes::parse(text).unwrap_err();
        assert_eq!(error.to_string(), "not a size; write for example \"100GiB\"", "{text:?}");
    }
    assert!(Bytes::parse("1.5GiB").unwrap_err().message.contains("fraction"));
    for text in ["16777216TiB", "18446744073709551616", "99999999999999999999999T"] {
        assert!(Bytes::parse(text).unwrap_err().message.contains("beyond"), "{text}");
    }
}

#[test]
fn sizes_are_shown_in_the_largest_exact_unit() {
    for (bytes, text) in [
        (0, "0"),
        (1023, "1023"),
        (1000, "1KB"),
        (1024, "1KiB"),
        (100 << 30, "100GiB"),
        (10_000_000_000, "10GB"),
        (1 << 40, "1TiB"),
        ((1 << 40) + 1, "1099511627777"),
    ] {
        assert_eq!(Bytes(bytes).to_string(), text);
    }
}

#[test]
fn percentages() {
    assert_eq!(Percent::new(1), Ok(Percent(1)));
    assert_eq!(Percent::new(100), Ok(Percent(100)));
    for number in [0, 101, -1, i64::MAX] {
        assert!(Percent::new(number).is_err(), "{number}");
    }
    assert_eq!(Percent(20).of(105), 21);
    assert_eq!(Percent(100).of(u64::MAX), u64::MAX);
}

#[test]
fn durations() {
    for (text, seconds) in [
        ("0s", 0),
        ("30s", 30),
        ("10m", 600),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1h1s", 3601),
        ("90m", 5400),
    ] {
        assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for text in ["", "10", "m", "10 m", "1m1h", "1h1h", "-1s", "1.5h", "1d", "10ms", "1h ", "1h\n"]
    {
        assert!(parse_duration(text).is_err(), "{text:?}");
    }
    for text in ["99999999999999999999h", "18446744073709551615h", "876001h", "3153600001s"] {
        assert!(parse_duration(text).unwrap_err().message.contains("century"), "{text}");
    }
}

proptest! {
    #[test]
    fn sizes_read_back(bytes in any::<u64>(), unit in 0_u32..41) {
        for bytes in [bytes, bytes >> unit << unit, bytes / 1_000_000 * 1_000_000] {
            prop_assert_eq!(Bytes::parse(&Bytes(bytes).to_string()), Ok(Bytes(bytes)));
        }
    }

    #[test]
    fn durations_read_back(seconds in 0_u64..100 * 365 * 24 * 3600) {
        let duration = Duration::from_secs(seconds);
        prop_assert_eq!(parse_duration(&Spelt(duration).to_string()), Ok(duration));
    }

    #[test]
    fn no_text_upsets_them(text in "\\PC*") {
        let _ = Bytes::parse(&text);
        let _ = parse_duration(&text);
    }
}
