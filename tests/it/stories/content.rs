//! Rows that were lost, stale, or kept the application from writing.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use postgres::IsolationLevel;
use postgres::error::SqlState;

use super::{Busy, EVENTS, Story};
use crate::support::{Database, Pgcleave, Said};

const WIDE: &str = "CREATE TABLE events (id bigint PRIMARY KEY, note text, filler text, at timestamptz NOT NULL);
    INSERT INTO events SELECT i, 'n' || i, repeat('x', 300), now() - i * interval '5 minutes' FROM generate_series(1, 20000) i;";

#[test]
fn story_01_updates_in_mid_copy_reach_the_copy() {
    let story = Story::begin_with(WIDE, &["--batch-size", "1"]);
    story.through("create_batch_copy_procedure");
    let writer = Busy::start(&story.database, |client, round| {
        let id = |factor: i64| 1 + round * factor % 20000;
        client.batch_execute(&format!(
            "INSERT INTO events VALUES ({new}, 'new', 'f', now() - interval '3 days');
             UPDATE events SET note = note || 'u' WHERE id = {};
             UPDATE events SET at = at - interval '31 days' WHERE id = {};
             UPDATE events SET id = -id WHERE id = {};
             DELETE FROM events WHERE id = {}",
            id(7919),
            id(6007),
            id(4001),
            id(3001),
            new = 1_000_000 + round,
        ))
    });
    writer.wait_for_rounds(5);
    let before = writer.rounds();
    story.through("run_batch_copy");
    let in_mid_copy = writer.rounds() - before;
    writer.wait_for_rounds(5);
    writer.finish_without_error();
    assert!(in_mid_copy > 10, "{in_mid_copy} rounds while the copy ran");
    story.through("keep_in_step");
    story.assert_equal();
    story.finish();
    story.assert_equal();
    let updated = story
        .database
        .lines("SELECT (count(*) > 10)::text FROM events WHERE note LIKE '%u'");
    assert_eq!(updated, ["true"]);
}

#[test]
fn story_02_writers_at_each_isolation_level_leave_no_stale_row_and_no_ghost() {
    let levels = [
        IsolationLevel::ReadCommitted,
        IsolationLevel::RepeatableRead,
        IsolationLevel::Serializable,
    ];
    let story = Story::begin_with(EVENTS, &["--batch-size", "1"]);
    let writers: Vec<Busy> = (1i64..).zip(levels).map(|(own, level)| {
        Busy::start(&story.database, move |client, round| {
            let mut transaction = client.build_transaction().isolation_level(level).start()?;
            // The first statement counts what was committed; the others delete a row, or bring it back.
            transaction.batch_execute(&format!(
                "UPDATE events SET n = n + 1 WHERE id = {own};
                 DELETE FROM events WHERE id = {own} + 100 AND {round} % 3 = 0;
                 INSERT INTO events SELECT {own} + 100, 'back', {round}, now() - {round} % 100 * interval '1 day'
                     WHERE NOT EXISTS (SELECT FROM events WHERE id = {own} + 100);
                 UPDATE events SET at = now() - {round} % 90 * interval '1 day' WHERE id = {own} + 200"
            ))?;
            transaction.commit()
        })
    }).collect();
    story.finish();
    writers[0].wait_for_rounds(20);
    story.go_back();
    writers[0].wait_for_rounds(20);
    story.finish();
    let retry = format!("{:?}", Some(&SqlState::T_R_SERIALIZATION_FAILURE));
    for (own, writer) in (1..).zip(writers) {
        let report = writer.finish();
        let failed = i64::try_from(report.errors.len()).unwrap();
        let strange: Vec<_> = report.errors.iter().filter(|e| !e.starts_with(&retry)).collect();
        assert!(
            strange.is_empty() && (own > 1 || failed == 0),
            "{:?}",
            report.errors
        );
        let counted = story
            .database
            .lines(&format!("SELECT n::text FROM events WHERE id = {own}"));
        assert_eq!(counted, [(report.rounds - failed).to_string()], "writer {own}");
    }
    story.assert_equal();
}

