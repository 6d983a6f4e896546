//! Flags on how much the batch copy and the catch-up may take.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::duration;
use crate::apply::{Limit, Load};

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub struct LoadArgs {
    /// Sessions that copy at once.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub jobs: Option<u32>,
    /// How long a batch should take; its size follows (500ms unless set before).
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    pub batch_target: Option<Duration>,
    /// Pause after each batch.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub sleep: Option<Duration>,
    /// Wait while a replica's replay lags by more than this (10s unless set before); "none" for this and the next three takes a limit away.
    #[arg(long, value_name = "TIME", value_parser = limit(duration))]
    pub max_replica_lag: Option<Limit<Duration>>,
    /// Wait while a replication slot retains more bytes of WAL than this, such as 20GB (no limit unless set).
    #[arg(long, value_name = "SIZE", value_parser = limit(size))]
    pub max_retained_wal: Option<Limit<u64>>,
    /// Wait while more sessions than this are active in the whole server, ours apart (no limit unless set).
    #[arg(long, value_name = "N", value_parser = limit(u32::from_str))]
    pub max_active_sessions: Option<Limit<u32>>,
    /// Wait while this query returns true (none unless set).
    #[arg(long, value_name = "SQL", value_parser = limit(|text| Ok::<_, std::convert::Infallible>(text.to_owned())))]
    pub throttle_query: Option<Limit<String>>,
}

impl LoadArgs {
    pub fn load(&self) -> Load {
        Load {
            jobs: self.jobs,
            batch_target: self.batch_target,
            sleep: self.sleep,
            max_replica_lag: self.max_replica_lag.clone(),
            max_retained_wal: self.max_retained_wal.clone(),
            max_active_sessions: self.max_active_sessions.clone(),
            throttle_query: self.throttle_query.clone(),
        }
    }
}

/// `none`, or what `parse` makes of the text.
fn limit<T, E: std::fmt::Display>(
    parse: impl Fn(&str) -> Result<T, E> + Clone,
) -> impl Fn(&str) -> Result<Limit<T>, String> + Clone {
    move |text| match text {
        "none" => Ok(Limit::Unlimited),
        text => parse(text).map(Limit::At).map_err(|error| error.to_string()),
    }
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(time) if time >= Duration::from_millis(1) => Ok(time),
        Ok(_) => Err("1ms or more".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Bytes, in the units of PostgreSQL's own settings: kB, MB, GB, TB are powers of 1024.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match &text[digits.len()..] {
        "" | "B" => 0,
        "kB" => 1,
        "MB" => 2,
        "GB" => 3,
        "TB" => 4,
        _ => return Err("a number with kB, MB, GB or TB".to_owned()),
    };
    let number: u64 = digits
        .trim()
        .parse()
        .map_err(|_| "a whole number first".to_owned())?;
    number
        .checked_mul(1024_u64.pow(power))
        .ok_or_else(|| "too much".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_as_postgresql_does() {
        assert_eq!(size("10GB"), Ok(10 << 30));
        assert_eq!(size("512 kB"), Ok(512 << 10));
        assert!(size("10Gb").is_err() && size("GB").is_err() && size("99999999999TB").is_err());
    }
}
