//! The torture machine: random tables, random writers, random faults, and books that must balance.
//!
//! Each run has a seed of its own, which decides on the table, the writers' statements and the faults.
//! Timing isn't repeated, so a failure may need its seed more than once.

mod alterations;
mod changes;
mod checks;
mod columns;
mod ddl;
mod disk;
mod drive;
mod faults;
mod guards;
mod journey;
mod keys;
mod ledger;
mod marks;
mod names;
mod plan;
mod program;
mod relatives;
mod run;
mod shape;
mod snapshots;
mod statements;
mod surroundings;
mod tally;
mod world;
mod writers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use fastrand::Rng;
use pgcleave::server::Programs;

use crate::tally::Tally;

/// Converts random tables under random writers and faults, and checks every row.
#[derive(Debug, Parser)]
struct Options {
    /// Stop after this many runs.
    #[arg(long)]
    runs: Option<u64>,
    /// Seed of the first run; that of each further one follows from it.
    #[arg(long)]
    seed: Option<u64>,
    /// Begin no run after this many minutes.
    #[arg(long)]
    minutes: Option<f64>,
    /// Folder with PostgreSQL's server programs.
    #[arg(long, value_name = "BIN_DIR")]
    pg: Option<PathBuf>,
    /// pgcleave's binary; without it the one beside the example.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Chance of a fault in each run of a verb.
    #[arg(long, default_value_t = 55, value_parser = clap::value_parser!(u8).range(0..=100))]
    fault_percent: u8,
    /// End with the first run that fails.
    #[arg(long)]
    stop_at_first: bool,
    /// Print the drawn schema of each run.
    #[arg(long)]
    show: bool,
}

fn main() -> ExitCode {
    match torture(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything was nought that has to be.
fn torture(options: &Options) -> Result<bool> {
    let binary = find_program(options)?;
    let programs = find_server(options)?;
    let mut seed = options.seed.unwrap_or_else(|| fastrand::u64(..1 << 48));
    println!("PostgreSQL {}, seed {seed}", programs.version()?);
    let began = Instant::now();
    let total = Tally::default();
    let runs = options
        .runs
        .unwrap_or(if options.minutes.is_some() { u64::MAX } else { 10 });
    for number in 1..=runs {
        if options
            .minutes
            .is_some_and(|m| began.elapsed() >= Duration::from_secs_f64(m * 60.0))
        {
            break;
        }
        let one = run::run(&programs, &binary, seed, options.fault_percent, options.show);
        total.absorb(&one.tally);
        println!("run {number}, seed {seed}, {} s: {}", one.seconds, one.told);
        for complaint in one.tally.complaints() {
            println!("  - {}", complaint.replace('\n', "\n    "));
        }
        if !one.tally.is_clean() {
            report(options, seed, &one);
            if options.stop_at_first {
                break;
            }
        }
        seed = Rng::with_seed(seed).u64(..1 << 48);
    }
    println!("{}", total.table());
    Ok(total.is_clean())
}

fn report(options: &Options, seed: u64, one: &run::Outcome) {
    let pg = options
        .pg
        .as_ref()
        .map_or(String::new(), |pg| format!(" --pg {}", pg.display()));
    println!("FAILED with seed {seed}; once more:");
    println!("    cargo run --release --example torture -- --runs 1 --seed {seed}{pg}");
    println!("  the table: {}", one.table);
    println!(
        "  pgcleave's last words: {}",
        one.last_words.replace('\n', "\n    ")
    );
    println!(
        "  the end of the server's log:\n    {}",
        one.log_tail.replace('\n', "\n    ")
    );
}

/// `target/<profile>/pgcleave` beside `target/<profile>/examples/torture`.
fn find_program(options: &Options) -> Result<PathBuf> {
    let path = match &options.program {
        Some(path) => std::path::absolute(path)?,
        None => {
            let own = std::env::current_exe().context("where is this program?")?;
            let folder = own.parent().and_then(|examples| examples.parent());
            folder
                .ok_or_else(|| anyhow!("{} has no place", own.display()))?
                .join("pgcleave")
        }
    };
    if !path.is_file() {
        bail!(
            "{} isn't there; hint: build it first (cargo build, with --release for a release), or name it by --program",
            path.display()
        );
    }
    Ok(path)
}

fn find_server(options: &Options) -> Result<Programs> {
    match &options.pg {
        Some(bin) => {
            Programs::at(bin).ok_or_else(|| anyhow!("{} holds no initdb, pg_ctl and postgres", bin.display()))
        }
        None => {
            Programs::find().map_err(|error| anyhow!("{error}; hint: {}", error.hint().unwrap_or_default()))
        }
    }
}
