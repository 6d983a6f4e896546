//! Stretches of time, and what the writers felt in them.

use std::time::{Duration, Instant};

use super::writers::{Book, Record};

/// From when to when something ran.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub start: Instant,
    pub end: Instant,
}

impl Window {
    pub fn seconds(self) -> f64 {
        (self.end - self.start).as_secs_f64()
    }

    /// From the start of this to the end of the other.
    pub fn until(self, other: Self) -> Self {
        Self {
            start: self.start,
            end: other.end,
        }
    }

    /// Anything that was under way then.
    fn meets(self, record: &Record) -> bool {
        record.start <= self.end && record.end >= self.start
    }

    fn holds(self, moment: Instant) -> bool {
        (self.start..=self.end).contains(&moment)
    }
}

/// A stretch of the conversion, as the writers felt it.
#[derive(Debug, Clone)]
pub struct Phase {
    pub name: &'static str,
    pub seconds: f64,
    /// None where the stretch is too short to say.
    pub commits_per_second: Option<f64>,
    pub mean_ms: f64,
    /// The longest transaction that began then.
    pub longest_ms: f64,
}

/// Shorter than this a rate is noise.
const SHORTEST_RATE: f64 = 0.2;

impl Phase {
    /// Reads the writers' books.
    pub fn measure(name: &'static str, window: Window, books: &[Book]) -> Self {
        let records = || books.iter().flat_map(|book| &book.records);
        let ended: Vec<&Record> = records().filter(|r| r.committed && window.holds(r.end)).collect();
        let busy: Duration = ended.iter().map(|record| record.busy).sum();
        let longest = records().filter(|r| window.holds(r.start)).map(|r| r.busy).max();
        let rate = ended.len() as f64 / window.seconds();
        Self {
            name,
            seconds: window.seconds(),
            commits_per_second: (window.seconds() >= SHORTEST_RATE).then_some(rate),
            mean_ms: milliseconds(busy) / ended.len().max(1) as f64,
            longest_ms: milliseconds(longest.unwrap_or_default()),
        }
    }
}

/// The longest transaction that was under way while a verb ran.
#[derive(Debug, Clone)]
pub struct Pause {
    pub at: &'static str,
    pub longest_ms: f64,
}

impl Pause {
    /// Reads the writers' books.
    pub fn measure(at: &'static str, window: Window, books: &[Book]) -> Self {
        let met = books
            .iter()
            .flat_map(|book| &book.records)
            .filter(|record| window.meets(record));
        let longest = met.map(|record| record.busy).max();
        Self {
            at,
            longest_ms: milliseconds(longest.unwrap_or_default()),
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
