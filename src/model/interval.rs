//! The width of a partition.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};

/// The width of a partition on a date or time key, in whole calendar units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    Daily,
    /// ISO weeks, from Monday.
    Weekly,
    Monthly,
    Quarterly,
    Yearly,
}

/// An interval that we don't know.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown interval {0:?}; one of daily, weekly, monthly, quarterly, yearly is possible")]
pub struct IntervalError(pub String);

impl Interval {
    /// From the narrowest to the widest.
    pub const ALL: [Self; 5] = [
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Quarterly,
        Self::Yearly,
    ];

    /// First day of the interval that holds the day.
    pub fn floor(self, day: NaiveDate) -> NaiveDate {
        let start = match self {
            Self::Daily => Some(day),
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
            Self::Daily => start.checked_add_days(Days::new(1)),
            Self::Weekly => start.checked_add_days(Days::new(7)),
            Self::Monthly => start.checked_add_months(Months::new(1)),
            Self::Quarterly => start.checked_add_months(Months::new(3)),
            Self::Yearly => start.checked_add_months(Months::new(12)),
        }
    }

    /// What a partition's name ends in: `p2024_01`.
    pub fn suffix(self, start: NaiveDate) -> String {
        match self {
            Self::Daily => start.format("p%Y_%m_%d").to_string(),
            Self::Weekly => start.format("p%G_w%V").to_string(),
            Self::Monthly => start.format("p%Y_%m").to_string(),
            Self::Quarterly => format!("{}_q{}", start.format("p%Y"), start.month0() / 3 + 1),
            Self::Yearly => start.format("p%Y").to_string(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Interval {
    type Err = IntervalError;
    fn from_str(text: &str) -> Result<Self, IntervalError> {
        Self::ALL
            .into_iter()
            .find(|i| i.name() == text)
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
        let starts = Interval::ALL.map(|i| i.floor(at).to_string());
        assert_eq!(
            starts,
            [
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
        assert_eq!("weekly".parse(), Ok(Interval::Weekly));
    }
}