#[test]
fn story_03_one_stale_cell_is_found_though_the_counts_are_equal_and_stops_the_cutover() {
    for tampering in [
        "UPDATE events_pgcleave_copy SET note = 'stale' WHERE id = 77",
        "UPDATE events_pgcleave_copy SET id = 100077 WHERE id = 77",
    ] {
        let story = Story::begin(EVENTS);
        story.through("keep_in_step");
        story.database.run_sql(tampering);
        let said = story.pgcleave.run(&["apply", "--yes"]);
        assert_eq!(said.code, 1, "{tampering}: {}\n{}", said.stdout, said.stderr);
        assert!(said.stderr.contains("verify_copy"), "{}", said.stderr);
        assert!(!story.is_partitioned(), "{tampering}");
        let said = story.pgcleave.run(&["verify"]);
        assert_eq!(said.code, 3, "{tampering}");
        assert!(said.stdout.contains("DIFFERENT"), "{tampering}: {}", said.stdout);
        // The cutover's file refuses too, by itself.
        let file = story.pgcleave.files("cut_over.up.sql").remove(0);
        let mut psql = story.database.program("psql");
        let output = psql
            .args(["-X", "-v", "ON_ERROR_STOP=1", "-f"])
            .arg(file)
            .output()
            .unwrap();
        assert!(!output.status.success());
        assert!(!story.is_partitioned(), "{tampering}");
        story.pgcleave.ok(&["-q", "rollback", "--yes"]);
        story.finish();
        story.assert_equal();
    }
}

#[test]
fn story_03_verification_names_the_differing_keys() {
    let story = Story::begin(EVENTS);
    story.through("keep_in_step");
    story
        .database
        .run_sql("UPDATE events_pgcleave_copy SET note = 'stale' WHERE id = 577");
    let said = story.pgcleave.run(&["verify"]);
    assert_eq!(said.code, 3);
    assert!(said.stdout.contains("577"), "{}", said.stdout);
}

#[test]
fn story_04_key_changes_moves_truncate_and_replica_role_writers_are_mirrored_in_each_phase() {
    for phase in [
        "install_sync_trigger",
        "run_batch_copy",
        "catch_up",
        "keep_in_step",
        "cut_over",
    ] {
        let story = Story::begin(EVENTS);
        story.through(phase);
        story.database.run_sql(
            "UPDATE events SET id = id + 10000 WHERE id % 7 = 0;
             UPDATE events SET at = at + interval '40 days' WHERE id % 5 = 0;
             UPDATE events SET id = id + 20000, at = at - interval '40 days' WHERE id % 11 = 0;
             SET session_replication_role = replica;
             UPDATE events SET note = 'replica', at = at - interval '32 days' WHERE id % 13 = 0;
             DELETE FROM events WHERE id % 17 = 0;
             INSERT INTO events VALUES (50000, 'replica', 1, now())",
        );
        story.finish();
        story.assert_equal();
        story.pgcleave.ok(&["verify"]);
        let there = "SELECT count(*)::text FROM events WHERE note = 'replica' AND id = 50000";
        assert_eq!(story.database.lines(there), ["1"], "{phase}");
        story
            .database
            .run_sql("TRUNCATE events; INSERT INTO events VALUES (1, 'only', 0, now())");
        story.assert_equal();
        story.go_back();
        story.assert_equal();
        assert_eq!(
            story.database.lines("SELECT note FROM events"),
            ["only"],
            "{phase}"
        );
    }
}

#[test]
fn story_05_infinity_years_bc_and_the_far_future_all_arrive() {
    let story = Story::begin(&format!(
        "{EVENTS} INSERT INTO events VALUES (-1, 'ever', 0, 'infinity'), (-2, 'never', 0, '-infinity'), (-3, 'far', 0, '294276-12-31 23:59:59.999999+00')"
    ));
    story.finish();
    story.assert_equal();
    story.database.run_sql(
        "INSERT INTO events VALUES (-4, 'Caesar', 0, '0044-03-15 00:00+00 BC'), (-5, 'first', 0, '4713-01-01 00:00+00 BC');
         UPDATE events SET at = 'infinity' WHERE id = 5; UPDATE events SET at = now() WHERE id = -1",
    );
    story.assert_equal();
    assert_eq!(
        story
            .database
            .lines("SELECT count(*)::text FROM events WHERE id < 0"),
        ["5"]
    );
    story.go_back();
    story.assert_equal();
    assert_eq!(
        story
            .database
            .lines("SELECT count(*)::text FROM events WHERE id < 0"),
        ["5"]
    );
}

