//! `tests/fixtures/refused/<case>/`: tables that must be refused, with the
//! reason, before anything is changed. `expect.txt`: table, key, then words
//! that must be said.

use std::fs;

use crate::support::{Database, Pgcleave, tests_folder};

#[test]
fn refuses_what_cannot_be_carried_and_changes_nothing() {
    let entries = fs::read_dir(tests_folder("fixtures/refused")).unwrap();
    let mut cases: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    cases.sort();
    assert!(cases.len() > 25, "{cases:?}");
    let failures: Vec<String> = cases.iter().filter_map(|case| refusal(case).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn refusal(case: &str) -> Result<(), String> {
    let folder = tests_folder("fixtures/refused").join(case);
    let database = Database::new();
    database.run_sql(&fs::read_to_string(folder.join("schema.sql")).unwrap());
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
