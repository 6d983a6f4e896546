//! How long a write takes at a fixed rate: without a conversion, and while one session copies and builds indexes.

use anyhow::Result;

use super::Bench;
use crate::writers::{self, Crew, Finds, Window, Write};

pub fn measure(bench: &mut Bench, round: usize) -> Result<()> {
    let (pace, shape) = (bench.fixed_pace()?, bench.shape());
    let plain = bench.ground.table(shape)?;
    let converted = bench.ground.table(shape)?;
    converted.prepare()?;
    plain.database.checkpoint()?;
    let time = bench.figures.setup.time(20, 2);
    let (window, writes) = writers::watch(&plain, pace, Finds::ById, time)?;
    push(bench, round, "none", &writes, window);

    converted.database.checkpoint()?;
    let crew = Crew::start(&converted, pace, Finds::ById)?;
    let run = converted.database.apply("build_indexes", &["--jobs", "1"])?;
    let writes = crew.finish()?;
    let (start, end) = (run.start, run.end);
    push(bench, round, "copy and indexes", &writes, Window { start, end });
    Ok(())
}

fn push(bench: &mut Bench, round: usize, name: &str, writes: &[Write], window: Window) {
    for (share, percentile) in [(0.5, "p50"), (0.99, "p99")] {
        let sent = writers::percentile(writes, window, share, |write| write.done - write.sent);
        let due = writers::percentile(writes, window, share, |write| write.done - write.due);
        let figures = &mut bench.figures;
        figures.push(round, format!("latency: {name}, {percentile}"), "ms", sent);
        figures.push(
            round,
            format!("latency: {name}, {percentile} since due"),
            "ms",
            due,
        );
    }
}
