//! Seconds from an empty copy to one with all rows and all indexes, pgcleave's way and others'.

use std::time::Instant;

use anyhow::{Context, Result};

use super::Bench;
use crate::ground::Table;
use crate::peers;
use crate::writers::{Crew, Finds};

/// The last step that is timed.
const THROUGH: &str = "build_indexes";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// One INSERT … SELECT into a bare copy, then the indexes: the least that one session must do.
    Limit,
    Pgcleave {
        jobs: u32,
        with_writers: bool,
    },
    InsertSelect,
    Keyset,
    PgsliceSql,
    Pgslice,
}

/// Ways with their names, in the order of the first round.
const WAYS: [(Way, &str); 9] = [
    (Way::Limit, "copy: limit of one session"),
    (pgcleave(1, false), "copy: pgcleave --jobs 1"),
    (pgcleave(2, false), "copy: pgcleave --jobs 2"),
    (Way::InsertSelect, "copy: one INSERT … SELECT"),
    (Way::Keyset, "copy: keyset procedure"),
    (Way::PgsliceSql, "copy: pgslice fill (our SQL)"),
    (Way::Pgslice, "copy: pgslice fill (itself)"),
    (pgcleave(1, true), "copy: pgcleave --jobs 1, with writers"),
    (pgcleave(2, true), "copy: pgcleave --jobs 2, with writers"),
];

const fn pgcleave(jobs: u32, with_writers: bool) -> Way {
    Way::Pgcleave { jobs, with_writers }
}

pub fn measure(bench: &mut Bench, round: usize) -> Result<()> {
    let mut ways = WAYS;
    ways.rotate_left((round - 1) % WAYS.len());
    for (way, name) in ways {
        run(bench, round, way, name).context(name)?;
    }
    Ok(())
}

fn run(bench: &mut Bench, round: usize, way: Way, name: &str) -> Result<()> {
    match way {
        Way::Pgcleave { jobs, with_writers } => run_pgcleave(bench, round, jobs, with_writers, name),
        Way::Pgslice => {
            let Some(program) = peers::pgslice_at() else {
                return Ok(());
            };
            let table = bench.ground.table(bench.shape())?;
            let seconds = peers::pgslice(&program, &table)?;
            bench.figures.push(round, name, "s", seconds);
            Ok(())
        }
        Way::Limit | Way::InsertSelect | Way::Keyset | Way::PgsliceSql => run_sql(bench, round, way, name),
    }
}

fn run_sql(bench: &mut Bench, round: usize, way: Way, name: &str) -> Result<()> {
    let table = bench.ground.table(bench.shape())?;
    let mut client = peers::create_copy(&table)?;
    match way {
        Way::InsertSelect => peers::create_indexes(&mut client, &table)?,
        Way::Keyset => {
            peers::create_indexes(&mut client, &table)?;
            peers::create_keyset_procedure(&mut client)?;
        }
        Way::PgsliceSql => peers::create_indexes_as_pgslice(&mut client, &table)?,
        Way::Limit | Way::Pgcleave { .. } | Way::Pgslice => {}
    }
    table.database.checkpoint()?;
    let (wal, start) = (table.database.wal()?, Instant::now());
    match way {
        Way::Keyset => client.batch_execute("CALL public.fill_copy()")?,
        Way::PgsliceSql => peers::fill_as_pgslice(&mut client)?,
        Way::Limit | Way::InsertSelect | Way::Pgcleave { .. } | Way::Pgslice => {
            peers::insert_select(&mut client)?
        }
    }
    if way == Way::Limit {
        bench.figures.push(
            round,
            "copy: limit of one session, rows alone",
            "s",
            start.elapsed().as_secs_f64(),
        );
        peers::create_indexes(&mut client, &table)?;
    }
    push(bench, round, name, start.elapsed().as_secs_f64(), &table, wal)
}

fn run_pgcleave(bench: &mut Bench, round: usize, jobs: u32, with_writers: bool, name: &str) -> Result<()> {
    let pace = bench.fixed_pace()?;
    let table = bench.ground.table(bench.shape())?;
    table.prepare()?;
    table.database.checkpoint()?;
    let crew = match with_writers {
        true => Some(Crew::start(&table, pace, Finds::ById)?),
        false => None,
    };
    let wal = table.database.wal()?;
    let run = table.database.apply(THROUGH, &["--jobs", &jobs.to_string()])?;
    if let Some(crew) = crew {
        crew.finish()?;
    }
    bench.push_peak(round, name, run);
    push(bench, round, name, run.seconds(), &table, wal)
}

fn push(bench: &mut Bench, round: usize, name: &str, seconds: f64, table: &Table, wal: f64) -> Result<()> {
    let megabytes = (table.database.wal()? - wal) / 1024.0 / 1024.0;
    bench.figures.push(round, name, "s", seconds);
    bench
        .figures
        .push(round, format!("{name}: WAL"), "MiB", megabytes);
    Ok(())
}
