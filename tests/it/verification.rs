//! `verify`: finds a single cell, names it, mends it, and says what it rests on.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{Database, Pgcleave, Said, wait_until};

const EVENTS: &str = "CREATE TABLE events (id bigint PRIMARY KEY, note text, amount numeric(12, 4), at timestamptz NOT NULL);
    CREATE INDEX ON events (at);
    INSERT INTO events SELECT i, 'n' || i, i, '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour' FROM generate_series(1, 3000) i;
    ANALYZE events;";

fn converted(through: &str) -> (Database, Pgcleave) {
    let database = Database::new();
    database.run_sql(EVENTS);
    let pgcleave = Pgcleave::new(&database);
    pgcleave.generate_monthly(&[]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", through]);
    (database, pgcleave)
}

/// One row of each kind of fault on the side that follows, written past every trigger.
fn break_three_rows(database: &Database, follower: &str) {
    database.run_sql(&format!(
        "SET session_replication_role = replica;
         ALTER TABLE {follower} DISABLE TRIGGER USER;
         DELETE FROM {follower} WHERE id = 100;
         UPDATE {follower} SET amount = 1200.00, note = NULL WHERE id = 1200;
         INSERT INTO {follower} VALUES (5000, 'ghost', 0, '2026-02-02');"
    ));
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout))
}

#[test]
fn names_the_keys_and_columns_that_differ_in_every_phase() {
    for (through, follower) in [
        ("catch_up", "events_pgcleave_copy"),
        ("verify_copy", "events_pgcleave_copy"),
        ("cut_over", "events_pgcleave_retired"),
    ] {
        let (database, pgcleave) = converted(through);
        break_three_rows(&database, follower);
        let said = pgcleave.run(&["verify", "--checksum"]);
        assert_eq!(said.code, 3, "{through}: {}{}", said.stdout, said.stderr);
        for words in [
            "only in the source: (100,\"2026-01-05 04:00:00+00\")",
            "only in the copy: (5000,",
            "other values: (1200,",
            "note: source n1200, copy \n",
            "Please report it",
        ] {
            assert!(said.stdout.contains(words), "{through}: {words}\n{}", said.stdout);
        }
        assert!(
            !said.stdout.contains("amount: source"),
            "an equal column is not named"
        );
        let report = json(&pgcleave.run(&["verify", "--format", "json", "--jobs", "1"]));
        assert_eq!(report["format"], 2);
        assert_eq!(report["equal"], false);
        assert_eq!(report["differences"].as_array().unwrap().len(), 3);
        let few = json(&pgcleave.run(&["verify", "--format", "json", "--max-keys", "1"]));
        assert_eq!(few["more_differences"], true);
    }
}

