//! Triggers do what the foreign key did.

use super::*;
use crate::versions::{on_each_version, version};

/// Rows that refer to 10–19, 20–29 and so on, by every action.
const SCHEMA: &str = "
    CREATE TABLE events (id bigint PRIMARY KEY, code text NOT NULL, at timestamptz NOT NULL, UNIQUE (id, code));
    CREATE TABLE cascaded (id int PRIMARY KEY, event bigint CONSTRAINT fk REFERENCES events ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE nulled (id int PRIMARY KEY, event int CONSTRAINT fk_null REFERENCES events ON DELETE SET NULL ON UPDATE SET NULL);
    CREATE TABLE defaulted (id int PRIMARY KEY, event bigint DEFAULT 1 CONSTRAINT fk_default REFERENCES events ON DELETE SET DEFAULT ON UPDATE SET DEFAULT);
    CREATE TABLE kept (id int PRIMARY KEY, event bigint CONSTRAINT fk_kept REFERENCES events ON DELETE RESTRICT ON UPDATE RESTRICT);
    CREATE TABLE late (id int PRIMARY KEY, event bigint CONSTRAINT fk_late REFERENCES events DEFERRABLE);
    CREATE TABLE paired (id int PRIMARY KEY, event bigint, code text,
        CONSTRAINT fk_pair FOREIGN KEY (event, code) REFERENCES events (id, code) MATCH FULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE parts (id int, event bigint CONSTRAINT fk_parts REFERENCES events ON DELETE CASCADE) PARTITION BY HASH (id);
    CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    COMMENT ON CONSTRAINT fk ON cascaded IS 'goes with it';
    INSERT INTO events SELECT i, 'c' || i, '2026-01-05 00:00+00'::timestamptz + i * interval '12 hours' FROM generate_series(1, 200) i;
    INSERT INTO cascaded SELECT i, i FROM generate_series(10, 19) i;
    INSERT INTO nulled SELECT i, i FROM generate_series(20, 29) i;
    INSERT INTO defaulted SELECT i, i FROM generate_series(30, 39) i;
    INSERT INTO kept SELECT i, i FROM generate_series(40, 49) i;
    INSERT INTO late SELECT i, i FROM generate_series(50, 59) i;
    INSERT INTO paired SELECT i, i, 'c' || i FROM generate_series(60, 69) i;
    INSERT INTO parts SELECT i, i FROM generate_series(70, 79) i;
    ANALYZE";
const CHOICES: [&str; 16] = [
    "--incoming",
    "fk=trigger",
    "--incoming",
    "fk_null=trigger",
    "--incoming",
    "fk_default=trigger",
    "--incoming",
    "fk_kept=trigger",
    "--incoming",
    "fk_late=trigger",
    "--incoming",
    "fk_pair=trigger",
    "--incoming",
    "fk_parts=trigger",
    "--unique",
    "events_id_code_key=extend",
];

fn behaves_like_the_foreign_keys(database: &Database, stage: &str) {
    let refused = |code: &str, constraint: &str, sql: &str| refused(database, stage, code, constraint, sql);
    let done = |sql: &str| done(database, stage, sql);
    for (table, name) in [
        ("cascaded", "fk"),
        ("nulled", "fk_null"),
        ("defaulted", "fk_default"),
        ("kept", "fk_kept"),
        ("late", "fk_late"),
        ("parts", "fk_parts"),
    ] {
        refused("23503", name, &format!("INSERT INTO {table} VALUES (1, 999)"));
        refused("23503", name, &format!("UPDATE {table} SET event = 999"));
        done(&format!(
            "BEGIN; INSERT INTO {table} VALUES (1, NULL), (2, 200); UPDATE {table} SET event = 199 WHERE id = 2; ROLLBACK"
        ));
    }
    // What is referred to stays, until COMMIT where that was wished.
    refused("23503", "fk_kept", "DELETE FROM events WHERE id = 45");
    refused("23503", "fk_kept", "UPDATE events SET id = 1045 WHERE id = 45");
    refused("23503", "fk_late", "DELETE FROM events WHERE id = 55");
    refused("23503", "fk_late", "UPDATE events SET id = 1055 WHERE id = 55");
    refused(
        "23503",
        "fk_late",
        "BEGIN; SET CONSTRAINTS fk_late DEFERRED; DELETE FROM events WHERE id = 55; COMMIT",
    );
    refused(
        "23503",
        "fk_late",
        "BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO late VALUES (1, 999); COMMIT",
    );
    done("BEGIN; SET CONSTRAINTS fk_late DEFERRED; DELETE FROM events WHERE id = 55; INSERT INTO late VALUES (1, 999), (2, 998);
          DELETE FROM late WHERE event = 55; UPDATE late SET event = 200 WHERE id = 1; DELETE FROM late WHERE id = 2; SET CONSTRAINTS fk_late IMMEDIATE; ROLLBACK");
    // MATCH FULL, of two columns, initially deferred.
    refused(
        "23503",
        "fk_pair",
        "BEGIN; INSERT INTO paired VALUES (1, 60, NULL); COMMIT",
    );
    refused(
        "23503",
        "fk_pair",
        "BEGIN; INSERT INTO paired VALUES (1, 60, 'c61'); COMMIT",
    );
    refused(
        "23503",
        "fk_pair",
        "BEGIN; DELETE FROM events WHERE id = 65; COMMIT",
    );
    done(
        "BEGIN; INSERT INTO paired VALUES (1, NULL, NULL), (2, 1, 'c1'); DELETE FROM paired WHERE id < 3; COMMIT",
    );
    done(
        "BEGIN; UPDATE events SET code = 'x' WHERE id = 65; DO $$ BEGIN ASSERT (SELECT code = 'x' FROM paired WHERE id = 65); END $$; ROLLBACK",
    );
    // The actions.
    done("BEGIN; DELETE FROM events WHERE id IN (15, 25, 35, 75);
          DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM cascaded WHERE id = 15) AND (SELECT event IS NULL FROM nulled WHERE id = 25)
                             AND (SELECT event = 1 FROM defaulted WHERE id = 35) AND NOT EXISTS (SELECT FROM parts WHERE id = 75); END $$; ROLLBACK");
    done("BEGIN; UPDATE events SET id = id + 1000 WHERE id IN (16, 26, 36);
          DO $$ BEGIN ASSERT (SELECT event = 1016 FROM cascaded WHERE id = 16) AND (SELECT event IS NULL FROM nulled WHERE id = 26)
                             AND (SELECT event = 1 FROM defaulted WHERE id = 36); END $$; ROLLBACK");
    refused(
        "23503",
        "fk_default",
        "UPDATE defaulted SET event = 1 WHERE id = 30; DELETE FROM events WHERE id = 1",
    );
    done("UPDATE defaulted SET event = 30 WHERE id = 30");
    // Moves to other partitions leave them alone.
    let children = "SELECT concat_ws(' ', (SELECT count(*) FROM cascaded), (SELECT count(event) FROM nulled), (SELECT sum(event) FROM defaulted),
        (SELECT count(*) FROM kept), (SELECT count(*) FROM late), (SELECT count(event) FROM paired), (SELECT count(*) FROM parts))";
    done("UPDATE events SET at = at + interval '31 days' WHERE id BETWEEN 10 AND 79");
    done("UPDATE events SET at = at - interval '31 days' WHERE id BETWEEN 10 AND 79");
    assert_eq!(database.lines(children), ["10 10 345 10 10 10 10"], "{stage}");
    // TRUNCATE, whose CASCADE doesn't reach what refers.
    refused("0A000", "", "TRUNCATE events");
    done("BEGIN; TRUNCATE events, cascaded, nulled, defaulted, kept, late, paired, parts; ROLLBACK");
    // Both in one: what comes as DELETE and INSERT must not pass for a DELETE.
    if matches!(stage, "moved" | "completed") {
        let both = |id: i32| {
            format!("UPDATE events SET id = id + 1000, at = at + interval '31 days' WHERE id = {id}")
        };
        refused("0A000", "fk", &both(15));
        refused("0A000", "fk_null", &both(25));
        refused("23503", "fk_parts", &both(75));
        refused("23503", "fk_kept", &both(45));
        done(&format!("BEGIN; {}; ROLLBACK", both(100)));
        refused("0A000", "", "TRUNCATE events_p2026_01");
    }
}

#[test]
fn triggers_act_as_the_foreign_key_did_at_every_stage() {
    on_each_version(|_, database| {
        database.run_sql(SCHEMA);
        at_every_stage(&database, &CHOICES, |stage| {
            behaves_like_the_foreign_keys(&database, stage);
        });
        let comment = "SELECT obj_description(oid, 'pg_trigger') FROM pg_trigger WHERE tgname = 'fk'";
        assert_eq!(database.lines(comment), ["goes with it"]);
    });
}

/// Two tables, by triggers, with the retired table gone.
fn completed(database: &Database) {
    database.run_sql(
        "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL);
         CREATE TABLE notes (id serial PRIMARY KEY, event bigint CONSTRAINT fk REFERENCES events);
         INSERT INTO events SELECT i, '2026-01-05 00:00+00'::timestamptz + i * interval '12 hours' FROM generate_series(1, 200) i",
    );
    let pgcleave = Pgcleave::new(database);
    pgcleave.generate_monthly(&["--incoming", "fk=trigger"]);
    pgcleave.ok(&[
        "-q",
        "apply",
        "events",
        "--yes",
        "--through",
        "drop_retired_table",
    ]);
}

#[test]
fn writers_on_both_sides_wait_for_each_other() {
    on_each_version(|_, database| {
        completed(&database);
        let insert = "INSERT INTO notes (event) VALUES (5)";
        let delete = "DELETE FROM events WHERE id = 5";
        assert_eq!(while_open(&database, insert, delete).as_deref(), Some("23503"));
        database.run_sql("DELETE FROM notes");
        assert_eq!(while_open(&database, delete, insert).as_deref(), Some("23503"));
        // The lock follows no row to another partition: as the server says, try again.
        let moved = "UPDATE events SET at = at + interval '31 days' WHERE id = 6";
        let insert = "INSERT INTO notes (event) VALUES (6)";
        assert_eq!(while_open(&database, moved, insert).as_deref(), Some("40001"));
        done(&database, "after it", insert);
    });
}

/// What the server's own foreign keys see, and triggers don't: said when the choice is made.
#[test]
fn a_repeatable_read_transaction_misses_what_was_committed_since_its_snapshot() {
    let database = Database::on(version(15));
    completed(&database);
    let mut old = database.client();
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events")
        .unwrap();
    database.run_sql("INSERT INTO notes (event) VALUES (7)");
    old.batch_execute("DELETE FROM events WHERE id = 7; COMMIT")
        .unwrap();
    assert_eq!(database.lines("SELECT event::text FROM notes"), ["7"]);
    // The other way round is exact.
    let mut old = database.client();
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events")
        .unwrap();
    database.run_sql("DELETE FROM events WHERE id = 8");
    let error = old
        .batch_execute("INSERT INTO notes (event) VALUES (8)")
        .unwrap_err();
    assert_eq!(error.as_db_error().unwrap().code().code(), "40001");
}

#[test]
fn refuses_triggers_whose_name_is_taken() {
    let database = Database::new();
    database.run_sql(
        "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL);
         CREATE TABLE notes (event bigint CONSTRAINT fk REFERENCES events);
         CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER fk AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION nothing()",
    );
    let generate = [
        "generate",
        "events",
        "--key",
        "at",
        "--interval",
        "monthly",
        "--incoming",
        "fk=trigger",
    ];
    let said = Pgcleave::new(&database).run(&generate);
    assert!(
        said.stderr.contains("has a trigger of that name"),
        "{}",
        said.stderr
    );
    assert_eq!(said.code, 4);
}
