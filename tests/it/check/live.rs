//! The recorded table against the server's, at every stage of a conversion.

use serde_json::Value;

use super::{check, check_json};
use crate::fixtures::Fixture;
use crate::support::Said;

/// Grows the table by rows of its own kind, and looks at it as autovacuum would.
const GROWS: &str = "INSERT INTO events (id, note, at) SELECT max(id) + 1, 'new', max(at) + interval '40 days' FROM events; ANALYZE events";

fn apply_through(fixture: &Fixture, step: &str) {
    fixture.pgcleave.ok(&["-q", "apply", "--yes", "--through", step]);
}

fn live(fixture: &Fixture, code: i32) -> Value {
    check_json(fixture, &["--live"], code)["tables"][0]["live"].take()
}

fn changes(fixture: &Fixture) -> Vec<String> {
    let live = live(fixture, 3);
    let changes = live["changes"].as_array().unwrap().iter();
    changes
        .map(|change| change.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn nothing_is_wrong_at_any_stage_where_nothing_was_changed() {
    let fixture = Fixture::load("foreign_keys_both_ways");
    fixture.generate();
    let stages = [
        ("create_partitioned_copy", "copy_created"),
        ("install_sync_trigger", "logging"),
        ("create_batch_copy_procedure", "prepared"),
        ("run_batch_copy", "copied"),
        ("build_partition_indexes", "partitions_indexed"),
        ("build_indexes", "indexed"),
        ("create_guards", "indexed"),
        ("catch_up", "caught_up"),
        ("keep_in_step", "in_step"),
        ("add_foreign_keys", "in_step"),
        ("verify_copy", "in_step"),
        ("cut_over", "cut_over"),
        ("verify_cutover", "cut_over"),
        ("move_incoming_foreign_keys", "cut_over"),
    ];
    assert_eq!(live(&fixture, 0)["stage"], "not_started");
    for (step, stage) in stages {
        apply_through(&fixture, step);
        fixture.database.run_sql(GROWS);
        let live = live(&fixture, 0);
        assert_eq!(
            (&live["stage"], &live["changes"]),
            (&stage.into(), &Value::Array(vec![])),
            "{step}"
        );
        let said = check(&fixture, &["--live"], 0).stdout;
        assert!(
            said.starts_with("public.events: ") && said.lines().count() == 1,
            "{said}"
        );
    }
    fixture
        .pgcleave
        .ok(&["-q", "rollback", "--yes", "--to", "verify_copy"]);
    assert_eq!(live(&fixture, 0)["stage"], "in_step");
    apply_through(&fixture, "cut_over");
    assert_eq!(live(&fixture, 0)["stage"], "cut_over");
    fixture.pgcleave.ok(&["-q", "rollback", "--yes"]);
    assert_eq!(live(&fixture, 0)["stage"], "not_started");
    apply_through(&fixture, "drop_retired_table");
    fixture
        .database
        .run_sql("ALTER TABLE events ADD COLUMN later int");
    let live = live(&fixture, 0);
    assert_eq!(
        (&live["stage"], &live["remedy"]),
        (&"completed".into(), &Value::Null)
    );
    assert!(
        check(&fixture, &["--live"], 0)
            .stdout
            .contains("the conversion is completed")
    );
}

#[test]
fn before_the_conversion_changes_are_told_and_the_migrations_are_to_be_written_again() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture.database.run_sql(
        "ALTER TABLE events ADD COLUMN late int, ADD CONSTRAINT short CHECK (length(note) < 100);
         CREATE INDEX events_note_idx ON events (note); ALTER TABLE events ALTER note SET NOT NULL",
    );
    let said = check(&fixture, &["--live"], 3).stdout;
    for words in [
        "public.events: 30 files are as pgcleave writes them\n",
        "public.events has changed since its migrations were written:\n",
        "- column late was added (integer)\n",
        "- column note changed: now NOT NULL\n",
        "- check constraint short was added (CHECK ((length(note) < 100)))\n",
        "- index events_note_idx was added (USING btree (note))\n",
        "  write the migrations again: pgcleave generate public.events\n",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    check(&fixture, &[], 0);
    let json = live(&fixture, 3);
    assert_eq!(
        (&json["generate_again"], &json["stage"]),
        (&true.into(), &"not_started".into())
    );
    let github = check(&fixture, &["--live", "--format", "github"], 3).stdout;
    let begin = "::error file=pgcleave.toml,title=public.events%3A changed since its migrations were written::column late was added (integer)%0Awrite the migrations again: pgcleave generate public.events\n";
    assert!(github.contains(begin), "{github}");
    let markdown = check(&fixture, &["--live", "--format", "markdown"], 3).stdout;
    assert!(
        markdown.contains("\n- column late was added (integer)\n"),
        "{markdown}"
    );
    // `apply` refuses in the same words.
    let refused = fixture.pgcleave.run(&["apply", "--yes"]);
    assert!(
        refused.code == 4 && refused.stderr.contains("- column late was added (integer)\n"),
        "{}",
        refused.stderr
    );

    fixture
        .database
        .run_sql("DROP INDEX events_note_idx; ALTER TABLE events DROP COLUMN late");
    fixture.pgcleave.ok(&["-q", "generate", "events"]);
    assert_eq!(live(&fixture, 0)["generate_again"], false);
    fixture
        .database
        .run_sql("ALTER TABLE events DROP CONSTRAINT short; ALTER TABLE events RENAME note TO remark");
    let renamed = changes(&fixture);
    let expected = [
        "column note was renamed to remark",
        "check constraint short was dropped",
    ];
    assert_eq!(renamed, expected);
}

#[test]
fn half_way_a_change_is_to_be_undone() {
    for (through, stage) in [("run_batch_copy", "copied"), ("verify_copy", "in_step")] {
        let fixture = Fixture::load("bigint_key");
        fixture.generate();
        apply_through(&fixture, through);
        fixture.database.run_sql("ALTER TABLE events ADD COLUMN late int");
        let json = live(&fixture, 3);
        assert_eq!(
            (&json["stage"], &json["generate_again"]),
            (&stage.into(), &false.into())
        );
        let remedy = json["remedy"].as_str().unwrap();
        assert!(
            remedy.contains("undo the change") && remedy.contains("pgcleave rollback public.events"),
            "{remedy}"
        );
        let refused = fixture.pgcleave.run(&["apply", "--yes"]);
        assert!(
            refused.code == 4 && refused.stderr.contains(remedy),
            "{}",
            refused.stderr
        );
        fixture.database.run_sql("ALTER TABLE events DROP COLUMN late");
        check(&fixture, &["--live"], 0);
        fixture.pgcleave.ok(&["-q", "apply", "--yes"]);
    }
}

#[test]
fn after_the_cutover_what_a_rollback_would_refuse_or_lose_is_told_until_both_tables_have_it() {
    let fixture = Fixture::load("foreign_keys_both_ways");
    fixture.generate();
    fixture.pgcleave.ok(&["-q", "apply", "--yes"]);
    let both = |table: &str| {
        format!(
            "ALTER TABLE {table} ADD COLUMN late int DEFAULT 7, ALTER COLUMN note SET NOT NULL;
             ALTER TABLE {table} ADD CONSTRAINT short CHECK (length(note) < 100);
             CREATE INDEX {table}_note_idx ON {table} (note);
             GRANT SELECT ON {table} TO pg_monitor"
        )
    };
    fixture.database.run_sql(&both("events"));
    let expected = [
        "column note changed: now NOT NULL",
        "column late was added (integer)",
        "check constraint short was added (CHECK ((length(note) < 100)))",
        "index events_note_idx was added (USING btree (note))",
        "SELECT was granted to pg_monitor",
    ];
    let said = changes(&fixture);
    for change in expected {
        assert!(said.contains(&change.to_owned()), "{change}\n{said:#?}");
    }
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    let remedy = live(&fixture, 3)["remedy"].as_str().unwrap().to_owned();
    assert!(remedy.contains("public.events_pgcleave_retired"), "{remedy}");
    let said = check(&fixture, &["--live"], 3).stdout;
    assert!(
        said.contains("public.events has changed since its cutover:\n"),
        "{said}"
    );
    let refused = fixture
        .pgcleave
        .run(&["rollback", "--yes", "--to", "verify_copy"]);
    assert!(
        refused.code == 1 && refused.stderr.contains("late"),
        "{}",
        refused.stderr
    );

    fixture.database.run_sql(&both("events_pgcleave_retired"));
    check(&fixture, &["--live"], 0);

    fixture.database.run_sql(
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER notes AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION nothing();
         ALTER TABLE events_pgcleave_retired ADD COLUMN alone text",
    );
    let said = changes(&fixture);
    let of_retired = "column alone was added (text) to public.events_pgcleave_retired alone";
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(
        said[0].starts_with("trigger notes was added (CREATE TRIGGER notes ") && said[1] == of_retired,
        "{said:#?}"
    );
    fixture.database.run_sql(
        "CREATE TRIGGER notes AFTER INSERT ON events_pgcleave_retired FOR EACH ROW EXECUTE FUNCTION nothing();
         ALTER TABLE events_pgcleave_retired DISABLE TRIGGER notes, DROP COLUMN alone",
    );
    check(&fixture, &["--live"], 0);

    fixture.database.run_sql(
        "ALTER TABLE events DROP COLUMN late; DROP INDEX events_note_idx; ALTER TABLE notes DROP CONSTRAINT notes_event_fkey;
         CREATE VIEW recent AS SELECT id FROM events; CREATE TABLE marks (id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES events)",
    );
    let said = changes(&fixture);
    let expected = [
        "view public.recent was added",
        "foreign key notes_event_fkey of public.notes was dropped",
        "foreign key marks_id_at_fkey of public.marks was added (FOREIGN KEY (id, at) REFERENCES public.events(id, at))",
    ];
    for change in expected {
        assert!(said.contains(&change.to_owned()), "{change}\n{said:#?}");
    }
    let of_retired = "column late was added (integer) to public.events_pgcleave_retired alone";
    assert!(said.contains(&of_retired.to_owned()), "{said:#?}");
}

#[test]
fn foreign_keys_that_were_moved_are_no_change_whatever_their_form() {
    for choice in ["guard", "extend", "trigger", "drop"] {
        let fixture = Fixture::load("bigint_key");
        let deferrable = if choice == "extend" { "" } else { "DEFERRABLE" };
        fixture.database.run_sql(&format!(
            "CREATE TABLE notes (event bigint REFERENCES events ON DELETE CASCADE {deferrable}, next bigint REFERENCES events)"
        ));
        let choices = [
            format!("notes_event_fkey={choice}"),
            format!("notes_next_fkey={choice}"),
        ];
        let generate = ["-q", "generate", "events", "--key", "at", "--interval", "monthly"];
        let incoming = ["--incoming", &choices[0], "--incoming", &choices[1]];
        fixture.pgcleave.ok(&[&generate[..], &incoming].concat());
        apply_through(&fixture, "verify_cutover");
        check(&fixture, &["--live"], 0);
        apply_through(&fixture, "move_incoming_foreign_keys");
        check(&fixture, &["--live"], 0);
        fixture
            .pgcleave
            .ok(&["-q", "rollback", "--yes", "--to", "verify_cutover"]);
        check(&fixture, &["--live"], 0);
        apply_through(&fixture, "drop_retired_table");
        check(&fixture, &["--live"], 0);
    }
}

#[test]
fn partitions_that_come_and_go_are_no_change() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture.pgcleave.ok(&["-q", "apply", "--yes"]);
    fixture.database.run_sql(
        "CREATE TABLE events_later PARTITION OF events FOR VALUES FROM ('2090-01-01') TO ('2090-02-01')",
    );
    check(&fixture, &["--live"], 0);
    fixture
        .database
        .run_sql("ALTER TABLE events DETACH PARTITION events_later");
    check(&fixture, &["--live"], 0);
}

#[test]
fn a_table_that_is_not_there_and_a_server_that_is_not_there_are_told_apart() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    let nowhere = |url: &str| {
        let mut command = fixture.pgcleave.command(&["check", "--live"]);
        Said::of(&command.env("DATABASE_URL", url).output().unwrap())
    };
    let said = nowhere("postgres://someone:hidden-secret@127.0.0.1:1/nowhere");
    assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{}", said.stderr);
    assert!(!said.stderr.contains("hidden-secret"));
    fixture.database.run_sql("DROP TABLE events");
    assert_eq!(changes(&fixture), ["there is no table public.events"]);
}