#[test]
fn a_value_that_is_equal_but_not_identical_is_a_difference() {
    let database = Database::new();
    database.run_sql(
        "CREATE TABLE events (id numeric PRIMARY KEY, at timestamptz NOT NULL);
         INSERT INTO events VALUES (1.0, now()), (2, now());",
    );
    let pgcleave = Pgcleave::new(&database);
    pgcleave.generate_monthly(&[]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    database.run_sql("UPDATE events_pgcleave_copy SET id = 1.00 WHERE id = 1");
    let said = pgcleave.run(&["verify"]);
    assert_eq!(said.code, 3, "{}", said.stdout);
    let said = pgcleave.run(&["verify", "--repair", "--yes"]);
    assert_eq!(said.code, 3, "a difference is never mended in silence");
    pgcleave.ok(&["verify"]);
}

#[test]
fn mends_by_reading_the_source_again_and_says_so() {
    for (through, follower) in [
        ("verify_copy", "events_pgcleave_copy"),
        ("cut_over", "events_pgcleave_retired"),
    ] {
        let (database, pgcleave) = converted(through);
        break_three_rows(&database, follower);
        database.run_sql(&format!("ALTER TABLE {follower} ENABLE TRIGGER USER"));
        let said = pgcleave.run(&["verify", "--repair"]);
        assert_eq!(said.code, 2, "it changes the database, so it needs a yes");
        let said = pgcleave.run(&["verify", "--repair", "--yes"]);
        assert_eq!(said.code, 3, "{}", said.stderr);
        assert!(
            said.stdout
                .contains("3 keys were read again from the source; verified again: equal"),
            "{}",
            said.stdout
        );
        pgcleave.ok(&["verify"]);
        let same = format!("SELECT count(*)::text FROM (TABLE events EXCEPT ALL TABLE {follower}) d");
        assert_eq!(database.lines(&same), ["0"]);
    }
}

#[test]
fn before_the_switch_a_repair_goes_through_the_change_log() {
    let (database, pgcleave) = converted("catch_up");
    break_three_rows(&database, "events_pgcleave_copy");
    let report = json(&pgcleave.run(&["verify", "--repair", "--yes", "--format", "json"]));
    assert_eq!(report["repair"]["left_to_catch_up"], true);
    let report = json(&pgcleave.ok(&["verify", "--format", "json"]));
    assert_eq!(report["keys_in_change_log"], 3, "accounted for, not hidden");
    pgcleave.ok(&["-q", "apply", "--yes"]);
    pgcleave.ok(&["verify"]);
}

#[test]
fn mends_keys_that_writers_change_all_the_while() {
    let (database, pgcleave) = converted("verify_copy");
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|number| {
            let (mut client, stop) = (database.client(), Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut random = fastrand::Rng::with_seed(number);
                while !stop.load(Ordering::Relaxed) {
                    let id = random.i64(1..60);
                    let written = match random.u8(..3) {
                        0 => client.execute("DELETE FROM events WHERE id = $1", &[&id]),
                        1 => client.execute("UPDATE events SET note = note || 'u', at = at + interval '20 days' WHERE id = $1", &[&id]),
                        _ => client.execute("INSERT INTO events VALUES ($1, 'again', 1, '2026-03-03') ON CONFLICT DO NOTHING", &[&id]),
                    };
                    written.unwrap();
                }
            })
        })
        .collect();
    for _ in 0..3 {
        database.run_sql("DELETE FROM events_pgcleave_copy WHERE id < 60 AND id % 3 = 0; UPDATE events_pgcleave_copy SET note = 'stale' WHERE id < 60 AND id % 3 = 1");
        // The writers mend most of them themselves, before or after us.
        pgcleave.run(&["-q", "verify", "--repair", "--yes"]);
    }
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    pgcleave.ok(&["verify"]);
}

#[test]
fn goes_on_where_an_interrupted_run_stopped_and_no_further_than_that_is_sound() {
    let (database, pgcleave) = converted("verify_copy");
    let interrupted = "UPDATE events_pgcleave_state SET verified_parts = jsonb_build_object('events_p2026_01',
        jsonb_build_object('rows', 743, 'at', now() - interval '5 minutes', 'mark', format('in step since %s, %s', switch_xid, events_pgcleave_mark('events'))))";
    database.run_sql(interrupted);
    database.run_sql("UPDATE events_pgcleave_copy SET note = 'stale' WHERE id = 100");
    let said = pgcleave.ok(&["verify"]);
    assert!(
        said.stdout.contains("equal, by an earlier run's snapshot"),
        "{}",
        said.stdout
    );
    let verified = database
        .lines("SELECT (verified_at < now() - interval '4 minutes')::text FROM events_pgcleave_state");
    assert_eq!(
        verified,
        ["true"],
        "as old as the oldest snapshot that it rests on"
    );
    // A whole run has forgotten what the interrupted one found.
    assert_eq!(pgcleave.run(&["verify"]).code, 3);
    for undo in ["VACUUM FULL events", "ALTER TABLE events ADD CHECK (id > 0)"] {
        database.run_sql(interrupted);
        database.run_sql(undo);
        assert_eq!(
            pgcleave.run(&["verify"]).code,
            3,
            "{undo} makes an earlier run's word void"
        );
    }
    database.run_sql(interrupted);
    assert_eq!(pgcleave.run(&["verify", "--resume-within", "0s"]).code, 3);
    database.run_sql(interrupted);
    database.run_sql("UPDATE events_pgcleave_state SET switch_xid = pg_current_xact_id()");
    assert_eq!(pgcleave.run(&["verify"]).code, 3, "and so does another switch");
}

