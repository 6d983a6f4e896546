//! The same input gives the same bytes, wherever it runs.

use std::collections::BTreeMap;
use std::fs;

use crate::fixtures::Fixture;

/// Names and bytes of everything that `generate` wrote.
fn written(fixture: &Fixture, environment: &[(&str, &str)], out: &str) -> BTreeMap<String, Vec<u8>> {
    let spec = &fixture.spec;
    let interval = spec.interval.unwrap().to_string();
    let arguments = [
        "-q",
        "generate",
        &spec.name,
        "--key",
        spec.key.first(),
        "--interval",
        &interval,
        "--out",
        out,
    ];
    let mut command = fixture.pgcleave.command(&arguments);
    let output = command.envs(environment.iter().copied()).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let folder = fs::read_dir(fixture.pgcleave.folder.path().join(out))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn time_zone_locale_and_the_session_s_settings_change_no_byte() {
    for case in ["views", "index_kinds", "hostile_names"] {
        let fixture = Fixture::load(case);
        let here = written(&fixture, &[("TZ", "UTC"), ("LC_ALL", "C")], "here");
        assert!(here.len() > 20, "{:?}", here.keys());
        let name = &fixture.database.name;
        for setting in [
            "TimeZone = 'Pacific/Kiritimati'",
            "DateStyle = 'German'",
            "IntervalStyle = 'sql_standard'",
            "search_path = ''",
            "quote_all_identifiers = on",
            "bytea_output = 'escape'",
            "extra_float_digits = 0",
        ] {
            fixture
                .database
                .run_sql(&format!("ALTER DATABASE {name} SET {setting}"));
        }
        let environment = [
            ("TZ", "Asia/Kathmandu"),
            ("LC_ALL", "tr_TR.UTF-8"),
            ("PGTZ", "America/New_York"),
            ("PGDATESTYLE", "SQL, DMY"),
        ];
        let there = written(&fixture, &environment, "there");
        for (file, bytes) in &here {
            assert_eq!(
                String::from_utf8_lossy(bytes),
                String::from_utf8_lossy(&there[file]),
                "{case}: {file}"
            );
        }
        assert_eq!(here.len(), there.len());
    }
}

#[test]
fn writing_again_changes_nothing() {
    let fixture = Fixture::load("bigint_key");
    let once = written(&fixture, &[], "migrations_out");
    fixture.database.run_sql("ANALYZE");
    fixture.database.run_sql("VACUUM FULL");
    assert_eq!(once, written(&fixture, &[], "migrations_out"));
}

#[test]
fn a_dry_run_prints_the_files_and_nothing_else() {
    let fixture = Fixture::load("foreign_keys_both_ways");
    let spec = &fixture.spec;
    let interval = spec.interval.unwrap().to_string();
    let choices = fixture.choices();
    let choices = choices.iter().map(String::as_str);
    let mut arguments = vec![
        "generate",
        &spec.name,
        "--key",
        spec.key.first(),
        "--interval",
        &interval,
    ];
    arguments.extend(choices);
    let said = fixture.pgcleave.ok(&[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(
        fs::read_dir(fixture.pgcleave.folder.path()).unwrap().count(),
        0,
        "files were written"
    );
    fixture.pgcleave.ok(&arguments);
    let files: String = fixture
        .pgcleave
        .files(".sql")
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let lines = |text: &str| {
        let mut lines: Vec<String> = text
            .lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&said.stdout), lines(&files));
    // It is a file that psql reads.
    let path = fixture.pgcleave.folder.path().join("plan.sql");
    fs::write(&path, &said.stdout).unwrap();
    let first = said.stdout.lines().next().unwrap();
    assert!(
        first.starts_with("-- 0001_create_partitioned_copy.up.sql"),
        "{first}"
    );
}
