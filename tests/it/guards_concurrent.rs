//! What several sessions do to a guarded key at once: as with a plain table's unique key, one of them waits and then
//! fails, or goes on. Long because it is one thing: the interleavings of one table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use postgres::{Client, IsolationLevel};

use crate::sessions::{LEVELS, Progress, Session};
use crate::support::{Database, Pgcleave};
use crate::versions::on_each_version;

/// Ids and codes are guarded; children refer to ids.
const SCHEMA: &str = "
    CREATE TABLE events (id bigint PRIMARY KEY, code text CONSTRAINT one_code UNIQUE, note text, at timestamptz NOT NULL);
    INSERT INTO events SELECT i, 'c' || i, 'n', '2026-01-05 00:00+00'::timestamptz + i * interval '12 hours' FROM generate_series(1, 200) i;
    CREATE TABLE notes (id int PRIMARY KEY, event bigint CONSTRAINT of_event REFERENCES events ON DELETE CASCADE ON UPDATE CASCADE);
    INSERT INTO notes SELECT i, i FROM generate_series(1, 20) i; ANALYZE";
const CHOICES: [&str; 6] = [
    "--unique",
    "events_pkey=guard",
    "--unique",
    "one_code=guard",
    "--incoming",
    "of_event=guard",
];

/// Converts through a step.
fn converted(database: &Database, through: &str) -> Pgcleave {
    database.run_sql(SCHEMA);
    let pgcleave = Pgcleave::new(database);
    pgcleave.generate_monthly(&CHOICES);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", through]);
    pgcleave
}

/// Each guard holds exactly what the table holds.
const DISAGREE: &str = "
    SELECT 'ids: ' || d::text FROM ((SELECT id, at FROM events EXCEPT ALL SELECT id, at FROM events_pkey_guard) UNION ALL
        (SELECT id, at FROM events_pkey_guard EXCEPT ALL SELECT id, at FROM events)) d
    UNION ALL SELECT 'codes: ' || d::text FROM ((SELECT code, id, at FROM events WHERE code IS NOT NULL EXCEPT ALL SELECT code, id, at FROM one_code_guard) UNION ALL
        (SELECT code, id, at FROM one_code_guard EXCEPT ALL SELECT code, id, at FROM events)) d
    UNION ALL SELECT 'twice: ' || id FROM events GROUP BY id HAVING count(*) > 1
    UNION ALL SELECT 'code twice: ' || code FROM events GROUP BY code HAVING count(*) > 1
    UNION ALL SELECT 'orphan: ' || event FROM notes WHERE NOT EXISTS (SELECT FROM events e WHERE e.id = event)
    UNION ALL SELECT 'a move is left: ' || m::text FROM events_pkey_guard_moves m
    UNION ALL SELECT 'a move is left: ' || m::text FROM one_code_guard_moves m";

#[track_caller]
fn assert_in_step(database: &Database, when: &str) {
    assert_eq!(database.lines(DISAGREE), Vec::<String>::new(), "{when}");
}

/// Cut over, moved, and without the retired table, on each version.
fn at_each_end(test: impl Fn(&Database, &str)) {
    on_each_version(|version, database| {
        for step in ["cut_over", "move_incoming_foreign_keys", "drop_retired_table"] {
            database.run_sql(
                "DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS pgcleave CASCADE",
            );
            converted(&database, step);
            let when = format!("{} {step}", version.major);
            test(&database, &when);
            assert_in_step(&database, &when);
        }
    });
}

const JANUARY: &str = "'2026-01-20 00:00+00'";
const MARCH: &str = "'2026-03-20 00:00+00'";

