//! What two sessions can do to each other, step by step. Each was a defect once,
//! here or in another tool.

use postgres::error::SqlState;
use postgres::{Client, IsolationLevel};

use crate::fixtures::Fixture;
use crate::support::{Database, NOTES_GUARDED, Pgcleave, wait_until};

/// A converted table: in step with its copy, or cut over.
fn converted(schema: &str, through: &str) -> (Database, Pgcleave) {
    let database = Database::new();
    database.run_sql(schema);
    let pgcleave = Pgcleave::new(&database);
    let mut flags = vec!["--premake", "3"];
    if schema.contains("CREATE TABLE notes ") {
        flags.extend(NOTES_GUARDED);
    }
    pgcleave.generate_monthly(&flags);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", through]);
    (database, pgcleave)
}

const EVENTS: &str = "CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
    INSERT INTO events SELECT i, 'n', date_trunc('month', now()) + i * interval '1 hour' FROM generate_series(1, 20) i;";

fn old_snapshot(client: &mut Client) -> postgres::Transaction<'_> {
    let mut transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()
        .unwrap();
    transaction.query("SELECT count(*) FROM events", &[]).unwrap();
    transaction
}

#[test]
fn an_old_snapshot_that_inserts_a_key_deleted_meanwhile_is_told_to_retry() {
    for through in ["verify_copy", "cut_over"] {
        let (database, pgcleave) = converted(EVENTS, through);
        let (mut one, mut other) = (database.client(), database.client());
        let mut old = old_snapshot(&mut one);
        other.batch_execute("DELETE FROM events WHERE id = 5").unwrap();
        let again = "INSERT INTO events SELECT 5, 'new', date_trunc('month', now()) + interval '5 hours'";
        let error = old.execute(again, &[]).unwrap_err();
        assert_eq!(
            error.code(),
            Some(&SqlState::T_R_SERIALIZATION_FAILURE),
            "{through}"
        );
        old.rollback().unwrap();
        one.execute(again, &[]).unwrap();
        pgcleave.ok(&["verify"]);
    }
}

#[test]
fn an_old_snapshot_leaves_no_ghost_of_a_row_that_it_inserted_and_deleted() {
    let (database, pgcleave) = converted(EVENTS, "cut_over");
    let (mut one, mut other) = (database.client(), database.client());
    let mut old = old_snapshot(&mut one);
    other.batch_execute("DELETE FROM events WHERE id = 7").unwrap();
    let inserted = old.execute(
        "INSERT INTO events VALUES (7, 'new', now() + interval '40 days')",
        &[],
    );
    let deleted = inserted.and_then(|_| old.execute("DELETE FROM events WHERE id = 7", &[]));
    match deleted {
        Ok(_) => old.commit().unwrap(),
        Err(error) => assert_eq!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE)),
    }
    pgcleave.ok(&["verify"]);
}

