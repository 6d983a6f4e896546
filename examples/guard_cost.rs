//! What a guard costs: the same single-row statements against a partitioned table without guards, with one on the
//! primary key, and with another on a unique key. Each table is converted by pgcleave, down to the drop of the
//! retired table; the rounds take turns, so that whatever else the machine does meets all three alike. What is measured
//! is the time that the session's server process was on a CPU (Linux), which a busy machine doesn't change much.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use pgcleave::server::{Programs, Server};
use postgres::{Client, NoTls, Statement};

/// Measures single-row statements with and without guards.
#[derive(Debug, Parser)]
struct Options {
    /// Rows of each table.
    #[arg(long, default_value_t = 1_000_000)]
    rows: i64,
    /// Monthly partitions that hold them.
    #[arg(long, default_value_t = 24)]
    partitions: u32,
    /// How often each statement of each table has its turn.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Length of a turn in milliseconds.
    #[arg(long, default_value_t = 700)]
    turn: u64,
    /// Folder with PostgreSQL's server programs.
    #[arg(long, value_name = "BIN_DIR")]
    pg: Option<PathBuf>,
    /// pgcleave's binary; without it the one beside the example.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// A table, by what keeps its keys unique.
const VARIANTS: [(&str, [&str; 2]); 3] = [
    ("no guard", ["events_pkey=extend", "one_code=drop"]),
    ("guard of the primary key", ["events_pkey=guard", "one_code=drop"]),
    ("guards of both keys", ["events_pkey=guard", "one_code=guard"]),
];

/// Each takes a row's id and a number that no statement had before.
const STATEMENTS: [(&str, &str); 5] = [
    (
        "INSERT",
        "INSERT INTO events SELECT $1::bigint * 0 + $2::bigint, 'new ' || $2::bigint, 'n', '2024-01-01 00:00+00'::timestamptz + $2::bigint % 700 * interval '1 day'",
    ),
    (
        "UPDATE of another column",
        "UPDATE events SET note = 'u' || $2::bigint WHERE id = $1::bigint",
    ),
    (
        "UPDATE of the unique key",
        "UPDATE events SET code = 'changed ' || $2::bigint WHERE id = $1::bigint",
    ),
    (
        "UPDATE that moves the row",
        "UPDATE events SET at = at + CASE WHEN at < '2025-01-01 00:00+00' THEN interval '40 days' ELSE - interval '40 days' END, note = 'm' || $2::bigint WHERE id = $1::bigint",
    ),
    (
        "DELETE",
        "DELETE FROM events WHERE id = $1::bigint AND $2::bigint > 0",
    ),
];

/// A converted table with its session.
struct Subject {
    client: Client,
    prepared: Vec<Statement>,
    next: i64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let programs = match &options.pg {
        Some(bin) => Programs::at(bin).context("no PostgreSQL there")?,
        None => Programs::find()?,
    };
    let server = Server::start(&programs, &[("shared_buffers", "512MB"), ("max_wal_size", "4GB")])?;
    let mut subjects = Vec::new();
    for (number, (_, choices)) in VARIANTS.iter().enumerate() {
        subjects.push(convert(&options, &server, &format!("variant_{number}"), choices)?);
    }
    let mut random = fastrand::Rng::with_seed(7);
    let mut rates = vec![vec![Vec::new(); VARIANTS.len()]; STATEMENTS.len()];
    for _ in 0..options.rounds {
        for (statement, row) in rates.iter_mut().enumerate() {
            for (subject, cell) in subjects.iter_mut().zip(row) {
                cell.push(subject.measure(statement, &options, &mut random)?);
            }
        }
    }
    print_table(&programs, &options, &rates)
}

/// A table of its own in a database of its own, as an application has it after the whole conversion.
fn convert(options: &Options, server: &Server, database: &str, choices: &[&str]) -> Result<Subject> {
    server.create_database(database)?;
    let mut client = Client::connect(&server.url(database), NoTls)?;
    let (rows, months) = (options.rows, options.partitions);
    client.batch_execute(&format!(
        "CREATE TABLE events (id bigint PRIMARY KEY, code text NOT NULL CONSTRAINT one_code UNIQUE, note text, at timestamptz NOT NULL);
         INSERT INTO events SELECT i, 'code ' || i, 'n', '2024-01-01 00:00+00'::timestamptz + i * (interval '1 day' * {months} * 30.4 / {rows}) FROM generate_series(1, {rows}) i"
    ))?;
    client.batch_execute("VACUUM ANALYZE events")?;
    let folder = tempfile::tempdir()?;
    let run = |arguments: &[&str]| -> Result<()> {
        let output = Command::new(program(options)?)
            .current_dir(folder.path())
            .env("DATABASE_URL", server.url(database))
            .args(arguments)
            .output()?;
        if !output.status.success() {
            bail!(
                "pgcleave {arguments:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    };
    let mut generate = vec![
        "-q",
        "generate",
        "events",
        "--key",
        "at",
        "--interval",
        "monthly",
        "--premake",
        "0",
    ];
    choices
        .iter()
        .for_each(|choice| generate.extend(["--unique", choice]));
    run(&generate)?;
    run(&[
        "-q",
        "apply",
        "events",
        "--yes",
        "--through",
        "drop_retired_table",
    ])?;
    for sql in ["VACUUM ANALYZE", "CHECKPOINT"] {
        client.batch_execute(sql)?;
    }
    let prepared = STATEMENTS.map(|(_, sql)| client.prepare(sql));
    Ok(Subject {
        prepared: prepared.into_iter().collect::<Result<_, _>>()?,
        client,
        next: 10 * rows,
    })
}

/// `target/debug/pgcleave` for `target/debug/examples/guard_cost`.
fn program(options: &Options) -> Result<PathBuf> {
    if let Some(program) = &options.program {
        return Ok(program.clone());
    }
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(|examples| examples.parent());
    let beside = folder.context("no folder above")?.join("pgcleave");
    match beside.exists() {
        true => Ok(beside),
        false => bail!("there is no {}; hint: cargo build", beside.display()),
    }
}

impl Subject {
    /// Microseconds of the server's CPU per statement in one turn, each a transaction of its own.
    fn measure(&mut self, statement: usize, options: &Options, random: &mut fastrand::Rng) -> Result<f64> {
        let pid: i32 = self.client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        let (began, before) = (Instant::now(), nanoseconds_on_cpu(pid)?);
        let mut done = 0.0;
        while began.elapsed() < Duration::from_millis(options.turn) {
            self.next += 1;
            let id = random.i64(1..=options.rows);
            self.client
                .execute(&self.prepared[statement], &[&id, &self.next])?;
            done += 1.0;
        }
        Ok((nanoseconds_on_cpu(pid)? - before) / 1000.0 / done)
    }
}

fn nanoseconds_on_cpu(pid: i32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let first = text.split_whitespace().next().context("an empty schedstat")?;
    Ok(first.parse()?)
}

fn print_table(programs: &Programs, options: &Options, rates: &[Vec<Vec<f64>>]) -> Result<()> {
    println!(
        "{}; {} rows, {} partitions, one session; microseconds of the server's CPU per statement, and how many times as much as without a guard\n",
        programs.version()?,
        options.rows,
        options.partitions
    );
    let heads: Vec<&str> = VARIANTS.iter().map(|(name, _)| *name).collect();
    println!("| | {} |\n|---|{}", heads.join(" | "), "---|".repeat(heads.len()));
    for ((name, _), row) in STATEMENTS.iter().zip(rates) {
        let cells = row.iter().enumerate().map(|(number, turns)| match number {
            0 => format!("{:.0}", median(turns.clone())),
            _ => {
                let ratios = turns.iter().zip(&row[0]).map(|(with, without)| with / without);
                format!("{:.0} ({:.2})", median(turns.clone()), median(ratios.collect()))
            }
        });
        println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
