//! For how long writers stand still at the switch and at the cutover, by rows and by partitions.

use anyhow::{Context, Result};

use super::Bench;
use crate::subject::{Columns, Shape};
use crate::writers::{self, Crew, Finds, Pace, Window, Write};

/// The step before each, and the step itself.
const ACTS: [(&str, &str, &str); 2] = [
    ("switch", "catch_up", "keep_in_step"),
    ("cutover", "verify_copy", "cut_over"),
];

pub fn measure(bench: &mut Bench, round: usize) -> Result<()> {
    let pace = bench.fixed_pace()?;
    measure_quiet(bench, round, pace)?;
    for (rows, partitions) in bench.figures.setup.pause_shapes() {
        let shape = Shape {
            columns: Columns::Narrow,
            rows,
            partitions,
        };
        measure_shape(bench, round, shape, pace).with_context(|| shape.text())?;
        bench.ground.forget(shape)?;
    }
    Ok(())
}

/// The longest write where nothing happens: what the machine does by itself.
fn measure_quiet(bench: &mut Bench, round: usize, pace: Pace) -> Result<()> {
    let table = bench.ground.table(bench.shape())?;
    table.database.checkpoint()?;
    let time = bench.figures.setup.time(60, 2);
    let (window, writes) = writers::watch(&table, pace, Finds::ByIdAndKey, time)?;
    push(bench, round, "pauses: quiet", &writes, window);
    Ok(())
}

fn measure_shape(bench: &mut Bench, round: usize, shape: Shape, pace: Pace) -> Result<()> {
    let table = bench.ground.table(shape)?;
    table.generate()?;
    for (act, before, step) in ACTS {
        table.database.apply(before, &["--jobs", "2"])?;
        table.database.checkpoint()?;
        let crew = Crew::start(&table, pace, Finds::ByIdAndKey)?;
        let run = table.database.apply(step, &[])?;
        let writes = crew.finish()?;
        let (start, end) = (run.start, run.end);
        let name = format!("pauses: {act}, {}", shape.text());
        bench
            .figures
            .push(round, format!("{name}: whole step"), "s", run.seconds());
        push(bench, round, &name, &writes, Window { start, end });
    }
    Ok(())
}

fn push(bench: &mut Bench, round: usize, name: &str, writes: &[Write], window: Window) {
    let (gap, longest) = (
        writers::longest_gap(writes, window),
        writers::longest_write(writes, window),
    );
    bench
        .figures
        .push(round, format!("{name}: longest gap"), "ms", gap);
    bench
        .figures
        .push(round, format!("{name}: longest write"), "ms", longest);
}
