//! What is measured, a file a part; each part's goals are in `goals.rs`.

mod catalog;
mod catch_up;
mod copy;
mod latency;
mod pauses;
mod scale;
mod statements;
mod throughput;
mod verify;

use std::time::Instant;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::figures::Figures;
use crate::ground::Ground;
use crate::program::Run;
use crate::subject::{Columns, Shape};
use crate::writers::{self, Finds, Pace};

/// Of the throughput that unthrottled writers reach, what writers at a fixed rate take.
const FIXED_SHARE: f64 = 0.25;

/// A part of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Part {
    /// Seconds for copy and indexes, beside other ways.
    Copy,
    /// Commits per second, by phase.
    Writers,
    /// Statements of 10,000 rows, by phase.
    Statements,
    /// Writers' latency while a copy runs.
    Latency,
    /// Pauses at the switch and at the cutover.
    Pauses,
    /// Catch-up against the rate of changes.
    CatchUp,
    /// Verification against bare scans.
    Verify,
    /// Cost per row by size.
    Scale,
    /// Many tables, many partitions.
    Catalog,
}

impl Part {
    pub const ALL: &[Self] = &[
        Self::Copy,
        Self::Writers,
        Self::Statements,
        Self::Latency,
        Self::Pauses,
        Self::CatchUp,
        Self::Verify,
        Self::Scale,
        Self::Catalog,
    ];

    fn measure(self, bench: &mut Bench, round: usize) -> Result<()> {
        match self {
            Self::Copy => copy::measure(bench, round),
            Self::Writers => throughput::measure(bench, round),
            Self::Statements => statements::measure(bench, round),
            Self::Latency => latency::measure(bench, round),
            Self::Pauses => pauses::measure(bench, round),
            Self::CatchUp => catch_up::measure(bench, round),
            Self::Verify => verify::measure(bench, round),
            Self::Scale => scale::measure(bench, round),
            Self::Catalog => catalog::measure(bench, round),
        }
    }
}

/// What every part needs.
pub struct Bench {
    pub ground: Ground,
    pub figures: Figures,
    /// The writers' fixed rate, once it was needed.
    rate: Option<f64>,
}

impl Bench {
    pub fn new(ground: Ground, figures: Figures) -> Self {
        Self {
            ground,
            figures,
            rate: None,
        }
    }

    /// Round by round, so that whatever else happens on the machine meets all of a round alike.
    ///
    /// # Errors
    /// The first one; what was measured until then is there.
    pub fn run(&mut self, parts: &[Part], once: &[Part]) -> Result<()> {
        for round in 1..=self.figures.setup.rounds {
            for part in parts.iter().filter(|part| round == 1 || !once.contains(part)) {
                let start = Instant::now();
                part.measure(self, round)
                    .with_context(|| format!("{part:?}, round {round}"))?;
                println!(
                    "round {round}  {part:?} took {:.0} s",
                    start.elapsed().as_secs_f64()
                );
            }
        }
        Ok(())
    }

    /// The usual table.
    pub fn shape(&self) -> Shape {
        Shape {
            columns: Columns::Wide,
            rows: self.figures.setup.rows,
            partitions: 24,
        }
    }

    /// A quarter of what unthrottled writers reach: measured once, then the same for all.
    ///
    /// # Errors
    /// When the writers fail.
    pub fn fixed_pace(&mut self) -> Result<Pace> {
        if let Some(rate) = self.rate {
            return Ok(Pace::Rate(rate));
        }
        let table = self.ground.table(self.shape())?;
        table.database.checkpoint()?;
        let time = self.figures.setup.time(10, 2);
        let (window, writes) = writers::watch(&table, Pace::Unthrottled, Finds::ById, time)?;
        let rate = (writers::rate(&writes, window) * FIXED_SHARE).round();
        println!("writers at a fixed rate: {rate} a second together");
        self.rate = Some(rate);
        self.figures.setup.fixed_rate = rate;
        Ok(Pace::Rate(rate))
    }

    /// The program's memory, where it could be seen.
    fn push_peak(&mut self, round: usize, name: &str, run: Run) {
        if let Some(peak) = run.peak {
            self.figures
                .push(round, format!("{name}: peak memory"), "MiB", peak);
        }
    }
}
