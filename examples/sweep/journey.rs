//! One table's way: there and back twice, compared by dump and content, and to the end.
//! Long because it is one thing: the way, in the order in which it is gone.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use pgcleave::server::Server;
use postgres::{Client, NoTls};
use tempfile::TempDir;

use crate::KeyKind;
use crate::command::{self, Said};
use crate::load::TEMPLATE;
use crate::report::Outcome;
use crate::tables::Table;

/// An undecided key names its choices; more rounds than this, and the remedy doesn't work.
const ROUNDS: usize = 3;

pub struct Journey<'a> {
    server: &'a Server,
    program: &'a Path,
    table: &'a Table,
}

/// A pass in a database and a folder of its own.
struct Pass<'a> {
    journey: &'a Journey<'a>,
    database: String,
    folder: TempDir,
    client: Client,
}

/// What `generate` came to.
enum Generated {
    /// With these flags for keys.
    Written(Vec<String>),
    Refused(String),
}

/// What a refusal of a key that may be NULL says to do, before the statements that it names.
const NOT_NULL_REMEDY: &str = "make it NOT NULL without a long lock: ";

impl<'a> Journey<'a> {
    pub fn new(server: &'a Server, program: &'a Path, table: &'a Table) -> Self {
        Self {
            server,
            program,
            table,
        }
    }

    /// A pass for each choice, a further one only where something was to be chosen.
    pub fn run(&self, preferences: &[String]) -> Result<Outcome> {
        let mut choices = Vec::new();
        for preferred in preferences {
            let mut pass = self.begin(preferred)?;
            let outcome = pass.run(preferred).with_context(|| format!("with {preferred}"));
            pass.end()?;
            match outcome? {
                Generated::Refused(reason) => return Ok(Outcome::Refused { reason }),
                Generated::Written(flags) if flags.is_empty() => return Ok(Outcome::Converted { choices }),
                Generated::Written(flags) => choices.push(flags.join(" ")),
            }
        }
        Ok(Outcome::Converted { choices })
    }

    fn begin(&'a self, preferred: &str) -> Result<Pass<'a>> {
        let plain: String = self
            .table
            .name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(40)
            .collect();
        let database = format!("{preferred}_{plain}_{:08x}", fastrand::u32(..));
        let mut postgres = Client::connect(&self.server.url("postgres"), NoTls)?;
        postgres.batch_execute(&format!("CREATE DATABASE \"{database}\" TEMPLATE {TEMPLATE}"))?;
        let mut client = Client::connect(&self.server.url(&database), NoTls)?;
        client.batch_execute("SET client_min_messages = error")?;
        Ok(Pass {
            journey: self,
            database,
            folder: tempfile::tempdir()?,
            client,
        })
    }
}

impl Pass<'_> {
    fn end(self) -> Result<()> {
        let Self {
            journey,
            database,
            client,
            ..
        } = self;
        drop(client);
        let mut postgres = Client::connect(&journey.server.url("postgres"), NoTls)?;
        postgres.batch_execute(&format!("DROP DATABASE \"{database}\" WITH (FORCE)"))?;
        Ok(())
    }

    fn run(&mut self, preferred: &str) -> Result<Generated> {
        self.make_not_null()?;
        let dump = self.dump()?;
        let flags = match self.generate(preferred)? {
            Generated::Refused(reason) => {
                ensure!(self.dump()? == dump, "the refusal changed something");
                return Ok(Generated::Refused(reason));
            }
            Generated::Written(flags) => flags,
        };
        let writable = self.writes()?;
        // There and back before the cutover, with writes while the copy is kept in step.
        self.ok(&["-q", "apply", "--yes", "--through", "verify_copy"])?;
        self.write("in step", &writable)?;
        self.ok(&["verify"])?;
        let content = self.content()?;
        self.roll_back_and_compare(&dump, &content, "before the cutover")?;
        // Through the cutover and back.
        self.ok(&["-q", "apply", "--yes"])?;
        ensure!(
            self.content()? == content,
            "the content differs after the cutover"
        );
        self.ok(&["verify"])?;
        self.write("after the cutover", &writable)?;
        self.ok(&["verify"])?;
        let content = self.content()?;
        self.roll_back_and_compare(&dump, &content, "after the cutover")?;
        // To the end.
        self.ok(&["-q", "apply", "--yes"])?;
        self.ok(&["-q", "apply", "--yes", "--through", "drop_retired_table"])?;
        ensure!(self.content()? == content, "the content differs after the drop");
        self.still_holds(&flags)?;
        Ok(Generated::Written(flags))
    }

