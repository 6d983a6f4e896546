//! `pgcleave.toml`: what the user wants, validated.
//!
//! Long because it is one thing: the shape of that file, and how an entry is written back into it.

mod expected;
mod key_path;
mod partitioning;
mod problem;
mod schema;
mod validation;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Interval;
use crate::sql::QualifiedName;

pub use partitioning::{
    Allowance, Level, Lists, MAX_PARTITIONS, NullKeys, PartitionKey, SpecValue, Strategy, SubSpec,
};
pub use problem::{SpecError, SpecProblem};
pub use schema::json_schema;

/// How many intervals ahead of today get a partition unless said otherwise.
pub const DEFAULT_PREMAKE: u32 = 12;
/// Blocks of the source table that one batch copies (8 MiB at 8 KiB a block).
pub const DEFAULT_BATCH_BLOCKS: u32 = 1024;
/// Folder of the migrations.
pub const DEFAULT_OUT: &str = "migrations_out";
/// At most so many intervals ahead of today.
pub const MAX_PREMAKE: u32 = 1000;

/// pgcleave.toml: which tables are to be partitioned, and how.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "pgcleave.toml")]
pub struct Spec {
    /// One `[[table]]` per table.
    #[serde(default, rename = "table")]
    pub tables: Vec<TableSpec>,
}

/// One `[[table]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// `schema.table` as SQL would write it, quoted where SQL needs quotes.
    pub name: String,
    /// The partition key: a column's name as the catalog has it, unquoted, or several.
    pub key: PartitionKey,
    /// Partitioning strategy.
    #[serde(default)]
    pub strategy: Strategy,
    /// RANGE: the width of a partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// RANGE: bounds between partitions, in place of an interval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounds: Vec<SpecValue>,
    /// HASH: how many partitions; 1 to 4096.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_PARTITIONS))]
    pub partitions: Option<u32>,
    /// Intervals ahead of today that get a partition; 0 to 1000.
    #[serde(default = "default_premake")]
    #[schemars(range(max = MAX_PREMAKE))]
    pub premake: u32,
    /// IANA zone in which an interval begins at midnight.
    #[serde(default = "default_time_zone")]
    #[schemars(schema_with = "schema::time_zones")]
    pub time_zone: Tz,
    /// The migration runner that the files are for.
    #[serde(default)]
    pub runner: RunnerName,
    /// The runner's folder of migrations; for other runners than `plain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// The last step that has a migration for the runner; for other runners than `plain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::steps")]
    pub through: Option<String>,
    /// Folder in which the table's own folder is made: of migrations, or of what belongs to the runner's.
    #[serde(default = "default_out")]
    pub out: PathBuf,
    /// Blocks of the source table per batch; at least 1.
    #[serde(default = "default_batch_blocks")]
    #[schemars(range(min = 1))]
    pub batch_size: u32,
    /// Who copies the rows, and catches up with what was written meanwhile.
    #[serde(default, skip_serializing_if = "CopyBy::is_default")]
    pub copy: CopyBy,
    /// What becomes of unique keys that lack the partition key, by the key's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unique: BTreeMap<String, UniqueChoice>,
    /// What becomes of foreign keys that point at the table, by the constraint's name, or by `schema.table.constraint` where several have that name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub incoming: BTreeMap<String, IncomingChoice>,
    /// Where rows go whose key is NULL.
    #[serde(default)]
    pub null_keys: NullKeys,
    /// What is refused unless it stands here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Allowance>,
    /// LIST: which values share a partition; none is a partition for each value that the table holds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: Lists,
    /// How each partition is partitioned again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<SubSpec>,
}

/// What becomes of a unique key that lacks the partition key, which a partitioned table's unique keys must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum UniqueChoice {
    /// The partition key is added to it: the same value may then stand in several partitions.
    Extend,
    /// Its index stays, as a plain one: nothing is unique any more.
    Drop,
    /// Its index stays, as a plain one, and a narrow table with a row per value keeps values unique over all partitions.
    Guard,
}

/// What becomes of a foreign key of another table once the retired table, through which it works meanwhile, is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum IncomingChoice {
    /// It refers to the guard of the key that it refers to now: a foreign key as before, with all its actions.
    Guard,
    /// The other table gets the partition key as a column, kept by a trigger, and refers to both.
    Extend,
    /// Triggers on both tables do what the foreign key did.
    Trigger,
    /// It is dropped.
    Drop,
}