#[test]
fn of_two_that_insert_one_key_the_second_waits_and_fails_or_goes_on() {
    at_each_end(|database, when| {
        let (mut one, mut two) = (Session::open(database), Session::open(database));
        for (number, first, second) in [
            (0, "(1000, 'x', 'one', {})", "(1000, 'y', 'two', {})"),
            (1, "(1001, 'z', 'one', {})", "(1002, 'z', 'two', {})"),
        ] {
            let insert =
                |values: &str, at: &str| format!("INSERT INTO events VALUES {}", values.replace("{}", at));
            one.ok("BEGIN");
            one.ok(&insert(first, JANUARY));
            two.waits(&insert(second, MARCH));
            one.ok("ROLLBACK");
            assert!(two.finish().is_ok(), "{when} {number}");
            one.ok(&format!(
                "BEGIN; DELETE FROM events WHERE id = {}",
                1000 + 2 * number
            ));
            two.waits(&insert(first, JANUARY));
            one.ok("COMMIT");
            assert!(two.finish().is_ok(), "{when} {number}: the key was given up");
            one.ok("BEGIN; DELETE FROM events WHERE id >= 1000");
            one.ok(&insert(second, MARCH));
            two.waits(&insert(first, JANUARY));
            one.ok("COMMIT");
            assert_eq!(two.finish().unwrap_err().code, "23505", "{when} {number}");
            one.ok("DELETE FROM events WHERE id >= 1000");
        }
    });
}

#[test]
fn of_two_with_snapshots_one_gets_23505_or_40001_and_never_both_a_row() {
    at_each_end(|database, when| {
        let mut other = Session::open(database);
        for level in &LEVELS[1..] {
            for key in ["(1000, NULL, '', {})", "(1000 + {n}, 'same', '', {})"] {
                let insert = |number: i64, at: &str| {
                    format!(
                        "INSERT INTO events VALUES {}",
                        key.replace("{n}", &number.to_string()).replace("{}", at)
                    )
                };
                let mut one = Session::at(database, level);
                // Its snapshot is older than the other's row.
                one.ok("BEGIN; SELECT count(*) FROM events");
                other.ok(&insert(1, MARCH));
                let code = one.fails(&insert(2, JANUARY));
                assert!(
                    ["23505", "40001"].contains(&code.as_str()),
                    "{when} {level}: {code}"
                );
                one.ok("ROLLBACK");
                // Deleted behind its snapshot: the key is free for those who see that.
                one.ok("BEGIN; SELECT count(*) FROM events");
                other.ok("DELETE FROM events WHERE id >= 1000");
                match one.run(&insert(2, JANUARY)) {
                    Ok(_) => one.ok("COMMIT"),
                    Err(fault) => {
                        assert!(
                            ["23505", "40001"].contains(&fault.code.as_str()),
                            "{when} {level}: {fault:?}"
                        );
                        one.ok("ROLLBACK")
                    }
                };
                assert_in_step(database, &format!("{when} {level}"));
                other.ok("DELETE FROM events WHERE id >= 1000");
                // Both have snapshots, and write at once.
                let mut two = Session::at(database, level);
                one.ok("BEGIN; SELECT count(*) FROM events");
                two.ok("BEGIN; SELECT count(*) FROM events");
                one.ok(&insert(1, JANUARY));
                two.waits(&insert(2, MARCH));
                one.ok("COMMIT");
                let code = two.finish().unwrap_err().code;
                assert!(
                    ["23505", "40001"].contains(&code.as_str()),
                    "{when} {level}: {code}"
                );
                two.ok("ROLLBACK");
                other.ok("DELETE FROM events WHERE id >= 1000");
            }
        }
    });
}

#[test]
fn a_conflict_without_a_target_meets_the_guard_as_an_error_and_within_the_partition_not_at_all() {
    at_each_end(|database, when| {
        let mut session = Session::open(database);
        let same_partition =
            "INSERT INTO events SELECT id, code, 'again', at FROM events WHERE id = 5 ON CONFLICT DO NOTHING";
        assert_eq!(session.run(same_partition).unwrap().affected, 0, "{when}");
        let other = format!("INSERT INTO events VALUES (5, NULL, 'again', {MARCH}) ON CONFLICT DO NOTHING");
        assert_eq!(session.fails(&other), "23505", "{when}");
        let with_target =
            format!("INSERT INTO events VALUES (5, NULL, 'again', {MARCH}) ON CONFLICT (id, at) DO NOTHING");
        assert_eq!(session.fails(&with_target), "23505", "{when}");
        assert_eq!(
            session.fails("INSERT INTO events VALUES (5, NULL, 'again', now()) ON CONFLICT (id) DO NOTHING"),
            "42P10",
            "{when}"
        );
    });
}

