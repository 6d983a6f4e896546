//! Where RANGE partitions begin and end.
//!
//! Long because it is one thing: each type of key says what an interval of it is and how a bound of it is written.

use std::num::NonZeroU64;

use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone,
    Utc,
};
use chrono_tz::Tz;

use crate::model::{Interval, KeyRange};
use crate::sql::Literal;

/// More partitions than this make planning and locking slow: PostgreSQL's
/// manual speaks of "a few thousand" (Partitioning, best practices).
pub const MAX_PARTITIONS: usize = 5000;
/// More are never laid out, allowed or not.
pub const MAX_ALLOWED_PARTITIONS: usize = 100_000;

/// What the key's type says about intervals and about writing a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    Date,
    Timestamp,
    Timestamptz,
    /// smallint, integer, bigint with their limits; numeric, which has none.
    Integer {
        limits: Option<(i64, i64)>,
    },
    /// Of version 7, which begin with a time.
    Uuid,
}

impl KeyType {
    /// Reads `pg_type.typname`; `None` for types without intervals.
    pub fn from_type_name(name: &str) -> Option<Self> {
        let integer = |min, max| {
            Some(Self::Integer {
                limits: Some((min, max)),
            })
        };
        match name {
            "date" => Some(Self::Date),
            "timestamp" => Some(Self::Timestamp),
            "timestamptz" => Some(Self::Timestamptz),
            "int2" => integer(i16::MIN.into(), i16::MAX.into()),
            "int4" => integer(i32::MIN.into(), i32::MAX.into()),
            "int8" => integer(i64::MIN, i64::MAX),
            "numeric" => Some(Self::Integer { limits: None }),
            "uuid" => Some(Self::Uuid),
            _ => None,
        }
    }

    /// Whether the interval means something for the type.
    pub fn takes(self, interval: Interval) -> bool {
        match (self, interval) {
            (Self::Integer { .. }, Interval::Every(_)) => true,
            (Self::Integer { .. }, _) | (_, Interval::Every(_)) => false,
            (Self::Date, Interval::Hourly) => false,
            (Self::Date | Self::Timestamp | Self::Timestamptz | Self::Uuid, _) => true,
        }
    }

    /// The intervals that are possible, in words.
    pub fn intervals(self) -> &'static str {
        match self {
            Self::Date => "daily, weekly, monthly, quarterly or yearly",
            Self::Timestamp | Self::Timestamptz | Self::Uuid => {
                "hourly, daily, weekly, monthly, quarterly or yearly"
            }
            Self::Integer { .. } => "a whole number such as 1000000",
        }
    }
}

/// One RANGE partition's bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// What its name ends in.
    pub suffix: String,
    /// Inclusive; `None` is MINVALUE.
    pub lower: Option<Literal>,
    /// Exclusive; `None` is MAXVALUE.
    pub upper: Option<Literal>,
}

/// Partitions without gaps, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub ranges: Vec<Range>,
    /// Whether the last value lies beyond the last partition.
    pub is_exceeded: bool,
}

/// Why the partitions can't be laid out.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum BoundsError {
    #[error("{0} partitions would be needed; more than {MAX_PARTITIONS} make planning and locking slow")]
    TooMany(usize),
    #[error("the calendar ends before the last partition")]
    CalendarEnd,
    #[error("the key's values are too far apart")]
    TooFarApart,
}

/// What a layout depends on beside the key's type.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The server's date.
    pub today: NaiveDate,
    /// Intervals ahead of today, or of the greatest number.
    pub premake: u32,
    pub zone: Tz,
    /// How many partitions are bearable.
    pub limit: usize,
}

/// Lays out the partitions from the first row's interval to `premake` intervals ahead, without gaps.
///
/// # Errors
/// When there would be more than the limit.
pub fn ranges(
    key_type: KeyType,
    interval: Interval,
    key_range: &KeyRange,
    frame: &Frame,
) -> Result<Layout, BoundsError> {
    match (key_type, interval) {
        (KeyType::Integer { limits }, Interval::Every(step)) => steps(limits, step.get(), key_range, frame),
        (_, Interval::Hourly) => hours(key_type, key_range, frame),
        _ => calendar(key_type, interval, key_range, frame),
    }
}