/// Reads `NAME=CHOICE`.
///
/// # Errors
/// When there is no `=` or the choice is another; the message lists those that are possible.
pub fn parse_choice<C: clap::ValueEnum>(text: &str) -> Result<(String, C), String> {
    let (name, choice) = text.rsplit_once('=').ok_or("NAME=CHOICE is expected")?;
    let possible = || {
        let names = C::value_variants().iter().filter_map(C::to_possible_value);
        names
            .map(|v| v.get_name().to_owned())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let choice = C::from_str(choice, false).map_err(|_| format!("{choice:?} is none of {}", possible()))?;
    Ok((name.to_owned(), choice))
}

/// The migration runner that the files are for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum RunnerName {
    /// Plain SQL files, run by psql or by `pgcleave apply`.
    #[default]
    Plain,
    /// sqlx, in Rust: `<version>_<name>.up.sql` and `.down.sql`.
    Sqlx,
    /// refinery, in Rust: `V<version>__<name>.sql`, without a way back.
    Refinery,
    /// diesel, in Rust: a folder per migration with `up.sql` and `down.sql`.
    Diesel,
    /// dbmate: one file with `-- migrate:up` and `-- migrate:down`.
    Dbmate,
    /// goose, in Go: one file with `-- +goose Up` and `-- +goose Down`.
    Goose,
    /// golang-migrate: `<version>_<name>.up.sql` and `.down.sql`.
    GolangMigrate,
    /// Flyway, in Java: `V<version>__<name>.sql`, and `.sql.conf` beside it.
    Flyway,
    /// Liquibase, in Java: changesets in formatted SQL.
    Liquibase,
    /// Alembic, in Python, of SQLAlchemy.
    Alembic,
    /// Django's migrations, in Python.
    Django,
    /// Rails' migrations, in Ruby (Active Record).
    Rails,
    /// Sqitch: `deploy`, `revert` and `verify`, and a line in `sqitch.plan`.
    Sqitch,
    /// Atlas: `<version>_<name>.sql`, and its sum in `atlas.sum`.
    Atlas,
    /// node-pg-migrate, in JavaScript.
    NodePgMigrate,
    /// Knex, in JavaScript.
    Knex,
    /// graphile-migrate: committed migrations, each with the hash of the one before.
    GraphileMigrate,
    /// Prisma, in TypeScript: a folder per migration with `migration.sql`.
    Prisma,
    /// Ecto, in Elixir.
    Ecto,
}

impl RunnerName {
    /// As `pgcleave.toml` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Sqlx => "sqlx",
            Self::Refinery => "refinery",
            Self::Diesel => "diesel",
            Self::Dbmate => "dbmate",
            Self::Goose => "goose",
            Self::GolangMigrate => "golang-migrate",
            Self::Flyway => "flyway",
            Self::Liquibase => "liquibase",
            Self::Alembic => "alembic",
            Self::Django => "django",
            Self::Rails => "rails",
            Self::Sqitch => "sqitch",
            Self::Atlas => "atlas",
            Self::NodePgMigrate => "node-pg-migrate",
            Self::Knex => "knex",
            Self::GraphileMigrate => "graphile-migrate",
            Self::Prisma => "prisma",
            Self::Ecto => "ecto",
        }
    }
}

/// Who copies the rows, and catches up with what was written meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum CopyBy {
    /// The migrations, when they are run.
    #[default]
    Inline,
    /// Somebody, by the same statements, outside the deploy.
    Manual,
    /// A job of pg_cron's, which one migration schedules and another removes.
    PgCron,
}

impl CopyBy {
    /// As the spec writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Manual => "manual",
            Self::PgCron => "pg_cron",
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn default_premake() -> u32 {
    DEFAULT_PREMAKE
}

fn default_time_zone() -> Tz {
    Tz::UTC
}

fn default_out() -> PathBuf {
    PathBuf::from(DEFAULT_OUT)
}

fn default_batch_blocks() -> u32 {
    DEFAULT_BATCH_BLOCKS
}

impl Spec {
    /// Reads and validates the file's text.
    ///
    /// # Errors
    /// Names line and key of the first thing that isn't valid; [`SpecError::in_file`] adds the file.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let spec: Self = toml::from_str(text).map_err(|error| SpecError::of_text(text, &error))?;
        validation::check(&spec, text)?;
        Ok(spec)
    }
}