#[test]
fn story_05_years_bc_from_the_start_get_partitions_or_a_reason() {
    let database = Database::new();
    database.run_sql(&format!(
        "{EVENTS} INSERT INTO events VALUES (-4, 'Caesar', 0, '0044-03-15 00:00+00 BC')"
    ));
    let pgcleave = Pgcleave::new(&database);
    let generate = |interval| pgcleave.run(&["generate", "events", "--key", "at", "--interval", interval]);
    let said = generate("monthly");
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(
        said.stderr.contains("partitions would be needed") && said.stderr.contains("wider --interval"),
        "{}",
        said.stderr
    );
    let said = generate("yearly");
    assert_eq!(said.code, 0, "{}", said.stderr);
    // Run to its end with the fixture `yearly_ancient`.
    let first = std::fs::read_to_string(&pgcleave.files("create_partitioned_copy.up.sql")[0]).unwrap();
    assert!(
        first.contains("FROM ('0044-01-01 00:00:00+00:00 BC') TO ('0043-01-01 00:00:00+00:00 BC')"),
        "no partition for the year"
    );
}

#[test]
fn story_05_a_null_key_is_refused_beforehand_with_the_way_out() {
    let database = Database::new();
    database.run_sql(&format!(
        "{EVENTS} ALTER TABLE events ALTER at DROP NOT NULL; INSERT INTO events VALUES (-1, 'never', 0, NULL)"
    ));
    let dump = database.dump();
    let pgcleave = Pgcleave::new(&database);
    let generate = ["generate", "events", "--key", "at", "--interval", "monthly"];
    let said = pgcleave.run(&generate);
    assert_eq!(said.code, 4, "{}", said.stderr);
    for words in ["may be NULL", "VALIDATE CONSTRAINT", "holds NULL"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    assert_eq!(database.dump(), dump);
    database
        .run_sql("UPDATE events SET at = now() WHERE at IS NULL; ALTER TABLE events ALTER at SET NOT NULL");
    pgcleave.ok(&generate);
    pgcleave.ok(&["-q", "apply", "--yes"]);
    assert_eq!(database.lines("SELECT count(*)::text FROM events"), ["601"]);
}

#[test]
fn story_05_a_lower_id_that_commits_late_is_not_lost() {
    let story = Story::begin(EVENTS);
    let (mut one, mut two, mut three) = (
        story.database.client(),
        story.database.client(),
        story.database.client(),
    );
    // Open and written before the trigger is there: the trigger's step waits for it.
    let mut early = one.transaction().unwrap();
    early
        .batch_execute("INSERT INTO events VALUES (-1, 'early', 0, now() - interval '50 days')")
        .unwrap();
    // Open before the trigger is there, written later.
    let mut late = two.transaction().unwrap();
    late.batch_execute("SELECT 1").unwrap();
    let mut old = three
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()
        .unwrap();
    old.batch_execute("SELECT 1").unwrap();
    let mut command = story
        .pgcleave
        .command(&["apply", "--yes", "--through", "install_sync_trigger"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(800));
    early.commit().unwrap();
    let said = Said::of(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 0, "{}", said.stderr);
    late.batch_execute("INSERT INTO events VALUES (-2, 'late', 0, now() - interval '50 days')")
        .unwrap();
    old.batch_execute("INSERT INTO events VALUES (-3, 'old snapshot', 0, now() - interval '50 days')")
        .unwrap();
    story.through("build_indexes");
    late.commit().unwrap();
    old.commit().unwrap();
    story.finish();
    story.assert_equal();
    assert_eq!(
        story
            .database
            .lines("SELECT note FROM events WHERE id < 0 ORDER BY id DESC"),
        ["early", "late", "old snapshot"]
    );
}

#[test]
fn story_06_the_application_never_sees_an_error_from_the_sync() {
    let story = Story::begin_with(EVENTS, &["--batch-size", "1"]);
    // Rows without a partition of their own, at any moment of the conversion and of the way back.
    let writer = Busy::start(&story.database, |client, round| {
        let at = ["infinity", "-infinity", "4713-01-01 BC", "294276-12-31", "now"];
        let at = at[usize::try_from(round).unwrap() % at.len()];
        client.batch_execute(&format!(
            "INSERT INTO events VALUES (1000 + {round}, 'w', 0, '{at}');
             UPDATE events SET at = '{at}', n = n + 1 WHERE id = 1 + {round} % 600;
             UPDATE events SET at = 'now' WHERE id = 1000 + {round} - 3;
             DELETE FROM events WHERE id = 1000 + {round} - 7"
        ))
    });
    for step in story.steps() {
        story.through(&step);
        writer.wait_for_rounds(6);
    }
    story.go_back();
    writer.wait_for_rounds(6);
    story.finish();
    writer.wait_for_rounds(6);
    writer.finish_without_error();
    story.assert_equal();
}