#[test]
fn children_and_the_row_that_they_refer_to_wait_for_each_other() {
    at_each_end(|database, when| {
        let (mut parent, mut child) = (Session::open(database), Session::open(database));
        // The child first: its parent's deletion waits, and cascades to it.
        child.ok("BEGIN; INSERT INTO notes VALUES (100, 100)");
        parent.waits("DELETE FROM events WHERE id = 100");
        child.ok("COMMIT");
        assert!(parent.finish().is_ok(), "{when}");
        assert!(parent.ok("SELECT FROM notes WHERE id = 100").is_empty(), "{when}");
        // The parent first: the child waits, and isn't let in.
        parent.ok("BEGIN; DELETE FROM events WHERE id = 101");
        child.waits("INSERT INTO notes VALUES (101, 101)");
        parent.ok("COMMIT");
        assert_eq!(child.finish().unwrap_err().code, "23503", "{when}");
        parent.ok("BEGIN; DELETE FROM events WHERE id = 102");
        child.waits("INSERT INTO notes VALUES (102, 102)");
        parent.ok("ROLLBACK");
        assert!(child.finish().is_ok(), "{when}");
        // A move to another partition is no deletion: the child is let in, at once or after it.
        parent.ok("BEGIN; UPDATE events SET at = at + interval '2 months' WHERE id = 103");
        child.start("INSERT INTO notes VALUES (103, 103)");
        parent.ok("COMMIT");
        assert!(child.finish().is_ok(), "{when}");
        // Nor does a change of something else keep children waiting.
        // (The retired table's row is locked more strongly, as long as they refer to that.)
        parent.ok("BEGIN; UPDATE events SET note = 'new' WHERE id = 104");
        let progress = child.start("INSERT INTO notes VALUES (104, 104)");
        let through_retired = when.ends_with("cut_over");
        assert!(progress == Progress::Done || through_retired, "{when}");
        parent.ok("COMMIT");
        assert!(child.finish().is_ok(), "{when}");
        parent.ok("DELETE FROM notes WHERE id >= 100");
    });
}

#[test]
fn truncate_and_replica_writers_are_followed() {
    at_each_end(|database, when| {
        let mut session = Session::open(database);
        // As with the plain table: what is referred to is not truncated.
        assert_eq!(session.fails("TRUNCATE events"), "0A000", "{when}");
        session.ok("SET session_replication_role = replica");
        session.ok(&format!(
            "INSERT INTO events VALUES (1000, 'replica', '', {MARCH})"
        ));
        assert_in_step(database, when);
        session.ok(&format!(
            "UPDATE events SET id = 1001, at = {JANUARY} WHERE id = 1000"
        ));
        session.ok("UPDATE events SET code = 'other' WHERE id = 1001");
        assert_in_step(database, when);
        session.ok("DELETE FROM events WHERE id = 1001; SET session_replication_role = origin");
        assert_in_step(database, when);
        let dropped = when.ends_with("drop_retired_table");
        if dropped {
            let partition = &session.ok("SELECT tableoid::regclass FROM events WHERE id = 150")[0];
            assert_eq!(
                session.fails(&format!("TRUNCATE {partition}")),
                "0A000",
                "{when}: children are there"
            );
        }
        session.ok("TRUNCATE events, notes");
        assert_in_step(database, when);
        session.ok(&format!("INSERT INTO events SELECT i, 'c' || i, 'n', {JANUARY}::timestamptz + i * interval '12 hours' FROM generate_series(1, 200) i"));
        if dropped {
            // Nobody refers to it: one partition goes with its keys.
            let partition = &session.ok("SELECT tableoid::regclass FROM events WHERE id = 1")[0];
            session.ok(&format!("TRUNCATE {partition}"));
            assert_in_step(database, when);
            session.ok(&format!("INSERT INTO events VALUES (1, 'c1', '', {MARCH})"));
        }
        session.ok("BEGIN; TRUNCATE events, notes; ROLLBACK");
    });
}

