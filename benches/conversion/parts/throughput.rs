//! How many commits a second four unthrottled writers reach: without a conversion, and in each of its phases.

use anyhow::Result;

use super::Bench;
use crate::ground::Table;
use crate::writers::{self, Finds, Pace};

/// Phases and the step that ends with them.
pub const PHASES: [(&str, &str); 3] = [
    ("A", "create_batch_copy_procedure"),
    ("B", "keep_in_step"),
    ("C", "cut_over"),
];

pub fn measure(bench: &mut Bench, round: usize) -> Result<()> {
    let shape = bench.shape();
    let plain = bench.ground.table(shape)?;
    let converted = bench.ground.table(shape)?;
    converted.generate()?;
    let takes = if bench.figures.setup.quick { 1 } else { 2 };
    for (phase, step) in PHASES {
        converted.database.apply(step, &[])?;
        for _ in 0..takes {
            // Directly before, as the disk has its moods, and rows written since have made both tables longer.
            watch(
                bench,
                round,
                &format!("writers: none, before {phase}"),
                &plain,
                Finds::ById,
            )?;
            watch(
                bench,
                round,
                &format!("writers: {phase}"),
                &converted,
                Finds::ById,
            )?;
        }
    }
    watch(
        bench,
        round,
        "writers: C, with the partition key in WHERE",
        &converted,
        Finds::ByIdAndKey,
    )
}

fn watch(bench: &mut Bench, round: usize, name: &str, table: &Table, finds: Finds) -> Result<()> {
    table.database.checkpoint()?;
    let time = bench.figures.setup.time(10, 1);
    let (window, writes) = writers::watch(table, Pace::Unthrottled, finds, time)?;
    let rate = writers::rate(&writes, window);
    bench.figures.push(round, name, "commits/s", rate);
    Ok(())
}
