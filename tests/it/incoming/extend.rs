//! The table that refers gets the partition key as a column.

use super::*;
use crate::versions::{on_each_version, version};

const SCHEMA: &str = "
    CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL);
    CREATE TABLE cascaded (id int PRIMARY KEY, event bigint CONSTRAINT fk REFERENCES events ON DELETE CASCADE ON UPDATE CASCADE, changed int NOT NULL DEFAULT 0);
    CREATE TABLE nulled (id int PRIMARY KEY, event int CONSTRAINT fk_null REFERENCES events ON DELETE SET NULL);
    CREATE TABLE defaulted (id int PRIMARY KEY, event bigint DEFAULT 1 CONSTRAINT fk_default REFERENCES events ON DELETE SET DEFAULT);
    CREATE TABLE kept (id int PRIMARY KEY, event bigint CONSTRAINT fk_kept REFERENCES events ON DELETE RESTRICT);
    CREATE TABLE checked (id int PRIMARY KEY, event bigint CONSTRAINT fk_checked REFERENCES events);
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.changed := OLD.changed + 1; RETURN NEW; END';
    CREATE TRIGGER touch BEFORE UPDATE ON cascaded FOR EACH ROW EXECUTE FUNCTION touch();
    COMMENT ON CONSTRAINT fk ON cascaded IS 'goes with it';
    INSERT INTO events SELECT i, '2026-01-05 00:00+00'::timestamptz + i * interval '12 hours' FROM generate_series(1, 200) i;
    INSERT INTO cascaded SELECT i, i FROM generate_series(10, 19) i;
    INSERT INTO nulled SELECT i, i FROM generate_series(20, 29) i;
    INSERT INTO defaulted SELECT i, i FROM generate_series(30, 39) i;
    INSERT INTO kept SELECT i, i FROM generate_series(40, 49) i;
    INSERT INTO checked SELECT i, i FROM generate_series(50, 59) i;
    INSERT INTO checked VALUES (9, NULL);
    ANALYZE";
const CHOICES: [&str; 10] = [
    "--incoming",
    "fk=extend",
    "--incoming",
    "fk_null=extend",
    "--incoming",
    "fk_default=extend",
    "--incoming",
    "fk_kept=extend",
    "--incoming",
    "fk_checked=extend",
];

fn behaves_like_the_foreign_keys(database: &Database, stage: &str) {
    let refused = |code: &str, constraint: &str, sql: &str| refused(database, stage, code, constraint, sql);
    let done = |sql: &str| done(database, stage, sql);
    for (table, name) in [
        ("cascaded", "fk"),
        ("nulled", "fk_null"),
        ("defaulted", "fk_default"),
        ("kept", "fk_kept"),
        ("checked", "fk_checked"),
    ] {
        refused("23503", name, &format!("INSERT INTO {table} VALUES (1, 999)"));
        refused(
            "23503",
            name,
            &format!("UPDATE {table} SET event = 999 WHERE event IS NOT NULL"),
        );
        done(&format!(
            "BEGIN; INSERT INTO {table} VALUES (1, NULL), (2, 200); UPDATE {table} SET event = 199 WHERE id = 2;
             UPDATE {table} SET event = NULL WHERE id = 2; UPDATE {table} SET event = 5 WHERE id = 2; ROLLBACK"
        ));
    }
    for (id, name) in [(45, "fk_kept"), (55, "fk_checked")] {
        let told = attempt(database, &format!("DELETE FROM events WHERE id = {id}")).unwrap();
        // The server names the part of the foreign key that refers to the row's partition, which has a name of its own.
        let named = matches!(stage, "moved" | "completed") || told.1 == name;
        assert!(told.0 == "23503" && named, "{stage}: {told:?}");
    }
    done("BEGIN; DELETE FROM events WHERE id IN (15, 25, 35);
          DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM cascaded WHERE id = 15) AND (SELECT event IS NULL FROM nulled WHERE id = 25)
                             AND (SELECT event = 1 FROM defaulted WHERE id = 35); END $$; ROLLBACK");
    done(
        "BEGIN; UPDATE events SET id = id + 1000 WHERE id = 16;
          DO $$ BEGIN ASSERT (SELECT event = 1016 FROM cascaded WHERE id = 16); END $$; ROLLBACK",
    );
    done("UPDATE events SET at = at + interval '31 days' WHERE id BETWEEN 20 AND 59");
    agrees(database, stage);
    done("UPDATE events SET at = at - interval '31 days' WHERE id BETWEEN 20 AND 59");
    agrees(database, stage);
    let children = "SELECT concat_ws(' ', (SELECT count(*) FROM cascaded), (SELECT count(event) FROM nulled), (SELECT sum(event) FROM defaulted),
        (SELECT count(*) FROM kept), (SELECT count(event) FROM checked), (SELECT sum(changed) FROM cascaded))";
    assert_eq!(database.lines(children), ["10 10 345 10 10 0"], "{stage}");
    if matches!(stage, "moved" | "completed") {
        done(
            "BEGIN; UPDATE events SET id = id + 1000, at = at + interval '31 days' WHERE id = 16;
              DO $$ BEGIN ASSERT (SELECT event = 1016 FROM cascaded WHERE id = 16); END $$; ROLLBACK",
        );
    }
}

