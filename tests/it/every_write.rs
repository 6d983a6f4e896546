//! Every way to write to a table, in each phase, at each isolation level, on each
//! version: the application gets what it would get from a table that nobody
//! converts, and both tables are equal.

use std::fmt::Write;

use crate::replay::{CLOSED, OPEN};
use crate::sessions::{LEVELS, Outcome, Session};
use crate::support::{Database, Pgcleave};
use crate::versions::{Version, on_each_version};

/// Each writes to rows of its own, `{n}` to `{n}` + 5, of the accounts `{n}` and `{n}` + 1.
const WRITES: &[(&str, &str)] = &[
    ("insert", "INSERT INTO events (id, account, note, at) VALUES ({n} + 9, {n}, 'new', {month}) RETURNING *"),
    ("rows of several partitions", "INSERT INTO events (id, note, at) SELECT {n} + i, 'many', {month} + i * interval '10 days' FROM generate_series(6, 20) i"),
    ("update", "UPDATE events SET note = 'changed' WHERE id = {n} RETURNING *"),
    ("update of many", "UPDATE events SET note = note || id, amount = amount + 1 WHERE id BETWEEN {n} AND {n} + 5"),
    ("update that changes nothing", "UPDATE events SET note = note WHERE id = {n}"),
    ("update of what is equal", "UPDATE events SET amount = 1.000 WHERE id = {n}"),
    ("delete", "DELETE FROM events WHERE id = {n} RETURNING *"),
    ("delete of many", "DELETE FROM events WHERE id BETWEEN {n} AND {n} + 3"),
    ("move", "UPDATE events SET at = at + interval '1 month' WHERE id = {n}"),
    ("move within a partition", "UPDATE events SET at = at + interval '1 hour' WHERE id = {n}"),
    ("moves both ways", "UPDATE events SET at = CASE WHEN id % 2 = 0 THEN at + interval '1 month' ELSE at - interval '1 month' END WHERE id BETWEEN {n} AND {n} + 5"),
    ("there and back", "BEGIN; UPDATE events SET at = at + interval '1 month' WHERE id = {n}; UPDATE events SET at = at - interval '1 month' WHERE id = {n}; COMMIT"),
    ("another primary key", "UPDATE events SET id = {n} + 30 WHERE id = {n}"),
    ("another primary key and partition", "UPDATE events SET id = {n} + 30, at = at + interval '1 month' WHERE id = {n}"),
    ("primary keys exchanged", "BEGIN; UPDATE events SET id = {n} + 30 WHERE id = {n}; UPDATE events SET id = {n} WHERE id = {n} + 1; UPDATE events SET id = {n} + 1 WHERE id = {n} + 30; COMMIT"),
    ("deleted and inserted again", "BEGIN; DELETE FROM events WHERE id = {n}; INSERT INTO events (id, note, at) VALUES ({n}, 'again', {month}); COMMIT"),
    ("deleted and inserted elsewhere", "BEGIN; DELETE FROM events WHERE id = {n}; INSERT INTO events (id, note, at) VALUES ({n}, 'again', {month} + interval '1 month'); COMMIT"),
    ("deleted and inserted in one statement", "WITH d AS (DELETE FROM events WHERE id = {n} RETURNING *) INSERT INTO events (id, note, at) SELECT id + 40, note, at FROM d"),
    ("inserted and deleted", "BEGIN; INSERT INTO events (id, note, at) VALUES ({n} + 9, 'new', {month}); UPDATE events SET note = 'x' WHERE id = {n} + 9; DELETE FROM events WHERE id = {n} + 9; COMMIT"),
    ("rolled back", "BEGIN; UPDATE events SET note = 'x' WHERE id = {n}; DELETE FROM events WHERE id = {n} + 1; ROLLBACK"),
    ("savepoints", "BEGIN; UPDATE events SET note = 'kept' WHERE id = {n}; SAVEPOINT a; DELETE FROM events WHERE id = {n}; SAVEPOINT b;
        INSERT INTO events (id, note, at) VALUES ({n}, 'inner', {month}); ROLLBACK TO b; ROLLBACK TO a; UPDATE events SET at = at + interval '1 month' WHERE id = {n} + 1; RELEASE a; COMMIT"),
    ("an error that is caught", "DO $$ BEGIN UPDATE events SET note = 'before' WHERE id = {n};
        BEGIN DELETE FROM events WHERE id = {n}; PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END; END $$"),
    ("an error", "BEGIN; UPDATE events SET note = 'x' WHERE id = {n}; SELECT 1 / 0"),
    ("the same primary key again", "INSERT INTO events (id, note, at) VALUES ({n}, 'twice', {month})"),
    ("upsert of a row that is there", "INSERT INTO events (id, note, at) SELECT id, 'upsert', at FROM events WHERE id = {n} ON CONFLICT ({key}) DO UPDATE SET note = EXCLUDED.note, amount = events.amount + 1 RETURNING *"),
    ("upsert of a row that isn't", "INSERT INTO events (id, note, at) VALUES ({n} + 9, 'upsert', {month}) ON CONFLICT ({key}) DO UPDATE SET note = 'never'"),
    ("upsert that moves", "INSERT INTO events (id, note, at) SELECT id, 'upsert', at FROM events WHERE id = {n} ON CONFLICT ({key}) DO UPDATE SET at = events.at + interval '1 hour'"),
    ("upsert that does nothing", "INSERT INTO events (id, note, at) SELECT id, 'never', at FROM events WHERE id = {n} ON CONFLICT ({key}) DO NOTHING"),
    ("merge", "MERGE INTO events e USING (SELECT {n} + i AS id FROM generate_series(0, 8) i) s ON e.id = s.id
        WHEN MATCHED AND e.id = {n} THEN DELETE
        WHEN MATCHED AND e.id = {n} + 1 THEN UPDATE SET at = at + interval '1 month'
        WHEN MATCHED THEN UPDATE SET note = 'merged'
        WHEN NOT MATCHED THEN INSERT (id, note, at) VALUES (s.id, 'merged', {month})"),
    ("copy", "COPY events (id, note, at) FROM PROGRAM 'printf \"%s,copied,today\\n\" $(({n} + 9)) $(({n} + 10)); echo $(({n} + 11)),drop,today; echo $(({n} + 12)),far,2999-05-05' (FORMAT csv)"),
    ("cascading delete", "DELETE FROM accounts WHERE id = {n}"),
    ("cascading update", "UPDATE accounts SET id = {n} + 50 WHERE id = {n}"),
    ("set null by a foreign key", "DELETE FROM accounts WHERE id = {n} + 1"),
    ("a parent that isn't there", "INSERT INTO events (id, account, note, at) VALUES ({n} + 9, -1, 'orphan', {month})"),
    ("a trigger that drops", "INSERT INTO events (id, note, at) VALUES ({n} + 9, 'drop', {month}); UPDATE events SET note = 'drop' WHERE id = {n}"),
    ("a trigger that changes", "INSERT INTO events (id, note, at) VALUES ({n} + 9, 'mend', {month}); UPDATE events SET note = 'mend' WHERE id = {n}"),
    ("a trigger that moves", "UPDATE events SET note = 'later' WHERE id = {n}"),
    ("a trigger that keeps", "UPDATE events SET note = 'keep' WHERE id = {n}; DELETE FROM events WHERE id = {n}"),
    ("a trigger that updates again", "UPDATE events SET note = 'outer' WHERE id = {n}"),
    ("a trigger that deletes", "UPDATE events SET note = 'delete me' WHERE id = {n}"),
    ("a trigger that moves afterwards", "UPDATE events SET note = 'move me' WHERE id = {n}"),
    ("identity", "UPDATE events SET seq = DEFAULT WHERE id = {n}; INSERT INTO events (id, seq, note, at) VALUES ({n} + 9, -{n}, 'by hand', {month})"),
    ("generated by hand", "UPDATE events SET shout = 'no' WHERE id = {n}"),
    ("replica role", "SET session_replication_role = replica; UPDATE events SET note = 'mend' WHERE id = {n}; UPDATE events SET at = at + interval '1 month' WHERE id = {n} + 1;
        DELETE FROM events WHERE id = {n} + 2; INSERT INTO events (id, note, at) VALUES ({n} + 9, 'drop', {month}); RESET session_replication_role"),
    ("beyond all partitions", "INSERT INTO events (id, note, at) VALUES ({n} + 9, 'far', '2999-01-01'), ({n} + 10, 'long ago', '0044-03-15 BC'), ({n} + 11, 'never', 'infinity'), ({n} + 12, 'ever', '-infinity')"),
    ("out of and into the default partition", "UPDATE events SET at = '2999-01-01' WHERE id = {n}; UPDATE events SET at = {month}, note = 'back' WHERE id = {n}"),
    ("no partition key", "UPDATE events SET at = NULL WHERE id = {n}"),
    ("cursor", "BEGIN; DECLARE c CURSOR FOR SELECT * FROM events WHERE id = {n} FOR UPDATE; FETCH c; UPDATE events SET note = 'current' WHERE CURRENT OF c; COMMIT"),
    ("a wide value", "UPDATE events SET note = repeat('wide ', 5000) WHERE id = {n}; UPDATE events SET amount = 2 WHERE id = {n}"),
];

/// `a_…` sorts before our triggers, `z_…` after them.
const SCHEMA: &str = "
    CREATE TABLE accounts (id int PRIMARY KEY);
    CREATE TABLE events (
        id      bigint PRIMARY KEY,
        seq     bigint GENERATED BY DEFAULT AS IDENTITY,
        account int REFERENCES accounts ON DELETE CASCADE ON UPDATE CASCADE,
        keeper  int REFERENCES accounts ON DELETE SET NULL,
        note    text,
        shout   text GENERATED ALWAYS AS (upper(note)) STORED,
        amount  numeric DEFAULT 1.0,
        at      timestamptz NOT NULL);
    CREATE FUNCTION mend() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF OLD.note = 'keep' THEN RETURN NULL; END IF;
            RETURN OLD;
        END IF;
        IF NEW.note = 'drop' THEN RETURN NULL; END IF;
        IF NEW.note = 'mend' THEN NEW.note := 'mended'; END IF;
        IF NEW.note = 'later' AND TG_OP = 'UPDATE' THEN NEW.at := NEW.at + interval '1 month'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER mend BEFORE INSERT OR UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION mend();
    CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.note = 'outer' THEN UPDATE public.events SET note = 'inner' WHERE id = NEW.id; END IF;
        IF NEW.note = 'delete me' THEN DELETE FROM public.events WHERE id = NEW.id; END IF;
        IF NEW.note = 'move me' THEN UPDATE public.events SET note = 'moved', at = at + interval '1 month' WHERE id = NEW.id; END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER a_meddle AFTER UPDATE ON events FOR EACH ROW WHEN (NEW.id % 2 = 0) EXECUTE FUNCTION meddle();
    CREATE TRIGGER z_meddle AFTER UPDATE ON events FOR EACH ROW WHEN (NEW.id % 2 <> 0) EXECUTE FUNCTION meddle();";

const RANGE: usize = 101;
const SOURCE_AND_COPY: [&str; 2] = ["events", "events_pgcleave_copy"];
const NEW_AND_RETIRED: [&str; 2] = ["events", "events_pgcleave_retired"];

/// Where the rows of a write begin: odd and even, before and after the gate.
fn first_row(rank: usize, write: usize) -> usize {
    (rank * WRITES.len() + write + 1) * RANGE
}

/// Before this row, in the middle, a batch stops.
fn gate() -> usize {
    first_row(1, WRITES.len() / 2) - 1
}

fn fill(database: &Database) {
    let last = first_row(LEVELS.len(), 0);
    let mut sql = SCHEMA.to_owned();
    write!(
        sql,
        "INSERT INTO accounts SELECT n + i FROM generate_series({RANGE}, {last}, {RANGE}) n, generate_series(0, 1) i;
         INSERT INTO events (id, account, keeper, note, at)
         SELECT n + i, n, n + 1, 'n', date_trunc('month', now()) + (i % 3) * interval '1 month' + interval '12 days'
           FROM generate_series({RANGE}, {last}, {RANGE}) n, generate_series(-1, 5) i ORDER BY 1"
    )
    .unwrap();
    database.run_sql(&sql);
}

fn prepare(database: &Database, through: &str) -> Pgcleave {
    fill(database);
    let pgcleave = Pgcleave::new(database);
    pgcleave.generate_monthly(&["--premake", "2", "--batch-size", "100000"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", through]);
    pgcleave
}

/// What each write gave.
fn write_all(database: &Database, key: &str) -> Vec<(String, Outcome)> {
    let mut outcomes = Vec::new();
    for (rank, level) in LEVELS.iter().enumerate() {
        let mut session = Session::at(database, level);
        for (number, (name, sql)) in WRITES.iter().enumerate() {
            let sql = sql.replace("{n}", &first_row(rank, number).to_string());
            let sql = sql
                .replace("{key}", key)
                .replace("{month}", "date_trunc('month', now())");
            outcomes.push((format!("{name}, {level}"), session.run(&sql)));
            let _ = session.run("ROLLBACK");
        }
    }
    outcomes
}

fn content(database: &Database) -> Vec<String> {
    database.lines("SELECT e::text FROM events e ORDER BY id")
}

/// In one snapshot, but for what waits in the change log.
fn assert_equal(database: &Database, [source, copy]: [&str; 2]) {
    let differ = database.lines(&format!(
        "SELECT d::text FROM ((TABLE {source} EXCEPT ALL TABLE {copy}) UNION ALL (TABLE {copy} EXCEPT ALL TABLE {source})) d ORDER BY 1"
    ));
    assert_eq!(differ, [""; 0]);
}

/// The same writes on a table that nobody converts.
fn assert_as_without_us(version: &'static Version, database: &Database, outcomes: &[(String, Outcome)]) {
    let untouched = Database::on(version);
    fill(&untouched);
    for ((name, outcome), (_, expected)) in outcomes.iter().zip(write_all(&untouched, "id")) {
        match (outcome, &expected) {
            (Err(fault), Err(expected)) => assert_eq!(fault.code, expected.code, "{name}"),
            _ => assert_eq!(outcome, &expected, "{name}"),
        }
        let has_merge = version.major >= 15;
        assert!(
            !name.starts_with("merge") || expected.is_ok() == has_merge,
            "{name}: {expected:?}"
        );
    }
    assert_eq!(content(database), content(&untouched));
}

/// TRUNCATE is for all rows, so it comes last.
fn truncate(database: &Database) {
    database.run_sql(
        "BEGIN; TRUNCATE events; INSERT INTO events (id, note, at) VALUES (1, 'never', now()); ROLLBACK",
    );
    database.run_sql(
        "INSERT INTO events (id, note, at) VALUES (1, 'before', now()); TRUNCATE events; INSERT INTO events (id, note, at) VALUES (2, 'after', now())",
    );
}

#[test]
fn every_write_beside_a_stopped_batch() {
    on_each_version(|version, database| {
        let pgcleave = prepare(&database, "create_batch_copy_procedure");
        database.run_sql(&crate::replay::build_gate_at(
            "events_pgcleave_copy",
            gate() as i64,
        ));
        let call = std::fs::read_to_string(&pgcleave.files("run_batch_copy.up.sql")[0]).unwrap();
        let (mut keeper, mut batch) = (Session::open(&database), Session::at(&database, LEVELS[1]));
        batch.ok("SET application_name = 'batch'");
        keeper.ok(CLOSED);
        batch.waits(&call);
        let outcomes = write_all(&database, "id");
        keeper.ok(OPEN);
        batch.finish().unwrap();
        database.run_sql("DROP FUNCTION gate() CASCADE");
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
        assert_equal(&database, SOURCE_AND_COPY);
        assert_as_without_us(version, &database, &outcomes);
    });
}

#[test]
fn every_write_in_step() {
    on_each_version(|version, database| {
        let pgcleave = prepare(&database, "verify_copy");
        let outcomes = write_all(&database, "id");
        assert_equal(&database, SOURCE_AND_COPY);
        assert_as_without_us(version, &database, &outcomes);
        truncate(&database);
        assert_equal(&database, SOURCE_AND_COPY);
        pgcleave.ok(&["-q", "apply", "--yes"]);
        assert_equal(&database, NEW_AND_RETIRED);
    });
}

#[test]
fn every_write_after_the_cutover() {
    on_each_version(|version, database| {
        let pgcleave = prepare(&database, "cut_over");
        let outcomes = write_all(&database, "id, at");
        assert_equal(&database, NEW_AND_RETIRED);
        assert_as_without_us(version, &database, &outcomes);
        truncate(&database);
        assert_equal(&database, NEW_AND_RETIRED);
        pgcleave.ok(&["-q", "rollback", "--yes", "--to", "verify_copy"]);
        assert_equal(&database, SOURCE_AND_COPY);
    });
}

#[test]
fn a_truncate_waits_for_the_batch_and_the_copy_ends_equal() {
    on_each_version(|_, database| {
        let pgcleave = prepare(&database, "create_batch_copy_procedure");
        database.run_sql(&crate::replay::build_gate_at(
            "events_pgcleave_copy",
            gate() as i64,
        ));
        let call = std::fs::read_to_string(&pgcleave.files("run_batch_copy.up.sql")[0]).unwrap();
        let (mut keeper, mut batch) = (Session::open(&database), Session::open(&database));
        let mut application = Session::open(&database);
        batch.ok("SET application_name = 'batch'");
        keeper.ok(CLOSED);
        batch.waits(&call);
        application.waits("TRUNCATE events; INSERT INTO events (id, note, at) VALUES (2, 'after', now())");
        keeper.ok(OPEN);
        batch.finish().unwrap();
        application.finish().unwrap();
        database.run_sql("DROP FUNCTION gate() CASCADE");
        // A TRUNCATE that the catch-up waits for must be in the snapshot that it takes afterwards.
        application.ok("BEGIN; TRUNCATE events; INSERT INTO events (id, note, at) VALUES (3, 'last', now())");
        let commit = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            application.ok("COMMIT")
        });
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
        commit.join().unwrap();
        assert_equal(&database, SOURCE_AND_COPY);
        assert_eq!(database.lines("SELECT note FROM events_pgcleave_copy"), ["last"]);
    });
}
