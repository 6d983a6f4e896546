//! `generate` again: it writes what has to change, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::fixtures::Fixture;

const MONTHLY: [&str; 7] = ["-q", "generate", "events", "--key", "at", "--interval", "monthly"];

fn generate(fixture: &Fixture, flags: &[&str]) {
    fixture.pgcleave.ok(&[&MONTHLY[..], flags].concat());
}

/// Bytes and time of the last change of every file in the project.
fn files(fixture: &Fixture) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut files = BTreeMap::new();
    let mut folders = vec![fixture.pgcleave.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let changed = fs::metadata(&path).unwrap().modified().unwrap();
                files.insert(path.clone(), (fs::read(path).unwrap(), changed));
            }
        }
    }
    files
}

/// Names of the files that differ, or are in one of them only.
fn changed(
    before: &BTreeMap<PathBuf, (Vec<u8>, SystemTime)>,
    after: &BTreeMap<PathBuf, (Vec<u8>, SystemTime)>,
) -> Vec<String> {
    let all = before.keys().chain(after.keys());
    let mut names: Vec<String> = all
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn spec(fixture: &Fixture) -> PathBuf {
    fixture.pgcleave.folder.path().join("pgcleave.toml")
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{}: {from}\n{text}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// dbmate's migrations, first to last.
fn migrations(fixture: &Fixture) -> Vec<PathBuf> {
    let folder = fixture.pgcleave.folder.path().join("db/migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

fn migration(fixture: &Fixture, step: &str) -> PathBuf {
    let mut files = migrations(fixture).into_iter();
    files.find(|file| file.to_str().unwrap().contains(step)).unwrap()
}

#[test]
fn generating_twice_touches_no_file() {
    for runner in ["plain", "dbmate", "alembic", "atlas", "sqitch"] {
        let fixture = Fixture::load("bigint_key");
        if runner == "alembic" {
            fs::write(
                fixture.pgcleave.folder.path().join("alembic.ini"),
                "[alembic]\nscript_location = alembic\n",
            )
            .unwrap();
            fs::create_dir_all(fixture.pgcleave.folder.path().join("alembic/versions")).unwrap();
        }
        if runner == "sqitch" {
            let plan = "%syntax-version=1.0.0\n%project=app\n\n";
            fs::write(fixture.pgcleave.folder.path().join("sqitch.plan"), plan).unwrap();
            fs::write(
                fixture.pgcleave.folder.path().join("sqitch.conf"),
                "[core]\n\tengine = pg\n",
            )
            .unwrap();
        }
        generate(&fixture, &["--runner", runner]);
        let before = files(&fixture);
        assert!(before.len() > 10, "{runner}: {:?}", before.keys());
        generate(&fixture, &["--runner", runner]);
        fixture.pgcleave.ok(&["-q", "generate", "events"]);
        // Rows, statistics and a new day are no change of the table.
        fixture
            .database
            .run_sql("UPDATE events SET at = at + interval '1 second' WHERE id IN (1, 700)");
        fixture.database.run_sql("VACUUM FULL ANALYZE events");
        let said = fixture.pgcleave.ok(&["generate", "events"]);
        assert!(
            said.stderr
                .contains("nothing has changed: the files are as they were"),
            "{runner}: {}",
            said.stderr
        );
        assert_eq!(
            changed(&before, &files(&fixture)),
            Vec::<String>::new(),
            "{runner}"
        );
    }
}

#[test]
fn new_rows_beyond_the_partitions_add_partitions() {
    let fixture = Fixture::load("bigint_key");
    generate(&fixture, &[]);
    let before = files(&fixture);
    fixture
        .database
        .run_sql("INSERT INTO events VALUES (0, 'first', '2021-01-01')");
    generate(&fixture, &[]);
    let changed = changed(&before, &files(&fixture));
    let expected = ["0001_create_partitioned_copy.up.sql", "catalog.json"];
    assert!(
        expected.iter().all(|name| changed.contains(&(*name).to_owned())),
        "{changed:?}"
    );
    assert!(
        !changed.iter().any(|name| name.contains("run_batch_copy")),
        "{changed:?}"
    );
    fixture.pgcleave.ok(&["check", "--live"]);
}

#[test]
fn what_changes_no_statement_is_recorded_all_the_same() {
    let fixture = Fixture::load("bigint_key");
    generate(&fixture, &[]);
    fixture.database.run_sql(
        "CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
         CREATE EVENT TRIGGER note_ddl ON ddl_command_end EXECUTE FUNCTION note_ddl()",
    );
    let refused = fixture.pgcleave.run(&["apply", "--yes"]);
    assert!(
        refused.code == 4 && refused.stderr.contains("event trigger note_ddl was added"),
        "{}",
        refused.stderr
    );
    fixture.pgcleave.ok(&["-q", "generate", "events"]);
    fixture.pgcleave.ok(&["check", "--live"]);
    fixture.pgcleave.ok(&["-q", "apply", "--yes"]);
}

#[test]
fn what_was_edited_by_hand_is_overwritten_only_with_a_yes() {
    for runner in ["plain", "dbmate"] {
        let fixture = Fixture::load("bigint_key");
        generate(&fixture, &["--runner", runner]);
        let edited = match runner {
            "plain" => fixture.pgcleave.files("catch_up.up.sql").remove(0),
            _ => migration(&fixture, "catch_up"),
        };
        let own = edited.with_file_name("19990101000000_ours.sql");
        fs::write(&own, "-- migrate:up\nSELECT 1;\n-- migrate:down\n").unwrap();
        let as_written = files(&fixture);
        edit(&edited, "CALL ", "-- by hand\nCALL ");
        let by_hand = files(&fixture);
        let again: &[&[&str]] = &[
            &["generate", "events"],
            &["generate", "events", "--batch-size", "7"],
        ];
        for arguments in again {
            let said = fixture.pgcleave.run(arguments);
            assert_eq!(said.code, 2, "{runner}: {}", said.stderr);
            assert!(
                said.stderr.contains("+-- by hand") && said.stderr.contains("--yes"),
                "{runner}: {}",
                said.stderr
            );
            assert_eq!(
                changed(&by_hand, &files(&fixture)),
                Vec::<String>::new(),
                "{runner}"
            );
        }
        fixture.pgcleave.ok(&["-q", "generate", "events", "--yes"]);
        let name = edited.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(changed(&by_hand, &files(&fixture)), [name], "{runner}");
        assert_eq!(fs::read(&edited).unwrap(), as_written[&edited].0, "{runner}");
        fixture.pgcleave.ok(&["check"]);
    }
}

#[test]
fn a_change_of_the_spec_writes_what_has_not_run() {
    let fixture = Fixture::load("bigint_key");
    generate(&fixture, &[]);
    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--through", "create_batch_copy_procedure"]);
    let before = files(&fixture);
    edit(&spec(&fixture), "batch_size = 1024", "batch_size = 3");
    assert_eq!(fixture.pgcleave.run(&["check"]).code, 3);
    fixture.pgcleave.ok(&["-q", "generate", "events"]);
    assert_eq!(
        changed(&before, &files(&fixture)),
        ["0004_run_batch_copy.up.sql", "pgcleave.toml", "written.json"]
    );
    fixture.pgcleave.ok(&["check", "--live"]);
    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--through", "run_batch_copy"]);

    let before = files(&fixture);
    edit(&spec(&fixture), "batch_size = 3", "batch_size = 5");
    let edited = files(&fixture);
    let said = fixture.pgcleave.run(&["generate", "events"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(
        said.stderr
            .contains("0004_run_batch_copy.up.sql has run, and what is asked for would change it"),
        "{}",
        said.stderr
    );
    assert_eq!(changed(&edited, &files(&fixture)), Vec::<String>::new());
    assert_eq!(fixture.pgcleave.run(&["check", "--live"]).code, 3);
    fs::write(spec(&fixture), &before[&spec(&fixture)].0).unwrap();
    fixture.pgcleave.ok(&["check", "--live"]);
    fixture.pgcleave.ok(&["-q", "apply", "--yes"]);
    fixture.pgcleave.ok(&["-q", "rollback", "--yes"]);
}

#[test]
fn a_runner_s_migrations_that_it_has_run_stay_as_they_are() {
    let fixture = Fixture::load("bigint_key");
    generate(&fixture, &["--runner", "dbmate"]);
    let before = files(&fixture);
    edit(&spec(&fixture), "batch_size = 1024", "batch_size = 3");
    fixture.pgcleave.ok(&["-q", "generate", "events"]);
    let copy = migration(&fixture, "run_batch_copy");
    let name = copy.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(
        changed(&before, &files(&fixture)),
        [
            name.clone(),
            "pgcleave.toml".to_owned(),
            "written.json".to_owned()
        ]
    );

    // dbmate's own word counts, though the catalog shows nothing of it.
    let version = name.split('_').next().unwrap();
    fixture.database.run_sql(&format!(
        "CREATE SCHEMA \"Ours\"; CREATE TABLE \"Ours\".schema_migrations (version varchar PRIMARY KEY);
         INSERT INTO \"Ours\".schema_migrations VALUES ('{version}');
         ALTER DATABASE {} SET search_path = \"Ours\", public",
        fixture.database.name
    ));
    edit(&spec(&fixture), "batch_size = 3", "batch_size = 5");
    let edited = files(&fixture);
    let said = fixture.pgcleave.run(&["generate", "events"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(
        said.stderr.contains(&format!("{name} has run")),
        "{}",
        said.stderr
    );
    assert_eq!(changed(&edited, &files(&fixture)), Vec::<String>::new());
}