/// Every new column says what the row that is referred to says.
fn agrees(database: &Database, stage: &str) {
    let columns = "SELECT format('SELECT count(*)::text FROM %s c LEFT JOIN events e ON e.id = c.event WHERE c.%I IS DISTINCT FROM e.at', attrelid::regclass, attname)
        FROM pg_attribute WHERE attname LIKE 'fk%_at' AND attnum > 0 AND NOT attisdropped";
    let queries = database.lines(columns);
    let expected = if matches!(stage, "moved" | "completed") {
        5
    } else {
        0
    };
    assert_eq!(queries.len(), expected, "{stage}");
    for query in queries {
        assert_eq!(database.lines(&query), ["0"], "{stage}: {query}");
    }
}

#[test]
fn the_partition_key_follows_at_every_stage() {
    on_each_version(|version, database| {
        database.run_sql(SCHEMA);
        if version.major < 15 {
            let generate = ["generate", "events", "--key", "at", "--interval", "monthly"];
            let said = Pgcleave::new(&database).run(&[&generate[..], &CHOICES].concat());
            assert!(said.stderr.contains("before PostgreSQL 15"), "{}", said.stderr);
            return assert_eq!(said.code, 4);
        }
        at_every_stage(&database, &CHOICES, |stage| {
            behaves_like_the_foreign_keys(&database, stage);
        });
        let keys = "SELECT format('%s %s %s', conname, convalidated, pg_get_constraintdef(oid))
            FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 ORDER BY conname LIMIT 2";
        let expected = [
            "fk t FOREIGN KEY (event, fk_at) REFERENCES events(id, at) ON UPDATE CASCADE ON DELETE CASCADE",
            "fk_checked t FOREIGN KEY (event, fk_checked_at) REFERENCES events(id, at) ON UPDATE CASCADE",
        ];
        assert_eq!(database.lines(keys), expected);
        let comment = "SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conname = 'fk'";
        assert_eq!(database.lines(comment), ["goes with it"]);
    });
}

/// A table of over 64 blocks, cut over.
fn cut_over(database: &Database) -> Pgcleave {
    database.run_sql(
        "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL);
         CREATE TABLE notes (id int PRIMARY KEY, event bigint CONSTRAINT fk REFERENCES events, text text) WITH (fillfactor = 10);
         INSERT INTO events SELECT i, '2026-01-05 00:00+00'::timestamptz + i * interval '12 hours' FROM generate_series(1, 200) i;
         INSERT INTO notes SELECT i, (i - 1) / 10 + 1, repeat('x', 100) FROM generate_series(1, 2000) i; ANALYZE",
    );
    let pgcleave = Pgcleave::new(database);
    pgcleave.generate_monthly(&["--incoming", "fk=extend"]);
    pgcleave.ok(&["-q", "apply", "events", "--yes"]);
    pgcleave
}

const UNFILLED: &str = "SELECT count(*)::text FROM notes WHERE fk_at IS NULL AND event IS NOT NULL";

