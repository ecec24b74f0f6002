//! Times for people.

/// The day of a time in seconds since 1970, `2026-11-21` in UTC.
pub fn day(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds);
    time.map_or("no date".to_owned(), |time| time.to_string().chars().take(10).collect())
}
