//! `tests/fixtures/<case>/`: a table with one difficulty.

mod on_versions;

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;

use clap::ValueEnum;
use pgcleave::spec::{Spec, TableSpec};
use pgcleave::sql::{Ident, Literal};

pub use self::on_versions::versions_of;
use crate::structure::{differences, structure, with_partition_key};
use crate::support::{Database, Pgcleave, Said, tests_folder};
use crate::versions::Version;

/// The versions on which a case's difficulty exists.
pub fn versions_of_case(case: &str) -> RangeInclusive<u32> {
    let schema = read(case, "schema.sql").unwrap_or_else(|| panic!("{case} has no schema.sql"));
    versions_of(&schema).unwrap_or_else(|e| panic!("{case}/schema.sql: {e}"))
}

/// A loaded fixture.
pub struct Fixture {
    pub database: Database,
    pub pgcleave: Pgcleave,
    pub spec: TableSpec,
    after: Option<String>,
    /// Facts of the structure that the cutover changes as announced, beside the partition key in the
    /// unique keys: differs.txt.
    differs: String,
    /// Whether its first partition does.
    pub depends_on_today: bool,
}

impl Fixture {
    /// Loads schema and seed into a new database on the server that most tests use.
    pub fn load(case: &str) -> Self {
        Self::load_into(Database::new(), case)
    }

    /// The same on that version's server.
    pub fn load_on(version: &'static Version, case: &str) -> Self {
        Self::load_into(Database::on(version), case)
    }

    fn load_into(database: Database, case: &str) -> Self {
        Self::try_load_into(database, case).unwrap_or_else(|e| panic!("{case}: {e:?}"))
    }

    /// Says what the server said where it doesn't know the schema.
    pub fn try_load_into(database: Database, case: &str) -> Result<Self, postgres::Error> {
        let mut client = database.client();
        client.batch_execute(&read(case, "schema.sql").unwrap())?;
        let seed = read(case, "seed.sql").unwrap_or_default();
        client.batch_execute(&seed)?;
        client.batch_execute("ANALYZE")?;
        let mut spec = Spec::parse(&read(case, "spec.toml").unwrap()).unwrap();
        let pgcleave = Pgcleave::new(&database);
        Ok(Self {
            database,
            pgcleave,
            spec: spec.tables.remove(0),
            after: read(case, "after.sql"),
            differs: read(case, "differs.txt").unwrap_or_default(),
            depends_on_today: seed.is_empty() || seed.contains("current_date") || seed.contains("now()"),
        })
    }

    /// What the spec decides about keys, as flags of `generate`.
    pub fn choices(&self) -> Vec<String> {
        fn flag<C: ValueEnum>(flag: &str, name: &str, choice: &C) -> [String; 2] {
            let choice = choice.to_possible_value().unwrap();
            [flag.to_owned(), format!("{name}={}", choice.get_name())]
        }
        let unique = self.spec.unique.iter().map(|(name, c)| flag("--unique", name, c));
        let incoming = self
            .spec
            .incoming
            .iter()
            .map(|(name, c)| flag("--incoming", name, c));
        unique.chain(incoming).flatten().collect()
    }

    /// Writes the migrations, from the whole of the fixture's spec.
    pub fn generate(&self) {
        let said = self.try_generate();
        assert_eq!(said.code, 0, "{}\n{}", said.stdout, said.stderr);
    }

    /// What `generate` says.
    pub fn try_generate(&self) -> Said {
        let path = self.pgcleave.folder.path().join("pgcleave.toml");
        let text = fs::read_to_string(&path).unwrap_or_default();
        if !Spec::parse(&text).unwrap().tables.contains(&self.spec) {
            fs::write(&path, self.spec.write_into(&text).unwrap()).unwrap();
        }
        self.pgcleave
            .run(&["-q", "generate", &self.spec.name, "--batch-size", "2"])
    }

    /// Files and table are as they were written and recorded.
    pub fn assert_checks(&self, when: &str) {
        let said = self.pgcleave.run(&["check", &self.spec.name, "--live"]);
        assert_eq!(said.code, 0, "{when}\n{}\n{}", said.stdout, said.stderr);
    }

    /// Planning again is empty: no file is written.
    pub fn assert_nothing_to_plan(&self) {
        let written = || {
            let files = self.pgcleave.files("").into_iter();
            files
                .map(|f| (fs::metadata(&f).unwrap().modified().unwrap(), f))
                .collect::<Vec<_>>()
        };
        let before = written();
        let said = self.pgcleave.run(&["generate", &self.spec.name]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(
            said.stderr.contains("there is nothing to plan"),
            "{}",
            said.stderr
        );
        assert_eq!(written(), before);
    }

    /// The table's rows as text, sorted.
    pub fn content(&self) -> Vec<String> {
        self.database
            .lines(&format!("SELECT t::text FROM {} t ORDER BY 1", self.spec.name))
    }

    /// Writes as an application would after the cutover.
    pub fn write_after_cutover(&self) {
        if let Some(sql) = &self.after {
            self.database.run_sql(sql);
        }
        // Rows move to another partition, whatever the table is. Of other types `after.sql` moves them.
        for key in self.spec.partition_columns() {
            let column = Ident::new(key).unwrap();
            let moved = match self.type_of(key).as_str() {
                "date" | "timestamp" | "timestamptz" => {
                    format!("{column} + interval '31 days' WHERE isfinite({column})")
                }
                _ => continue,
            };
            let table = &self.spec.name;
            self.database
                .run_sql(&format!("UPDATE {table} SET {column} = {moved}"));
        }
    }

    /// The type's name, of a domain its base type's.
    fn type_of(&self, column: &str) -> String {
        let found = self.database.lines(&format!(
            "SELECT coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::oid::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
              WHERE a.attrelid = {}::regclass AND a.attname = {}",
            Literal::new(self.spec.name.as_str()),
            Literal::new(column)
        ));
        let name = format!("SELECT typname::text FROM pg_type WHERE oid = {}", found[0]);
        self.database.lines(&name).remove(0)
    }

    /// Names of ours that are left in the database.
    pub fn leftovers(&self) -> Vec<String> {
        self.database.lines(
            "SELECT relname::text FROM pg_class WHERE relname LIKE '%pgcleave%'
             UNION ALL SELECT proname::text FROM pg_proc WHERE proname LIKE '%pgcleave%'
             UNION ALL SELECT tgname::text FROM pg_trigger WHERE tgname LIKE '%pgcleave%'
             UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspname LIKE '%pgcleave%'
             UNION ALL SELECT conname::text FROM pg_constraint WHERE conname LIKE '%pgcleave%'",
        )
    }

    /// What the catalog says of the table.
    pub fn structure(&self) -> BTreeSet<String> {
        structure(&self.database, &self.spec.name)
    }

    /// After the cutover the table differs by its partitioning, and by what differs.txt expects.
    pub fn assert_structure_kept(&self, before: BTreeSet<String>) {
        let after = self.structure();
        let expected = with_partition_key(before, &after, &self.database, &self.spec.name);
        assert_eq!(differences(&expected, &after), self.differs, "after the cutover");
    }
}

fn read(case: &str, file: &str) -> Option<String> {
    fs::read_to_string(tests_folder("fixtures").join(case).join(file)).ok()
}