#[test]
fn a_role_that_may_only_read_is_enough_at_every_stage() {
    let fixture = Fixture::load("bigint_key");
    let role = format!("{}_reader", fixture.database.name);
    fixture
        .database
        .run_sql(&format!("CREATE ROLE {role} IN ROLE pg_read_all_data"));
    fixture.generate();
    let read = |code: i32| {
        let mut command = fixture.pgcleave.command(&["check", "--live"]);
        let said = Said::of(
            &command
                .env("PGOPTIONS", format!("-c role={role}"))
                .output()
                .unwrap(),
        );
        assert_eq!(said.code, code, "{}\n{}", said.stdout, said.stderr);
        said
    };
    for step in [
        "run_batch_copy",
        "verify_copy",
        "verify_cutover",
        "drop_retired_table",
    ] {
        read(0);
        apply_through(&fixture, step);
    }
    read(0);
    fixture.database.run_sql(&format!("DROP ROLE {role}"));
}

#[test]
fn a_live_check_changes_nothing_and_may_run_beside_apply() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    apply_through(&fixture, "catch_up");
    let dump = fixture.database.dump();
    check(&fixture, &["--live"], 0);
    assert_eq!(fixture.database.dump(), dump);
    let mut client = fixture.database.client();
    let mut writer = client.transaction().unwrap();
    writer
        .batch_execute("LOCK TABLE events IN ROW EXCLUSIVE MODE")
        .unwrap();
    check(&fixture, &["--live"], 0);
}
