//! How fast changes are brought into the copy, against how fast unthrottled writers make them.

use anyhow::Result;

use super::Bench;
use crate::ground::Table;
use crate::writers::{self, Crew, Finds, Pace};

pub fn measure(bench: &mut Bench, round: usize) -> Result<()> {
    let pace = bench.fixed_pace()?;
    let table = bench.ground.table(bench.shape())?;
    table.generate()?;
    table.database.apply("build_indexes", &["--jobs", "2"])?;

    let changes = write(bench, round, &table)?;
    let run = table.database.apply("catch_up", &[])?;
    let rate = changes as f64 / run.seconds();
    bench
        .figures
        .push(round, "catch_up: writers stopped", "changes/s", rate);

    table
        .database
        .pgcleave(&["rollback", "public.events", "--to", "build_indexes", "--yes"])?;
    let changes = write(bench, round, &table)?;
    let crew = Crew::start(&table, pace, Finds::ById)?;
    let run = table.database.apply("catch_up", &[])?;
    let writes = crew.finish()?;
    let meanwhile = writes.iter().filter(|write| write.done < run.end).count();
    let rate = (changes + meanwhile) as f64 / run.seconds();
    bench
        .figures
        .push(round, "catch_up: with writers", "changes/s", rate);
    Ok(())
}

/// Makes a backlog; how many changes it is.
fn write(bench: &mut Bench, round: usize, table: &Table) -> Result<usize> {
    table.database.checkpoint()?;
    let time = bench.figures.setup.time(20, 2);
    let (window, writes) = writers::watch(table, Pace::Unthrottled, Finds::ById, time)?;
    let rate = writers::rate(&writes, window);
    bench
        .figures
        .push(round, "catch_up: unthrottled writers", "changes/s", rate);
    Ok(writes.len())
}
