//! README's worked example: `migrations_out/` is what pgcleave writes today.
//!
//! After a change on purpose: `UPDATE_EXAMPLE=1 cargo test example`.

use std::fs;
use std::path::{Path, PathBuf};

use pgcleave::catalog;
use pgcleave::migration::{Directory, MigrationFile, WRITTEN, Written, write_whole};
use pgcleave::model::KeyRange;
use pgcleave::plan::{FACTS_FORMAT, Facts, plan_conversion};
use pgcleave::runner;
use pgcleave::spec::Spec;
use pgcleave::sql::{Ident, QualifiedName};

use crate::support::Database;

pub const SCHEMA: &str = include_str!("../example/schema.sql");
pub const SPEC: &str = include_str!("../example/pgcleave.toml");

/// The facts as the server tells them, on a fixed day and version.
pub fn facts(database: &Database) -> Facts {
    let mut client = database.client();
    let ident = |name: &str| Ident::new(name).unwrap();
    let name = QualifiedName::new(ident("public"), ident("events"));
    let mut snapshot = catalog::snapshot(&mut client).unwrap();
    let mut table = catalog::load_table(&mut snapshot, &name).unwrap();
    table.server_version = 150_000;
    let key_range = catalog::load_key_range(&mut snapshot, &table, &ident("created_at"), "UTC").unwrap();
    Facts {
        format: FACTS_FORMAT,
        as_of: "2026-01-15".parse().unwrap(),
        key_range,
        sub_key_range: KeyRange::default(),
        table,
    }
}

fn files(facts: &Facts) -> Vec<MigrationFile> {
    let spec = Spec::parse(SPEC).unwrap().tables.remove(0);
    runner::files(&plan_conversion(facts, &spec).unwrap()).unwrap()
}

#[test]
fn the_committed_example_is_what_pgcleave_writes() {
    let database = Database::new();
    database.run_sql(SCHEMA);
    let facts = facts(&database);
    let files = files(&facts);
    let catalog = format!("{}\n", serde_json::to_string_pretty(&facts).unwrap());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations_out/public.events");
    let mut written = Written::default();
    let names: Vec<PathBuf> = files.iter().map(|file| file.name.to_string().into()).collect();
    let texts = names
        .iter()
        .zip(&files)
        .map(|(name, file)| (name.as_path(), file.text.as_str()));
    written.note(&folder, texts, &[]);
    let written = written.to_text().unwrap();
    if std::env::var_os("UPDATE_EXAMPLE").is_some() {
        let _ = fs::remove_dir_all(&folder);
        write_whole(&folder.join("catalog.json"), &catalog).unwrap();
        write_whole(&folder.join(WRITTEN), &written).unwrap();
        for file in &files {
            write_whole(&folder.join(file.name.to_string()), &file.text).unwrap();
        }
    }
    let committed = Directory::read(&folder).unwrap().files;
    for (committed, written) in committed.iter().zip(&files) {
        assert_eq!(committed.text, written.text, "{}", written.name);
    }
    assert_eq!(committed.len(), files.len());
    assert_eq!(fs::read_to_string(folder.join("catalog.json")).unwrap(), catalog);
    assert_eq!(fs::read_to_string(folder.join(WRITTEN)).unwrap(), written);
}