#[test]
fn ctrl_c_ends_a_verification_at_once_and_what_was_found_equal_is_kept() {
    let (database, pgcleave) = converted("verify_copy");
    // February takes a while: values that are long, but for TOAST's compression.
    database.run_sql(
        "UPDATE events SET note = repeat('x', 20000000) WHERE at >= '2026-02-01' AND at < '2026-02-15'",
    );
    let mut command = pgcleave.command(&["verify", "--jobs", "1"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let january = "SELECT (verified_parts ? 'events_p2026_01')::text FROM events_pgcleave_state";
    wait_until("January to be found equal", || {
        database.lines(january) == ["true"]
    });
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let said = Said::of(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 130, "{}", said.stderr);
    assert!(said.stderr.contains("run it again"), "{}", said.stderr);
    database.run_sql("UPDATE events SET note = 'short' WHERE length(note) > 1000");
    let said = pgcleave.ok(&["verify"]);
    assert!(
        said.stdout.contains("equal, by an earlier run's snapshot"),
        "{}",
        said.stdout
    );
}

#[test]
fn a_reader_whose_connection_breaks_costs_nothing_but_its_slice() {
    let database = Database::new();
    database.run_sql("CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
        INSERT INTO events SELECT i, repeat('x', 400), '2026-01-01 00:00+00'::timestamptz + (i % 100) * interval '1 day' FROM generate_series(1, 150000) i");
    let pgcleave = Pgcleave::new(&database);
    pgcleave.generate_monthly(&[]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    let mut client = database.client();
    let mut killed = 0;
    for _ in 0..5 {
        let child = pgcleave.command(&["verify", "--jobs", "2"]).spawn().unwrap();
        let kill = "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%hash_record_extended(ROW(r.row%' AND state = 'active' LIMIT 1) k";
        wait_until("a reader to be at work", || {
            std::thread::sleep(std::time::Duration::from_millis(30));
            client.query_one(kill, &[]).unwrap().get::<_, i64>(0) > 0
        });
        killed += 1;
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "after {killed} kills");
    }
}

#[test]
fn what_was_verified_how_is_printed_in_the_history_and_in_status() {
    let (database, pgcleave) = converted("keep_in_step");
    let said = pgcleave.ok(&["apply", "--yes"]);
    for words in [
        "source and copy: 3000 rows on both sides, two 64-bit checksums per partition, one snapshot",
        "rows counted before the lock, in one snapshot: 3000 on both sides; verified by checksums at",
        "new and retired table: 3000 rows on both sides",
    ] {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    pgcleave.ok(&["verify"]);
    let status = pgcleave.ok(&["status"]).stdout;
    for words in [
        "keep_in_step: rows counted with writers blocked",
        "verify_copy: source and copy",
        "verify: public.events and public.events_pgcleave_retired",
    ] {
        assert!(status.contains(words), "{words}\n{status}");
    }
    let details = "SELECT count(detail)::text FROM pgcleave.history";
    assert_eq!(database.lines(details), ["5"]);
}

#[test]
fn whoever_waits_for_the_table_does_not_stop_a_verification() {
    let database = Database::new();
    database.run_sql("CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
        INSERT INTO events SELECT i, repeat('x', 400), '2026-01-01 00:00+00'::timestamptz + (i % 100) * interval '1 day' FROM generate_series(1, 150000) i");
    let pgcleave = Pgcleave::new(&database);
    pgcleave.generate_monthly(&[]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    let child = pgcleave
        .command(&["-q", "verify", "--jobs", "2"])
        .spawn()
        .unwrap();
    // The one that holds the snapshot and two that read.
    let locking =
        "SELECT count(*)::text FROM pg_locks WHERE relation = 'events_pgcleave_copy'::regclass AND granted";
    wait_until("three sessions", || database.lines(locking) == ["3"]);
    let mut vacuum = database.client();
    let token = vacuum.cancel_token();
    let waiting = std::thread::spawn(move || vacuum.batch_execute("VACUUM FULL events_pgcleave_copy"));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let _ = token.cancel_query(postgres::NoTls);
    let _ = waiting.join();
}
