//! Other ways to fill a partitioned copy, in SQL of our own that does what they do.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use postgres::Client;

use crate::ground::Table;

/// Names pgslice's program or a checkout of its source.
pub const PGSLICE: &str = "PGSLICE";

/// Rows of a batch: pgslice's default, and the usual one.
const BATCH: i64 = 10_000;

const COPY: &str = "public.events_copy";

/// An empty copy with the partitions that pgcleave makes.
///
/// # Errors
/// When the server says no.
pub fn create_copy(table: &Table) -> Result<Client> {
    let mut client = table.database.client()?;
    let (_, unit) = table.subject.shape.interval();
    client.batch_execute(&format!(
        "CREATE TABLE {COPY} (LIKE public.events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)
             PARTITION BY RANGE (created_at);
         DO $$
         DECLARE
             lower_bound timestamptz;
         BEGIN
             FOR lower_bound IN
                 SELECT generate_series(date_trunc('{unit}', min(created_at)),
                                        date_trunc('{unit}', now()) + interval '1 {unit}', interval '1 {unit}')
                   FROM public.events
             LOOP
                 EXECUTE format('CREATE TABLE public.%I PARTITION OF {COPY} FOR VALUES FROM (%L) TO (%L)',
                                to_char(lower_bound, '\"events_\"YYYYMMDD'), lower_bound, lower_bound + interval '1 {unit}');
             END LOOP;
         END $$;
         CREATE TABLE public.events_copy_default PARTITION OF {COPY} DEFAULT"
    ))?;
    Ok(client)
}

/// The primary key, and then the other indexes.
///
/// # Errors
/// When the server says no.
pub fn create_indexes(client: &mut Client, table: &Table) -> Result<()> {
    client.batch_execute(&format!("ALTER TABLE {COPY} ADD PRIMARY KEY (id, created_at)"))?;
    Ok(client.batch_execute(&table.subject.shape.indexes(COPY))?)
}

/// All rows at once.
///
/// # Errors
/// When the server says no.
pub fn insert_select(client: &mut Client) -> Result<()> {
    Ok(client.batch_execute(&format!("INSERT INTO {COPY} SELECT * FROM public.events"))?)
}

/// The procedure that one writes by hand: pages of the primary key, a transaction each.
///
/// # Errors
/// When the server says no.
pub fn create_keyset_procedure(client: &mut Client) -> Result<()> {
    let text = format!(
        "CREATE PROCEDURE public.fill_copy() LANGUAGE plpgsql AS $$
         DECLARE
             last_id bigint := 0;
         BEGIN
             LOOP
                 WITH page AS (
                     INSERT INTO {COPY} SELECT * FROM public.events WHERE id > last_id ORDER BY id LIMIT {BATCH}
                     RETURNING id
                 )
                 SELECT max(id) INTO last_id FROM page;
                 EXIT WHEN last_id IS NULL;
                 COMMIT;
             END LOOP;
         END $$"
    );
    Ok(client.batch_execute(&text)?)
}

/// What pgslice's `prep` and `add_partitions` make: indexes on the copy, and the primary key of each partition.
///
/// # Errors
/// When the server says no.
pub fn create_indexes_as_pgslice(client: &mut Client, table: &Table) -> Result<()> {
    client.batch_execute(&table.subject.shape.indexes(COPY))?;
    let partitions = client.query(
        &format!("SELECT relid::text FROM pg_partition_tree('{COPY}') WHERE isleaf"),
        &[],
    )?;
    for partition in partitions {
        let name: String = partition.get(0);
        client.batch_execute(&format!("ALTER TABLE {name} ADD PRIMARY KEY (id)"))?;
    }
    Ok(())
}

/// What pgslice's `fill` sends: a range of ids a statement, up to the greatest one at the start.
///
/// # Errors
/// When the server says no.
pub fn fill_as_pgslice(client: &mut Client) -> Result<()> {
    let bounds = client.query_one(
        "SELECT min(id), max(id), min(created_at)::text, (max(created_at) + interval '1 day')::text FROM public.events",
        &[],
    )?;
    let (mut last, end): (i64, i64) = (bounds.get::<_, i64>(0) - 1, bounds.get(1));
    let (from, to): (String, String) = (bounds.get(2), bounds.get(3));
    while last < end {
        let next = last + BATCH;
        client.batch_execute(&format!(
            "INSERT INTO {COPY} SELECT * FROM public.events WHERE id > {last} AND id <= {next}
                 AND created_at >= '{from}'::timestamptz AND created_at < '{to}'::timestamptz"
        ))?;
        last = next;
    }
    Ok(())
}

/// pgslice itself, where it is at hand: `prep` and `add_partitions`, then seconds of `fill`.
///
/// # Errors
/// With what it said.
pub fn pgslice(program: &Path, table: &Table) -> Result<f64> {
    let past = (table.subject.shape.partitions - 2).to_string();
    let (_, unit) = table.subject.shape.interval();
    let run = |arguments: &[&str]| run_pgslice(program, table, arguments);
    run(&["prep", "events", "created_at", unit])?;
    run(&[
        "add_partitions",
        "events",
        "--intermediate",
        "--past",
        &past,
        "--future",
        "1",
    ])?;
    table.database.checkpoint()?;
    let start = Instant::now();
    run(&["fill", "events"])?;
    Ok(start.elapsed().as_secs_f64())
}

/// The variable's value, if it is set.
pub fn pgslice_at() -> Option<PathBuf> {
    std::env::var_os(PGSLICE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn run_pgslice(program: &Path, table: &Table, arguments: &[&str]) -> Result<()> {
    let mut command = if program.is_dir() {
        let mut ruby = Command::new("ruby");
        ruby.arg("-I")
            .arg(program.join("lib"))
            .arg(program.join("exe/pgslice"));
        ruby
    } else {
        Command::new(program)
    };
    command.args(arguments).args(["--url", &table.database.url()]);
    let output = command
        .output()
        .with_context(|| format!("can't run {}", program.display()))?;
    if !output.status.success() {
        bail!(
            "pgslice {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
