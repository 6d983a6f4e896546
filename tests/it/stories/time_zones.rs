//! Bounds are the same wherever, and under whatever settings, they are made.

use std::collections::BTreeMap;
use std::fs;

use super::EVENTS;
use crate::support::{Database, Pgcleave};

const ZONES: [&str; 3] = ["UTC", "Asia/Kathmandu", "America/New_York"];

/// The copy's bounds in UTC, in order.
const BOUNDS: &str = "SELECT replace(pg_get_expr(relpartbound, oid), 'FOR VALUES ', '') FROM pg_class WHERE relispartition AND relkind = 'r' ORDER BY 1";

#[test]
fn story_17_the_zone_of_session_machine_and_database_shifts_no_bound() {
    let mut files: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    let mut bounds = Vec::new();
    let database = Database::new();
    database.run_sql(EVENTS);
    for zone in ZONES {
        database.run_sql(&format!(
            "ALTER DATABASE {} SET timezone = '{zone}'",
            database.name
        ));
        let pgcleave = Pgcleave::new(&database);
        let run = |arguments: &[&str]| {
            let mut command = pgcleave.command(arguments);
            let output = command.env("TZ", zone).env("PGTZ", zone).output().unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        run(&["-q", "generate", "events", "--key", "at", "--interval", "monthly"]);
        let written = files.entry(zone).or_default();
        for path in pgcleave.files("") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            written.insert(name, fs::read_to_string(path).unwrap());
        }
        run(&["-q", "apply", "--yes", "--through", "create_partitioned_copy"]);
        let mut client = database.client();
        client.batch_execute("SET timezone = 'UTC'").unwrap();
        let rows = client.query(BOUNDS, &[]).unwrap();
        bounds.push(rows.iter().map(|row| row.get(0)).collect::<Vec<String>>());
        run(&["-q", "rollback", "--yes"]);
    }
    assert!(bounds[0].len() > 12, "{bounds:?}");
    assert!(
        bounds[0]
            .iter()
            .filter(|b| b.starts_with("FROM"))
            .all(|b| b.contains("-01 00:00:00+00')"))
    );
    for (number, zone) in ZONES.iter().enumerate() {
        assert_eq!(bounds[0], bounds[number], "{zone}");
        assert!(files[ZONES[0]] == files[zone], "the files differ under {zone}");
    }
}

/// Bounds of all partitions but the default one, as moments.
const MOMENTS: &str = "CREATE TEMP TABLE b AS SELECT m[1]::timestamptz AS low, m[2]::timestamptz AS high
    FROM pg_class, regexp_match(pg_get_expr(relpartbound, oid), 'FROM \\(''(.*)''\\) TO \\(''(.*)''\\)') m
    WHERE relispartition AND relkind = 'r' AND m IS NOT NULL";

#[test]
fn story_17_bounds_adjoin_over_both_changes_of_the_clock() {
    // A little over a year always holds a spring and an autumn.
    let story = super::Story::begin_with(
        "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL);
         INSERT INTO events SELECT i, now() - i * interval '20 minutes' FROM generate_series(1, 3 * 24 * 380) i;",
        &["--time-zone", "America/New_York", "--interval", "weekly"],
    );
    story.finish();
    story.pgcleave.ok(&["verify"]);
    let mut client = story.database.client();
    client.batch_execute(MOMENTS).unwrap();
    let checks = "SELECT count(*) FILTER (WHERE low <> previous), count(*) FILTER (WHERE (low AT TIME ZONE 'America/New_York')::time <> '00:00'),
            count(*) FILTER (WHERE high - low = interval '7 days 1 hour'), count(*) FILTER (WHERE high - low = interval '6 days 23 hours'), count(*)
        FROM (SELECT *, lag(high) OVER (ORDER BY low) AS previous FROM b) x";
    let row = client.query_one(checks, &[]).unwrap();
    let found: Vec<i64> = (0..5).map(|i| row.get(i)).collect();
    assert_eq!(found[..2], [0, 0], "gaps or overlaps, or not midnight");
    assert!(found[2] >= 1 && found[3] >= 1 && found[4] > 50, "{found:?}");
    let homes = "SELECT count(*) FROM events WHERE tableoid::regclass::text LIKE '%default'";
    assert_eq!(client.query_one(homes, &[]).unwrap().get::<_, i64>(0), 0);
}