impl TableSpec {
    /// RANGE by the interval, and everything else as it is where nothing is said.
    pub fn new(name: impl Into<String>, key: PartitionKey) -> Self {
        Self {
            name: name.into(),
            key,
            strategy: Strategy::Range,
            interval: None,
            bounds: Vec::new(),
            partitions: None,
            premake: DEFAULT_PREMAKE,
            time_zone: default_time_zone(),
            runner: RunnerName::Plain,
            directory: None,
            through: None,
            out: default_out(),
            batch_size: DEFAULT_BATCH_BLOCKS,
            copy: CopyBy::Inline,
            unique: BTreeMap::new(),
            incoming: BTreeMap::new(),
            null_keys: NullKeys::Refuse,
            allow: Vec::new(),
            lists: BTreeMap::new(),
            sub: None,
        }
    }

    /// Folder of the table's migrations, below [`TableSpec::out`], named by its schema and name.
    pub fn folder(&self, table: &QualifiedName) -> PathBuf {
        // A slash in a name would make two folders of it.
        self.out.join(table.plain().replace(['/', '\\'], "_"))
    }

    /// How the table itself is partitioned.
    pub fn level(&self) -> Level<'_> {
        Level {
            key: &self.key,
            strategy: self.strategy,
            interval: self.interval,
            bounds: &self.bounds,
            partitions: self.partitions,
            lists: &self.lists,
        }
    }

    /// The table's partitioning, and behind it that of its partitions.
    pub fn levels(&self) -> Vec<Level<'_>> {
        std::iter::once(self.level())
            .chain(self.sub.as_ref().map(SubSpec::level))
            .collect()
    }

    /// The columns of all levels' keys, each once: what every unique key of the table must hold.
    pub fn partition_columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = Vec::new();
        for column in self.levels().iter().flat_map(|level| level.key.columns()) {
            if !columns.contains(&column.as_str()) {
                columns.push(column);
            }
        }
        columns
    }

    /// The file's text with this table's entry set; everything else, comments
    /// too, stays as it is.
    ///
    /// # Errors
    /// When the text isn't TOML.
    pub fn write_into(&self, text: &str) -> Result<String, SpecError> {
        let mut document: toml_edit::DocumentMut =
            text.parse().map_err(|error| SpecError::of_edit(text, &error))?;
        let tables = document
            .entry("table")
            .or_insert(toml_edit::Item::ArrayOfTables(toml_edit::ArrayOfTables::new()));
        let Some(tables) = tables.as_array_of_tables_mut() else {
            return Ok(text.to_owned());
        };
        let position = tables
            .iter()
            .position(|t| t.get("name").and_then(|n| n.as_str()) == Some(&self.name));
        if position.is_none() {
            tables.push(toml_edit::Table::new());
        }
        let at = position.unwrap_or(tables.len() - 1);
        if let Some(entry) = tables.get_mut(at) {
            self.fill(entry);
        }
        Ok(document.to_string())
    }

    fn fill(&self, entry: &mut toml_edit::Table) {
        entry["name"] = toml_edit::value(&self.name);
        self.level().fill(entry);
        entry["premake"] = toml_edit::value(i64::from(self.premake));
        entry["time_zone"] = toml_edit::value(self.time_zone.name());
        entry["runner"] = toml_edit::value(self.runner.as_str());
        let directory = self.directory.as_ref().map(|d| d.to_string_lossy().into_owned());
        set_or_remove(entry, "directory", directory);
        set_or_remove(entry, "through", self.through.clone());
        entry["out"] = toml_edit::value(self.out.to_string_lossy().into_owned());
        entry["batch_size"] = toml_edit::value(i64::from(self.batch_size));
        match self.copy.is_default() {
            true => entry.remove("copy"),
            false => entry.insert("copy", toml_edit::value(self.copy.name())),
        };
        fill_choices(entry, "unique", &self.unique);
        fill_choices(entry, "incoming", &self.incoming);
        match self.null_keys {
            NullKeys::Refuse => entry.remove("null_keys"),
            NullKeys::Default => entry.insert("null_keys", toml_edit::value("default")),
        };
        let allow: toml_edit::Array = self.allow.iter().map(|a| a.name()).collect();
        match allow.is_empty() {
            true => entry.remove("allow"),
            false => entry.insert("allow", toml_edit::value(allow)),
        };
        match &self.sub {
            None => {
                entry.remove("sub");
            }
            Some(sub) => {
                if !entry.contains_table("sub") {
                    entry["sub"] = toml_edit::table();
                }
                if let Some(table) = entry["sub"].as_table_mut() {
                    sub.level().fill(table);
                }
            }
        }
    }
}

