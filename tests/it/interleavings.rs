//! The scenarios that simpler designs fail, against pgcleave: around a stopped
//! batch, in step and after the cutover, on each version; and what straddles the
//! switch and the cutover.

use std::any::Any;
use std::process::Stdio;
use std::time::Duration;

use crate::replay::{Act, CLOSED, Ending, OPEN, PASSED, Play, build_gate, differences, judge, plays, table};
use crate::sessions::{Crowd, LEVELS, Session};
use crate::support::{Database, Pgcleave, Said};
use crate::versions::{Version, on_each_version, on_each_version_alone};

const COPY: &str = "events_pgcleave_copy";
const RETIRED: &str = "events_pgcleave_retired";

fn prepare(database: &Database, through: &str) -> Pgcleave {
    database.run_sql(&table());
    let pgcleave = Pgcleave::new(database);
    pgcleave.generate_monthly(&["--premake", "2", "--batch-size", "100000"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", through]);
    pgcleave
}

fn perform_all(plays: &mut [Play], crowd: &mut Crowd) {
    for act in [Act::Before, Act::During, Act::After] {
        plays.iter_mut().for_each(|play| play.perform(act, crowd));
    }
}

/// The application's own errors are those that it would have had without us.
fn faults_without_us(database: &Database) -> Vec<Vec<String>> {
    database.run_sql(&table());
    let (mut plays, mut crowd) = (plays("id", |_, _| true), Crowd::new(database));
    perform_all(&mut plays, &mut crowd);
    plays.iter_mut().map(|play| play.end(&mut crowd)).collect()
}

fn assert_equal(plays: &[Play], endings: &[Ending]) {
    for (play, ending) in plays.iter().zip(endings) {
        assert_eq!(
            ending.differences.join(","),
            "",
            "{}: {:?}",
            play.name(),
            ending.faults
        );
        assert!(
            ending.faults.iter().all(|code| code == "40001"),
            "{}: {:?}",
            play.name(),
            ending.faults
        );
    }
}

#[test]
fn a_stopped_batch_loses_nothing_and_fails_nobody() {
    on_each_version(|version, database| {
        let pgcleave = prepare(&database, "create_batch_copy_procedure");
        database.run_sql(&build_gate(COPY));
        let call = std::fs::read_to_string(&pgcleave.files("run_batch_copy.up.sql")[0]).unwrap();
        let (mut plays, mut crowd) = (plays("id", |_, _| true), Crowd::new(&database));
        // The procedure's transactions are at READ COMMITTED whatever the session's default is.
        let (mut keeper, mut batch) = (Session::open(&database), Session::at(&database, "serializable"));
        batch.ok("SET application_name = 'batch'");
        plays
            .iter_mut()
            .for_each(|play| play.perform(Act::Before, &mut crowd));
        keeper.ok(CLOSED);
        batch.waits(&call);
        plays
            .iter_mut()
            .for_each(|play| play.perform(Act::During, &mut crowd));
        keeper.ok(OPEN);
        batch.finish().unwrap();
        database.run_sql("DROP FUNCTION gate() CASCADE");
        plays
            .iter_mut()
            .for_each(|play| play.perform(Act::After, &mut crowd));
        let endings = judge(&mut plays, &mut crowd, || {
            pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
            differences(&database, "events", COPY)
        });
        assert_equal(&plays, &endings);
        let without_us = faults_without_us(&Database::on(version));
        for ((play, ending), faults) in plays.iter().zip(endings).zip(without_us) {
            let expected = Ending {
                faults,
                ..ending.clone()
            };
            if !play.was_retried_by_chance(&ending) && !play.was_retried_by_chance(&expected) {
                assert_eq!(ending, expected, "{}", play.name());
            }
        }
    });
}

#[test]
fn sessions_in_step_leave_both_tables_equal() {
    on_each_version(|_, database| {
        prepare(&database, "verify_copy");
        let (mut plays, mut crowd) = (plays("id", |_, side| side == PASSED), Crowd::new(&database));
        perform_all(&mut plays, &mut crowd);
        let endings = judge(&mut plays, &mut crowd, || differences(&database, "events", COPY));
        assert_equal(&plays, &endings);
        for (play, ending) in plays
            .iter()
            .zip(&endings)
            .filter(|(play, _)| play.level == LEVELS[0])
        {
            assert!(ending.faults.is_empty(), "{}: {:?}", play.name(), ending.faults);
        }
    });
}

#[test]
fn sessions_after_the_cutover_leave_both_tables_equal() {
    on_each_version(|_, database| {
        let pgcleave = prepare(&database, "cut_over");
        let (mut plays, mut crowd) = (plays("id, at", |_, side| side == PASSED), Crowd::new(&database));
        perform_all(&mut plays, &mut crowd);
        let endings = judge(&mut plays, &mut crowd, || {
            differences(&database, "events", RETIRED)
        });
        assert_equal(&plays, &endings);
        pgcleave.ok(&["-q", "rollback", "--yes", "--to", "verify_copy"]);
        assert!(differences(&database, "events", COPY).is_empty());
    });
}

/// A table of 20 rows, converted so far.
fn convert(database: &Database, through: &str) -> Pgcleave {
    database.run_sql("CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
        INSERT INTO events SELECT i, 'n', date_trunc('month', now()) + i * interval '1 hour' FROM generate_series(1, 20) i;
        CREATE VIEW seen AS SELECT id, note FROM events;
        CREATE TABLE children (event bigint REFERENCES events ON DELETE CASCADE); INSERT INTO children SELECT id FROM events");
    let pgcleave = Pgcleave::new(database);
    pgcleave.generate_monthly(&["--premake", "2", "--incoming", "children_event_fkey=guard"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", through]);
    pgcleave
}

/// Runs the step, and something else while it waits.
fn apply_meanwhile(pgcleave: &Pgcleave, step: &str, meanwhile: impl FnOnce()) {
    let mut command = pgcleave.command(&["apply", "--yes", "--through", step]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    meanwhile();
    let said = Said::of(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 0, "{}", said.stderr);
}

#[test]
fn the_switch_turns_away_old_snapshots_and_nobody_else() {
    on_each_version(|_, database| {
        let pgcleave = convert(&database, "catch_up");
        let mut sessions = LEVELS.map(|level| Session::at(&database, level));
        for session in &mut sessions {
            session.ok("BEGIN; SELECT count(*) FROM events");
        }
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "keep_in_step"]);
        for (session, level) in sessions.iter_mut().zip(LEVELS) {
            let write =
                format!("UPDATE events SET note = '{level}', at = at + interval '1 month' WHERE id = 3");
            if level == LEVELS[0] {
                session.ok(&write);
            } else {
                assert_eq!(session.fails(&write), "40001", "{level}");
                session.ok(&format!("ROLLBACK; BEGIN; {write}"));
            }
            session.ok("COMMIT");
        }
        assert!(differences(&database, "events", COPY).is_empty());
    });
}

#[test]
fn the_switch_waits_for_writers_under_way_and_drains_what_they_wrote() {
    on_each_version(|_, database| {
        let pgcleave = convert(&database, "catch_up");
        let mut writers = LEVELS.map(|level| Session::at(&database, level));
        for (writer, id) in writers.iter_mut().zip([3, 4, 5]) {
            writer.ok(&format!("BEGIN; UPDATE events SET note = 'w' WHERE id = {id}"));
        }
        apply_meanwhile(&pgcleave, "keep_in_step", || {
            for (writer, id) in writers.iter_mut().zip([13, 14, 15]) {
                let write = format!("UPDATE events SET at = at + interval '1 month' WHERE id = {id}; COMMIT");
                writer.ok(&write);
            }
        });
        assert!(differences(&database, "events", COPY).is_empty());
    });
}

/// A reader whose snapshot is older than the switch, while somebody else's transaction is as old.
fn assert_that_the_cutover_waits(beside: impl Fn(&'static Version, &Database) -> Vec<Box<dyn Any>>) {
    on_each_version_alone(|version, database| {
        let pgcleave = convert(&database, "catch_up");
        database.run_sql("INSERT INTO events VALUES (21, 'late', now())");
        let _other = beside(version, &database);
        let mut reader = Session::at(&database, LEVELS[1]);
        reader.ok("BEGIN; SELECT 1");
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
        apply_meanwhile(&pgcleave, "cut_over", || {
            assert_eq!(
                reader.ok("SELECT count(*) FROM events"),
                ["21"],
                "the late row, too"
            );
            reader.ok("COMMIT");
        });
        assert_eq!(
            reader.ok("SELECT relkind FROM pg_class WHERE relname = 'events'"),
            ["p"]
        );
    });
}

#[test]
fn the_cutover_waits_for_snapshots_older_than_the_switch() {
    assert_that_the_cutover_waits(|_, _| Vec::new());
}

#[test]
fn the_cutover_waits_for_an_old_snapshot_beside_a_transaction_that_writes_elsewhere() {
    assert_that_the_cutover_waits(|_, database| {
        let mut writer = Session::open(database);
        writer.ok("CREATE TABLE elsewhere (); BEGIN; INSERT INTO elsewhere DEFAULT VALUES");
        vec![Box::new(writer)]
    });
}

#[test]
fn the_cutover_waits_for_an_old_snapshot_beside_a_transaction_in_another_database() {
    assert_that_the_cutover_waits(|version, _| {
        let other = Database::at(version.quiet());
        let mut writer = Session::open(&other);
        writer.ok("CREATE TABLE elsewhere (); BEGIN; INSERT INTO elsewhere DEFAULT VALUES");
        vec![Box::new(writer), Box::new(other)]
    });
}

#[test]
fn a_snapshot_younger_than_the_switch_sees_the_same_table_after_the_cutover() {
    on_each_version_alone(|_, database| {
        let pgcleave = convert(&database, "verify_copy");
        let mut readers = LEVELS.map(|level| Session::at(&database, level));
        for reader in &mut readers {
            reader.ok("BEGIN; SELECT 1");
        }
        database.run_sql("INSERT INTO events VALUES (21, 'young', now()); DELETE FROM events WHERE id <= 5; UPDATE events SET note = 'u' WHERE id = 6");
        pgcleave.ok(&["-q", "apply", "--yes"]);
        let rows = "SELECT count(*), count(*) FILTER (WHERE note = 'u') FROM";
        for (reader, seen) in readers.iter_mut().zip(["16|1", "20|0", "20|0"]) {
            assert_eq!(reader.ok(&format!("{rows} events")), [seen]);
            assert_eq!(reader.ok(&format!("{rows} seen")), [seen], "the view follows");
        }
        // What it writes is known on both sides, or it is told to try again.
        assert_eq!(
            readers[1].fails("UPDATE events SET note = 'x' WHERE id = 5"),
            "40001"
        );
        readers[2].ok("UPDATE events SET note = 'x' WHERE id = 20; COMMIT");
        assert!(differences(&database, "events", RETIRED).is_empty());
    });
}

#[test]
fn partitions_written_directly_or_made_later_are_followed_and_children_survive_moves() {
    on_each_version(|_, database| {
        let pgcleave = convert(&database, "cut_over");
        let partition = &database.lines("SELECT tableoid::regclass::text FROM events LIMIT 1")[0];
        database.run_sql(&format!(
            "INSERT INTO {partition} SELECT 30, 'direct', at FROM events WHERE id = 1; UPDATE {partition} SET note = 'direct' WHERE id = 2; DELETE FROM {partition} WHERE id = 3;
             CREATE TABLE later PARTITION OF events FOR VALUES FROM ('2999-01-01') TO ('2999-02-01');
             INSERT INTO events VALUES (31, 'later', '2999-01-01'); UPDATE events SET at = '2999-01-02' WHERE id = 4; UPDATE later SET note = 'x' WHERE id = 4;
             SET session_replication_role = replica; UPDATE later SET note = 'replica' WHERE id = 31"
        ));
        assert!(differences(&database, "events", RETIRED).is_empty());
        assert_eq!(
            database.lines("SELECT count(*)::text FROM children"),
            ["19"],
            "only the child of 3 is gone"
        );
        pgcleave.ok(&["-q", "rollback", "--yes"]);
        assert_eq!(
            database.lines("SELECT note FROM events WHERE id IN (4, 30, 31) ORDER BY id"),
            ["x", "direct", "replica"]
        );
    });
}