    /// Does what it says to do about a key that may be NULL and is nowhere: the remedy must work.
    fn make_not_null(&mut self) -> Result<()> {
        let mut arguments = vec![
            "-q".to_owned(),
            "generate".to_owned(),
            "--dry-run".to_owned(),
            self.journey.table.name.clone(),
        ];
        arguments.extend(self.partitioning()?);
        let said = self.pgcleave(&arguments)?;
        let remedy = said
            .stderr
            .lines()
            .find_map(|line| line.trim().strip_prefix(NOT_NULL_REMEDY));
        // What stands behind it is another choice.
        let remedy = remedy.map(|text| text.split("; or let ").next().unwrap_or(text));
        if let Some(remedy) = remedy.filter(|_| !said.stderr.contains("holds NULL")) {
            self.client
                .batch_execute(remedy)
                .with_context(|| format!("the remedy for a key that may be NULL: {remedy}"))?;
        }
        Ok(())
    }

    /// Writes the migrations, deciding what it says is undecided.
    fn generate(&mut self, preferred: &str) -> Result<Generated> {
        let mut flags: Vec<String> = Vec::new();
        for _ in 0..ROUNDS {
            let mut arguments = vec![
                "-q".to_owned(),
                "generate".to_owned(),
                self.journey.table.name.clone(),
            ];
            arguments.extend(self.partitioning()?);
            arguments.extend(flags.iter().cloned());
            let said = self.pgcleave(&arguments)?;
            match said.code {
                0 => return Ok(Generated::Written(flags)),
                4 => {}
                _ => bail!("generate ended with {}: {}", said.code, said.stderr.trim()),
            }
            let offered = offers(&said.stderr, preferred);
            let new: Vec<String> = offered.into_iter().filter(|flag| !flags.contains(flag)).collect();
            if new.is_empty() || reasons(&said.stderr).len() > new.len() {
                return Ok(Generated::Refused(reasons(&said.stderr).join("; ")));
            }
            flags.extend(new);
        }
        bail!("what it said to decide by {flags:?} is undecided still")
    }

    fn partitioning(&mut self) -> Result<Vec<String>> {
        let table = self.journey.table;
        let (name, key) = (&table.name, &table.key_sql);
        let words: Vec<String> = match table.kind {
            KeyKind::Time => {
                let years = format!(
                    "SELECT coalesce(max({key})::date - min({key})::date > 1500, false) FROM {name} WHERE isfinite({key})"
                );
                let wide: bool = self.client.query_one(&years, &[])?.get(0);
                [
                    "--interval",
                    if wide { "yearly" } else { "monthly" },
                    "--premake",
                    "1",
                ]
                .map(str::to_owned)
                .into()
            }
            KeyKind::Primary if matches!(table.base_type.as_str(), "int2" | "int4" | "int8") => {
                let span = format!(
                    "SELECT (1 + coalesce(max({key})::numeric - min({key}), 0)::int8 / 10)::text FROM {name}"
                );
                let step: String = self.client.query_one(&span, &[])?.get(0);
                vec![
                    "--interval".to_owned(),
                    step,
                    "--premake".to_owned(),
                    "1".to_owned(),
                ]
            }
            KeyKind::Primary => ["--strategy", "hash", "--partitions", "4"]
                .map(str::to_owned)
                .into(),
        };
        Ok([vec!["--key".to_owned(), table.key.clone()], words].concat())
    }

    fn roll_back_and_compare(&mut self, dump: &str, content: &[String], when: &str) -> Result<()> {
        self.ok(&["-q", "rollback", "--yes"])?;
        let after = self.dump()?;
        if let Some((was, is)) = dump.lines().zip(after.lines()).find(|(was, is)| was != is) {
            bail!("rolled back {when}, the dump differs: {was:?} became {is:?}");
        }
        ensure!(after == dump, "rolled back {when}, the dump is longer or shorter");
        ensure!(
            self.content()? == content,
            "rolled back {when}, the content differs"
        );
        Ok(())
    }

