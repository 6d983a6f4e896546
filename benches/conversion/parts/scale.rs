//! What a row costs in a small table and in a great one.

use anyhow::Result;

use super::Bench;
use crate::subject::{Columns, Shape, grouped};

pub fn measure(bench: &mut Bench, round: usize) -> Result<()> {
    let setup = &bench.figures.setup;
    for rows in [setup.small_scale_rows(), setup.scale_rows] {
        let shape = Shape {
            columns: Columns::Wide,
            rows,
            partitions: 24,
        };
        let table = bench.ground.table(shape)?;
        // Two of the great one, and the copy, may be more than the disk holds.
        bench.ground.forget(shape)?;
        table.prepare()?;
        table.database.checkpoint()?;
        let run = table.database.apply("build_indexes", &["--jobs", "1"])?;
        let name = format!("scale: {} rows", grouped(rows));
        let micros = run.seconds() * 1e6 / rows as f64;
        bench.figures.push(round, name.as_str(), "µs/row", micros);
        bench.push_peak(round, &name, run);
    }
    Ok(())
}
