//! Keys that stay unique over all partitions, and foreign keys that point at the table, through the whole
//! conversion and beyond the drop of the retired table.

use crate::support::{Database, Pgcleave};
use crate::versions::on_each_version;

/// Accounts' e-mails are unique, active names too, in any case; children refer to events in every way.
const SCHEMA: &str = "
    CREATE TABLE events (id bigint PRIMARY KEY, email text, name text, active boolean NOT NULL DEFAULT true,
                         parent bigint CONSTRAINT own REFERENCES events ON DELETE SET NULL ON UPDATE CASCADE, at timestamptz NOT NULL,
                         CONSTRAINT one_email UNIQUE (email));
    CREATE UNIQUE INDEX one_name ON events (lower(name)) WHERE active;
    CREATE TABLE cascaded (id int PRIMARY KEY, event bigint CONSTRAINT fk REFERENCES events ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE nulled (id int PRIMARY KEY, event bigint DEFAULT 1 CONSTRAINT fk_null REFERENCES events ON DELETE SET NULL ON UPDATE SET DEFAULT);
    CREATE TABLE kept (id int PRIMARY KEY, event bigint CONSTRAINT fk_kept REFERENCES events ON DELETE RESTRICT DEFERRABLE);
    CREATE TABLE mailed (email text CONSTRAINT fk_email REFERENCES events (email) ON UPDATE CASCADE);
    COMMENT ON CONSTRAINT fk ON cascaded IS 'goes with it';
    INSERT INTO events SELECT i, 'e' || i, 'N' || i, i % 3 > 0, nullif(i / 2, 0), '2026-01-05 00:00+00'::timestamptz + i * interval '12 hours' FROM generate_series(1, 200) i;
    INSERT INTO events VALUES (300, NULL, NULL, true, 5, '2026-02-01 00:00+00'), (301, NULL, NULL, true, 5, '2026-03-01 00:00+00');
    INSERT INTO cascaded SELECT i, i FROM generate_series(10, 40) i;
    INSERT INTO nulled SELECT i, i FROM generate_series(50, 80) i;
    INSERT INTO kept SELECT i, i FROM generate_series(90, 100) i;
    INSERT INTO mailed SELECT 'e' || i FROM generate_series(110, 120) i;
    ANALYZE";
const CHOICES: [&str; 16] = [
    "--unique",
    "events_pkey=guard",
    "--unique",
    "one_email=guard",
    "--unique",
    "one_name=guard",
    "--incoming",
    "fk=guard",
    "--incoming",
    "fk_null=guard",
    "--incoming",
    "fk_kept=guard",
    "--incoming",
    "fk_email=guard",
    "--incoming",
    "own=guard",
];

/// Fails or not as the plain table would; `None` where it goes through.
fn attempt(database: &Database, sql: &str) -> Option<(String, Option<String>)> {
    let error = database.client().batch_execute(sql).err()?;
    let error = error.as_db_error().unwrap_or_else(|| panic!("{error:?}"));
    Some((
        error.code().code().to_owned(),
        error.constraint().map(str::to_owned),
    ))
}

/// What an application may and may not do, whatever stage the table is in; leaves the content as it was but for moves.
fn behaves_like_the_plain_table(database: &Database, stage: &str) {
    let refused = |sql: &str, code: &str| {
        let error = attempt(database, sql).unwrap_or_else(|| panic!("{stage}: went through: {sql}"));
        // RESTRICT has a code of its own from PostgreSQL 18 on.
        let told = error.0.replace("23001", "23503");
        assert_eq!(told, code, "{stage}: {sql}: {error:?}");
        error.1.unwrap_or_default()
    };
    let done = |sql: &str| assert_eq!(attempt(database, sql), None, "{stage}: {sql}");
    // Uniqueness over all partitions, within and across them.
    refused(
        "INSERT INTO events VALUES (5, 'x', 'x', true, NULL, '2026-03-20 00:00+00')",
        "23505",
    );
    refused(
        "INSERT INTO events VALUES (1000, 'e5', 'x', true, NULL, '2026-03-20 00:00+00')",
        "23505",
    );
    refused(
        "INSERT INTO events VALUES (1000, 'x', 'n5', true, NULL, '2026-03-20 00:00+00')",
        "23505",
    );
    refused("UPDATE events SET email = 'e6' WHERE id = 5", "23505");
    refused(
        "UPDATE events SET active = true, name = 'n5' WHERE id = 6",
        "23505",
    );
    refused("UPDATE events SET id = 6 WHERE id = 5", "23505");
    refused(
        "INSERT INTO events SELECT 1000 + i, 'same', NULL, true, NULL, now() FROM generate_series(1, 2) i",
        "23505",
    );
    // Not active, or NULL: as often as one likes.
    done("BEGIN; INSERT INTO events VALUES (1000, NULL, 'n5', false, NULL, '2026-03-20 00:00+00'), (1001, NULL, 'n5', false, NULL, now());
          DELETE FROM events WHERE id >= 1000; COMMIT");
    // A value that is given up may be taken, by one statement and by several.
    done(
        "BEGIN; UPDATE events SET email = NULL WHERE id = 7; UPDATE events SET email = 'e7' WHERE id = 8; UPDATE events SET email = 'e8' WHERE id = 7; COMMIT",
    );
    done("BEGIN; UPDATE events SET email = NULL WHERE id = 8; UPDATE events SET email = 'e8' WHERE id = 7; UPDATE events SET email = 'e7' WHERE id = 7;
          UPDATE events SET email = 'e8' WHERE id = 8; COMMIT");
    done(
        "BEGIN; DELETE FROM events WHERE id = 9; INSERT INTO events VALUES (9, 'e9', 'N9', false, 4, '2026-03-20 00:00+00'); COMMIT",
    );
    // Foreign keys: what is referred to stays, moves to other partitions leave children alone, actions act.
    refused("DELETE FROM events WHERE id = 95", "23503");
    assert_eq!(refused("INSERT INTO cascaded VALUES (1, 999)", "23503"), "fk");
    assert_eq!(
        refused(
            "INSERT INTO events VALUES (1000, NULL, NULL, true, 999, now())",
            "23503"
        ),
        "own"
    );
    assert_eq!(
        refused("DELETE FROM events WHERE email = 'e115'", "23503"),
        "fk_email"
    );
    done("UPDATE events SET at = at + interval '31 days' WHERE id BETWEEN 10 AND 120");
    done("UPDATE events SET at = at - interval '31 days' WHERE id BETWEEN 10 AND 120");
    let children = "SELECT concat_ws(' ', (SELECT count(*) FROM cascaded), (SELECT count(event) FROM nulled), (SELECT count(*) FROM kept),
        (SELECT count(*) FROM mailed), (SELECT count(parent) FROM events))";
    assert_eq!(database.lines(children), ["31 31 11 11 199"], "{stage}");
    done("UPDATE events SET id = 2011 WHERE id = 11");
    assert_eq!(
        database.lines("SELECT event::text FROM cascaded WHERE id = 11"),
        ["2011"],
        "{stage}"
    );
    done("UPDATE events SET id = 11, at = at + interval '31 days' WHERE id = 2011");
    assert_eq!(
        database.lines("SELECT event::text FROM cascaded WHERE id = 11"),
        ["11"],
        "{stage}"
    );
    done("UPDATE events SET at = at - interval '31 days' WHERE id = 11");
    done("UPDATE events SET email = 'E112' WHERE id = 112");
    assert_eq!(
        database.lines("SELECT count(*)::text FROM mailed WHERE email = 'E112'"),
        ["1"],
        "{stage}"
    );
    done("UPDATE events SET email = 'e112' WHERE id = 112");
    done("BEGIN; DELETE FROM events WHERE id = 40; DELETE FROM events WHERE id = 80;
          DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM cascaded WHERE id = 40) AND (SELECT event IS NULL FROM nulled WHERE id = 80)
                             AND (SELECT parent IS NULL FROM events WHERE id = 160); END $$; ROLLBACK");
}

#[test]
fn keys_and_foreign_keys_hold_at_every_stage_and_after_the_drop() {
    on_each_version(|_, database| {
        database.run_sql(SCHEMA);
        behaves_like_the_plain_table(&database, "before");
        let dump = database.dump();
        let pgcleave = Pgcleave::new(&database);
        pgcleave.generate_monthly(&CHOICES);
        pgcleave.ok(&["-q", "apply", "events", "--yes", "--through", "create_guards"]);
        behaves_like_the_plain_table(&database, "logging");
        pgcleave.ok(&["-q", "apply", "events", "--yes", "--through", "verify_copy"]);
        behaves_like_the_plain_table(&database, "in step");
        pgcleave.ok(&["-q", "apply", "events", "--yes"]);
        behaves_like_the_plain_table(&database, "cut over");
        pgcleave.ok(&[
            "-q",
            "apply",
            "events",
            "--yes",
            "--through",
            "move_incoming_foreign_keys",
        ]);
        behaves_like_the_plain_table(&database, "moved");
        pgcleave.ok(&["verify", "events"]);
        pgcleave.ok(&["-q", "rollback", "events", "--yes"]);
        assert!(sorted(&database.dump()) == sorted(&dump), "{}", database.dump());
        behaves_like_the_plain_table(&database, "rolled back");
        pgcleave.ok(&[
            "-q",
            "apply",
            "events",
            "--yes",
            "--through",
            "drop_retired_table",
        ]);
        behaves_like_the_plain_table(&database, "completed");
        let keys = "SELECT format('%s %s %s %s', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid))
            FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 ORDER BY conname";
        let expected = [
            "cascaded fk t FOREIGN KEY (event) REFERENCES events_pkey_guard(id) ON UPDATE CASCADE ON DELETE CASCADE",
            "mailed fk_email t FOREIGN KEY (email) REFERENCES one_email_guard(email) ON UPDATE CASCADE",
            "kept fk_kept t FOREIGN KEY (event) REFERENCES events_pkey_guard(id) ON DELETE RESTRICT DEFERRABLE",
            "nulled fk_null t FOREIGN KEY (event) REFERENCES events_pkey_guard(id) ON UPDATE SET DEFAULT ON DELETE SET NULL",
            "events own t FOREIGN KEY (parent) REFERENCES events_pkey_guard(id) ON UPDATE CASCADE ON DELETE SET NULL",
        ];
        assert_eq!(database.lines(keys), expected);
        assert_eq!(
            database.lines("SELECT relname::text FROM pg_class WHERE relname LIKE '%pgcleave%'"),
            Vec::<String>::new()
        );
    });
}

/// Rows of tables come in the order in which they lie.
fn sorted(dump: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = dump.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn refuses_choices_that_name_nothing_and_names_that_a_guard_would_take() {
    let database = Database::new();
    database.run_sql(
        "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL, a int, UNIQUE (a, at), CONSTRAINT later UNIQUE (a) DEFERRABLE);
         CREATE TABLE events_pkey_guard_moves ();
         CREATE FUNCTION events_pkey_guard_keep(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    );
    let pgcleave = Pgcleave::new(&database);
    let refusal = |choices: &[&str]| {
        let generate = ["generate", "events", "--key", "at", "--interval", "monthly"];
        let said = pgcleave.run(&[&generate[..], choices].concat());
        assert_eq!(said.code, 4, "{choices:?}\n{}", said.stderr);
        said.stderr
    };
    let undecided = refusal(&[]);
    for choice in [
        "--unique later=guard",
        "--unique later=extend",
        "--unique later=drop",
    ] {
        assert!(undecided.contains(choice), "{undecided}");
    }
    let taken = refusal(&["--unique", "events_pkey=guard", "--unique", "later=drop"]);
    assert!(
        taken.contains("public.events_pkey_guard_moves is taken"),
        "{taken}"
    );
    assert!(
        taken.contains("public.events_pkey_guard_keep is taken"),
        "{taken}"
    );
    let wrong = refusal(&[
        "--unique",
        "later=guard",
        "--unique",
        "events_a_at_key=drop",
        "--unique",
        "events_pkey=drop",
        "--incoming",
        "none=drop",
    ]);
    for told in [
        "deferrable, and a guard checks at once",
        "no such unique key that lacks",
        "nothing else identifies a row",
        "--incoming none: no foreign key",
    ] {
        assert!(wrong.contains(told), "{told}: {wrong}");
    }
}

#[test]
fn foreign_keys_of_one_name_are_told_apart_and_each_is_as_valid_as_it_was() {
    let database = Database::new();
    database.run_sql(
        "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL);
         CREATE TABLE sound (event bigint CONSTRAINT same REFERENCES events);
         CREATE TABLE loose (event bigint);
         CREATE TABLE gone (event bigint CONSTRAINT gone REFERENCES events);
         INSERT INTO events SELECT i, '2026-01-05 00:00+00'::timestamptz + i * interval '1 hour' FROM generate_series(1, 100) i;
         INSERT INTO sound VALUES (1); INSERT INTO gone VALUES (2); INSERT INTO loose VALUES (-1);
         ALTER TABLE loose ADD CONSTRAINT same FOREIGN KEY (event) REFERENCES events NOT VALID",
    );
    let dump = database.dump();
    let pgcleave = Pgcleave::new(&database);
    let ambiguous = [
        "generate",
        "events",
        "--key",
        "at",
        "--interval",
        "monthly",
        "--incoming",
        "same=guard",
    ];
    let said = pgcleave.run(&ambiguous);
    assert!(
        said.code == 4 && said.stderr.contains("say schema.table.constraint"),
        "{}",
        said.stderr
    );
    pgcleave.generate_monthly(&[
        "--incoming",
        "public.sound.same=guard",
        "--incoming",
        "public.loose.same=guard",
        "--incoming",
        "gone=drop",
    ]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "move_incoming_foreign_keys"]);
    let keys = "SELECT format('%s %s %s', conrelid::regclass, confrelid::regclass, convalidated) FROM pg_constraint WHERE contype = 'f' ORDER BY 1";
    assert_eq!(
        database.lines(keys),
        ["loose events_pkey_guard f", "sound events_pkey_guard t"]
    );
    pgcleave.ok(&["-q", "rollback", "--yes"]);
    assert_eq!(database.dump(), dump);
}

#[test]
fn says_that_a_partitioned_child_is_read_under_the_lock_where_it_must_be() {
    on_each_version(|version, database| {
        database.run_sql(
            "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL);
             CREATE TABLE notes (event bigint CONSTRAINT of_event REFERENCES events) PARTITION BY HASH (event);
             CREATE TABLE notes_0 PARTITION OF notes FOR VALUES WITH (MODULUS 1, REMAINDER 0);
             INSERT INTO events SELECT i, now() FROM generate_series(1, 100) i;
             INSERT INTO notes SELECT generate_series(1, 50)",
        );
        let dump = database.dump();
        let pgcleave = Pgcleave::new(&database);
        let generate = [
            "generate",
            "events",
            "--key",
            "at",
            "--interval",
            "monthly",
            "--incoming",
            "of_event=guard",
        ];
        let told = pgcleave.ok(&generate).stderr;
        assert_eq!(told.contains("read under the lock"), version.major < 18, "{told}");
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "move_incoming_foreign_keys"]);
        pgcleave.ok(&["-q", "rollback", "--yes"]);
        assert_eq!(database.dump(), dump);
    });
}

#[test]
fn a_key_may_be_extended_and_guarded_for_a_foreign_key_that_refers_to_it() {
    let database = Database::new();
    database.run_sql(
        "CREATE TABLE events (id bigint PRIMARY KEY, email text CONSTRAINT one_email UNIQUE, at timestamptz NOT NULL);
         CREATE TABLE mailed (email text CONSTRAINT of_email REFERENCES events (email) ON UPDATE CASCADE);
         INSERT INTO events SELECT i, 'e' || i, '2026-01-05 00:00+00'::timestamptz + i * interval '12 hours' FROM generate_series(1, 200) i;
         INSERT INTO mailed VALUES ('e7')",
    );
    let pgcleave = Pgcleave::new(&database);
    let generate = ["generate", "events", "--key", "at", "--interval", "monthly"];
    let choices = ["--unique", "one_email=extend", "--incoming", "of_email=guard"];
    let told = pgcleave.ok(&[&generate[..], &choices].concat()).stderr;
    assert!(told.contains("the guard keeps (email) alone unique"), "{told}");
    assert!(!told.contains("becomes a plain index"), "{told}");
    // Another key is another decision: what was said for the old one is forgotten, both ways.
    let by_id = ["-q", "generate", "events", "--key", "id", "--interval", "100"];
    assert_eq!(pgcleave.run(&by_id).code, 4);
    pgcleave.ok(&[
        &by_id[..],
        &["--unique", "one_email=drop", "--incoming", "of_email=drop"],
    ]
    .concat());
    assert_eq!(pgcleave.run(&generate).code, 4);
    pgcleave.ok(&[&generate[..], &choices].concat());
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "drop_retired_table"]);
    let duplicate = attempt(
        &database,
        "INSERT INTO events VALUES (1000, 'e7', '2026-03-20 00:00+00')",
    );
    assert_eq!(
        duplicate,
        Some(("23505".to_owned(), Some("one_email".to_owned())))
    );
    database.run_sql("UPDATE events SET email = 'E7' WHERE id = 7; INSERT INTO events VALUES (1000, 'E8', now()) ON CONFLICT (email, at) DO NOTHING");
    assert_eq!(database.lines("SELECT email FROM mailed"), ["E7"]);
}
