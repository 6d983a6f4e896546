//! `tests/fixtures/refused/<case>/`: tables that must be refused, with the
//! reason, before anything is changed. `expect.txt`: table, key, then words
//! that must be said.

use std::fs;
use std::path::Path;

use crate::fixtures::versions_of;
use crate::support::{Database, Pgcleave, tests_folder};
use crate::versions::{Version, version};

#[test]
fn refuses_on_14_what_cannot_be_carried_and_changes_nothing() {
    refuses_all_on(version(14));
}

#[test]
fn refuses_on_15_what_cannot_be_carried_and_changes_nothing() {
    refuses_all_on(version(15));
}

#[test]
fn refuses_on_16_what_cannot_be_carried_and_changes_nothing() {
    refuses_all_on(version(16));
}

#[test]
fn refuses_on_17_what_cannot_be_carried_and_changes_nothing() {
    refuses_all_on(version(17));
}

#[test]
fn refuses_on_18_what_cannot_be_carried_and_changes_nothing() {
    refuses_all_on(version(18));
}

fn refuses_all_on(version: &'static Version) {
    let entries = fs::read_dir(tests_folder("fixtures/refused")).unwrap();
    let mut cases: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    cases.sort();
    assert!(cases.len() > 15, "{cases:?}");
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| refusal(case, version).err())
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn refusal(case: &str, version: &'static Version) -> Result<(), String> {
    let folder = tests_folder("fixtures/refused").join(case);
    let schema = fs::read_to_string(folder.join("schema.sql")).unwrap();
    let versions = versions_of(&schema).map_err(|e| format!("{case}: {e}"))?;
    let database = Database::on(version);
    let loaded = database.client().batch_execute(&schema);
    if !versions.contains(&version.major) {
        return rightly_left_out(case, &folder, &database, loaded.is_ok());
    }
    loaded.map_err(|e| format!("{case}: {e:?}"))?;
    let expected = fs::read_to_string(folder.join("expect.txt")).unwrap();
    let mut lines = expected.lines();
    let (table, key) = (lines.next().unwrap(), lines.next().unwrap());
    let before = database.dump();
    let pgcleave = Pgcleave::new(&database);
    let inspect = pgcleave.run(&["inspect", table, "--key", key]);
    let generate = pgcleave.run(&["generate", table, "--key", key, "--interval", "monthly"]);
    for (verb, said, text) in [
        ("inspect", &inspect, &inspect.stdout),
        ("generate", &generate, &generate.stderr),
    ] {
        if said.code != 4 {
            return Err(format!(
                "{case}: {verb} ended with {}\n{}\n{}",
                said.code, said.stdout, said.stderr
            ));
        }
        if let Some(word) = lines.clone().find(|word| !text.contains(word)) {
            return Err(format!("{case}: {verb} doesn't say {word:?}\n{text}"));
        }
    }
    if database.dump() != before || pgcleave.folder.path().join("migrations_out").exists() {
        return Err(format!("{case}: something was changed"));
    }
    Ok(())
}

/// A case's line about versions is true: where it isn't for, PostgreSQL refuses it or pgcleave doesn't.
fn rightly_left_out(case: &str, folder: &Path, database: &Database, loaded: bool) -> Result<(), String> {
    let expected = fs::read_to_string(folder.join("expect.txt")).unwrap();
    let mut lines = expected.lines();
    let (table, key) = (lines.next().unwrap(), lines.next().unwrap());
    let inspect = || Pgcleave::new(database).run(&["inspect", table, "--key", key]);
    if loaded && inspect().code == 4 {
        return Err(format!("{case} is refused here too, which its first line denies"));
    }
    Ok(())
}
