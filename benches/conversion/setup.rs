//! Under which circumstances the figures came about.

use std::fs;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The server's settings: durable, and nothing left to chance; the rest is the server's default.
pub const SETTINGS: [(&str, &str); 10] = [
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("shared_buffers", "2GB"),
    ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "1h"),
    ("maintenance_work_mem", "128MB"),
    // Chance would decide whom it hits.
    ("autovacuum", "off"),
    // For 500 and 5,000 partitions.
    ("max_locks_per_transaction", "2048"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
];

/// What stands in the JSON beside the figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    pub quick: bool,
    pub rows: i64,
    pub rounds: usize,
    pub scale_rows: i64,
    pub day: String,
    pub pgcleave: String,
    pub postgresql: String,
    pub machine: String,
    pub settings: Vec<String>,
    /// Writes a second of all writers together where they keep to a rate; 0 where no part needed one.
    pub fixed_rate: f64,
}

impl Setup {
    /// What the options leave open has a default.
    pub fn new(
        quick: bool,
        rows: Option<i64>,
        rounds: Option<usize>,
        scale_rows: Option<i64>,
        postgresql: String,
    ) -> Self {
        let by_size = |small, full| if quick { small } else { full };
        Self {
            quick,
            rows: rows.unwrap_or(by_size(200_000, 2_000_000)),
            rounds: rounds.unwrap_or(if quick { 1 } else { 3 }),
            scale_rows: scale_rows.unwrap_or(by_size(40_000, 20_000_000)),
            day: chrono::Utc::now().format("%Y-%m-%d").to_string(),
            pgcleave: env!("CARGO_PKG_VERSION").to_owned(),
            postgresql,
            machine: machine(),
            settings: SETTINGS
                .iter()
                .map(|(name, value)| format!("{name} = {value}"))
                .collect(),
            fixed_rate: 0.0,
        }
    }

    /// `full`, or the short time where only the way is tried.
    pub fn time(&self, full: u64, quick: u64) -> Duration {
        Duration::from_secs(if self.quick { quick } else { full })
    }

    /// Rows of the small table of `scale`.
    pub fn small_scale_rows(&self) -> i64 {
        if self.quick { 20_000 } else { 1_000_000 }
    }

    /// Rows and partitions of the tables of `pauses`.
    pub fn pause_shapes(&self) -> Vec<(i64, u32)> {
        if self.quick {
            return vec![(200_000, 24)];
        }
        vec![
            (1_000_000, 24),
            (1_000_000, 500),
            (10_000_000, 24),
            (10_000_000, 500),
        ]
    }

    /// Rows of a statement of `statements`.
    pub fn statement_rows(&self) -> i64 {
        if self.quick { 1_000 } else { 10_000 }
    }

    /// Tables of `catalog`, and partitions there.
    pub fn catalog_size(&self) -> u32 {
        if self.quick { 100 } else { 5_000 }
    }
}

fn machine() -> String {
    let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split(':').nth(1));
        value.map(|value| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model =
        value(&file("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let memory = value(&file("/proc/meminfo"), "MemTotal");
    let kilobytes =
        memory.and_then(|text| text.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()));
    let memory = kilobytes.map_or_else(String::new, |kb| format!(", {:.0} GiB", kb / 1024.0 / 1024.0));
    format!("{cores} cores ({model}){memory}, {}", std::env::consts::OS)
}
