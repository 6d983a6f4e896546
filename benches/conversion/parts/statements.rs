//! What statements of very many rows take, in each phase and without a conversion, in turn.

use std::time::Instant;

use anyhow::Result;
use postgres::Client;

use super::Bench;
use super::throughput::PHASES;
use crate::subject::Subject;

const KINDS: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

pub fn measure(bench: &mut Bench, round: usize) -> Result<()> {
    let shape = bench.shape();
    let plain = bench.ground.table(shape)?;
    let converted = bench.ground.table(shape)?;
    converted.generate()?;
    let rows = bench.figures.setup.statement_rows();
    let takes = if bench.figures.setup.quick { 1 } else { 5 };
    // Each statement has rows that none before it has touched.
    let mut first = 1;
    for (phase, step) in PHASES {
        converted.database.apply(step, &[])?;
        let (mut without, mut with) = (plain.database.client()?, converted.database.client()?);
        for _ in 0..takes {
            for kind in KINDS {
                let text = statement(&plain.subject, kind, first, first + rows - 1);
                plain.database.checkpoint()?;
                let times = (time(&mut without, &text)?, time(&mut with, &text)?);
                push(bench, round, kind, phase, times);
                first += rows;
            }
        }
    }
    Ok(())
}

fn push(bench: &mut Bench, round: usize, kind: &str, phase: &str, (without, with): (f64, f64)) {
    let figures = &mut bench.figures;
    figures.push(
        round,
        format!("statements: {kind}, none, beside {phase}"),
        "ms",
        without,
    );
    figures.push(round, format!("statements: {kind}, {phase}"), "ms", with);
}

fn statement(subject: &Subject, kind: &str, first: i64, last: i64) -> String {
    let shape = subject.shape;
    match kind {
        "INSERT" => format!(
            "INSERT INTO public.events ({}, created_at) SELECT {}, now() FROM generate_series({first}::bigint, {last}) AS g",
            shape.names(),
            shape.values("g")
        ),
        "UPDATE" => {
            format!("UPDATE public.events SET amount = amount + 1.25 WHERE id BETWEEN {first} AND {last}")
        }
        _ => format!("DELETE FROM public.events WHERE id BETWEEN {first} AND {last}"),
    }
}

fn time(client: &mut Client, text: &str) -> Result<f64> {
    let start = Instant::now();
    client.batch_execute(text)?;
    Ok(start.elapsed().as_secs_f64() * 1000.0)
}