    /// Ordinary writes of an application's, each tried and undone: which of them the table takes.
    fn writes(&mut self) -> Result<Vec<String>> {
        let table = self.journey.table;
        let (name, key, primary) = (&table.name, &table.key_sql, table.primary_key.join(", "));
        let picked = |place: u32| {
            format!("({primary}) = (SELECT {primary} FROM {name} ORDER BY {primary} OFFSET {place} LIMIT 1)")
        };
        let mut all = vec![
            format!("UPDATE {name} SET {key} = {key} WHERE {}", picked(0)),
            format!("DELETE FROM {name} WHERE {}", picked(3)),
            format!("UPDATE {name} SET {key} = {key}"),
        ];
        // A move to another partition fires the triggers of DELETE and INSERT: announced, and not what was before.
        let triggers =
            "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = $1::text::regclass AND NOT tgisinternal
                                          AND (tgtype & 1) = 1 AND (tgtype & 12) <> 0)";
        let minds_moves: bool = self.client.query_one(triggers, &[name])?.get(0);
        if table.kind == KeyKind::Time && !minds_moves {
            all.push(format!(
                "UPDATE {name} SET {key} = {key} + interval '31 days' WHERE {}",
                picked(1)
            ));
            all.push(format!(
                "UPDATE {name} SET {key} = {key} - interval '40 days' WHERE {}",
                picked(2)
            ));
        }
        let mut taken = Vec::new();
        for sql in all {
            let mut trial = self.client.transaction()?;
            let relations = "SELECT count(*) FROM pg_class";
            let before: i64 = trial.query_one(relations, &[])?.get(0);
            let outcome = trial.batch_execute(&format!("{sql}; SET CONSTRAINTS ALL IMMEDIATE"));
            // Some triggers create and drop tables, which the dump would show.
            let is_plain = outcome.is_ok() && trial.query_one(relations, &[])?.get::<_, i64>(0) == before;
            trial.rollback()?;
            if is_plain {
                taken.push(sql);
            }
        }
        Ok(taken)
    }

    /// What the table took before, it must take now.
    fn write(&mut self, when: &str, writes: &[String]) -> Result<()> {
        for sql in writes {
            self.client
                .batch_execute(sql)
                .map_err(|error| anyhow::anyhow!("{when}: {sql}: {}", database_error(&error)))?;
        }
        Ok(())
    }

    /// The rows of every table as one sum each.
    fn content(&mut self) -> Result<Vec<String>> {
        let tables = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgcleave')
               AND c.relname !~ 'pgcleave' AND c.oid IN (SELECT conrelid FROM pg_constraint) ORDER BY 1";
        let mut lines = Vec::new();
        let table = &self.journey.table.name;
        let own = format!(
            "SELECT $1::text || count(*) || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {table} t"
        );
        lines.push(self.client.query_one(&own, &[table])?.get(0));
        for row in self.client.query(tables, &[])? {
            let other: String = row.get(0);
            if other.contains("_guard") {
                continue;
            }
            let count = format!("SELECT $1::text || ' ' || count(*) FROM {other} t");
            lines.push(self.client.query_one(&count, &[&other])?.get(0));
        }
        lines.sort();
        Ok(lines)
    }

    /// After the end: a guarded key takes no value twice, and what refers to the table refers to rows that are there.
    fn still_holds(&mut self, flags: &[String]) -> Result<()> {
        if self.journey.table.kind == KeyKind::Time {
            for flag in flags {
                let guarded = flag
                    .strip_prefix("--unique=")
                    .and_then(|flag| flag.strip_suffix("=guard"));
                if let Some(name) = guarded {
                    self.takes_no_value_twice(name)?;
                }
            }
        }
        self.children_are_bound(flags)
    }

    /// A row like another but for the partition key; partial keys and those of expressions are left out.
    fn takes_no_value_twice(&mut self, index: &str) -> Result<()> {
        let table = self.journey.table;
        let name = &table.name;
        let columns = "SELECT ARRAY(SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = i.indrelid AND attnum > 0
                               AND NOT attisdropped AND attgenerated = '' ORDER BY attnum),
                              ARRAY(SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = i.indrelid AND attnum = ANY (i.indkey))
                         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                        WHERE i.indrelid = $1::text::regclass AND c.relname = $2::text AND i.indpred IS NULL AND i.indexprs IS NULL";
        let Some(row) = self
            .client
            .query_opt(columns, &[name, &index.trim_matches('"')])?
        else {
            return Ok(());
        };
        let (columns, key): (Vec<String>, Vec<String>) = (row.get(0), row.get(1));
        let shifted = columns.iter().map(|column| match *column == table.key_sql {
            true => format!("{column} + interval '93 days'"),
            false => column.clone(),
        });
        let sql = format!(
            "INSERT INTO {name} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {name} WHERE ({}) IS NOT NULL LIMIT 1",
            columns.join(", "),
            shifted.collect::<Vec<_>>().join(", "),
            key.join(", ")
        );
        let mut trial = self.client.transaction()?;
        let taken = trial.execute(&sql, &[]);
        trial.rollback()?;
        ensure!(
            !matches!(taken, Ok(1..)),
            "the guarded key {index} took a value twice: {sql}"
        );
        Ok(())
    }

    /// No child row may refer to a row that isn't there, unless that was chosen.
    fn children_are_bound(&mut self, flags: &[String]) -> Result<()> {
        for flag in flags
            .iter()
            .filter(|flag| flag.starts_with("--incoming") && !flag.ends_with("=drop"))
        {
            let name = flag
                .trim_start_matches("--incoming=")
                .rsplit_once('=')
                .map_or("", |(name, _)| name);
            let name = name.rsplit('.').next().unwrap_or(name).trim_matches('"');
            let row = self.client.query_opt(
                "SELECT conrelid::regclass::text, (SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]),
                        format_type((SELECT atttypid FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]), NULL)
                   FROM pg_constraint WHERE contype = 'f' AND conname = $1::text AND conparentid = 0 LIMIT 1",
                &[&name],
            )?;
            let Some(row) = row else {
                ensure!(flag.ends_with("=trigger"), "the foreign key {name} is gone");
                continue;
            };
            let (child, column, of): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            let absent = match of.as_str() {
                "smallint" | "integer" | "bigint" => "-31999",
                "uuid" => "'00000000-dead-beef-dead-000000000000'",
                _ => continue,
            };
            let sql = format!(
                "UPDATE {child} SET {column} = {absent} WHERE {column} IS NOT NULL; SET CONSTRAINTS ALL IMMEDIATE"
            );
            let there: bool = self
                .client
                .query_one(
                    &format!("SELECT EXISTS (SELECT FROM {child} WHERE {column} IS NOT NULL)"),
                    &[],
                )?
                .get(0);
            let mut trial = self.client.transaction()?;
            let taken = trial.batch_execute(&sql);
            trial.rollback()?;
            ensure!(
                !there || taken.is_err(),
                "{child} may refer to rows that aren't there: {sql}"
            );
        }
        Ok(())
    }

    fn dump(&self) -> Result<String> {
        command::dump(self.journey.server, &self.database)
    }

    fn pgcleave(&self, arguments: &[String]) -> Result<Said> {
        let mut command = Command::new(self.journey.program);
        command
            .current_dir(self.folder.path())
            .env("DATABASE_URL", self.journey.server.url(&self.database))
            .args(arguments);
        command::run(&mut command)
    }

    fn ok(&self, arguments: &[&str]) -> Result<()> {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let said = self.pgcleave(&arguments)?;
        ensure!(
            said.code == 0,
            "{} ended with {}: {} {}",
            arguments.join(" "),
            said.code,
            said.stderr.trim(),
            if arguments[0] == "verify" {
                said.stdout.trim()
            } else {
                ""
            }
        );
        Ok(())
    }
}

/// The flags that a refusal offers, for each key the preferred choice, else the first.
fn offers(stderr: &str, preferred: &str) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    for line in stderr.lines().filter(|line| line.contains("decide: --")) {
        let offered: Vec<String> = ["--unique ", "--incoming "]
            .iter()
            .flat_map(|word| line.split(word).skip(1).map(move |rest| (word, rest)))
            .filter_map(|(word, rest)| {
                let end = ["=guard", "=extend", "=trigger", "=drop"]
                    .iter()
                    .filter_map(|c| rest.find(c).map(|at| at + c.len()))
                    .min()?;
                Some(format!("{}={}", word.trim(), &rest[..end]))
            })
            .collect();
        let best = offered
            .iter()
            .find(|flag| flag.ends_with(&format!("={preferred}")));
        flags.extend(best.or(offered.first()).cloned());
    }
    flags
}

/// The causes of a refusal.
fn reasons(stderr: &str) -> Vec<String> {
    let causes = stderr.lines().filter_map(|line| line.strip_prefix("- "));
    causes.map(str::to_owned).collect()
}

fn database_error(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(
        || error.to_string(),
        |e| format!("{} ({})", e.message(), e.code().code()),
    )
}
