//! How long the cutover holds its lock, statement by statement.
//!
//! `cargo run --release --example cutover_lock -- --help`: a throwaway server with `fsync` on, a table that is cut over
//! and rolled back again and again. docs/CUTOVER.md has the figures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use pgcleave::server::{Programs, Server};
use postgres::{Client, NoTls};

/// How long the cutover and its rollback hold their lock.
#[derive(Parser)]
struct Options {
    /// How often to cut over and back.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(6..))]
    partitions: u32,
    #[arg(long, default_value_t = 20_000)]
    rows: u32,
    /// Row triggers, beside one for each statement.
    #[arg(long, default_value_t = 2)]
    triggers: u32,
    #[arg(long, default_value_t = 1)]
    foreign_keys: u32,
    /// Indexes beside the primary key, 11 at most.
    #[arg(long, default_value_t = 11)]
    indexes: usize,
    /// Leave out what else hangs on the table: views, rules, policies, functions, a publication.
    #[arg(long)]
    bare: bool,
}

const TABLE: &str = "
    CREATE TABLE accounts (id bigint PRIMARY KEY);
    INSERT INTO accounts SELECT generate_series(1, 100);
    CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account bigint,
                         note text, n int NOT NULL DEFAULT 0, at timestamptz NOT NULL);
    CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER each_statement AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION t();";

const INDEXES: [&str; 11] = [
    "(account)",
    "(note)",
    "(n)",
    "(at)",
    "(account, at)",
    "(note, at)",
    "(n, at)",
    "(lower(note))",
    "(n) WHERE n > 0",
    "USING hash (note)",
    "USING brin (at)",
];

const DEPENDENTS: &str = "
    CREATE VIEW v1 AS SELECT id, note FROM events; CREATE VIEW v2 AS SELECT * FROM events WHERE n > 0;
    CREATE VIEW v3 AS SELECT v1.id, e.at FROM v1 JOIN events e USING (id);
    CREATE VIEW v4 WITH (security_barrier) AS SELECT count(*) FROM events; CREATE VIEW v5 AS SELECT id FROM v3;
    CREATE MATERIALIZED VIEW m1 AS SELECT account, count(*) FROM events GROUP BY 1; CREATE UNIQUE INDEX ON m1 (account);
    CREATE VIEW v6 AS SELECT * FROM m1;
    CREATE TABLE audit (event bigint); CREATE TABLE inbox (note text);
    CREATE RULE r1 AS ON UPDATE TO events WHERE OLD.n <> NEW.n DO ALSO INSERT INTO audit VALUES (NEW.id);
    CREATE RULE r2 AS ON DELETE TO events WHERE OLD.note = 'keep' DO INSTEAD NOTHING;
    CREATE RULE r3 AS ON DELETE TO inbox DO ALSO DELETE FROM events WHERE note = OLD.note;
    ALTER TABLE events ENABLE ROW LEVEL SECURITY;
    CREATE POLICY p1 ON events USING (n >= 0); CREATE POLICY p2 ON events FOR SELECT USING (EXISTS (SELECT FROM accounts a WHERE a.id = account));
    CREATE POLICY p3 ON audit USING (EXISTS (SELECT FROM events e WHERE e.id = event));
    CREATE FUNCTION f1(e events) RETURNS text LANGUAGE sql AS 'SELECT $1.note';
    CREATE FUNCTION f2() RETURNS SETOF events LANGUAGE sql AS 'SELECT * FROM public.events';
    CREATE FUNCTION f3() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM events; END;
    CREATE FUNCTION f4() RETURNS text LANGUAGE plpgsql AS $$ DECLARE r public.events; BEGIN SELECT * INTO r FROM public.events LIMIT 1; RETURN r.note; END $$;
    CREATE PUBLICATION sent FOR TABLE events";

