//! Faults of the procedure that the first design notes started from.

use super::Story;

const EVERYTHING: &str = "CREATE TABLE places (a int, b int, PRIMARY KEY (b, a)); INSERT INTO places VALUES (1, 2), (3, 4);
    CREATE TABLE events (id bigserial PRIMARY KEY, note text CONSTRAINT short CHECK (length(note) < 50), low int, high int,
        pa int, pb int, at timestamptz NOT NULL, CONSTRAINT \"Low first\" CHECK (low < high),
        CONSTRAINT of_place FOREIGN KEY (pb, pa) REFERENCES places (b, a) ON UPDATE CASCADE);
    CREATE INDEX by_order ON events (high, at DESC NULLS LAST, low);
    CREATE INDEX by_part ON events (note) WHERE low > 5 AND note IS NOT NULL;
    CREATE INDEX by_expression ON events (lower(note), (low + high), id);
    INSERT INTO events (note, low, high, pa, pb, at) SELECT 'n' || i, i, i + 1, 1 + 2 * (i % 2), 2 + 2 * (i % 2), now() - i * interval '6 hours'
        FROM generate_series(1, 400) i;";

/// What makes up the table, without what a partitioned table says otherwise.
const PARTS: &str = "SELECT regexp_replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index WHERE indrelid = 'events'::regclass AND NOT indisprimary
    UNION ALL SELECT concat_ws(' ', conname, convalidated, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE conrelid = 'events'::regclass AND contype IN ('c', 'f')
    UNION ALL SELECT 'serial ' || pg_get_serial_sequence('events', 'id')
    ORDER BY 1";

#[test]
fn first_notes_checks_partial_and_expression_indexes_their_order_and_composite_keys_survive() {
    let story = Story::begin(EVERYTHING);
    let before = story.database.lines(PARTS);
    assert_eq!(before.len(), 7, "{before:?}");
    story.finish();
    assert_eq!(story.database.lines(PARTS), before);
    for wrong in [
        "INSERT INTO events (note, at) VALUES (repeat('x', 60), now())",
        "INSERT INTO events (low, high, at) VALUES (2, 1, now())",
        "INSERT INTO events (pa, pb, at) VALUES (2, 1, now())",
    ] {
        assert!(story.database.client().batch_execute(wrong).is_err(), "{wrong}");
    }
    story
        .database
        .run_sql("UPDATE places SET a = 9 WHERE a = 3; SELECT 1 / count(*) FROM events WHERE pa = 9");
    story.assert_equal();
    // On every partition, too.
    let lacking = "SELECT count(*)::text FROM pg_inherits i WHERE inhparent = 'events'::regclass
        AND (SELECT count(*) FROM pg_index WHERE indrelid = i.inhrelid AND indisvalid) <> 4";
    assert_eq!(story.database.lines(lacking), ["0"]);
    story.go_back();
    assert_eq!(story.database.lines(PARTS), before);
}

#[test]
fn first_notes_history_is_copied_though_the_newest_row_is_there_already() {
    let story = Story::begin(EVERYTHING);
    story.through("install_sync_trigger");
    // What a position of max(id) would start from.
    story
        .database
        .run_sql("INSERT INTO events (id, at) VALUES (9000000000000000000, now())");
    story.finish();
    story.assert_equal();
    assert_eq!(story.database.lines("SELECT count(*)::text FROM events"), ["401"]);
}

#[test]
fn first_notes_the_serial_sequence_survives_the_drop_of_the_retired_table() {
    let story = Story::begin(EVERYTHING);
    let before = story.database.lines(PARTS);
    story.finish();
    story.through("drop_retired_table");
    assert_eq!(story.database.lines(PARTS), before);
    story.assert_sequence_ahead();
    story
        .database
        .run_sql("INSERT INTO events (note, at) VALUES ('new', now())");
    assert_eq!(
        story
            .database
            .lines("SELECT (id = 401)::text FROM events WHERE note = 'new'"),
        ["true"]
    );
    let ours = "SELECT tgname::text FROM pg_trigger WHERE tgname LIKE '%pgcleave%'
        UNION ALL SELECT relname::text FROM pg_class WHERE relname LIKE '%pgcleave%' AND relnamespace = 'public'::regnamespace
        UNION ALL SELECT proname::text FROM pg_proc WHERE proname LIKE '%pgcleave%'";
    assert_eq!(story.database.lines(ours), Vec::<String>::new());
}
