//! Catch-ups that nothing but their own locks keeps apart: psql and pg_cron take no advisory lock.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

use crate::replay::{CLOSED, OPEN, build_gate_at, differences};
use crate::sessions::Session;
use crate::support::{Database, Pgcleave};
use crate::versions::on_each_version;

const COPY: &str = "events_pgcleave_copy";
const CATCH_UP: &str = "CALL events_pgcleave_catch_up(500)";

/// Caught up, with changes that wait in the change log; the catch-up of the application `batch` stops at row 9.
fn caught_up(database: &Database) -> Pgcleave {
    database.run_sql("CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
        INSERT INTO events SELECT i, 'n', date_trunc('month', now()) + i * interval '1 hour' FROM generate_series(1, 20) i");
    let pgcleave = Pgcleave::new(database);
    pgcleave.generate_monthly(&["--premake", "2"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "catch_up"]);
    database.run_sql("UPDATE events SET note = 'u' WHERE id < 10; INSERT INTO events SELECT i, 'i', now() FROM generate_series(21, 25) i");
    database.run_sql(&build_gate_at(COPY, 9));
    pgcleave
}

/// A catch-up stopped in the midst of its page, and what keeps it there.
fn stopped(database: &Database) -> (Session, Session) {
    let (mut keeper, mut batch) = (Session::open(database), Session::open(database));
    batch.ok("SET application_name = 'batch'");
    keeper.ok(CLOSED);
    batch.waits(CATCH_UP);
    (keeper, batch)
}

/// Rows of the stopped page that change behind its back.
const BEHIND: &str = "DELETE FROM events WHERE id IN (5, 22); UPDATE events SET at = at + interval '1 month' WHERE id IN (6, 24)";

#[test]
fn the_switch_waits_for_a_catch_up_under_way() {
    on_each_version(|_, database| {
        let pgcleave = caught_up(&database);
        let (mut keeper, mut batch) = stopped(&database);
        database.run_sql(BEHIND);
        let switch = std::fs::read_to_string(&pgcleave.files("keep_in_step.up.sql")[0]).unwrap();
        let mut psql = Session::open(&database);
        psql.ok("SET pgcleave.switch_budget = '-1s'"); // it shall not be found out by counting
        psql.waits(&switch);
        keeper.ok(OPEN);
        let switched = psql.finish();
        // Its next page finds the copy in step, unless that one was its last.
        let _ = batch.finish();
        switched.unwrap();
        assert!(differences(&database, "events", COPY).is_empty());
    });
}

#[test]
fn two_catch_ups_take_turns() {
    on_each_version(|_, database| {
        let pgcleave = caught_up(&database);
        let (mut keeper, mut batch) = stopped(&database);
        database.run_sql(BEHIND);
        let mut psql = Session::open(&database);
        psql.waits(CATCH_UP);
        keeper.ok(OPEN);
        let both = [batch.finish(), psql.finish()];
        database.run_sql("DROP FUNCTION gate() CASCADE");
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
        assert!(differences(&database, "events", COPY).is_empty());
        both.into_iter().for_each(|outcome| drop(outcome.unwrap()));
    });
}

#[test]
fn catch_ups_side_by_side_and_the_switch_beside_them_lose_nothing_of_what_writers_do() {
    on_each_version(|_, database| {
        let pgcleave = caught_up(&database);
        let (stop, next, written) = (AtomicBool::new(false), AtomicI64::new(100), AtomicI64::new(0));
        let done = || stop.load(Ordering::Relaxed);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut client = database.client();
                    while !done() {
                        let id = next.fetch_add(1, Ordering::Relaxed);
                        client
                            .batch_execute(&format!(
                                "INSERT INTO events VALUES ({id}, 'w', now()); UPDATE events SET at = at + interval '1 month' WHERE id = {id} - 5;
                                 UPDATE events SET note = 'x' WHERE id = {id} - 10; DELETE FROM events WHERE id = {id} - 15"
                            ))
                            .unwrap();
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let catch_up = || {
                let mut client = database.client();
                while !done() {
                    match client.batch_execute("CALL events_pgcleave_catch_up(0)") {
                        Ok(()) => {}
                        Err(error) => return error.as_db_error().unwrap().message().to_owned(),
                    }
                }
                String::new()
            };
            let catch_ups = [scope.spawn(catch_up), scope.spawn(catch_up)];
            while written.load(Ordering::Relaxed) < 500 {
                thread::sleep(std::time::Duration::from_millis(10));
            }
            let said = pgcleave.run(&["-q", "apply", "--yes", "--through", "keep_in_step"]);
            stop.store(true, Ordering::Relaxed);
            for catch_up in catch_ups {
                let error = catch_up.join().unwrap();
                assert!(
                    error.is_empty() || error.contains("the copy is in step already"),
                    "{error}"
                );
            }
            assert_eq!(said.code, 0, "{}", said.stderr);
        });
        assert!(differences(&database, "events", COPY).is_empty());
    });
}