fn main() -> Result<()> {
    let options = Options::parse();
    let programs = Programs::find()?;
    let settings = [
        ("fsync", "on"),
        ("wal_level", "logical"),
        ("max_locks_per_transaction", "4096"),
    ];
    let server = Server::start(&programs, &settings)?;
    server.create_database("cutover")?;
    let url = server.url("cutover");
    let mut client = Client::connect(&url, NoTls)?;
    client.batch_execute(&schema(&options))?;
    let folder = tempfile::tempdir()?;
    let pgcleave = |arguments: &[&str]| run_pgcleave(folder.path(), &url, arguments);
    let by_day = ["--key", "at", "--interval", "daily", "--premake", "4"];
    pgcleave(&[&["generate", "events"], &by_day[..]].concat())?;
    let (mut forth, mut back) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        pgcleave(&["-q", "apply", "--yes", "--through", "verify_copy"])?;
        forth.push(held(&mut client, &file(folder.path(), "cut_over.up.sql")?)?);
        back.push(held(&mut client, &file(folder.path(), "cut_over.down.sql")?)?);
    }
    println!(
        "PostgreSQL {}, {} partitions, {} row triggers, {} foreign keys, {} indexes, {} rows, {} rounds: \
         median and smallest milliseconds, statements",
        programs.version()?,
        options.partitions,
        options.triggers,
        options.foreign_keys,
        options.indexes + 1,
        options.rows,
        options.rounds
    );
    report("cutover", &forth);
    report("rollback of the cutover", &back);
    Ok(())
}

/// The table, with a row for each day but those that are premade.
fn schema(options: &Options) -> String {
    let rows = format!(
        "INSERT INTO events (account, note, at)
         SELECT 1 + i % 100, 'n' || i, date_trunc('day', now()) - i % {} * interval '1 day' FROM generate_series(1, {}) i",
        options.partitions - 5,
        options.rows
    );
    let mut statements = vec![TABLE.to_owned(), rows];
    let indexes = INDEXES.iter().take(options.indexes);
    statements.extend(indexes.map(|index| format!("; CREATE INDEX ON events {index}")));
    let trigger =
        |i| format!("; CREATE TRIGGER t{i} BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION t()");
    statements.extend((0..options.triggers).map(trigger));
    let foreign_key = |_| "; ALTER TABLE events ADD FOREIGN KEY (account) REFERENCES accounts".to_owned();
    statements.extend((0..options.foreign_keys).map(foreign_key));
    if !options.bare {
        statements.push(format!("; {DEPENDENTS}"));
    }
    statements.push("; ANALYZE".to_owned());
    statements.concat()
}

