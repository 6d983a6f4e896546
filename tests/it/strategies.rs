//! What an application does after the cutover, under each strategy: rows that change their partition, partitions
//! that are emptied, and the way back; and what a verification finds.

use std::fs;

use crate::support::{Database, Pgcleave};
use crate::versions::on_each_version;

const SCHEMA: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE TABLE events (id bigint PRIMARY KEY, tenant text NOT NULL, size int NOT NULL, mood mood NOT NULL, at timestamptz NOT NULL, note text);
    INSERT INTO events
    SELECT i, (ARRAY['acme', 'it''s', 'x\"y'])[i % 3 + 1], i % 1000 - 300, (ARRAY['sad', 'happy'])[i % 2 + 1]::mood, now() - i * interval '5 hours', 'n'
      FROM generate_series(1, 900) i;";

/// How the table is partitioned, as its entry in the spec.
const STRATEGIES: &[&str] = &[
    "key = 'id'\ninterval = 200\npremake = 1",
    "key = 'size'\ninterval = 250\npremake = 1",
    "key = 'tenant'\nstrategy = 'list'",
    "key = 'mood'\nstrategy = 'list'\n[table.lists]\ngood = ['happy']",
    "key = 'tenant'\nbounds = ['b', 'j']",
    "key = 'id'\nstrategy = 'hash'\npartitions = 5",
    "key = ['tenant', 'size']\nstrategy = 'hash'\npartitions = 3",
    "key = ['at', 'size']\ninterval = 'monthly'\npremake = 1",
    "key = 'tenant'\nstrategy = 'list'\npremake = 1\n[table.sub]\nkey = 'at'\ninterval = 'quarterly'",
    "key = 'id'\nstrategy = 'hash'\npartitions = 2\npremake = 1\n[table.sub]\nkey = 'size'\ninterval = 500",
    "key = 'at'\ninterval = 'quarterly'\npremake = 1\n[table.sub]\nkey = 'id'\nstrategy = 'hash'\npartitions = 2",
];

const WRITES: &[&str] = &[
    "UPDATE events SET id = id + 5000 WHERE id BETWEEN 10 AND 30",
    "UPDATE events SET id = -id WHERE id IN (40, 41)",
    "UPDATE events SET tenant = 'acme' WHERE id % 7 = 0",
    "UPDATE events SET tenant = 'somebody new' WHERE id % 11 = 0",
    "UPDATE events SET tenant = '', size = -size, mood = 'sad' WHERE id % 13 = 0",
    "UPDATE events SET at = at - interval '100 days', note = 'moved' WHERE id % 5 = 0",
    "UPDATE events SET at = '2999-01-01', size = 2000000000 WHERE id % 17 = 0",
    "UPDATE events SET at = now(), size = 1, tenant = 'x\"y' WHERE id % 17 = 0",
    "BEGIN; UPDATE events SET tenant = 'q', size = 7, at = 'infinity' WHERE id = 100; UPDATE events SET tenant = 'acme', size = 8, at = now() WHERE id = 100; COMMIT",
    "BEGIN; DELETE FROM events WHERE id = 101; INSERT INTO events VALUES (101, 'it''s', -999, 'happy', now(), 'again'); COMMIT",
    "BEGIN; UPDATE events SET id = 9999, tenant = 'r', at = now() - interval '1 year' WHERE id = 102; ROLLBACK",
    "BEGIN; UPDATE events SET id = 8888 WHERE id = 103; UPDATE events SET id = 103 WHERE id = 104; UPDATE events SET id = 104 WHERE id = 8888; COMMIT",
    "DELETE FROM events WHERE id % 29 = 0",
];

fn cut_over(database: &Database, spec: &str) -> Pgcleave {
    database.run_sql(SCHEMA);
    let pgcleave = Pgcleave::new(database);
    let path = pgcleave.folder.path().join("pgcleave.toml");
    fs::write(path, format!("[[table]]\nname = \"public.events\"\n{spec}\n")).unwrap();
    pgcleave.ok(&["-q", "generate", "events"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "cut_over"]);
    pgcleave
}

fn assert_equal(database: &Database, spec: &str, what: &str) {
    let differ = database.lines(
        "SELECT d::text FROM ((TABLE events EXCEPT ALL TABLE events_pgcleave_retired)
                              UNION ALL (TABLE events_pgcleave_retired EXCEPT ALL TABLE events)) d ORDER BY 1",
    );
    assert_eq!(differ, [""; 0], "{what}\n{spec}");
}

fn one_value(database: &Database, sql: &str) -> String {
    database.lines(sql).remove(0)
}

#[test]
fn moves_and_emptied_partitions_reach_the_retired_table_and_the_way_back_is_open() {
    on_each_version(|version, _| {
        for spec in STRATEGIES {
            let database = Database::on(version);
            let pgcleave = cut_over(&database, spec);
            for write in WRITES {
                database.run_sql(write);
                assert_equal(&database, spec, write);
            }
            let leaf = "SELECT tableoid::regclass::text FROM events WHERE id = 200";
            let leaf = one_value(&database, leaf);
            database.run_sql(&format!("TRUNCATE {leaf}"));
            assert_equal(&database, spec, "a partition emptied");
            let middle = "SELECT relid::regclass::text FROM pg_partition_tree('events')
                           WHERE level = 1 AND relid::regclass <> (SELECT tableoid::regclass FROM events LIMIT 1) LIMIT 1";
            let middle = one_value(&database, middle);
            database.run_sql(&format!("TRUNCATE {middle}"));
            assert_equal(&database, spec, "a partition with all below it emptied");
            assert_eq!(
                one_value(&database, &format!("SELECT count(*)::text FROM {leaf}")),
                "0"
            );
            pgcleave.ok(&["verify"]);
            let content = database.lines("SELECT e::text FROM events e ORDER BY 1");
            assert!(content.len() > 50, "{} rows\n{spec}", content.len());
            pgcleave.ok(&["-q", "rollback", "--yes", "--to", "verify_copy"]);
            assert_eq!(
                database.lines("SELECT e::text FROM events e ORDER BY 1"),
                content,
                "{spec}"
            );
            for write in WRITES {
                database.run_sql(write);
            }
            pgcleave.ok(&["-q", "apply", "--yes", "--through", "cut_over"]);
            database.run_sql("TRUNCATE events");
            assert_equal(&database, spec, "the whole table emptied");
        }
    });
}

#[test]
fn a_verification_names_and_mends_differing_keys_of_every_strategy() {
    for spec in STRATEGIES {
        let database = Database::new();
        let pgcleave = cut_over(&database, spec);
        database.run_sql(
            "SET session_replication_role = replica;
             ALTER TABLE events_pgcleave_retired DISABLE TRIGGER ALL;
             UPDATE events_pgcleave_retired SET note = 'spoiled' WHERE id = 77;
             DELETE FROM events_pgcleave_retired WHERE id = 78;
             ALTER TABLE events_pgcleave_retired ENABLE ALWAYS TRIGGER pgcleave_guard",
        );
        let said = pgcleave.run(&["verify", "--repair", "--yes"]);
        assert_eq!(said.code, 3, "{spec}\n{}{}", said.stdout, said.stderr);
        for words in [
            "other values: (77",
            "only in the source: (78",
            "verified again: equal",
        ] {
            assert!(said.stdout.contains(words), "{words}: {spec}\n{}", said.stdout);
        }
        assert_equal(&database, spec, "mended");
    }
}