#[test]
fn a_batch_copy_that_somebody_runs_in_step_leaves_the_copy_alone() {
    on_each_version(|_, database| {
        let pgcleave = caught_up(&database);
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
        let mut psql = Session::open(&database);
        for before in ["SELECT 1", "VACUUM FULL events"] {
            psql.ok(before);
            psql.ok("CALL events_pgcleave_copy_batches(100)");
            assert!(differences(&database, "events", COPY).is_empty(), "{before}");
        }
    });
}

/// Begins the copy anew in the midst of which the switch is asked for.
fn switches_in_mid_copy(database: &Database, hold: &str, release: &str) {
    let pgcleave = caught_up(database);
    database.run_sql(CATCH_UP);
    database.run_sql("VACUUM FULL events");
    let switch = std::fs::read_to_string(&pgcleave.files("keep_in_step.up.sql")[0]).unwrap();
    let mut sessions = [(); 3].map(|()| Session::open(database));
    let [keeper, batch, psql] = &mut sessions;
    batch.ok("SET application_name = 'batch'");
    psql.ok("SET pgcleave.switch_budget = '-1s'");
    keeper.ok(hold);
    batch.waits("CALL events_pgcleave_copy_batches(100)");
    psql.start(&switch);
    keeper.ok(release);
    assert_eq!(psql.finish().unwrap_err().code, "55000");
    psql.ok("ROLLBACK");
    batch.finish().unwrap();
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    assert!(differences(database, "events", COPY).is_empty());
}

#[test]
fn a_copy_that_starts_over_is_not_switched_to_before_it_is_complete_and_caught_up() {
    on_each_version(|_, database| {
        // At a batch, and before the copy is emptied.
        switches_in_mid_copy(&database, CLOSED, OPEN);
    });
    on_each_version(|_, database| {
        switches_in_mid_copy(
            &database,
            &format!("BEGIN; SELECT count(*) FROM {COPY}"),
            "COMMIT",
        );
    });
}

#[test]
fn what_has_a_time_to_end_by_ends_by_then_and_goes_on_later() {
    on_each_version(|_, database| {
        let pgcleave = caught_up(&database);
        database.run_sql("DROP FUNCTION gate() CASCADE");
        database.run_sql("UPDATE events_pgcleave_state SET count_milliseconds = NULL");
        database.run_sql("VACUUM FULL events");
        let until = |seconds: &str| {
            format!(
                "SELECT set_config('pgcleave.run_until', extract(epoch FROM now() + interval '{seconds}')::text, false)"
            )
        };
        let begun = || {
            database.lines("SELECT concat_ws(' ', count_milliseconds IS NULL, (SELECT count(*) FROM events_pgcleave_log) > 0, (SELECT sum(rows_copied) FROM events_pgcleave_segments), waiting_for) FROM events_pgcleave_state")
        };
        let mut psql = Session::open(&database);
        for (seconds, pause) in [("-1s", "NULL"), ("1s", "'a test'")] {
            psql.ok(&format!(
                "UPDATE events_pgcleave_settings SET paused_by = {pause}"
            ));
            for call in ["CALL events_pgcleave_copy_batches(100)", CATCH_UP] {
                psql.ok(&until(seconds));
                psql.ok(call);
                assert_eq!(begun(), ["t t 20"], "{call}");
            }
        }
        psql.ok("UPDATE events_pgcleave_settings SET paused_by = NULL");
        psql.ok(&until("1h"));
        psql.ok("CALL events_pgcleave_copy_batches(100)");
        psql.ok(CATCH_UP);
        assert_eq!(begun(), ["f f 11"]);
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    });
}
