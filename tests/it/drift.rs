//! What runs must be what was reviewed, on the table that it was written for.

use std::fs;
use std::io::Write;

use crate::fixtures::Fixture;

#[test]
fn refuses_files_edited_between_generate_and_apply_with_the_diff() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    let dump = fixture.database.dump();
    let file = fixture.pgcleave.files("install_sync_trigger.up.sql").remove(0);
    let mut opened = fs::OpenOptions::new().append(true).open(&file).unwrap();
    writeln!(opened, "-- by hand").unwrap();
    let said = fixture.pgcleave.run(&["apply", "--yes"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(
        said.stderr.contains("+-- by hand") && said.stderr.contains("install_sync_trigger"),
        "{}",
        said.stderr
    );
    assert_eq!(fixture.database.dump(), dump);

    let said = fixture
        .pgcleave
        .run(&["generate", "events", "--key", "at", "--interval", "weekly"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(
        said.stderr.contains("+-- by hand") && said.stderr.contains("--yes"),
        "{}",
        said.stderr
    );
    assert!(fs::read_to_string(&file).unwrap().contains("by hand"));

    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--allow", "edited_files"]);
}

#[test]
fn refuses_a_catalog_that_changed_since_generate_and_says_what() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture.database.run_sql("ALTER TABLE events ADD COLUMN late int; CREATE INDEX new_one ON events (note); ALTER TABLE events ALTER note TYPE varchar(50)");
    let dump = fixture.database.dump();
    let said = fixture.pgcleave.run(&["apply", "--yes"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    for words in [
        "column late was added (integer)",
        "index new_one was added (USING btree (note))",
        "column note changed: type text became character varying(50)",
    ] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    assert_eq!(
        fixture
            .database
            .dump()
            .replace(&dump, "")
            .matches("events_pgcleave")
            .count(),
        0
    );
    assert!(
        fixture
            .database
            .lines("SELECT relname::text FROM pg_class WHERE relname LIKE 'events_pgcleave%'")
            .is_empty()
    );
}

#[test]
fn notices_ddl_on_the_source_before_the_switch_and_before_the_cutover() {
    for through in ["catch_up", "verify_copy"] {
        let fixture = Fixture::load("bigint_key");
        fixture.generate();
        fixture
            .pgcleave
            .ok(&["-q", "apply", "--yes", "--through", through]);
        fixture.database.run_sql("ALTER TABLE events ADD COLUMN late int");
        let said = fixture.pgcleave.run(&["apply", "--yes"]);
        assert_eq!(said.code, 4, "{}", said.stderr);
        // The files alone notice it too.
        let next = if through == "catch_up" {
            "keep_in_step.up.sql"
        } else {
            "cut_over.up.sql"
        };
        let file = fixture.pgcleave.files(next).remove(0);
        let output = fixture
            .database
            .program("psql")
            .args(["-X", "-v", "ON_ERROR_STOP=1", "-f"])
            .arg(file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("has changed since the conversion began"), "{said}");
    }
}

#[test]
fn notices_a_sync_trigger_that_was_switched_off_for_a_while() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    fixture.database.run_sql("ALTER TABLE events DISABLE TRIGGER pgcleave_sync; ALTER TABLE events ENABLE ALWAYS TRIGGER pgcleave_sync");
    let said = fixture.pgcleave.run(&["apply", "--yes"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(
        said.stderr.contains("was switched off or changed for a while"),
        "{}",
        said.stderr
    );
    fixture.pgcleave.ok(&["-q", "rollback", "--yes"]);
    assert_eq!(fixture.leftovers(), Vec::<String>::new());
}

#[test]
fn a_difference_of_one_cell_stops_the_conversion() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--through", "keep_in_step"]);
    fixture
        .database
        .run_sql("UPDATE events_pgcleave_copy SET note = 'stale' WHERE id = 77");
    let said = fixture.pgcleave.run(&["verify"]);
    assert_eq!(said.code, 3);
    assert!(said.stdout.contains("DIFFERENT CONTENT"), "{}", said.stdout);
    let said = fixture.pgcleave.run(&["apply", "--yes"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("source and copy differ"), "{}", said.stderr);
}

#[test]
fn refuses_a_cutover_when_a_row_is_missing() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    fixture
        .database
        .run_sql("DELETE FROM events_pgcleave_copy WHERE id = 77");
    let said = fixture.pgcleave.run(&["apply", "--yes"]);
    assert_eq!(said.code, 1);
    assert!(
        said.stderr.contains("the source holds 700 rows and the copy 699"),
        "{}",
        said.stderr
    );
    assert_eq!(
        fixture
            .database
            .lines("SELECT relkind::text FROM pg_class WHERE relname = 'events'"),
        ["r"]
    );
}