fn set_or_remove(entry: &mut toml_edit::Table, key: &str, text: Option<String>) {
    match text {
        Some(text) => entry[key] = toml_edit::value(text),
        None => drop(entry.remove(key)),
    }
}

/// An inline table of names and choices; no entry where there are none.
fn fill_choices<C: clap::ValueEnum>(entry: &mut toml_edit::Table, key: &str, choices: &BTreeMap<String, C>) {
    if choices.is_empty() {
        entry.remove(key);
        return;
    }
    let named = |choice: &C| {
        choice
            .to_possible_value()
            .map(|v| v.get_name().to_owned())
            .unwrap_or_default()
    };
    let table: toml_edit::InlineTable = choices
        .iter()
        .map(|(name, choice)| (name.as_str(), named(choice)))
        .collect();
    entry[key] = toml_edit::value(table);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "[[table]]\nname = \"public.events\"\nkey = \"at\"\ninterval = \"monthly\"\n";

    #[test]
    fn fills_in_defaults() {
        let table = Spec::parse(ENTRY).unwrap().tables.remove(0);
        assert_eq!(
            (table.premake, table.time_zone, table.batch_size),
            (12, Tz::UTC, 1024)
        );
    }

    #[test]
    fn keeps_comments_and_other_tables() {
        let text =
            format!("# ours\n{ENTRY}\n[[table]]\nname = \"a.b\"\nkey = \"t\"\ninterval = \"daily\" # busy\n");
        let mut table = Spec::parse(&text).unwrap().tables.remove(0);
        table.interval = Some(Interval::Weekly);
        let written = table.write_into(&text).unwrap();
        assert!(
            written.contains("# ours") && written.contains("# busy"),
            "{written}"
        );
        let tables = Spec::parse(&written).unwrap().tables;
        assert_eq!(
            (tables[0].interval, tables[1].interval),
            (Some(Interval::Weekly), Some(Interval::Daily))
        );
    }

    #[test]
    fn writes_choices_and_reads_them_back() {
        let mut table = Spec::parse(ENTRY).unwrap().tables.remove(0);
        let (name, choice) = parse_choice("a=\"b.c\"=guard").unwrap();
        table.unique.insert(name, choice);
        let written = table.write_into(ENTRY).unwrap();
        assert_eq!(
            Spec::parse(&written).unwrap().tables,
            [table.clone()],
            "{written}"
        );
        table.unique.clear();
        assert!(!table.write_into(&written).unwrap().contains("unique"));
        assert!(
            parse_choice::<UniqueChoice>("a=trigger")
                .unwrap_err()
                .contains("extend, drop, guard")
        );
    }

    #[test]
    fn writes_who_copies_where_it_is_not_the_migrations() {
        let mut table = Spec::parse(ENTRY).unwrap().tables.remove(0);
        assert!(!table.write_into(ENTRY).unwrap().contains("copy"));
        for copy in [CopyBy::PgCron, CopyBy::Manual] {
            table.copy = copy;
            let written = table.write_into(ENTRY).unwrap();
            assert!(
                written.contains(&format!("copy = \"{}\"", copy.name())),
                "{written}"
            );
            assert_eq!(Spec::parse(&written).unwrap().tables, [table.clone()]);
            table.copy = CopyBy::Inline;
            assert!(!table.write_into(&written).unwrap().contains("copy"));
        }
    }

    #[test]
    fn writes_lists_and_sub_partitions_and_reads_them_back() {
        let text = "[[table]]\nname = \"a.b\"\nkey = [\"region\"]\nstrategy = \"list\"\nallow = [\"many_partitions\"]\n\
                    [table.lists]\nemea = [\"de\", \"fr\"]\nrest = [1, true]\n\
                    [table.sub]\nkey = [\"id\", \"x\"]\nstrategy = \"hash\"\npartitions = 4\n\n";
        let both = format!("{text}{ENTRY}");
        let tables = Spec::parse(&both).unwrap().tables;
        let mut written = "# ours\n".to_owned();
        for table in &tables {
            written = table.write_into(&written).unwrap();
        }
        for table in &tables {
            written = table.write_into(&written).unwrap();
        }
        assert_eq!(Spec::parse(&written).unwrap().tables, tables, "{written}");
        assert_eq!(tables[0].partition_columns(), ["region", "id", "x"]);
    }
}