fn run_pgcleave(folder: &Path, url: &str, arguments: &[&str]) -> Result<()> {
    let this = std::env::current_exe()?;
    let binary = this.ancestors().nth(2).context("no folder")?.join("pgcleave");
    let mut command = Command::new(binary);
    let output = command
        .current_dir(folder)
        .env("DATABASE_URL", url)
        .args(arguments)
        .output()?;
    if !output.status.success() {
        bail!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn file(folder: &Path, suffix: &str) -> Result<String> {
    let files = folder.join("migrations_out/public.events");
    let paths = std::fs::read_dir(&files)?.map(|entry| entry.map(|e| e.path()));
    let paths = paths.collect::<Result<Vec<PathBuf>, _>>()?;
    let path = paths.iter().find(|p| p.to_string_lossy().ends_with(suffix));
    Ok(std::fs::read_to_string(path.context("no such file")?)?)
}

/// Runs a file statement by statement; times from the lock to the COMMIT, by kind of statement.
fn held(client: &mut Client, text: &str) -> Result<BTreeMap<String, (usize, Duration)>> {
    let mut times: BTreeMap<String, (usize, Duration)> = BTreeMap::new();
    let mut locked = None;
    for statement in statements(text) {
        let start = Instant::now();
        client
            .batch_execute(statement)
            .with_context(|| statement.to_owned())?;
        let is_lock = statement.contains("_pgcleave_lock\"(");
        if is_lock && locked.is_none() {
            // The lock is held from about when the call ends, but for what it alters behind the lock.
            locked = Some(start);
        }
        if locked.is_some() {
            let entry = times.entry(kind(statement)).or_default();
            *entry = (entry.0 + 1, entry.1 + start.elapsed());
        }
    }
    let whole = locked.context("no lock")?.elapsed();
    times.insert("~ together, lock to COMMIT".to_owned(), (1, whole));
    Ok(times)
}

/// The file cut at the semicolons that end lines, outside dollar quotes and BEGIN ATOMIC bodies.
fn statements(text: &str) -> Vec<&str> {
    let (mut found, mut start, mut quote, mut atomic, mut at) = (Vec::new(), 0, None::<&str>, false, 0);
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_end();
        for tag in ["$pgcleave_make$", "$pgcleave$", "$function$", "$procedure$"] {
            for _ in trimmed.matches(tag) {
                match quote {
                    Some(open) if open == tag => quote = None,
                    Some(_) => {}
                    None => quote = Some(tag),
                }
            }
        }
        atomic |= quote.is_none() && trimmed.starts_with("BEGIN ATOMIC");
        at += line.len();
        let ends = trimmed.ends_with(';') && quote.is_none() && (!atomic || trimmed == "END;");
        if ends && !trimmed.starts_with("--") {
            found.push(&text[start..at]);
            (start, atomic) = (at, false);
        }
    }
    found
}

/// What a statement does, in words that several share.
fn kind(statement: &str) -> String {
    let lines = statement
        .lines()
        .filter(|l| !l.starts_with("--") && !l.trim().is_empty());
    let text = lines.collect::<Vec<_>>().join(" ");
    let has = |words: &str| text.contains(words);
    let label = match text.split_whitespace().next().unwrap_or_default() {
        "SELECT" if has("_pgcleave_lock\"(") => "lock, enable triggers, foreign keys as before",
        "SELECT" if has("_pgcleave_check\"(") => "check the fingerprint",
        "SELECT" => "identity sequences",
        "ALTER" if has(" SET GENERATED ") => "identity columns, ALWAYS or BY DEFAULT",
        "ALTER" if has(" INDEX ") => "rename indexes",
        "ALTER" if has(" RENAME TO ") => "rename tables, sequences, materialized views",
        "ALTER" if has(" PUBLICATION ") => "publications",
        "ALTER" if has(" ROUTINE ") => "functions on the row type",
        "ALTER" if has(" POLICY ") => "policies",
        "ALTER" if has(" TRIGGER ") => "disable triggers of the retired side",
        "ALTER" if has(" CONSTRAINT ") => "foreign keys of the retired side at COMMIT",
        "CREATE" | "DROP" if has(" POLICY ") => "policies",
        "CREATE" | "DROP" if has(" RULE ") => "rules",
        "CREATE" if has(" VIEW ") => "views",
        "CREATE" if has("_pgcleave_") => "swap the sync functions",
        "CREATE" | "DROP" | "GRANT" | "COMMENT" => "functions on the row type, BEGIN ATOMIC",
        "DO" if has("REVOKE ALL ON ROUTINE") && !has("pronamespace") => {
            "functions on the row type, BEGIN ATOMIC"
        }
        "COMMIT;" => "COMMIT",
        _ => "else",
    };
    label.to_owned()
}

fn report(title: &str, rounds: &[BTreeMap<String, (usize, Duration)>]) {
    println!("\n{title}");
    let kinds = rounds.iter().flat_map(|r| r.keys()).collect::<BTreeSet<_>>();
    for kind in kinds {
        let mut times: Vec<(usize, Duration)> = rounds.iter().filter_map(|r| r.get(kind)).copied().collect();
        times.sort_by_key(|(_, time)| *time);
        let (count, median) = times[times.len() / 2];
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        println!(
            "  {:>8.2} {:>8.2}  {count:>3}  {kind}",
            milliseconds(median),
            milliseconds(times[0].1)
        );
    }
}
