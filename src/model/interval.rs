//! The width of a partition.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};

/// The width of a partition: calendar units on a date or time key, a step on a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "NameOrStep", into = "NameOrStep")]
pub enum Interval {
    /// An hour, from the full hour in the pinned time zone.
    Hourly,
    /// A day, from midnight.
    Daily,
    /// ISO weeks, from Monday.
    Weekly,
    /// A month, from its first day.
    Monthly,
    /// Three months, from 1 January, April, July or October.
    Quarterly,
    /// A year, from 1 January.
    Yearly,
    /// So many whole numbers.
    Every(NonZeroU64),
}

/// An interval that we don't know.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "unknown interval {0:?}; one of hourly, daily, weekly, monthly, quarterly, yearly is possible, or for whole numbers a step such as 1000000"
)]
pub struct IntervalError(pub String);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum NameOrStep {
    Step(u64),
    Name(String),
}

impl TryFrom<NameOrStep> for Interval {
    type Error = IntervalError;
    fn try_from(text: NameOrStep) -> Result<Self, IntervalError> {
        match text {
            NameOrStep::Step(step) => step.to_string().parse(),
            NameOrStep::Name(name) => name.parse(),
        }
    }
}

impl From<Interval> for NameOrStep {
    fn from(interval: Interval) -> Self {
        match interval {
            Interval::Every(step) => Self::Step(step.get()),
            calendar => Self::Name(calendar.to_string()),
        }
    }
}

impl Interval {
    /// Those of the calendar, from the narrowest to the widest.
    pub const CALENDAR: [Self; 6] = [
        Self::Hourly,
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Quarterly,
        Self::Yearly,
    ];

    /// First day of the interval that holds the day; the day itself for what is narrower or no calendar's.
    pub fn floor(self, day: NaiveDate) -> NaiveDate {
        let start = match self {
            Self::Hourly | Self::Daily | Self::Every(_) => Some(day),
            Self::Weekly => day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())),
            Self::Monthly => day.with_day(1),
            Self::Quarterly => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1),
            Self::Yearly => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        };
        start.unwrap_or(NaiveDate::MIN)
    }

    /// First day of the interval after the one that begins on `start`; `None`
    /// beyond the calendar's end.
    pub fn next(self, start: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Hourly | Self::Daily | Self::Every(_) => start.checked_add_days(Days::new(1)),
            Self::Weekly => start.checked_add_days(Days::new(7)),
            Self::Monthly => start.checked_add_months(Months::new(1)),
            Self::Quarterly => start.checked_add_months(Months::new(3)),
            Self::Yearly => start.checked_add_months(Months::new(12)),
        }
    }

    /// What a partition's name ends in: `p2024_01`.
    pub fn suffix(self, start: NaiveDate) -> String {
        match self {
            Self::Hourly | Self::Daily | Self::Every(_) => start.format("p%Y_%m_%d").to_string(),
            Self::Weekly => start.format("p%G_w%V").to_string(),
            Self::Monthly => start.format("p%Y_%m").to_string(),
            Self::Quarterly => format!("{}_q{}", start.format("p%Y"), start.month0() / 3 + 1),
            Self::Yearly => start.format("p%Y").to_string(),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
            Self::Every(step) => return write!(f, "{step}"),
        })
    }
}

impl FromStr for Interval {
    type Err = IntervalError;
    fn from_str(text: &str) -> Result<Self, IntervalError> {
        let calendar = Self::CALENDAR.into_iter().find(|i| i.to_string() == text);
        let step = || text.replace('_', "").parse().ok().map(Self::Every);
        calendar
            .or_else(step)
            .ok_or_else(|| IntervalError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn floors_to_the_first_day() {
        let at = day("2024-05-16");
        let starts = Interval::CALENDAR.map(|i| i.floor(at).to_string());
        assert_eq!(
            starts,
            [
                "2024-05-16",
                "2024-05-16",
                "2024-05-13",
                "2024-05-01",
                "2024-04-01",
                "2024-01-01"
            ]
        );
    }

    #[test]
    fn names_iso_weeks_by_their_iso_year() {
        assert_eq!(Interval::Weekly.suffix(day("2024-12-30")), "p2025_w01");
        assert_eq!(Interval::Quarterly.suffix(day("2024-10-01")), "p2024_q4");
    }

    #[test]
    fn knows_no_other_interval() {
        assert!("fortnightly".parse::<Interval>().is_err());
        assert!("0".parse::<Interval>().is_err());
        assert_eq!("weekly".parse(), Ok(Interval::Weekly));
        let million = Interval::Every(NonZeroU64::new(1_000_000).unwrap());
        assert_eq!("1_000_000".parse(), Ok(million));
        assert_eq!(million.to_string(), "1000000");
    }
}
