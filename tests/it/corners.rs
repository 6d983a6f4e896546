//! Statements whose triggers come in an order that the sync must not be surprised by.

use crate::sessions::{Fault, Session};
use crate::support::{Database, Pgcleave};
use crate::versions::on_each_version;

fn convert(database: &Database, schema: &str) -> Pgcleave {
    database.run_sql(schema);
    let pgcleave = Pgcleave::new(database);
    let mut flags = vec!["--premake", "2"];
    if schema.contains("CREATE TABLE child ") {
        flags.extend(["--incoming", "child_event_fkey=guard"]);
    }
    pgcleave.generate_monthly(&flags);
    pgcleave
}

/// In each phase: the outcome of the statements that must succeed, and whether both tables are equal after them.
fn in_each_phase(schema: &str, statements: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    on_each_version(|version, database| {
        let pgcleave = convert(&database, schema);
        let phases = [
            "run_batch_copy",
            "verify_copy",
            "cut_over",
            "move_incoming_foreign_keys",
        ];
        for (phase, sql) in phases.iter().zip(statements) {
            pgcleave.ok(&["-q", "apply", "--yes", "--through", phase]);
            if let Err(Fault { code, message }) = Session::open(&database).run(sql) {
                wrong.push(format!("{} {phase}: {code} {message}", version.major));
            }
            let said = pgcleave.run(&["verify"]);
            if said.code != 0 {
                wrong.push(format!(
                    "{} {phase}: verify {} {}",
                    version.major, said.stdout, said.stderr
                ));
            }
        }
    });
    wrong
}