/// Ends the session that fills while what rows of the last batch refer to is locked.
fn interrupted(database: &Database, pgcleave: &Pgcleave) {
    let mut holder = database.client();
    holder
        .batch_execute("BEGIN; SELECT FROM events WHERE id = 200 FOR UPDATE")
        .unwrap();
    let mut running = pgcleave
        .command(&["-q", "apply", "events", "--yes", "--through", STEP])
        .spawn()
        .unwrap();
    wait_until("a batch to be filled", || {
        let columns =
            "SELECT attname::text FROM pg_attribute WHERE attrelid = 'notes'::regclass AND attname = 'fk_at'";
        database.lines(columns).len() == 1 && database.lines(UNFILLED) != ["2000"]
    });
    running.kill().unwrap();
    running.wait().unwrap();
    let ended = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND datname = current_database() AND application_name = 'pgcleave'";
    wait_until("the session to end", || database.lines(ended).is_empty());
    holder.batch_execute("ROLLBACK").unwrap();
    // Nothing is without a foreign key meanwhile, on either side of the fill.
    refused(
        database,
        "interrupted",
        "23503",
        "fk",
        "INSERT INTO notes VALUES (0, 999)",
    );
    for id in [2, 200] {
        let told = attempt(database, &format!("DELETE FROM events WHERE id = {id}")).unwrap();
        assert_eq!(told.0, "23503");
    }
    assert_ne!(database.lines(UNFILLED), ["0"]);
}

#[test]
fn filling_goes_on_where_it_was_interrupted() {
    for major in [15, 18] {
        let database = Database::on(version(major));
        let pgcleave = cut_over(&database);
        interrupted(&database, &pgcleave);
        database.run_sql("UPDATE events SET at = at + interval '31 days' WHERE id % 3 = 0");
        pgcleave.ok(&[
            "-q",
            "apply",
            "events",
            "--yes",
            "--through",
            "drop_retired_table",
        ]);
        assert_eq!(database.lines(UNFILLED), ["0"]);
        let differ =
            "SELECT count(*)::text FROM notes n JOIN events e ON e.id = n.event WHERE n.fk_at <> e.at";
        assert_eq!(database.lines(differ), ["0"]);
    }
}

#[test]
fn what_was_interrupted_is_undone() {
    let database = Database::on(version(15));
    let pgcleave = cut_over(&database);
    interrupted(&database, &pgcleave);
    pgcleave.ok(&["-q", "rollback", "events", "--yes"]);
    let left = "SELECT attname::text FROM pg_attribute WHERE attrelid = 'notes'::regclass AND attnum > 0 AND NOT attisdropped
        UNION ALL SELECT conname FROM pg_constraint WHERE conrelid = 'notes'::regclass AND contype = 'f'
        UNION ALL SELECT tgname FROM pg_trigger WHERE tgrelid = 'notes'::regclass AND NOT tgisinternal
        UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace";
    assert_eq!(database.lines(left), ["id", "event", "text", "fk"]);
}

#[test]
fn writers_on_both_sides_wait_for_each_other() {
    for major in [15, 18] {
        let database = Database::on(version(major));
        let pgcleave = cut_over(&database);
        pgcleave.ok(&[
            "-q",
            "apply",
            "events",
            "--yes",
            "--through",
            "drop_retired_table",
        ]);
        database.run_sql("TRUNCATE notes");
        let (insert, delete) = (
            "INSERT INTO notes VALUES (1, 5)",
            "DELETE FROM events WHERE id = 5",
        );
        assert_eq!(while_open(&database, insert, delete).as_deref(), Some("23503"));
        database.run_sql("DELETE FROM notes");
        assert_eq!(while_open(&database, delete, insert).as_deref(), Some("23503"));
        let moved = "UPDATE events SET at = at + interval '31 days' WHERE id = 6";
        let insert = "INSERT INTO notes VALUES (6, 6)";
        assert_eq!(while_open(&database, moved, insert).as_deref(), Some("40001"));
        // At REPEATABLE READ, too.
        let mut old = database.client();
        old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events")
            .unwrap();
        database.run_sql("INSERT INTO notes VALUES (7, 7)");
        let error = old.batch_execute("DELETE FROM events WHERE id = 7").unwrap_err();
        assert!(["40001", "23503"].contains(&error.as_db_error().unwrap().code().code()));
    }
}
