//! Names that other tools folded, cut, or took for their own.

use crate::support::{Database, Pgcleave};

/// As SQL writes them. The second differs from the first by case alone, and the fourth is what a
/// partition of the third would be called.
const NAMES: [&str; 11] = [
    "\"MixedCase\"",
    "mixedcase",
    "orders",
    "orders_p2020_01",
    "orders_p",
    "n23456789_123456789_123456789_123456789_123456789_123456789_123",
    "\"quo\"\"te's %s \\ $1\"",
    "\"Заказы_ö_表_Заказы_ö_表_Заказы_ö_表_123\"",
    "\"select\"",
    "\"table\"",
    "\"a.b\"",
];

#[test]
fn story_16_every_odd_name_is_converted_and_brought_back() {
    let database = Database::new();
    database.run_sql("CREATE SCHEMA \"Order\"");
    for (number, name) in NAMES.iter().enumerate() {
        database.run_sql(&format!(
            "CREATE TABLE \"Order\".{name} (\"user\" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \"MixedNote\" text, \"from\" timestamptz NOT NULL);
             CREATE INDEX ON \"Order\".{name} (\"from\", \"MixedNote\");
             INSERT INTO \"Order\".{name} (\"MixedNote\", \"from\") SELECT '{number}', now() - i * interval '1 day' FROM generate_series(1, 60 + {number}) i"
        ));
    }
    let dump = database.dump();
    let pgcleave = Pgcleave::new(&database);
    let tables: Vec<String> = NAMES.iter().map(|name| format!("\"Order\".{name}")).collect();
    for table in &tables {
        pgcleave.ok(&[
            "-q",
            "generate",
            table,
            "--key",
            "from",
            "--interval",
            "monthly",
            "--premake",
            "1",
        ]);
    }
    for table in &tables {
        pgcleave.ok(&["-q", "apply", table, "--yes"]);
        pgcleave.ok(&["verify", table]);
    }
    for (number, table) in tables.iter().enumerate() {
        let rows = database.lines(&format!(
            "SELECT count(*) || (SELECT relkind::text FROM pg_class WHERE oid = '{}'::regclass) FROM {table} WHERE \"MixedNote\" = '{number}'",
            table.replace('\'', "''")
        ));
        assert_eq!(rows, [format!("{}p", 60 + number)], "{table}");
        let status = pgcleave.ok(&["status", table]).stdout;
        assert!(status.contains("cut over"), "{status}");
    }
    for table in &tables {
        pgcleave.ok(&["-q", "rollback", table, "--yes"]);
    }
    assert_eq!(database.dump(), dump);
}

#[test]
fn story_16_a_name_that_is_not_there_is_an_error_and_never_another_table() {
    let database = Database::new();
    database.run_sql("CREATE TABLE \"Events\" (id bigint PRIMARY KEY, at timestamptz NOT NULL)");
    let pgcleave = Pgcleave::new(&database);
    for verb in [
        &["inspect", "events"][..],
        &["generate", "Events", "--key", "at", "--interval", "monthly"],
    ] {
        let said = pgcleave.run(verb);
        assert_ne!(said.code, 0, "{verb:?}");
        assert!(
            said.stderr.contains("events") && said.stderr.contains("hint: "),
            "{}",
            said.stderr
        );
    }
    for verb in ["apply", "status", "verify", "rollback"] {
        let said = pgcleave.run(&[verb]);
        assert_ne!(said.code, 0, "{verb} managed nothing in silence");
    }
}