/// Random statements of one or several rows; whatever fails as it may fail on a plain table is left out.
fn write(mut client: Client, seed: u64, stop: Arc<AtomicBool>) -> Result<u64, String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let levels = [
        IsolationLevel::ReadCommitted,
        IsolationLevel::RepeatableRead,
        IsolationLevel::Serializable,
    ];
    let mut committed = 0;
    while !stop.load(Ordering::Relaxed) {
        let level = levels[random.usize(..3)];
        let mut transaction = client
            .build_transaction()
            .isolation_level(level)
            .start()
            .map_err(|e| e.to_string())?;
        let outcome = (0..random.u8(1..4)).try_for_each(|_| {
            let (id, other) = (random.i64(1..250), random.i64(1..250));
            let (days, rows) = (random.i64(0..120), random.i64(1..4));
            let at = format!("'2026-01-05 00:00+00'::timestamptz + {days} * interval '1 day'");
            transaction.batch_execute(&match random.u8(..9) {
                0 => format!("INSERT INTO events VALUES ({id}, 'c{other}', 'i', {at})"),
                1 => format!("INSERT INTO events SELECT i, 'c' || i, 'i', {at} FROM generate_series({id}, {id} + {rows}) i"),
                2 => format!("UPDATE events SET at = {at} WHERE id = {id}"),
                3 => format!("UPDATE events SET at = at + interval '31 days' WHERE id BETWEEN {id} AND {id} + {rows} AND at < '2026-04-01'"),
                4 => format!("UPDATE events SET code = 'c{other}' WHERE id = {id}"),
                5 => format!("UPDATE events SET id = {other}, at = {at} WHERE id = {id}"),
                6 => format!("DELETE FROM events WHERE id BETWEEN {id} AND {id} + {rows}"),
                7 => format!("DELETE FROM events WHERE id = {id}; INSERT INTO events VALUES ({id}, 'c{id}', 'again', {at})"),
                _ => format!("INSERT INTO notes SELECT nextval('note_ids'), id FROM events WHERE id = {id}"),
            })
        });
        let outcome = match outcome {
            Ok(()) if random.u8(..8) == 0 => transaction.rollback(),
            Ok(()) => transaction.commit().map(|()| committed += 1),
            Err(error) => Err(error),
        };
        let Err(error) = outcome else { continue };
        let code = error.code().map_or("none", |code| code.code()).to_owned();
        // Their own doing: duplicates, children of what is gone, conflicts, deadlocks among several rows.
        if !["23505", "23503", "40001", "40P01"].contains(&code.as_str()) {
            return Err(format!("{code}: {error:?}"));
        }
    }
    Ok(committed)
}

#[test]
fn random_writers_and_guards_agree_in_every_snapshot() {
    on_each_version(|version, database| {
        database.run_sql(SCHEMA);
        // Every change of a note changes the rows beside it, in the same statement.
        database.run_sql(
            "CREATE SEQUENCE note_ids START 1000;
             CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 UPDATE public.events SET note = 'touched' || NEW.id, at = at + interval '1 day' WHERE id = NEW.id + 1 AND at < '2026-04-01';
                 RETURN NULL; END $$;
             CREATE TRIGGER a_touch AFTER UPDATE OF code ON events FOR EACH ROW EXECUTE FUNCTION touch();
             CREATE TRIGGER z_touch AFTER INSERT ON events FOR EACH ROW WHEN (NEW.id % 7 = 0) EXECUTE FUNCTION touch();",
        );
        let pgcleave = Pgcleave::new(&database);
        pgcleave.generate_monthly(&CHOICES);
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "run_batch_copy"]);
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<JoinHandle<Result<u64, String>>> = (0..4)
            .map(|seed| {
                let (client, stop) = (database.client(), Arc::clone(&stop));
                thread::spawn(move || write(client, seed, stop))
            })
            .collect();
        let watch = |when: &str| {
            for _ in 0..8 {
                assert_in_step(&database, &format!("{} {when}", version.major));
                thread::sleep(Duration::from_millis(120));
            }
        };
        // The writers hold the locks much of the time.
        let patiently =
            |verb: &[&str]| pgcleave.ok(&[verb, &["-q", "--yes", "--lock-tries", "100"]].concat());
        for step in ["cut_over", "move_incoming_foreign_keys"] {
            patiently(&["apply", "--through", step]);
            watch(step);
        }
        patiently(&["rollback", "--to", "verify_copy"]);
        patiently(&["apply", "--through", "drop_retired_table"]);
        watch("dropped");
        stop.store(true, Ordering::Relaxed);
        let committed: u64 = writers.into_iter().map(|w| w.join().unwrap().unwrap()).sum();
        assert!(committed > 100, "{committed}");
        assert_in_step(&database, "afterwards");
    });
}
