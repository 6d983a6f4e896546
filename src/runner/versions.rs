//! Numbers and time stamps that come after those that are there.

use chrono::{DateTime, Duration, NaiveDateTime, Utc};

use super::PlaceError;

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

/// The same for runners that compare versions as texts.
///
/// # Errors
/// When one of them would stand before an earlier one, as 10 does before 9.
pub fn next_as_text(
    existing: &[String],
    now: DateTime<Utc>,
    count: usize,
) -> Result<Vec<String>, PlaceError> {
    let next = next(existing, now, count);
    let in_order: Vec<&String> = existing.iter().max().into_iter().chain(&next).collect();
    match in_order.windows(2).find(|pair| pair[0] >= pair[1]) {
        None => Ok(next),
        Some(pair) => Err(PlaceError {
            cause: format!(
                "versions are compared as texts, and {} would stand before {}",
                pair[1], pair[0]
            ),
            remedy: "rename the migrations, so that their numbers have more zeros before them".to_owned(),
        }),
    }
}

/// The numbers after `last`, padded with zeros.
pub fn counted(last: u64, width: usize, count: usize) -> Vec<String> {
    (1..=count as u64)
        .map(|position| format!("{:0width$}", last + position))
        .collect()
}

/// Time stamps, later than all that exist: of 14 digits, and with zeros behind them where others are longer.
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
    let longest = existing
        .iter()
        .filter(|version| version.chars().all(|c| c.is_ascii_digit()));
    let width = longest.map(String::len).max().unwrap_or(0);
    (0..count as i64)
        .map(|position| {
            let stamp = (first + Duration::seconds(2 * position)).format(TIME_STAMP);
            format!("{:0<width$}", stamp.to_string())
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
    fn as_texts_ten_comes_before_nine() {
        let now = at("2026-01-15T12:00:00Z");
        let next = |existing: &[&str], count| next_as_text(&strings(existing), now, count);
        assert_eq!(next(&["08"], 2).unwrap(), ["09", "10"]);
        assert!(
            next(&["9"], 1)
                .unwrap_err()
                .cause
                .contains("10 would stand before 9")
        );
        assert!(
            next(&["7"], 3)
                .unwrap_err()
                .cause
                .contains("10 would stand before 9")
        );
        assert_eq!(next(&["20250101000000"], 1).unwrap(), ["20260115120000"]);
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
            next(&strings(&["20260301000000123"]), now, 1),
            ["20260301000002000"]
        );
        assert_eq!(
            next(&strings(&["2026-03-01-000000-0000"]), now, 1),
            ["20260301000002"]
        );
    }
}
