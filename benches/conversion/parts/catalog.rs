//! Very many tables, and very many partitions.

use anyhow::Result;

use super::Bench;
use crate::ground::Table;
use crate::subject::{Columns, Shape};
use crate::writers::{self, Crew, Finds, Window};

/// Tables that are made in one transaction, which holds a lock on each.
const TABLES_AT_ONCE: u32 = 500;

pub fn measure(bench: &mut Bench, round: usize) -> Result<()> {
    // It takes long, and what it shows depends little on chance.
    if round > 1 {
        return Ok(());
    }
    measure_inspect(bench, round)?;
    measure_partitions(bench, round)
}

fn measure_inspect(bench: &mut Bench, round: usize) -> Result<()> {
    let table = bench.ground.table(Shape {
        columns: Columns::Wide,
        rows: 10_000,
        partitions: 24,
    })?;
    let size = bench.figures.setup.catalog_size();
    create_tables(&table, size)?;
    for _ in 0..takes(bench) {
        let run = table
            .database
            .pgcleave(&["inspect", "public.events", "--key", "created_at"])?;
        let name = format!("catalog: inspect among {size} tables");
        bench.figures.push(round, name, "s", run.seconds());
    }
    Ok(())
}

fn takes(bench: &Bench) -> usize {
    if bench.figures.setup.quick { 1 } else { 3 }
}

fn create_tables(table: &Table, size: u32) -> Result<()> {
    let mut client = table.database.client()?;
    for first in (1..=size).step_by(TABLES_AT_ONCE as usize) {
        let last = (first + TABLES_AT_ONCE - 1).min(size);
        client.batch_execute(&format!(
            "DO $$ BEGIN
                 FOR n IN {first}..{last} LOOP
                     EXECUTE format('CREATE TABLE public.%I (id bigint PRIMARY KEY, event_id bigint, note text)', 'other_' || n);
                     EXECUTE format('CREATE INDEX ON public.%I (event_id)', 'other_' || n);
                 END LOOP;
             END $$"
        ))?;
    }
    Ok(client.batch_execute("ANALYZE")?)
}

fn measure_partitions(bench: &mut Bench, round: usize) -> Result<()> {
    let pace = bench.fixed_pace()?;
    let partitions = bench.figures.setup.catalog_size();
    let shape = Shape {
        columns: Columns::Narrow,
        rows: 200_000,
        partitions,
    };
    for _ in 0..takes(bench) {
        let table = bench.ground.table(shape)?;
        let run = table.generate()?;
        let name = format!("catalog: generate {partitions} partitions");
        bench.figures.push(round, name.as_str(), "s", run.seconds());
        bench.push_peak(round, &name, run);
    }
    let table = bench.ground.table(shape)?;
    table.generate()?;
    let run = table.database.apply("verify_copy", &["--jobs", "2"])?;
    let name = format!("catalog: {partitions} partitions, all steps up to the cutover");
    bench.figures.push(round, name, "s", run.seconds());
    let crew = Crew::start(&table, pace, Finds::ByIdAndKey)?;
    let run = table.database.apply("cut_over", &[])?;
    let writes = crew.finish()?;
    let (start, end) = (run.start, run.end);
    let window = Window { start, end };
    let (gap, longest) = (
        writers::longest_gap(&writes, window),
        writers::longest_write(&writes, window),
    );
    let name = format!("catalog: cutover with {partitions} partitions");
    bench
        .figures
        .push(round, format!("{name}: whole step"), "s", run.seconds());
    bench
        .figures
        .push(round, format!("{name}: longest gap"), "ms", gap);
    bench
        .figures
        .push(round, format!("{name}: longest write"), "ms", longest);
    bench.push_peak(round, &name, run);
    Ok(())
}