fn calendar(
    key_type: KeyType,
    interval: Interval,
    key_range: &KeyRange,
    frame: &Frame,
) -> Result<Layout, BoundsError> {
    let first = key_range.first.as_deref().and_then(parse_day);
    let starts = days(interval, first, frame)?;
    let ranges: Vec<Range> = starts
        .windows(2)
        .map(|pair| Range {
            suffix: interval.suffix(pair[0]),
            lower: Some(bound(key_type, pair[0], frame.zone)),
            upper: Some(bound(key_type, pair[1], frame.zone)),
        })
        .collect();
    let last = key_range.last.as_deref().and_then(parse_day);
    Ok(Layout {
        is_exceeded: last
            .zip(starts.last().copied())
            .is_some_and(|(last, end)| last >= end),
        ranges,
    })
}

/// The first days of all intervals, and the day after the last.
fn days(interval: Interval, first: Option<NaiveDate>, frame: &Frame) -> Result<Vec<NaiveDate>, BoundsError> {
    let mut start = interval.floor(first.unwrap_or(frame.today).min(frame.today));
    let mut last = interval.floor(frame.today);
    for _ in 0..frame.premake {
        last = interval.next(last).ok_or(BoundsError::CalendarEnd)?;
    }
    let mut starts = vec![start];
    while start <= last {
        start = interval.next(start).ok_or(BoundsError::CalendarEnd)?;
        starts.push(start);
        if starts.len() - 1 > frame.limit {
            return Err(BoundsError::TooMany(count(interval, starts[0], last)));
        }
    }
    Ok(starts)
}

/// How many intervals there are from one to another, roughly for months.
fn count(interval: Interval, first: NaiveDate, last: NaiveDate) -> usize {
    let days = (last - first).num_days();
    let months =
        i64::from(last.year() - first.year()) * 12 + i64::from(last.month0()) - i64::from(first.month0());
    let intervals = match interval {
        Interval::Hourly => days * 24,
        Interval::Daily | Interval::Every(_) => days,
        Interval::Weekly => days / 7,
        Interval::Monthly => months,
        Interval::Quarterly => months / 3,
        Interval::Yearly => months / 12,
    };
    usize::try_from(intervals + 1).unwrap_or(usize::MAX)
}

/// Hours of 3,600 seconds from the first row's to the end of today and `premake` more. On the clock of the
/// zone, so that they begin with its hours in zones of any offset; counted in seconds, so that daylight
/// saving makes neither gap nor overlap.
fn hours(key_type: KeyType, key_range: &KeyRange, frame: &Frame) -> Result<Layout, BoundsError> {
    let zone = match key_type {
        KeyType::Timestamp => Tz::UTC,
        _ => frame.zone,
    };
    let at = |text: &Option<String>| text.as_deref().and_then(parse_moment);
    let midnight = |day: NaiveDate| moment(day.and_time(NaiveTime::MIN), zone);
    let today = midnight(frame.today);
    let mut start = match at(&key_range.first) {
        Some(first) => moment(whole_hour(first), zone).min(today),
        None => today,
    };
    let tomorrow = frame
        .today
        .checked_add_days(Days::new(1))
        .ok_or(BoundsError::CalendarEnd)?;
    let end = midnight(tomorrow) + TimeDelta::hours(frame.premake.into());
    let needed = (end - start).num_hours();
    if usize::try_from(needed).unwrap_or(usize::MAX) > frame.limit {
        return Err(BoundsError::TooMany(
            usize::try_from(needed).unwrap_or(usize::MAX),
        ));
    }
    let mut ranges: Vec<Range> = Vec::new();
    while start < end {
        let next = start + TimeDelta::hours(1);
        let local = start.with_timezone(&zone);
        let mut suffix = local.format("p%Y_%m_%d_h%H").to_string();
        if ranges.last().is_some_and(|range| range.suffix == suffix) {
            suffix.push('b'); // the hour that comes twice when the clock is put back
        }
        ranges.push(Range {
            suffix,
            lower: Some(written(key_type, start, zone)),
            upper: Some(written(key_type, next, zone)),
        });
        start = next;
    }
    let last = at(&key_range.last).map(|last| moment(last, zone));
    Ok(Layout {
        is_exceeded: last.is_some_and(|last| last >= start),
        ranges,
    })
}

