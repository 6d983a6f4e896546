//! The scenarios that simpler designs fail, against pgcleave: around a stopped
//! batch, in step and after the cutover, on each version.

use crate::replay::{Act, CLOSED, Ending, OPEN, Play, build_gate, differences, judge, plays, table};
use crate::sessions::{Crowd, Session};
use crate::support::{Database, Pgcleave};
use crate::versions::on_each_version;

const COPY: &str = "events_pgcleave_copy";
const RETIRED: &str = "events_pgcleave_retired";

fn prepare(database: &Database, through: &str) -> Pgcleave {
    database.run_sql(&table());
    let pgcleave = Pgcleave::new(database);
    pgcleave.ok(&[
        "-q",
        "generate",
        "events",
        "--key",
        "at",
        "--interval",
        "monthly",
        "--premake",
        "2",
        "--batch-size",
        "100000",
    ]);
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
    let (mut plays, mut crowd) = (plays("id", |_| true), Crowd::new(database));
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
        let (mut plays, mut crowd) = (plays("id", |_| true), Crowd::new(&database));
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
            assert_eq!(ending.faults, faults, "{}", play.name());
        }
    });
}

#[test]
fn sessions_in_step_leave_both_tables_equal() {
    on_each_version(|_, database| {
        prepare(&database, "verify_copy");
        let (mut plays, mut crowd) = (plays("id", |_| true), Crowd::new(&database));
        perform_all(&mut plays, &mut crowd);
        let endings = judge(&mut plays, &mut crowd, || differences(&database, "events", COPY));
        assert_equal(&plays, &endings);
    });
}

#[test]
fn sessions_after_the_cutover_leave_both_tables_equal() {
    on_each_version(|_, database| {
        let pgcleave = prepare(&database, "cut_over");
        let (mut plays, mut crowd) = (plays("id, at", |_| true), Crowd::new(&database));
        perform_all(&mut plays, &mut crowd);
        let endings = judge(&mut plays, &mut crowd, || {
            differences(&database, "events", RETIRED)
        });
        assert_equal(&plays, &endings);
        pgcleave.ok(&["-q", "rollback", "--yes", "--to", "verify_copy"]);
        assert!(differences(&database, "events", COPY).is_empty());
    });
}
