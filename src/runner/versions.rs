//! Numbers and time stamps that come after those that are there.

use chrono::{DateTime, Duration, NaiveDateTime, Utc};

/// `YYYYMMDDhhmmss`, as most runners write it.
pub const TIME_STAMP: &str = "%Y%m%d%H%M%S";

/// Digits that a version may have and still be counted, not a time.
const COUNTED_DIGITS: usize = 9;

/// Versions for `count` migrations that come after all that exist.
///
/// A folder that counts goes on counting, with as many zeros; any other gets time stamps, of now or
/// later than the last, and two seconds apart, as sqlx-cli takes versions that differ by 1 for counted ones.
pub fn next(existing: &[String], now: DateTime<Utc>, count: usize) -> Vec<String> {
    match last_counted(existing) {
        Some((last, width)) => counted(last, width, count),
        None => time_stamps(existing, now, count),
    }
}

/// The numbers after `last`, padded with zeros.
pub fn counted(last: u64, width: usize, count: usize) -> Vec<String> {
    (1..=count as u64)
        .map(|position| format!("{:0width$}", last + position))
        .collect()
}

/// Time stamps of 14 digits, later than all that exist.
pub fn time_stamps(existing: &[String], now: DateTime<Utc>, count: usize) -> Vec<String> {
    let last = existing
        .iter()
        .filter_map(|version| {
            let digits: String = version.chars().filter(char::is_ascii_digit).take(14).collect();
            NaiveDateTime::parse_from_str(&digits, TIME_STAMP).ok()
        })
        .max();
    let first = last.map_or(now.naive_utc(), |last| {
        now.naive_utc().max(last + Duration::seconds(2))
    });
    (0..count as i64)
        .map(|position| {
            (first + Duration::seconds(2 * position))
                .format(TIME_STAMP)
                .to_string()
        })
        .collect()
}

/// The highest number and how many digits it has, where all that exist are counted.
fn last_counted(existing: &[String]) -> Option<(u64, usize)> {
    let numbers: Option<Vec<(u64, usize)>> = existing
        .iter()
        .map(|version| {
            let is_counted = version.len() <= COUNTED_DIGITS;
            Some((version.parse().ok().filter(|_| is_counted)?, version.len()))
        })
        .collect();
    numbers?.into_iter().max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|t| (*t).to_owned()).collect()
    }

    #[test]
    fn goes_on_counting() {
        let now = at("2026-01-15T12:00:00Z");
        assert_eq!(next(&strings(&["007", "012"]), now, 2), ["013", "014"]);
        assert_eq!(next(&strings(&["9"]), now, 1), ["10"]);
    }

    #[test]
    fn time_stamps_are_later_than_now_and_than_the_last() {
        let now = at("2026-01-15T12:00:00Z");
        assert_eq!(next(&[], now, 2), ["20260115120000", "20260115120002"]);
        assert_eq!(
            next(&strings(&["20260301000000", "12"]), now, 1),
            ["20260301000002"]
        );
        assert_eq!(
            next(&strings(&["2026-03-01-000000-0000"]), now, 1),
            ["20260301000002"]
        );
    }
}