fn whole_hour(at: NaiveDateTime) -> NaiveDateTime {
    use chrono::Timelike;
    let hour = NaiveTime::from_hms_opt(at.hour(), 0, 0).unwrap_or(NaiveTime::MIN);
    at.date().and_time(hour)
}

/// Steps from the one that holds the smallest number to `premake` behind the one that holds the greatest;
/// not beyond the type's limits.
fn steps(
    limits: Option<(i64, i64)>,
    step: u64,
    key_range: &KeyRange,
    frame: &Frame,
) -> Result<Layout, BoundsError> {
    let number = |text: &Option<String>| match text {
        None => Ok(None),
        // Beyond i128 for numeric only.
        Some(text) => text
            .parse::<i128>()
            .map(Some)
            .map_err(|_| BoundsError::TooFarApart),
    };
    let step = i128::from(step);
    let first = number(&key_range.first)?.unwrap_or(0).div_euclid(step) * step;
    let last = number(&key_range.last)?.unwrap_or(0).div_euclid(step) * step;
    let end = last
        .checked_add(step * i128::from(frame.premake + 1))
        .ok_or(BoundsError::TooFarApart)?;
    let (min, max) = match limits {
        Some((min, max)) => (i128::from(min), i128::from(max)),
        None => (i128::MIN, i128::MAX),
    };
    let needed = (end.min(max).checked_sub(first)).ok_or(BoundsError::TooFarApart)? / step;
    if needed > frame.limit as i128 {
        return Err(BoundsError::TooMany(
            usize::try_from(needed).unwrap_or(usize::MAX),
        ));
    }
    let bound = |n: i128| Literal::new(n.to_string());
    let mut ranges = Vec::new();
    let mut start = first;
    while start < end && start <= max {
        let next = start + step;
        ranges.push(Range {
            suffix: format!("p{}", start.to_string().replace('-', "m")),
            lower: (start >= min).then(|| bound(start)),
            upper: (next <= max).then(|| bound(next)),
        });
        start = next;
    }
    Ok(Layout {
        ranges,
        is_exceeded: false,
    })
}

/// A bound as SQL: midnight of the day in the zone, with its offset where the
/// type has one, so that no session's time zone can shift it.
pub fn bound(key_type: KeyType, day: NaiveDate, zone: Tz) -> Literal {
    match key_type {
        KeyType::Date => Literal::new(sql_date(day)),
        KeyType::Timestamp => Literal::new(format!("{} 00:00:00{}", year_first(day), era(day))),
        KeyType::Timestamptz | KeyType::Uuid => {
            written(key_type, moment(day.and_time(NaiveTime::MIN), zone), zone)
        }
        KeyType::Integer { .. } => Literal::new(day.num_days_from_ce().to_string()),
    }
}

/// A moment as a bound: on the zone's clock with its offset, or the smallest uuid of its millisecond.
fn written(key_type: KeyType, moment: DateTime<Utc>, zone: Tz) -> Literal {
    if key_type == KeyType::Uuid {
        let hex = format!("{:012x}", moment.timestamp_millis().max(0));
        return Literal::new(format!("{}-{}-0000-0000-000000000000", &hex[..8], &hex[8..12]));
    }
    let local = moment.with_timezone(&zone);
    let (day, time) = (local.date_naive(), local.time());
    let offset = match key_type {
        KeyType::Timestamptz => local.offset().fix().to_string(),
        _ => String::new(),
    };
    Literal::new(format!("{} {time}{offset}{}", year_first(day), era(day)))
}

