//! Which partitions a table gets, with their bounds.

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

use crate::model::Interval;
use crate::sql::Literal;

/// More partitions than this make planning and locking slow: PostgreSQL's
/// manual speaks of "a few thousand" (Partitioning, best practices).
pub const MAX_PARTITIONS: usize = 5000;

/// What the key's type says about writing a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    Date,
    Timestamp,
    Timestamptz,
}

impl KeyType {
    /// Reads `pg_type.typname`.
    pub fn from_type_name(name: &str) -> Option<Self> {
        match name {
            "date" => Some(Self::Date),
            "timestamp" => Some(Self::Timestamp),
            "timestamptz" => Some(Self::Timestamptz),
            _ => None,
        }
    }
}

/// One partition's interval: lower inclusive, upper exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub start: NaiveDate,
    pub end: NaiveDate,
}

/// Why the partitions can't be laid out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BoundsError {
    #[error("{0} partitions would be needed; {MAX_PARTITIONS} are possible")]
    TooMany(usize),
    #[error("the calendar ends before the last partition")]
    CalendarEnd,
}

/// Lays out the partitions from the first row's interval to `premake`
/// intervals after today's, without gaps.
///
/// # Errors
/// When there would be more than [`MAX_PARTITIONS`].
pub fn ranges(
    interval: Interval,
    first: Option<NaiveDate>,
    today: NaiveDate,
    premake: u32,
) -> Result<Vec<Range>, BoundsError> {
    let mut start = interval.floor(first.unwrap_or(today).min(today));
    let mut last = interval.floor(today);
    for _ in 0..premake {
        last = interval.next(last).ok_or(BoundsError::CalendarEnd)?;
    }
    let mut ranges = Vec::new();
    while start <= last {
        let end = interval.next(start).ok_or(BoundsError::CalendarEnd)?;
        ranges.push(Range { start, end });
        start = end;
        if ranges.len() > MAX_PARTITIONS {
            return Err(BoundsError::TooMany(count(interval, ranges[0].start, last)));
        }
    }
    Ok(ranges)
}

/// How many intervals there are from one to another, roughly for months.
fn count(interval: Interval, first: NaiveDate, last: NaiveDate) -> usize {
    let days = (last - first).num_days();
    let months =
        i64::from(last.year() - first.year()) * 12 + i64::from(last.month0()) - i64::from(first.month0());
    let intervals = match interval {
        Interval::Daily => days,
        Interval::Weekly => days / 7,
        Interval::Monthly => months,
        Interval::Quarterly => months / 3,
        Interval::Yearly => months / 12,
    };
    usize::try_from(intervals + 1).unwrap_or(usize::MAX)
}

/// A bound as SQL: midnight of the day in the zone, with its offset where the
/// type has one, so that no session's time zone can shift it.
pub fn bound(key_type: KeyType, day: NaiveDate, zone: Tz) -> Literal {
    match key_type {
        KeyType::Date => Literal::new(sql_date(day)),
        KeyType::Timestamp => Literal::new(format!("{} 00:00:00{}", year_first(day), era(day))),
        KeyType::Timestamptz => {
            let midnight = midnight(day, zone);
            let local = midnight.naive_local();
            let offset = midnight.offset().fix();
            Literal::new(format!(
                "{} {}{offset}{}",
                year_first(local.date()),
                local.time(),
                era(day)
            ))
        }
    }
}

/// Midnight, or where the clock is put forward over it, the first moment of the day.
fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Tz> {
    let local = day.and_time(NaiveTime::MIN);
    match zone.from_local_datetime(&local) {
        LocalResult::Single(moment) => moment,
        LocalResult::Ambiguous(earlier, _) => earlier,
        LocalResult::None => {
            let before = zone.from_utc_datetime(&(local - chrono::TimeDelta::hours(26)));
            // The offset before the gap, applied to midnight, is the moment of the change.
            let utc = local - chrono::TimeDelta::seconds(before.offset().fix().local_minus_utc().into());
            Utc.from_utc_datetime(&utc).with_timezone(&zone)
        }
    }
}

