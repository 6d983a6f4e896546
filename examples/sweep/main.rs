//! The sweep: every table of a schema that somebody else wrote is filled, converted, cut over and rolled back.
//!
//! Each table has a database of its own, made from one that holds the whole schema with rows.

mod command;
mod constraints;
mod fill;
mod journey;
mod load;
mod report;
mod tables;
mod values;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow};
use clap::{Parser, ValueEnum};
use pgcleave::server::{Programs, Server};

use crate::journey::Journey;
use crate::report::{Outcome, Report};

/// Converts every table of a schema and back, and says what became of each.
#[derive(Debug, Parser)]
struct Options {
    /// The schema, as psql reads it: a dump, with or without rows.
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    /// Folder with PostgreSQL's server programs.
    #[arg(long, value_name = "BIN_DIR")]
    pg: Option<PathBuf>,
    /// What the tables are partitioned by.
    #[arg(long, default_value = "time")]
    key_kind: KeyKind,
    /// Rows that a table without any gets.
    #[arg(long, default_value_t = 60)]
    rows: u32,
    /// Only the tables whose name holds this.
    #[arg(long, value_name = "TABLE")]
    only: Option<String>,
    /// Tables at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// What is chosen for keys that can't stay as they are, where it is offered; each in a pass of its own.
    #[arg(long, value_name = "CHOICE", default_values = ["guard", "extend"])]
    choice: Vec<String>,
    /// Writes the outcomes there, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// pgcleave's binary; without it the one beside the example.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// What kind of column becomes the partition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyKind {
    /// A date, timestamp or timestamptz column, ranges of it.
    Time,
    /// The primary key: ranges of integers, hashes of anything else.
    Primary,
}

fn main() -> ExitCode {
    match sweep(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing failed.
fn sweep(options: &Options) -> Result<bool> {
    let programs = match &options.pg {
        Some(bin) => Programs::at(bin).ok_or_else(|| anyhow!("no PostgreSQL in {}", bin.display()))?,
        None => Programs::find()?,
    };
    let settings = [
        ("max_connections", "100"),
        ("max_locks_per_transaction", "512"),
        ("wal_level", "logical"),
    ];
    let server = Server::start(&programs, &settings).context("the throwaway server")?;
    load::load(&server, &options.schema)?;
    let filled = fill::fill_all(&server.url(load::TEMPLATE), options.rows)?;
    let mut tables = tables::list(&server.url(load::TEMPLATE), options.key_kind)?;
    if let Some(only) = &options.only {
        tables.retain(|table| table.name.contains(only.as_str()));
    }
    let program = options
        .program
        .clone()
        .map_or_else(command::beside, Ok)?
        .canonicalize()?;
    let (next, report) = (AtomicUsize::new(0), Mutex::new(Report::default()));
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                while let Some(table) = tables.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = Journey::new(&server, &program, table).run(&options.choice);
                    let outcome = outcome.unwrap_or_else(|error| Outcome::failed(&format!("{error:#}")));
                    let rows = filled.rows_of(&table.name);
                    report.lock().expect("no thread panics").add(table, rows, outcome);
                }
            });
        }
    });
    let report = report.into_inner().expect("no thread panics");
    println!("{}", report.totals());
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&report.lines)?)?;
    }
    Ok(!report.has_failures())
}