#[test]
fn a_trigger_that_puts_another_row_in_a_deleted_ones_place_goes_on_working() {
    let schema = "CREATE TABLE events (id bigint PRIMARY KEY, code text, at timestamptz NOT NULL, UNIQUE (code, at));
        INSERT INTO events SELECT i, 'c' || i, date_trunc('month', now()) FROM generate_series(1, 9) i;
        CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO public.events VALUES (OLD.id + 1000, OLD.code, OLD.at); RETURN NULL; END $$;
        CREATE TRIGGER a_again AFTER DELETE ON events FOR EACH ROW WHEN (OLD.id < 1000) EXECUTE FUNCTION again();";
    let deletes = [1, 2, 3].map(|id| format!("DELETE FROM events WHERE id = {id}"));
    let wrong = in_each_phase(schema, &deletes.each_ref().map(String::as_str));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn one_statement_may_delete_rows_and_what_they_refer_to() {
    let schema = "CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1), (2), (3), (4);
        CREATE TABLE events (id bigint PRIMARY KEY, parent int REFERENCES parents, at timestamptz NOT NULL);
        INSERT INTO events SELECT i, i, date_trunc('month', now()) FROM generate_series(1, 4) i;";
    let deletes = [1, 2, 3].map(|id| {
        format!("WITH d AS (DELETE FROM events WHERE parent = {id}) DELETE FROM parents WHERE id = {id}")
    });
    let wrong = in_each_phase(schema, &deletes.each_ref().map(String::as_str));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn one_statement_may_delete_what_rows_refer_to_and_the_rows() {
    let schema = "CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1), (2), (3), (4);
        CREATE TABLE events (id bigint PRIMARY KEY, parent int REFERENCES parents, at timestamptz NOT NULL);
        INSERT INTO events SELECT i, i, date_trunc('month', now()) FROM generate_series(1, 4) i;";
    let deletes = [1, 2, 3].map(|id| {
        format!("WITH d AS (DELETE FROM parents WHERE id = {id}) DELETE FROM events WHERE parent = {id}")
    });
    let wrong = in_each_phase(schema, &deletes.each_ref().map(String::as_str));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const WITH_CHILDREN: &str = "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL);
    INSERT INTO events SELECT i, date_trunc('month', now()) FROM generate_series(1, 9) i;
    CREATE TABLE child (event bigint REFERENCES events ON UPDATE CASCADE ON DELETE CASCADE);
    INSERT INTO child SELECT i FROM generate_series(1, 9) i;";

#[test]
fn one_update_changes_primary_key_and_partition_under_an_incoming_key() {
    let updates = [1, 2, 3, 4].map(|id| {
        format!("UPDATE events SET id = {id} + 1000, at = at + interval '1 month' WHERE id = {id}")
    });
    let wrong = in_each_phase(WITH_CHILDREN, &updates.each_ref().map(String::as_str));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_table_and_its_children_are_truncated_together() {
    for truncate in ["TRUNCATE events, child", "TRUNCATE events CASCADE"] {
        let wrong = in_each_phase(WITH_CHILDREN, &["SELECT 1", truncate, truncate, truncate]);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// The rows of each partition lie in the order of their keys, or the table's own primary key objects.
const IN_ORDER: &str = "DO $$
    DECLARE index regclass;
    BEGIN
        FOR index IN SELECT x.indexrelid FROM pg_inherits i JOIN pg_index x ON x.indrelid = i.inhrelid
            WHERE i.inhparent = 'events'::regclass AND x.indisprimary
        LOOP
            EXECUTE (SELECT format('CLUSTER %s USING %I', indrelid::regclass, relname)
                       FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE x.indexrelid = index);
        END LOOP;
    END $$;";

#[test]
fn primary_keys_shift_in_one_update_beside_another_unique_index() {
    let schema =
        "CREATE TABLE events (id bigint PRIMARY KEY, code text, at timestamptz NOT NULL, UNIQUE (code, at));
        INSERT INTO events SELECT i, 'c' || i, date_trunc('month', now()) FROM generate_series(10, 19) i;";
    let shift = format!("{IN_ORDER} UPDATE events SET id = id - 1");
    let wrong = in_each_phase(schema, &[shift.as_str(); 3]);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn children_follow_primary_keys_that_shift_in_one_update() {
    let shift = "UPDATE events SET id = id - 1;
        DO $$ BEGIN IF (SELECT count(*) FROM child) <> 9 OR EXISTS (SELECT FROM child WHERE event + shifted <> number)
            THEN RAISE EXCEPTION 'children: %', (SELECT string_agg(c::text, ' ') FROM child c); END IF; END $$;";
    let schema = "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL);
        INSERT INTO events SELECT i, date_trunc('month', now()) FROM generate_series(11, 19) i;
        CREATE TABLE child (event bigint REFERENCES events ON UPDATE CASCADE ON DELETE CASCADE, number int, shifted int);
        INSERT INTO child SELECT i, i FROM generate_series(11, 19) i;";
    let shifts = [1, 2, 3, 4].map(|by| format!("{IN_ORDER} UPDATE child SET shifted = {by}; {shift}"));
    let wrong = in_each_phase(schema, &shifts.each_ref().map(String::as_str));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The one thing that can't be followed: the cascade runs on the copy as well, where the trigger is off.
#[test]
fn a_row_that_a_trigger_keeps_from_a_cascade_is_announced_and_stops_the_cutover() {
    let schema = "CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1), (2), (3), (4);
        CREATE TABLE events (id bigint PRIMARY KEY, parent int REFERENCES parents ON DELETE CASCADE, at timestamptz NOT NULL);
        INSERT INTO events SELECT i, i, date_trunc('month', now()) FROM generate_series(1, 4) i;
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER keep BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION keep();";
    on_each_version(|_, database| {
        let pgcleave = convert(&database, schema);
        let said = pgcleave.ok(&["inspect", "events", "--key", "at"]).stdout;
        assert!(said.contains("the trigger keep runs before DELETE"), "{said}");
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
        database.run_sql("DELETE FROM parents WHERE id = 1");
        assert_ne!(pgcleave.run(&["-q", "apply", "--yes"]).code, 0);
        assert_eq!(pgcleave.run(&["verify"]).code, 3);
    });
}

#[test]
fn keys_that_are_equal_and_not_the_same_are_carried_as_they_are() {
    let schema = "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE events (name text COLLATE ci, n numeric, at timestamptz NOT NULL, PRIMARY KEY (name, n));
        INSERT INTO events SELECT 'a' || i, i, date_trunc('month', now()) FROM generate_series(1, 9) i;";
    let updates = [
        "UPDATE events SET name = upper(name)",
        "UPDATE events SET n = n * 1.00",
        "UPDATE events SET name = lower(name), n = n * 1.0",
    ];
    let wrong = in_each_phase(schema, &updates);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_truncate_is_rolled_back_on_both_sides() {
    let schema = "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL);
        INSERT INTO events SELECT i, date_trunc('month', now()) FROM generate_series(1, 9) i;";
    let truncate = "BEGIN; SAVEPOINT s; TRUNCATE events; INSERT INTO events VALUES (1, now()); ROLLBACK TO s; DELETE FROM events WHERE id = 2; COMMIT;
        BEGIN; TRUNCATE events; INSERT INTO events VALUES (1, now()); ROLLBACK";
    let wrong = in_each_phase(schema, &[truncate; 3]);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_deferred_trigger_that_writes_at_commit_is_followed() {
    let schema = "CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1);
        CREATE TABLE events (id bigint PRIMARY KEY, parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED, note text, at timestamptz NOT NULL);
        INSERT INTO events SELECT i, 1, 'n', date_trunc('month', now()) FROM generate_series(1, 9) i;
        CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN UPDATE public.events SET note = 'late ' || NEW.id, at = at + interval '1 month' WHERE id = NEW.id; RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER z_late AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();";
    let inserts = [1, 2, 3].map(|n| {
        format!("BEGIN; INSERT INTO events VALUES (10{n}, 10{n}, 'n', date_trunc('month', now())); INSERT INTO parents VALUES (10{n}); COMMIT")
    });
    let wrong = in_each_phase(schema, &inserts.each_ref().map(String::as_str));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// In its snapshot two rows have the value, and neither of them is its own to change.
#[test]
fn an_old_snapshot_may_take_a_value_that_another_row_has_given_up_since() {
    let schema =
        "CREATE TABLE events (id bigint PRIMARY KEY, code text, at timestamptz NOT NULL, UNIQUE (code, at));
        INSERT INTO events SELECT i, 'c' || i, date_trunc('month', now()) FROM generate_series(1, 9) i;";
    on_each_version(|_, database| {
        let pgcleave = convert(&database, schema);
        for (phase, id) in [("verify_copy", 1), ("cut_over", 2)] {
            pgcleave.ok(&["-q", "apply", "--yes", "--through", phase]);
            let mut old = database.client();
            old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events")
                .unwrap();
            database.run_sql(&format!(
                "UPDATE events SET code = 'given up' || id WHERE id = {id}"
            ));
            old.batch_execute(&format!(
                "INSERT INTO events VALUES ({id} + 100, 'c{id}', date_trunc('month', now())); COMMIT"
            ))
            .unwrap();
            pgcleave.ok(&["verify"]);
        }
    });
}
