//! What each verb says, where it says it, and how it ends.

use std::fs;

use serde_json::Value;

use crate::fixtures::Fixture;
use crate::support::{Database, Pgcleave};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn inspect_reports_facts_candidates_and_problems_as_text_and_json() {
    let fixture = Fixture::load("foreign_keys_both_ways");
    let undecided = fixture.pgcleave.run(&["inspect", "events"]);
    assert_eq!(undecided.code, 4, "{}", undecided.stderr);
    for choice in ["notes_event_fkey=guard", "holds_event_fkey=drop"] {
        assert!(
            undecided.stdout.contains(choice),
            "{choice}\n{}",
            undecided.stdout
        );
    }
    let choices = fixture.choices();
    let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
    let inspect = [&["inspect", "events"][..], &choices].concat();
    let text = fixture.pgcleave.ok(&inspect).stdout;
    for words in [
        "events_pkey: PRIMARY KEY (id)",
        "Backup Key: FOREIGN KEY (backup)",
        "notes_event_fkey of public.notes",
        "candidates for the key",
        "the primary key becomes (id, at)",
        "no NULL, no infinity",
        "key from 2026-01-05T06:00:00",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let as_json = [&inspect[..], &["--format", "json"]].concat();
    let report = json(&fixture.pgcleave.ok(&as_json).stdout);
    assert_eq!(report["format"], 1);
    assert_eq!(report["blocked"], false);
    assert_eq!(report["table"]["foreign_keys_in"].as_array().unwrap().len(), 2);
    assert_eq!(report["proposal"]["key"], "at");
    assert_eq!(report["candidates"][0]["not_null"], true);
    assert_eq!(
        report["candidates"][0]["proposal"],
        Value::Null,
        "no index leads with it"
    );
    let indexed = Fixture::load("index_kinds");
    let report = json(
        &indexed
            .pgcleave
            .ok(&["inspect", "events", "--format", "json"])
            .stdout,
    );
    assert_eq!(report["candidates"][0]["proposal"]["interval"], "monthly");
    assert!(
        report["candidates"][0]["proposal"]["partitions"]
            .as_u64()
            .unwrap()
            > 10
    );
    assert!(report["measures"]["estimated_rows"].as_f64().unwrap() > 400.0);
}

#[test]
fn generate_prints_the_same_bytes_whatever_the_clock_zone_and_locale() {
    let fixture = Fixture::load("weekly_kathmandu");
    let mut prints = Vec::new();
    for (zone, locale) in [
        ("UTC", "C"),
        ("America/New_York", "de_DE.UTF-8"),
        ("Asia/Kathmandu", "tr_TR.UTF-8"),
    ] {
        let mut command = fixture.pgcleave.command(&[
            "generate",
            "events",
            "--key",
            "at",
            "--interval",
            "weekly",
            "--time-zone",
            "Asia/Kathmandu",
            "--dry-run",
        ]);
        let output = command
            .env("TZ", zone)
            .env("PGTZ", zone)
            .env("LC_ALL", locale)
            .output()
            .unwrap();
        assert!(output.status.success());
        prints.push(String::from_utf8(output.stdout).unwrap());
    }
    assert!(prints[0].contains("+05:45'"), "bounds have their offset");
    assert!(prints.iter().all(|print| *print == prints[0]));
    assert!(!fixture.pgcleave.folder.path().join("migrations_out").exists());
}

#[test]
fn a_dry_run_is_a_clean_sql_file() {
    let fixture = Fixture::load("bigint_key");
    let said = fixture.pgcleave.ok(&[
        "generate",
        "events",
        "--key",
        "at",
        "--interval",
        "monthly",
        "--dry-run",
    ]);
    let statement = |line: &str| line.starts_with("CREATE TABLE \"public\".\"events_pgcleave_copy\"");
    assert!(
        said.stdout.lines().any(statement) && said.stdout.starts_with("--"),
        "{}",
        said.stdout
    );
    assert!(!said.stdout.contains("read the files") && !said.stdout.contains("warnings"));
}

#[test]
fn generate_writes_the_spec_and_keeps_what_else_is_in_it() {
    let fixture = Fixture::load("bigint_key");
    let spec = fixture.pgcleave.folder.path().join("pgcleave.toml");
    fs::write(
        &spec,
        "# ours\n[[table]]\nname = \"a.b\"\nkey = \"t\"\ninterval = \"daily\"\n",
    )
    .unwrap();
    fixture.pgcleave.ok(&[
        "-q",
        "generate",
        "events",
        "--key",
        "at",
        "--interval",
        "weekly",
        "--premake",
        "3",
    ]);
    let text = fs::read_to_string(&spec).unwrap();
    // What flags don't say is taken from the entry.
    fixture.pgcleave.ok(&["-q", "generate", "events"]);
    assert_eq!(fs::read_to_string(&spec).unwrap(), text);
    assert!(text.contains("premake = 3"), "{text}");
    assert!(
        text.starts_with("# ours") && text.contains("name = \"public.events\"") && text.contains("a.b"),
        "{text}"
    );
    fs::write(&spec, format!("{text}\nnonsense = 1\n")).unwrap();
    let said = fixture.pgcleave.run(&["status", "events"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(
        said.stderr.contains(&format!(
            "error: pgcleave.toml:{}: unknown key \"nonsense\" in [[table]] public.events\nhint: correct pgcleave.toml",
            text.lines().count() + 2
        )),
        "{}",
        said.stderr
    );
}

#[test]
fn a_thousand_partitions_are_no_trouble() {
    let database = Database::new();
    database.run_sql(
        "CREATE TABLE events (id int PRIMARY KEY, at date NOT NULL);
        INSERT INTO events SELECT i, current_date - i FROM generate_series(0, 989) i",
    );
    let pgcleave = Pgcleave::new(&database);
    pgcleave.ok(&[
        "-q",
        "generate",
        "events",
        "--key",
        "at",
        "--interval",
        "daily",
        "--premake",
        "10",
    ]);
    pgcleave.ok(&["-q", "apply", "--yes"]);
    let status = pgcleave.ok(&["status", "--format", "json"]).stdout;
    assert_eq!(json(&status)["partitions"], 1001);
    assert_eq!(json(&status)["stage"], "cut_over");
    pgcleave.ok(&["verify"]);
    pgcleave.ok(&["-q", "rollback", "--yes"]);
}

#[test]
fn status_and_verify_speak_json_and_name_the_next_command() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    let said = fixture.pgcleave.ok(&["status"]);
    assert!(
        said.stdout.contains("not started") && said.stdout.contains("next: pgcleave apply public.events"),
        "{}",
        said.stdout
    );
    let said = fixture.pgcleave.run(&["verify"]);
    assert_eq!(said.code, 1, "nothing to compare yet");
    fixture.pgcleave.ok(&["-q", "apply", "--yes", "--through", "4"]);
    let status = json(&fixture.pgcleave.ok(&["status", "--format", "json"]).stdout);
    assert_eq!(status["stage"], "copied");
    assert_eq!(status["rows_copied"], 700);
    assert_eq!(status["blocks_done"], status["blocks_total"]);
    fixture
        .database
        .run_sql("UPDATE events SET note = 'changed' WHERE id < 11");
    let report = json(&fixture.pgcleave.ok(&["verify", "--format", "json"]).stdout);
    assert_eq!(
        (&report["equal"], &report["keys_in_change_log"]),
        (&Value::Bool(true), &Value::from(10))
    );
}

#[test]
fn wrong_names_get_one_clear_error_and_a_remedy() {
    let fixture = Fixture::load("bigint_key");
    for (arguments, code, words) in [
        (&["inspect", "public.evens"][..], 1, "did you mean public.events?"),
        (&["inspect", "a.b.c"], 2, "isn't a table's name"),
        (
            &["generate", "events", "--key", "at", "--interval", "fortnightly"],
            2,
            "daily, weekly, monthly",
        ),
        (&["generate", "events", "--key", "at"], 2, "--interval"),
        (&["generate"], 2, "no terminal"),
        (&["apply", "--yes"], 2, "pgcleave generate"),
        (&["apply"], 2, "pgcleave generate"),
        (&["inspect", "events", "--key", "nope"], 4, "has no column"),
    ] {
        let said = fixture.pgcleave.run(arguments);
        assert_eq!(said.code, code, "{arguments:?}\n{}\n{}", said.stdout, said.stderr);
        assert!(
            format!("{}{}", said.stdout, said.stderr).contains(words),
            "{arguments:?}: {}",
            said.stderr
        );
    }
    fixture.generate();
    let said = fixture.pgcleave.run(&["apply"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("--yes"), "{}", said.stderr);
    let said = fixture.pgcleave.run(&["apply", "--yes", "--through", "nonsense"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("4 run_batch_copy"), "{}", said.stderr);
}

#[test]
fn no_connection_and_no_privilege_end_with_5() {
    let fixture = Fixture::load("grants_and_owner");
    let nowhere = Pgcleave::at("postgres://someone:hidden-secret@127.0.0.1:1/nowhere".to_owned());
    let said = nowhere.run(&["inspect", "events"]);
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(!said.stderr.contains("hidden-secret"), "{}", said.stderr);
    let as_role = |role: &str, arguments: &[&str]| {
        let mut command = fixture.pgcleave.command(arguments);
        let output = command
            .env("PGOPTIONS", format!("-c role={role}"))
            .output()
            .unwrap();
        crate::support::Said::of(&output)
    };
    let said = as_role(
        "fixture_reader",
        &["generate", "events", "--key", "at", "--interval", "monthly"],
    );
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(
        said.stderr.contains("the owner of public.events"),
        "{}",
        said.stderr
    );
    // Not even the key may be read.
    fixture
        .database
        .run_sql("REVOKE ALL ON events FROM fixture_reader, PUBLIC");
    let said = as_role("fixture_reader", &["inspect", "events", "--key", "at"]);
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(
        said.stderr.contains("hint: connect as the table's owner"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_low_privilege_owner_converts_its_own_table() {
    let fixture = Fixture::load("grants_and_owner");
    fixture.database.run_sql(&format!(
        "GRANT CREATE ON SCHEMA public TO fixture_owner; GRANT CREATE ON DATABASE {} TO fixture_owner",
        fixture.database.name
    ));
    let before = fixture.structure();
    let as_owner = |arguments: &[&str]| {
        let mut command = fixture.pgcleave.command(arguments);
        crate::support::Said::of(
            &command
                .env("PGOPTIONS", "-c role=fixture_owner")
                .output()
                .unwrap(),
        )
    };
    let said = as_owner(&["generate", "events", "--key", "at", "--interval", "monthly"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("pg_read_all_stats") || said.stdout.contains("migrations_out"),
        "{}",
        said.stderr
    );
    let said = as_owner(&["apply", "--yes"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(
        said.stderr.contains("snapshots older than the switch") && said.stderr.contains("unseen_snapshots"),
        "{}",
        said.stderr
    );
    let said = as_owner(&["apply", "--yes", "--allow", "unseen_snapshots"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    fixture.assert_structure_kept(before);
    let said = as_owner(&["rollback", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(fixture.leftovers(), Vec::<String>::new());
}

#[test]
fn help_completions_and_the_manual_page_are_there() {
    let database = Database::new();
    let pgcleave = Pgcleave::new(&database);
    for verb in [
        "inspect",
        "generate",
        "check",
        "apply",
        "status",
        "verify",
        "rollback",
        "demo",
        "completions",
        "man",
    ] {
        let help = pgcleave.ok(&[verb, "--help"]).stdout;
        assert!(help.contains("Example"), "{verb} --help has no example");
    }
    assert!(pgcleave.ok(&["completions", "bash"]).stdout.contains("_pgcleave"));
    assert!(pgcleave.ok(&["man"]).stdout.starts_with(".ie"));
}

#[test]
fn inspect_reads_as_it_did() {
    let database = Database::new();
    database.run_sql(include_str!("../example/schema.sql"));
    let text = Pgcleave::new(&database)
        .ok(&["inspect", "events", "--interval", "monthly", "--premake", "0"])
        .stdout;
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    // Sizes differ by version, and the count of partitions by the day.
    settings.add_filter(r"[0-9.]+ (B|KiB|MiB)", "[size]");
    settings.add_filter(r"[0-9]+ partitions", "[n] partitions");
    settings.bind(|| insta::assert_snapshot!("inspect", text));
}