#[test]
fn two_sessions_can_not_give_two_partitions_the_same_primary_key() {
    let (database, pgcleave) = converted(EVENTS, "cut_over");
    let (mut one, mut other) = (database.client(), database.client());
    let mut first = one.transaction().unwrap();
    first
        .execute("INSERT INTO events VALUES (99, 'a', now())", &[])
        .unwrap();
    let second = std::thread::spawn(move || {
        other
            .execute(
                "INSERT INTO events VALUES (99, 'b', now() + interval '40 days')",
                &[],
            )
            .unwrap_err()
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    first.commit().unwrap();
    let error = second.join().unwrap();
    assert_eq!(error.code(), Some(&SqlState::UNIQUE_VIOLATION));
    pgcleave.ok(&["verify"]);
    assert_eq!(database.lines("SELECT note FROM events WHERE id = 99"), ["a"]);
}

#[test]
fn children_follow_a_primary_key_change_and_survive_a_move() {
    let schema = format!("{EVENTS}
        CREATE TABLE notes (id int PRIMARY KEY, event bigint REFERENCES events ON UPDATE CASCADE ON DELETE CASCADE);
        INSERT INTO notes SELECT i, i FROM generate_series(1, 20) i;");
    let (database, pgcleave) = converted(&schema, "cut_over");
    database.run_sql("UPDATE events SET id = 1007 WHERE id = 7");
    assert_eq!(
        database.lines("SELECT event::text FROM notes WHERE id = 7"),
        ["1007"]
    );
    database.run_sql("UPDATE events SET at = at + interval '35 days' WHERE id = 8");
    assert_eq!(
        database.lines("SELECT event::text FROM notes WHERE id = 8"),
        ["8"]
    );
    database.run_sql("UPDATE events SET id = id + 5000 WHERE id < 5; DELETE FROM events WHERE id = 9");
    // Both at once come as DELETE and INSERT, which must not delete the child.
    database.run_sql("UPDATE events SET id = 2010, at = at + interval '35 days' WHERE id = 10");
    assert_eq!(
        database.lines("SELECT event::text FROM notes WHERE id = 10"),
        ["2010"]
    );
    database.run_sql("UPDATE events SET id = 2011, at = at + interval '1 minute' WHERE id = 11");
    assert_eq!(
        database.lines("SELECT event::text FROM notes WHERE id = 11"),
        ["2011"]
    );
    assert_eq!(database.lines("SELECT count(*)::text FROM notes"), ["19"]);
    pgcleave.ok(&["verify"]);
}

#[test]
fn a_new_identity_value_deletes_no_children_and_keeps_keys_unique() {
    let schema = "CREATE TABLE events (id bigint PRIMARY KEY, seq int GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL);
        INSERT INTO events (id, at) SELECT i, now() FROM generate_series(1, 20) i;
        CREATE TABLE notes (id int PRIMARY KEY, event bigint REFERENCES events ON DELETE CASCADE);
        INSERT INTO notes SELECT i, i FROM generate_series(1, 20) i;";
    let (database, pgcleave) = converted(schema, "cut_over");
    database.run_sql("UPDATE events SET seq = DEFAULT WHERE id = 7");
    assert_eq!(database.lines("SELECT count(*)::text FROM notes"), ["20"]);
    let twice = database.client().execute(
        "INSERT INTO events (id, at) VALUES (7, now() + interval '40 days')",
        &[],
    );
    assert_eq!(twice.unwrap_err().code(), Some(&SqlState::UNIQUE_VIOLATION));
    let by_hand = database
        .client()
        .execute("INSERT INTO events (id, seq, at) VALUES (70, 5, now())", &[]);
    assert_eq!(
        by_hand.unwrap_err().code(),
        Some(&SqlState::GENERATED_ALWAYS),
        "ALWAYS as before"
    );
    pgcleave.ok(&["verify"]);
}

#[test]
fn a_rollback_refuses_to_lose_a_column_added_after_the_cutover() {
    let (database, pgcleave) = converted(EVENTS, "cut_over");
    database.run_sql("ALTER TABLE events ADD COLUMN late text");
    let said = pgcleave.run(&["rollback", "--yes", "--to", "verify_copy"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(
        said.stderr.contains("columns were added, dropped or changed") && said.stderr.contains("late"),
        "{}",
        said.stderr
    );
    database.run_sql("ALTER TABLE events DROP COLUMN late");
    pgcleave.ok(&["-q", "rollback", "--yes"]);
}

#[test]
fn columns_may_be_called_like_our_variables() {
    let schema = "CREATE TABLE events (page bigint, found int, taken text, source text, copied int, tg_op text, settled text,
            at timestamptz NOT NULL, PRIMARY KEY (page, found));
        INSERT INTO events SELECT i, i, 't', 's', i, 'o', 'x', now() + i * interval '1 day' FROM generate_series(1, 50) i;";
    let database = Database::new();
    database.run_sql(schema);
    let pgcleave = Pgcleave::new(&database);
    pgcleave.generate_monthly(&["--premake", "3"]);
    for step in ["run_batch_copy", "verify_copy", "cut_over"] {
        pgcleave.ok(&["-q", "apply", "--yes", "--through", step]);
        database.run_sql("UPDATE events SET copied = copied + 1, at = at + interval '10 days'; UPDATE events SET page = -page WHERE found < 5");
        pgcleave.ok(&["verify"]);
    }
    pgcleave.ok(&["-q", "rollback", "--yes"]);
}

#[test]
fn truncate_is_mirrored_in_every_phase() {
    for through in [
        "install_sync_trigger",
        "run_batch_copy",
        "catch_up",
        "keep_in_step",
        "verify_copy",
        "cut_over",
    ] {
        let (database, pgcleave) = converted(EVENTS, through);
        database.run_sql("INSERT INTO events VALUES (100, 'before', now()); TRUNCATE events; INSERT INTO events VALUES (101, 'after', now())");
        pgcleave.ok(&["-q", "apply", "--yes"]);
        pgcleave.ok(&["verify"]);
        assert_eq!(database.lines("SELECT note FROM events"), ["after"], "{through}");
        pgcleave.ok(&["-q", "rollback", "--yes"]);
        assert_eq!(database.lines("SELECT note FROM events"), ["after"], "{through}");
    }
}

#[test]
fn truncating_one_partition_is_mirrored_after_the_cutover() {
    let (database, pgcleave) = converted(EVENTS, "cut_over");
    let partition = database
        .lines("SELECT tableoid::regclass::text FROM events LIMIT 1")
        .remove(0);
    database.run_sql(&format!(
        "INSERT INTO events VALUES (100, 'far', '2999-01-01'); TRUNCATE {partition}"
    ));
    pgcleave.ok(&["verify"]);
    assert_eq!(
        database.lines("SELECT note FROM events_pgcleave_retired"),
        ["far"]
    );
}

#[test]
fn a_rewrite_of_the_source_in_mid_copy_starts_the_copy_over() {
    let database = Database::new();
    database.run_sql("CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
        INSERT INTO events SELECT i, repeat('x', 300), now() - i * interval '1 hour' FROM generate_series(1, 3000) i;
        DELETE FROM events WHERE id % 3 = 0");
    let pgcleave = Pgcleave::new(&database);
    pgcleave.generate_monthly(&["--batch-size", "10"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "create_batch_copy_procedure"]);
    // Half a copy: the rest waits for a yes of ours.
    let mut command = pgcleave.command(&[
        "-q",
        "apply",
        "--yes",
        "--through",
        "run_batch_copy",
        "--batch-target",
        "1ms",
        "--sleep",
        "50ms",
    ]);
    let mut child = command.spawn().unwrap();
    let rows = || {
        database.lines("SELECT count(*)::text FROM events_pgcleave_copy")[0]
            .parse::<i64>()
            .unwrap()
    };
    wait_until("half a copy", || rows() > 200);
    pgcleave.ok(&["pause", "events"]);
    wait_until("the pause", || {
        pgcleave.ok(&["status"]).stdout.contains("WAITING: paused")
    });
    let half: i64 = database.lines("SELECT count(*)::text FROM events_pgcleave_copy")[0]
        .parse()
        .unwrap();
    assert!(half > 0 && half < 2000, "{half}");
    database.client().batch_execute("VACUUM FULL events").unwrap();
    pgcleave.ok(&["resume", "events"]);
    assert!(child.wait().unwrap().success());
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    assert_eq!(
        database.lines("SELECT count(*)::text FROM events_pgcleave_copy"),
        ["2000"]
    );
}

#[test]
fn applications_can_not_write_to_the_retired_table() {
    let (database, _pgcleave) = converted(EVENTS, "cut_over");
    for sql in [
        "INSERT INTO events_pgcleave_retired VALUES (77, 'x', now())",
        "UPDATE events_pgcleave_retired SET note = 'x'",
        "DELETE FROM events_pgcleave_retired",
        "TRUNCATE events_pgcleave_retired",
    ] {
        let error = database.client().batch_execute(sql).unwrap_err();
        assert_eq!(
            error.code(),
            Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE),
            "{sql}"
        );
    }
}

#[test]
fn writers_need_no_rights_on_anything_of_ours_and_replica_role_is_caught() {
    let fixture = Fixture::load("grants_and_owner");
    fixture.generate();
    for step in ["run_batch_copy", "verify_copy", "cut_over"] {
        fixture.pgcleave.ok(&["-q", "apply", "--yes", "--through", step]);
        let mut clerk = fixture.database.client();
        clerk.batch_execute("SET ROLE fixture_clerk").unwrap();
        clerk
            .execute("UPDATE events SET note = note || 'c' WHERE id < 50", &[])
            .unwrap();
        let mut replica = fixture.database.client();
        replica
            .batch_execute("SET session_replication_role = replica")
            .unwrap();
        replica
            .execute("UPDATE events SET note = note || 'r' WHERE id > 600", &[])
            .unwrap();
        fixture.pgcleave.ok(&["verify"]);
    }
}