fn sql_date(day: NaiveDate) -> String {
    format!("{}{}", year_first(day), era(day))
}

/// `0044-03-15`: PostgreSQL writes years before 1 with a BC behind.
fn year_first(day: NaiveDate) -> String {
    let year = if day.year() < 1 {
        1 - day.year()
    } else {
        day.year()
    };
    format!("{year:04}-{:02}-{:02}", day.month(), day.day())
}

fn era(day: NaiveDate) -> &'static str {
    if day.year() < 1 { " BC" } else { "" }
}

/// Reads the date of a wall-clock text as `catalog` gives it
/// (`2024-01-31T00:00:00`, ` BC` behind for years before 1).
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    let (text, bc) = match text.strip_suffix(" BC") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let date = text.split('T').next()?;
    let mut parts = date.rsplitn(3, '-');
    let day = parts.next()?.parse().ok()?;
    let month = parts.next()?.parse().ok()?;
    let year: i32 = parts.next()?.parse().ok()?;
    NaiveDate::from_ymd_opt(if bc { 1 - year } else { year }, month, day)
}

/// Proposes the interval that gives the table closest to a few dozen partitions.
pub fn propose_interval(first: Option<NaiveDate>, last: NaiveDate) -> Interval {
    let Some(first) = first else {
        return Interval::Monthly;
    };
    let days = (last.checked_add_days(Days::new(1)).unwrap_or(last) - first).num_days();
    match days {
        ..=45 => Interval::Daily,
        46..=180 => Interval::Weekly,
        181..=3650 => Interval::Monthly,
        3651..=11000 => Interval::Quarterly,
        _ => Interval::Yearly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn reaches_from_the_first_row_to_premake_ahead() {
        let ranges = ranges(Interval::Monthly, Some(day("2024-11-20")), day("2025-01-31"), 2).unwrap();
        let starts: Vec<_> = ranges.iter().map(|r| r.start.to_string()).collect();
        assert_eq!(
            starts,
            [
                "2024-11-01",
                "2024-12-01",
                "2025-01-01",
                "2025-02-01",
                "2025-03-01"
            ]
        );
    }

    #[test]
    fn begins_today_for_an_empty_table() {
        let ranges = ranges(Interval::Yearly, None, day("2025-06-01"), 0).unwrap();
        assert_eq!(
            ranges,
            [Range {
                start: day("2025-01-01"),
                end: day("2026-01-01")
            }]
        );
    }

    #[test]
    fn refuses_more_partitions_than_a_server_can_bear() {
        let refused = ranges(Interval::Daily, Some(day("1970-01-01")), day("2025-01-01"), 0);
        assert_eq!(refused, Err(BoundsError::TooMany(20090)));
    }

    #[test]
    fn writes_the_offset_of_the_pinned_zone() {
        let write = |day_text, zone| bound(KeyType::Timestamptz, day(day_text), zone).to_string();
        assert_eq!(write("2024-07-01", chrono_tz::UTC), "'2024-07-01 00:00:00+00:00'");
        assert_eq!(
            write("2024-07-01", chrono_tz::Asia::Kathmandu),
            "'2024-07-01 00:00:00+05:45'"
        );
        assert_eq!(
            write("2024-03-10", chrono_tz::America::New_York),
            "'2024-03-10 00:00:00-05:00'"
        );
        assert_eq!(
            write("2024-11-04", chrono_tz::America::New_York),
            "'2024-11-04 00:00:00-05:00'"
        );
    }

    #[test]
    fn begins_the_day_at_one_where_midnight_does_not_exist() {
        let bound = bound(
            KeyType::Timestamptz,
            day("2018-11-04"),
            chrono_tz::America::Sao_Paulo,
        );
        assert_eq!(bound.to_string(), "'2018-11-04 01:00:00-02:00'");
    }

    #[test]
    fn writes_and_reads_years_before_one() {
        let ides = parse_day("0044-03-15T12:00:00 BC").unwrap();
        assert_eq!(
            bound(KeyType::Date, ides, chrono_tz::UTC).to_string(),
            "'0044-03-15 BC'"
        );
    }
}
