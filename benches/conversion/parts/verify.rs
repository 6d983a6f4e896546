//! The comparison by checksums, against sequential scans that do nothing but count.

use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};
use postgres::Client;

use super::Bench;
use crate::ground::Database;

/// Plain scans in one process each, whatever indexes there are.
const BARE: &str = "SET max_parallel_workers_per_gather = 0; SET enable_indexonlyscan = off;
    SET enable_indexscan = off; SET enable_bitmapscan = off";

const SOURCE: &str = "SELECT count(*) FROM public.events";
const COPY: &str = "SELECT count(*) FROM public.events_pgcleave_copy";

pub fn measure(bench: &mut Bench, round: usize) -> Result<()> {
    let table = bench.ground.table(bench.shape())?;
    table.generate()?;
    table.database.apply("keep_in_step", &["--jobs", "2"])?;
    let takes = if bench.figures.setup.quick { 1 } else { 3 };
    // The first reader of a new row notes that it is committed.
    scan_in_turn(&table.database)?;
    table.database.checkpoint()?;
    for _ in 0..takes {
        let seconds = scan_at_once(&table.database)?;
        bench
            .figures
            .push(round, "verify: two scans at once", "s", seconds);
        push_verify(bench, round, &table.database, "2")?;
        let seconds = scan_in_turn(&table.database)?;
        bench
            .figures
            .push(round, "verify: two scans in one session", "s", seconds);
        push_verify(bench, round, &table.database, "1")?;
    }
    Ok(())
}

fn push_verify(bench: &mut Bench, round: usize, database: &Database, jobs: &str) -> Result<()> {
    let run = database.pgcleave(&[
        "verify",
        "public.events",
        "--checksum",
        "--jobs",
        jobs,
        "--resume-within",
        "0s",
    ])?;
    let name = format!("verify: pgcleave --jobs {jobs}");
    bench.figures.push(round, name.as_str(), "s", run.seconds());
    bench.push_peak(round, &name, run);
    Ok(())
}

fn scan_at_once(database: &Database) -> Result<f64> {
    let (source, copy) = (session(database)?, session(database)?);
    let start = Instant::now();
    let scans = [(source, SOURCE), (copy, COPY)]
        .map(|(mut client, text)| thread::spawn(move || count(&mut client, text)));
    for scan in scans {
        scan.join().map_err(|_| anyhow!("a scan panicked"))??;
    }
    Ok(start.elapsed().as_secs_f64())
}

fn scan_in_turn(database: &Database) -> Result<f64> {
    let mut client = session(database)?;
    let start = Instant::now();
    count(&mut client, SOURCE)?;
    count(&mut client, COPY)?;
    Ok(start.elapsed().as_secs_f64())
}

fn session(database: &Database) -> Result<Client> {
    let mut client = database.client()?;
    client.batch_execute(BARE)?;
    Ok(client)
}

fn count(client: &mut Client, text: &str) -> Result<()> {
    client.query_one(text, &[])?;
    Ok(())
}
