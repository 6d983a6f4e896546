//! The way back, and what stands in the way of the last step.

use super::Story;
use crate::support::Said;

const SCHEMA: &str = "CREATE TABLE accounts (id int PRIMARY KEY); INSERT INTO accounts SELECT generate_series(1, 50);
    CREATE TABLE events (id bigserial PRIMARY KEY, account int CONSTRAINT of_account REFERENCES accounts ON DELETE CASCADE,
        n int NOT NULL DEFAULT 0, at timestamptz NOT NULL);
    CREATE INDEX events_at ON events (at);
    CREATE TABLE notes (id bigserial PRIMARY KEY, event bigint CONSTRAINT of_event REFERENCES events ON DELETE CASCADE);
    INSERT INTO events (account, at) SELECT 1 + i % 50, now() - i * interval '1 hour' FROM generate_series(1, 3000) i;
    INSERT INTO notes (event) SELECT generate_series(1, 500);";

const OF_EVENT: [&str; 2] = ["--incoming", "of_event=guard"];

/// An hour's worth of an application: inserts, updates, moves, new primary keys, deletes and cascades.
const AN_HOUR: &str = "INSERT INTO events (account, at) SELECT 1 + i % 40, now() - i * interval '3 minutes' FROM generate_series(1, 4000) i;
    UPDATE events SET n = n + 1 WHERE id % 3 = 0;
    UPDATE events SET at = at - interval '33 days', n = n + 1 WHERE id % 7 = 0;
    UPDATE events SET id = -id WHERE id % 101 = 0 AND NOT EXISTS (SELECT FROM notes WHERE event = events.id);
    DELETE FROM events WHERE id % 11 = 0;
    INSERT INTO events (id, account, at) SELECT m + i, 1, now() FROM (SELECT max(id) + 5000 AS m FROM events) x, generate_series(1, 200) i;
    DELETE FROM events WHERE id > (SELECT max(id) - 100 FROM events); DELETE FROM accounts WHERE id = (SELECT max(id) FROM accounts);
    INSERT INTO notes (event) SELECT id FROM events ORDER BY id DESC LIMIT 300;
    SELECT setval('events_id_seq', greatest(nextval('events_id_seq'), (SELECT max(id) FROM events)));";

#[test]
fn story_22_nothing_written_after_the_cutover_is_lost_by_the_way_back() {
    let story = Story::begin_with(SCHEMA, &OF_EVENT);
    story.finish();
    for round in 1..3 {
        story.database.run_sql(AN_HOUR);
        story.assert_equal();
        let digest = "SELECT md5(string_agg(e::text, '|' ORDER BY id)) FROM events e";
        let written = story.database.lines(digest);
        if round == 1 {
            story.go_back();
            story.assert_equal();
        } else {
            story.pgcleave.ok(&["-q", "rollback", "--yes"]);
        }
        assert_eq!(story.database.lines(digest), written, "round {round}");
        story.assert_sequence_ahead();
        let keys = "SELECT format('%s %s %s %s', conname, conrelid::regclass, confrelid::regclass, convalidated) FROM pg_constraint
            WHERE contype = 'f' AND conparentid = 0 AND (conrelid IN ('events'::regclass, 'notes'::regclass)) ORDER BY 1";
        assert_eq!(
            story.database.lines(keys),
            ["of_account events accounts t", "of_event notes events t"],
            "round {round}"
        );
        let orphans =
            "SELECT count(*)::text FROM notes WHERE NOT EXISTS (SELECT FROM events e WHERE e.id = event)";
        assert_eq!(story.database.lines(orphans), ["0"], "round {round}");
        story
            .database
            .run_sql("INSERT INTO events (account, at) VALUES (1, now())");
        // And converts again.
        story.finish();
        assert!(story.is_partitioned());
        story.assert_equal();
    }
}

#[test]
fn story_20_foreign_keys_at_the_retired_table_are_named_before_the_last_step() {
    let story = Story::begin_with(SCHEMA, &OF_EVENT);
    let said = story
        .pgcleave
        .ok(&[&["inspect", "events", "--key", "at"][..], &OF_EVENT].concat());
    assert!(
        said.stdout.contains("of_event") && said.stdout.contains("retired table"),
        "{}",
        said.stdout
    );
    story.finish();
    // psql has no pgcleave that would run the step before it.
    let drop = story.pgcleave.files("drop_retired_table.up.sql").remove(0);
    let psql = || {
        let mut command = story.database.program("psql");
        let command = command
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"])
            .arg(&drop);
        Said::of(&command.output().unwrap())
    };
    let said = psql();
    assert_ne!(said.code, 0);
    assert!(
        said.stderr.contains("of_event of ") && said.stderr.contains("move_incoming_foreign_keys"),
        "{}",
        said.stderr
    );
    story.database.run_sql(AN_HOUR);
    story.assert_equal();
    story.through("move_incoming_foreign_keys");
    story.assert_equal();
    let said = psql();
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(story.is_partitioned());
    let keys = "SELECT format('%s %s %s', conname, confrelid::regclass, convalidated) FROM pg_constraint
        WHERE conrelid IN ('events'::regclass, 'notes'::regclass) AND contype = 'f' ORDER BY 1";
    assert_eq!(
        story.database.lines(keys),
        ["of_account accounts t", "of_event events_pkey_guard t"]
    );
    story.database.run_sql(AN_HOUR);
    story.database.run_sql(
        "DELETE FROM accounts WHERE id = 3; SELECT 1 / (1 - count(*)) FROM events WHERE account = 3;
         SELECT 1 / (1 - count(*)) FROM notes WHERE NOT EXISTS (SELECT FROM events e WHERE e.id = event)",
    );
}

/// Whoever drops the foreign key, or the table that it is of, by hand has decided, too.
#[test]
fn story_20_foreign_keys_dropped_meanwhile_stand_in_nobody_s_way() {
    for by_hand in ["ALTER TABLE notes DROP CONSTRAINT of_event", "DROP TABLE notes"] {
        let story = Story::begin_with(SCHEMA, &OF_EVENT);
        story.finish();
        story.database.run_sql(by_hand);
        story.through("drop_retired_table");
        assert!(story.is_partitioned(), "{by_hand}");
    }
}