/// The moment that the zone's clock shows: the earlier one where it shows it twice, the moment of the change
/// where the clock is put forward over it.
fn moment(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(moment) => moment.to_utc(),
        LocalResult::Ambiguous(earlier, _) => earlier.to_utc(),
        LocalResult::None => {
            // The offset before the gap, applied to a time in it, is the moment of the change, or shortly after it.
            let before = zone.from_utc_datetime(&(local - TimeDelta::hours(26)));
            let seconds = before.offset().fix().local_minus_utc();
            Utc.from_utc_datetime(&(local - TimeDelta::seconds(seconds.into())))
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

/// Reads day and time of such a text.
fn parse_moment(text: &str) -> Option<NaiveDateTime> {
    let day = parse_day(text)?;
    let time = text.strip_suffix(" BC").unwrap_or(text).split('T').nth(1)?;
    Some(day.and_time(time.parse().ok()?))
}

/// Proposes the interval that gives the table closest to a few dozen partitions.
pub fn propose_interval(key_type: KeyType, key_range: &KeyRange, today: NaiveDate) -> Interval {
    if let KeyType::Integer { .. } = key_type {
        return Interval::Every(propose_step(key_range));
    }
    let day = |text: &Option<String>| text.as_deref().and_then(parse_day);
    let last = day(&key_range.last).unwrap_or(today).max(today);
    let Some(first) = day(&key_range.first) else {
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

/// 1, 2 or 5 with noughts behind it; a million where there are no values yet.
fn propose_step(key_range: &KeyRange) -> NonZeroU64 {
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<i128>().ok());
    let width = match (number(&key_range.first), number(&key_range.last)) {
        (Some(first), Some(last)) => last.saturating_sub(first).unsigned_abs(),
        _ => 50_000_000,
    };
    let powers = (0..18).map(|power| 10_u64.pow(power));
    let mut steps = powers.flat_map(|power| [power, 2 * power, 5 * power]);
    let step = steps.find(|step| width / u128::from(*step) <= 50);
    step.and_then(NonZeroU64::new).unwrap_or(NonZeroU64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn values(first: Option<&str>, last: Option<&str>) -> KeyRange {
        KeyRange {
            first: first.map(str::to_owned),
            last: last.map(str::to_owned),
            ..KeyRange::default()
        }
    }

    fn frame(today: &str, premake: u32, zone: Tz) -> Frame {
        Frame {
            today: day(today),
            premake,
            zone,
            limit: MAX_PARTITIONS,
        }
    }

    fn pairs(layout: &Layout) -> Vec<(String, String)> {
        let text = |bound: &Option<Literal>| bound.as_ref().map_or("-".to_owned(), Literal::to_string);
        layout
            .ranges
            .iter()
            .map(|r| (text(&r.lower), text(&r.upper)))
            .collect()
    }

    fn assert_no_gap(layout: &Layout) {
        assert!(
            layout
                .ranges
                .windows(2)
                .all(|pair| pair[0].upper == pair[1].lower)
        );
        let mut names: Vec<&str> = layout.ranges.iter().map(|r| r.suffix.as_str()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), layout.ranges.len());
    }

    #[test]
    fn steps_floor_negative_numbers_and_stop_at_the_types_limits() {
        let smallint = KeyType::from_type_name("int2").unwrap();
        let every = |step| Interval::Every(NonZeroU64::new(step).unwrap());
        let layout = ranges(
            smallint,
            every(1000),
            &values(Some("-1001"), Some("5")),
            &frame("2025-01-01", 1, Tz::UTC),
        )
        .unwrap();
        assert_eq!(layout.ranges[0].suffix, "pm2000");
        assert_eq!(pairs(&layout)[0], ("'-2000'".to_owned(), "'-1000'".to_owned()));
        assert_eq!(layout.ranges.len(), 4);
        let layout = ranges(
            smallint,
            every(1000),
            &values(Some("-32768"), Some("32767")),
            &frame("2025-01-01", 12, Tz::UTC),
        )
        .unwrap();
        assert_eq!(pairs(&layout)[0], ("-".to_owned(), "'-32000'".to_owned()));
        assert_eq!(
            pairs(&layout).last().unwrap(),
            &("'32000'".to_owned(), "-".to_owned())
        );
        assert_no_gap(&layout);
        let bigint = KeyType::from_type_name("int8").unwrap();
        let far = values(Some("-9223372036854775808"), Some("9223372036854775807"));
        assert!(ranges(bigint, every(u64::MAX), &far, &frame("2025-01-01", 12, Tz::UTC)).is_ok());
        assert!(matches!(
            ranges(bigint, every(1), &far, &frame("2025-01-01", 12, Tz::UTC)),
            Err(BoundsError::TooMany(_))
        ));
        let numeric = KeyType::from_type_name("numeric").unwrap();
        let huge = values(Some("0"), Some(&"9".repeat(60)));
        assert_eq!(
            ranges(numeric, every(1), &huge, &frame("2025-01-01", 12, Tz::UTC)),
            Err(BoundsError::TooFarApart)
        );
    }

    #[test]
    fn hours_have_no_gap_where_the_clock_is_changed() {
        for zone in [
            chrono_tz::America::New_York,
            chrono_tz::Australia::Lord_Howe,
            chrono_tz::Asia::Kathmandu,
            chrono_tz::Pacific::Chatham,
        ] {
            for today in [
                "2024-11-03",
                "2024-03-10",
                "2024-04-07",
                "2024-10-06",
                "2024-09-29",
            ] {
                let first = format!("{today}T01:59:59");
                let layout = ranges(
                    KeyType::Timestamptz,
                    Interval::Hourly,
                    &values(Some(&first), None),
                    &frame(today, 30, zone),
                )
                .unwrap();
                assert_no_gap(&layout);
                assert!(layout.ranges.len() >= 50, "{zone} {today}");
            }
        }
        let kathmandu = ranges(
            KeyType::Timestamptz,
            Interval::Hourly,
            &values(None, None),
            &frame("2024-01-01", 0, chrono_tz::Asia::Kathmandu),
        )
        .unwrap();
        assert_eq!(
            pairs(&kathmandu)[0],
            (
                "'2024-01-01 00:00:00+05:45'".to_owned(),
                "'2024-01-01 01:00:00+05:45'".to_owned()
            )
        );
    }

    #[test]
    fn a_uuid_s_bound_is_its_millisecond() {
        let layout = ranges(
            KeyType::Uuid,
            Interval::Monthly,
            &values(None, None),
            &frame("2024-01-15", 0, Tz::UTC),
        )
        .unwrap();
        assert_eq!(pairs(&layout)[0].0, "'018cc251-f400-0000-0000-000000000000'");
    }

    #[test]
    fn reaches_from_the_first_row_to_premake_ahead() {
        let starts = days(
            Interval::Monthly,
            Some(day("2024-11-20")),
            &frame("2025-01-31", 2, Tz::UTC),
        )
        .unwrap();
        let starts: Vec<_> = starts.iter().map(ToString::to_string).collect();
        assert_eq!(
            starts,
            [
                "2024-11-01",
                "2024-12-01",
                "2025-01-01",
                "2025-02-01",
                "2025-03-01",
                "2025-04-01"
            ]
        );
    }

    #[test]
    fn begins_today_for_an_empty_table() {
        let starts = days(Interval::Yearly, None, &frame("2025-06-01", 0, Tz::UTC)).unwrap();
        assert_eq!(starts, [day("2025-01-01"), day("2026-01-01")]);
    }

    #[test]
    fn refuses_more_partitions_than_a_server_can_bear() {
        let refused = days(
            Interval::Daily,
            Some(day("1970-01-01")),
            &frame("2025-01-01", 0, Tz::UTC),
        );
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
