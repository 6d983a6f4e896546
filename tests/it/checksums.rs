//! What the checksums tell apart, in both of their implementations: `verify`'s and the installed function's.

use serde_json::Value;

use crate::support::{Database, Pgcleave};
use crate::versions::on_each_version;

const EVENTS: &str =
    "CREATE TABLE events (id bigint PRIMARY KEY, n bigint, amount numeric, weight float8, span interval,
        numbers numeric[], doc jsonb, note text, at timestamptz NOT NULL);
    INSERT INTO events SELECT i, i, i + 0.0, 0, '1 month', ARRAY[i + 0.0], '{\"a\": 1.0}', 'n' || i,
        '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour' FROM generate_series(1, 1000) i;";

/// The table and its copy, in step; only the copy's triggers are off.
fn in_step(database: &Database, table: &str) -> Pgcleave {
    database.run_sql(table);
    let pgcleave = Pgcleave::new(database);
    pgcleave.generate_monthly(&[]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    database.run_sql("ALTER TABLE events_pgcleave_copy DISABLE TRIGGER USER");
    pgcleave
}

/// Rows, and the sums of both sides, of each part that holds any.
type Sums = Vec<(i64, String, String)>;

fn sums_of_the_function(database: &Database) -> Sums {
    let sql = "SELECT source_rows, source_sum, copy_sum FROM events_pgcleave_compare() WHERE source_rows > 0";
    let rows = database.client().query(sql, &[]).unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

fn sums_of_verify(report: &Value) -> Sums {
    let text = |sums: &Value| format!("{} {}", sums[0].as_str().unwrap(), sums[1].as_str().unwrap());
    let parts = report["parts"].as_array().unwrap().iter();
    parts
        .map(|part| {
            let rows = part["source_rows"].as_i64().unwrap();
            (rows, text(&part["source_sums"]), text(&part["copy_sums"]))
        })
        .filter(|(rows, _, _)| *rows > 0)
        .collect()
}

/// Changes the copy, sees that both find these keys, and undoes the change.
fn finds(database: &Database, pgcleave: &Pgcleave, change: &str, undo: &str, keys: &[&str]) {
    database.run_sql(change);
    let said = pgcleave.run(&["verify", "--format", "json"]);
    assert_eq!(said.code, 3, "{change}: {}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    let differences = report["differences"].as_array().unwrap().iter();
    let found: Vec<&str> = differences.map(|d| d["key"].as_str().unwrap()).collect();
    assert_eq!(found.len(), keys.len(), "{change}: {found:?}");
    for key in keys {
        let start = format!("({key},");
        assert!(found.iter().any(|f| f.starts_with(&start)), "{change}: {found:?}");
    }
    let sums = sums_of_the_function(database);
    assert!(sums.iter().any(|(_, source, copy)| source != copy), "{change}");
    assert_eq!(sums, sums_of_verify(&report), "{change}");
    database.run_sql(undo);
}

#[test]
fn a_value_of_other_bytes_is_found_whatever_its_type_calls_equal() {
    on_each_version(|_, database| {
        let pgcleave = in_step(&database, EVENTS);
        for (column, was, is) in [
            ("amount", "7.0", "7.00"),
            ("weight", "'0'", "'-0'"),
            ("span", "'1 month'", "'30 days'"),
            ("numbers", "ARRAY[7.0]", "ARRAY[7.00]"),
            ("numbers", "ARRAY[7.0]", "'[0:0]={7.0}'"),
            ("doc", "'{\"a\": 1.0}'", "'{\"a\": 1.00}'"),
            ("note", "'n7'", "NULL"),
            ("note", "'n7'", "''"),
            // One hash code, for a bigint's hash is of its two halves together.
            ("n", "7", "30064771072"),
        ] {
            let set =
                |value: &str| format!("UPDATE events_pgcleave_copy SET {column} = {value} WHERE id = 7");
            finds(&database, &pgcleave, &set(is), &set(was), &["7"]);
        }
        pgcleave.ok(&["verify"]);
    });
}

#[test]
fn rows_that_exchange_a_value_are_found() {
    let database = Database::new();
    let pgcleave = in_step(&database, EVENTS);
    // Where a row's hash is a sum over its columns, only a carry tells such rows apart, now and then: so several pairs.
    for (column, first) in ["n", "note"]
        .iter()
        .flat_map(|column| (1..9).map(move |first| (column, first)))
    {
        let (one, other) = (first.to_string(), (first + 100).to_string());
        let exchange = format!(
            "UPDATE events_pgcleave_copy c SET {column} = o.{column} FROM events_pgcleave_copy o
              WHERE (c.id, o.id) IN (({one}, {other}), ({other}, {one}))"
        );
        finds(&database, &pgcleave, &exchange, &exchange, &[&one, &other]);
    }
    // From one column to another, too.
    let move_on = "UPDATE events_pgcleave_copy SET amount = NULL, numbers = ARRAY[amount, NULL] WHERE id = 9";
    let back = "UPDATE events_pgcleave_copy SET amount = 9.0, numbers = ARRAY[9.0] WHERE id = 9";
    finds(&database, &pgcleave, move_on, back, &["9"]);
    pgcleave.ok(&["verify"]);
}

#[test]
fn a_type_without_a_binary_form_is_compared_by_its_text() {
    let database = Database::new();
    let pgcleave = in_step(
        &database,
        "CREATE TYPE rights AS (of aclitem[], note text);
         CREATE DOMAIN granted AS rights;
         CREATE TABLE events (id bigint PRIMARY KEY, amount numeric, granted granted, at timestamptz NOT NULL);
         INSERT INTO events SELECT i, 1.0, ROW(ARRAY[makeaclitem(10, 10, 'SELECT', false)], 'n')::rights, '2026-01-02' FROM generate_series(1, 50) i",
    );
    let set = |value: &str| format!("UPDATE events_pgcleave_copy SET amount = {value} WHERE id = 7");
    finds(&database, &pgcleave, &set("1.00"), &set("1.0"), &["7"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_cutover"]);
    pgcleave.ok(&["verify"]);
}

/// What UTF-8 has no character for, and what isn't UTF-8 at all.
#[test]
fn a_database_of_another_encoding_is_compared_by_the_text_as_it_is() {
    for encoding in ["WIN1252", "SQL_ASCII"] {
        let database = Database::in_encoding(encoding);
        let pgcleave = in_step(
            &database,
            "CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
             INSERT INTO events SELECT i, 'n' || i, '2026-01-02' FROM generate_series(1, 50) i;
             SET client_encoding = 'SQL_ASCII';
             UPDATE events SET note = convert_from('\\x81fe', getdatabaseencoding()) WHERE id = 3",
        );
        let set = |value: &str| format!("UPDATE events_pgcleave_copy SET note = {value} WHERE id = 7");
        finds(&database, &pgcleave, &set("NULL"), &set("'n7'"), &["7"]);
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_cutover"]);
    }
}

#[test]
fn the_client_s_encoding_and_parallel_workers_change_no_sum() {
    let database = Database::new();
    let pgcleave = in_step(&database, EVENTS);
    database.run_sql("UPDATE events SET note = '漢字' WHERE id = 8");
    // The copy's triggers are off; what it lacks is the reverse way's business, not this test's.
    let usual = sums_of_the_function(&database);
    let name = &database.name;
    database.run_sql(&format!(
        "ALTER DATABASE {name} SET parallel_setup_cost = 0; ALTER DATABASE {name} SET parallel_tuple_cost = 0;
         ALTER DATABASE {name} SET min_parallel_table_scan_size = 0; ALTER DATABASE {name} SET max_parallel_workers_per_gather = 4"
    ));
    for encoding in ["UTF8", "LATIN1", "SQL_ASCII"] {
        database.run_sql(&format!(
            "ALTER DATABASE {name} SET client_encoding = '{encoding}'"
        ));
        let sums = "SELECT source_rows || ' ' || source_sum || ' ' || copy_sum FROM events_pgcleave_compare() WHERE source_rows > 0";
        let mut psql = database.program("psql");
        psql.env_remove("PGCLIENTENCODING")
            .args(["-X", "-A", "-t", "-c", sums]);
        let output = psql.output().unwrap();
        let lines: Vec<String> = usual
            .iter()
            .map(|(rows, source, copy)| format!("{rows} {source} {copy}"))
            .collect();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .collect::<Vec<_>>(),
            lines,
            "{encoding}"
        );
    }
    pgcleave.ok(&["verify"]);
}
