//! The cutover's manners: what it asks for before its lock, how it waits, what it says.

use std::process::Stdio;

use crate::support::{Database, Pgcleave, Said, wait_until};

const EVENTS: &str = "CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
    INSERT INTO events SELECT i, 'n', date_trunc('month', now()) + i * interval '1 hour' FROM generate_series(1, 200) i;";

fn converted(through: &str) -> (Database, Pgcleave) {
    let database = Database::new();
    database.run_sql(EVENTS);
    let pgcleave = Pgcleave::new(&database);
    pgcleave.generate_monthly(&["--premake", "3"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", through]);
    (database, pgcleave)
}

fn is_partitioned(database: &Database) -> bool {
    database.lines("SELECT relkind::text FROM pg_class WHERE oid = 'events'::regclass") == ["p"]
}

/// The cutover's file alone, under psql.
fn cut_over_by_psql(database: &Database, pgcleave: &Pgcleave) -> String {
    let output = database
        .program("psql")
        .args(["-X", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(&pgcleave.files("cut_over.up.sql")[0])
        .output()
        .unwrap();
    let said = Said::of(&output);
    assert_eq!(said.code == 0, is_partitioned(database), "{}", said.stderr);
    said.stderr
}

#[test]
fn refuses_a_verification_that_is_too_old_or_of_another_structure() {
    let (database, pgcleave) = converted("verify_copy");
    for (change, words) in [
        (
            "UPDATE events_pgcleave_state SET verified_at = now() - interval '61 minutes'",
            "was verified 01:01:0",
        ),
        (
            "ALTER TABLE events ADD COLUMN late int; ALTER TABLE events DROP COLUMN late",
            "changed",
        ),
        (
            "VACUUM FULL events",
            "changed or rewritten since the copy was verified",
        ),
        (
            "ALTER TABLE events ALTER note SET STATISTICS 7; ALTER TABLE events ALTER note SET STATISTICS -1",
            "changed or rewritten",
        ),
        (
            "UPDATE events_pgcleave_state SET verified_at = NULL",
            "not verified by checksums since it is in step",
        ),
    ] {
        database.client().batch_execute("UPDATE events_pgcleave_state SET verified_at = now(), verified_mark = events_pgcleave_mark('events')").unwrap();
        for statement in change.split("; ") {
            database.client().batch_execute(statement).unwrap();
        }
        let said = cut_over_by_psql(&database, &pgcleave);
        assert!(said.contains(words), "{change}: {said}");
    }
}

#[test]
fn apply_verifies_again_what_is_too_old_and_says_so() {
    let (database, pgcleave) = converted("verify_copy");
    database.run_sql("UPDATE events_pgcleave_state SET verified_at = now() - interval '61 minutes'");
    let said = pgcleave.ok(&["apply", "--yes", "--through", "cut_over"]);
    assert!(
        said.stdout.contains("done again:") && is_partitioned(&database),
        "{}",
        said.stdout
    );
    pgcleave.ok(&["-q", "rollback", "--yes", "--to", "verify_copy"]);
    let said = pgcleave.ok(&["apply", "--yes"]);
    assert!(
        said.stdout.contains("verify_copy"),
        "a new cutover needs a new verification\n{}",
        said.stdout
    );
}

#[test]
fn a_difference_stops_the_cutover_under_apply_and_psql() {
    let (database, pgcleave) = converted("verify_copy");
    database.run_sql("UPDATE events_pgcleave_copy SET note = 'stale' WHERE id = 7");
    assert_eq!(pgcleave.run(&["verify"]).code, 3);
    assert!(cut_over_by_psql(&database, &pgcleave).contains("not verified"));
    let said = pgcleave.run(&["apply", "--yes"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(
        said.stderr.contains("of other content") && !is_partitioned(&database),
        "{}",
        said.stderr
    );
}

#[test]
fn a_lost_row_stops_it_even_after_a_good_verification() {
    let (database, pgcleave) = converted("verify_copy");
    database.run_sql("DELETE FROM events_pgcleave_copy WHERE id = 7");
    let said = cut_over_by_psql(&database, &pgcleave);
    assert!(
        said.contains("the source holds 200 rows and the copy 199"),
        "{said}"
    );
}

#[test]
fn counts_only_within_its_budgets_and_says_when_it_does_not() {
    let (database, pgcleave) = converted("catch_up");
    database.run_sql("UPDATE events_pgcleave_state SET count_milliseconds = 5000");
    let said = pgcleave.ok(&["apply", "--yes", "--through", "verify_copy"]);
    assert!(
        said.stdout.contains(
            "rows not counted with writers blocked: it would take about 5000 ms, over the budget of 50 ms"
        ),
        "{}",
        said.stdout
    );
    let said = pgcleave.ok(&[
        "apply",
        "--yes",
        "--count-budget",
        "1s",
        "--recount-under-lock",
        "--through",
        "cut_over",
    ]);
    assert!(
        said.stdout.contains("rows not counted before the lock"),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout
            .contains("counted again under the lock: 200 on both sides"),
        "{}",
        said.stdout
    );
    pgcleave.ok(&["-q", "rollback", "--yes", "--to", "catch_up"]);
    database.run_sql("UPDATE events_pgcleave_state SET count_milliseconds = 5000");
    let said = pgcleave.ok(&["apply", "--yes", "--switch-budget", "1m"]);
    assert!(
        said.stdout
            .contains("rows counted with writers blocked: 200 on both sides"),
        "{}",
        said.stdout
    );
}

#[test]
fn holds_until_the_file_vanishes_with_the_copy_kept_in_step() {
    let (database, pgcleave) = converted("catch_up");
    let file = pgcleave.folder.path().join("hold");
    std::fs::write(&file, "").unwrap();
    let mut command = pgcleave.command(&["apply", "--yes", "--hold-file", file.to_str().unwrap()]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the copy to be verified", || {
        database.lines("SELECT (verified_at IS NOT NULL)::text FROM events_pgcleave_state") == ["true"]
    });
    database.run_sql("UPDATE events SET note = 'while held' WHERE id < 50");
    std::thread::sleep(std::time::Duration::from_millis(1200));
    assert!(!is_partitioned(&database));
    // What was verified before this no longer counts, so that it is done again when the file has gone.
    database.run_sql("UPDATE events_pgcleave_state SET verified_at = now() - interval '2 hours'");
    std::fs::remove_file(&file).unwrap();
    let said = Said::of(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("holding the cutover until"),
        "{}",
        said.stderr
    );
    assert!(
        said.stdout.contains("done again:") && is_partitioned(&database),
        "{}",
        said.stdout
    );
    assert_eq!(
        database.lines("SELECT count(*)::text FROM events WHERE note = 'while held'"),
        ["49"]
    );
    let said = pgcleave.run(&["apply", "--yes", "--hold"]);
    assert_eq!(said.code, 2, "no terminal to ask on");
    assert!(said.stderr.contains("--hold-file"), "{}", said.stderr);
}

#[test]
fn names_who_is_in_the_way_and_ends_them_only_when_told_to() {
    let (database, pgcleave) = converted("verify_copy");
    let mut reader = database.client();
    reader
        .batch_execute("SET application_name = 'report; of \"mine\"'; BEGIN; SELECT * FROM events LIMIT 1")
        .unwrap();
    let flags = ["apply", "--yes", "--lock-tries", "2", "--lock-timeout", "100ms"];
    let said = pgcleave.run(&flags);
    assert_eq!(said.code, 6, "{}", said.stderr);
    for words in [
        "report; of \"mine\"",
        "idle in transaction",
        "transaction open for",
        "query begun",
        "--terminate-blockers",
    ] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    assert!(!is_partitioned(&database));
    reader.batch_execute("SELECT 1").unwrap();
    let said = pgcleave.ok(&[&flags[..], &["--terminate-blockers"]].concat());
    assert!(
        said.stderr.contains("ended the session of pid"),
        "{}",
        said.stderr
    );
    assert!(is_partitioned(&database) && reader.batch_execute("SELECT 1").is_err());
}

#[test]
fn an_old_transaction_of_another_database_does_not_hide_an_old_snapshot() {
    let elsewhere = Database::new();
    elsewhere.run_sql("CREATE TABLE t (i int)");
    let mut other = elsewhere.client();
    other.batch_execute("BEGIN; INSERT INTO t VALUES (1)").unwrap();
    let (database, pgcleave) = converted("catch_up");
    let mut reader = database.client();
    reader
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .unwrap();
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    let mut command = pgcleave.command(&["apply", "--yes"]);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert!(!is_partitioned(&database), "the reader would not see all rows");
    reader.batch_execute("COMMIT").unwrap();
    // The transaction of the other database is open still, and holds nobody up.
    assert!(child.wait().unwrap().success() && is_partitioned(&database));
}

#[test]
fn the_retired_table_is_not_dropped_before_the_new_one_is_verified() {
    let (database, pgcleave) = converted("cut_over");
    let drop = pgcleave.files("drop_retired_table.up.sql").remove(0);
    let psql = || {
        Said::of(
            &database
                .program("psql")
                .args(["-X", "-v", "ON_ERROR_STOP=1", "-f"])
                .arg(&drop)
                .output()
                .unwrap(),
        )
    };
    let said = psql();
    assert!(
        said.code != 0 && said.stderr.contains("verify_cutover"),
        "{}",
        said.stderr
    );
    pgcleave.ok(&["verify"]);
    assert_eq!(psql().code, 0);
}

#[test]
fn keeps_no_lock_of_its_counting_when_it_asks_for_the_cutovers() {
    let (database, pgcleave) = converted("catch_up");
    database.run_sql("CREATE VIEW public.shown AS SELECT * FROM events");
    pgcleave.ok(&["-q", "rollback", "--yes"]);
    pgcleave.generate_monthly(&[]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    // An index that is built holds SHARE on the table, then wants each index for itself: REINDEX does.
    let mut holder = database.client();
    holder
        .batch_execute("BEGIN; LOCK TABLE events IN SHARE MODE")
        .unwrap();
    let mut command = pgcleave.command(&[
        "-q",
        "apply",
        "--yes",
        "--lock-timeout",
        "30s",
        "--lock-tries",
        "1",
    ]);
    let mut child = command.spawn().unwrap();
    let locks = |granted: &str| {
        database.lines(&format!(
            "SELECT DISTINCT l.mode FROM pg_locks l JOIN pg_stat_activity a USING (pid)
              WHERE l.relation IN ('events'::regclass, 'events_pkey'::regclass) AND a.datname = current_database() AND a.application_name = 'pgcleave' AND {granted}"
        ))
    };
    wait_until("pgcleave to wait for the lock", || {
        locks("NOT l.granted") == ["AccessExclusiveLock"]
    });
    assert_eq!(locks("l.granted"), Vec::<String>::new());
    holder.batch_execute("COMMIT").unwrap();
    assert!(child.wait().unwrap().success() && is_partitioned(&database));
    // The same on the way back.
    holder
        .batch_execute("BEGIN; LOCK TABLE events IN SHARE MODE")
        .unwrap();
    let mut command = pgcleave.command(&[
        "-q",
        "rollback",
        "--yes",
        "--to",
        "verify_copy",
        "--lock-timeout",
        "30s",
        "--lock-tries",
        "1",
    ]);
    let mut child = command.spawn().unwrap();
    wait_until("pgcleave to wait for the lock", || {
        locks("NOT l.granted") == ["AccessExclusiveLock"]
    });
    assert_eq!(locks("l.granted"), Vec::<String>::new());
    holder.batch_execute("COMMIT").unwrap();
    assert!(child.wait().unwrap().success() && !is_partitioned(&database));
}

#[test]
fn holds_nothing_of_the_copy_while_it_waits_for_what_a_foreign_key_refers_to() {
    let database = Database::new();
    database.run_sql(
        "CREATE TABLE accounts (id bigint PRIMARY KEY); INSERT INTO accounts VALUES (1);
         CREATE TABLE events (id bigint PRIMARY KEY, account bigint REFERENCES accounts, at timestamptz NOT NULL);
         INSERT INTO events SELECT i, 1, now() FROM generate_series(1, 20) i;",
    );
    let pgcleave = Pgcleave::new(&database);
    pgcleave.generate_monthly(&["--premake", "3"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "keep_in_step"]);
    // An application that has written what is referred to, and then writes to the table.
    let mut writer = database.client();
    writer
        .batch_execute("BEGIN; UPDATE accounts SET id = id")
        .unwrap();
    let mut command = pgcleave.command(&[
        "-q",
        "apply",
        "--yes",
        "--through",
        "add_foreign_keys",
        "--lock-timeout",
        "30s",
    ]);
    let mut child = command.spawn().unwrap();
    let locks = |what: &str| {
        database.lines(&format!(
            "SELECT l.mode FROM pg_locks l JOIN pg_stat_activity a USING (pid)
              WHERE a.datname = current_database() AND a.application_name = 'pgcleave' AND {what}"
        ))
    };
    wait_until("pgcleave to wait for accounts", || {
        !locks("NOT l.granted AND l.relation = 'accounts'::regclass").is_empty()
    });
    let of_the_copy = "l.granted AND l.mode = 'ShareRowExclusiveLock' AND l.relation IN
        (SELECT relid FROM pg_partition_tree('events_pgcleave_copy'))";
    assert_eq!(locks(of_the_copy), Vec::<String>::new());
    writer
        .batch_execute("UPDATE events SET account = 1; COMMIT")
        .unwrap();
    assert!(child.wait().unwrap().success());
    pgcleave.ok(&["verify"]);
}
