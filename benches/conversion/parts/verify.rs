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

const TABLES: [&str; 2] = ["public.events", "public.events_pgcleave_copy"];

/// What a scan does with each row.
const COUNT: &str = "count(*)";
/// The least that any checksum does.
const HASH: &str = "bit_xor(hash_record_extended(t, 0))";

pub fn measure(bench: &mut Bench, round: usize) -> Result<()> {
    let table = bench.ground.table(bench.shape())?;
    table.generate()?;
    table.database.apply("keep_in_step", &["--jobs", "2"])?;
    let takes = if bench.figures.setup.quick { 1 } else { 3 };
    // The first reader of a new row notes that it is committed.
    scan_in_turn(&table.database)?;
    table.database.checkpoint()?;
    for _ in 0..takes {
        for (name, what) in [
            ("verify: two scans at once", COUNT),
            ("verify: two scans at once, with a hash", HASH),
        ] {
            let seconds = scan_at_once(&table.database, what)?;
            bench.figures.push(round, name, "s", seconds);
        }
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

fn scan_at_once(database: &Database, what: &'static str) -> Result<f64> {
    let sessions = [session(database)?, session(database)?];
    let start = Instant::now();
    let mut scans = Vec::new();
    for (mut client, table) in sessions.into_iter().zip(TABLES) {
        scans.push(thread::spawn(move || scan(&mut client, what, table)));
    }
    for scan in scans {
        scan.join().map_err(|_| anyhow!("a scan panicked"))??;
    }
    Ok(start.elapsed().as_secs_f64())
}

fn scan_in_turn(database: &Database) -> Result<f64> {
    let mut client = session(database)?;
    let start = Instant::now();
    for table in TABLES {
        scan(&mut client, COUNT, table)?;
    }
    Ok(start.elapsed().as_secs_f64())
}

fn session(database: &Database) -> Result<Client> {
    let mut client = database.client()?;
    client.batch_execute(BARE)?;
    Ok(client)
}

fn scan(client: &mut Client, what: &str, table: &str) -> Result<()> {
    client.query_one(&format!("SELECT {what} FROM {table} AS t"), &[])?;
    Ok(())
}
