//! Statements of many rows that share the partition key's value, as the rows of one transaction share now().

use crate::support::{Database, Pgcleave};
use crate::versions::on_each_version;

const ROWS: u64 = 2000;

/// An index on the partition key alone, whose values look unique to the planner.
const SCHEMA: &str = "
    CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
    CREATE INDEX ON events (at);
    INSERT INTO events SELECT i, 'n', date_trunc('month', now()) - i * interval '1 minute' FROM generate_series(1, 50000) i;
    ANALYZE events";

/// Rows that a transaction fetched by indexes, ours and the application's.
fn fetched(database: &Database, statement: &str) -> u64 {
    let mut client = database.client();
    let mut transaction = client.transaction().unwrap();
    transaction.batch_execute(statement).unwrap();
    let sum = "SELECT coalesce(sum(idx_tup_fetch), 0)::bigint FROM pg_stat_xact_user_tables";
    let fetched: i64 = transaction.query_one(sum, &[]).unwrap().get(0);
    transaction.commit().unwrap();
    fetched.unsigned_abs()
}

#[test]
fn each_row_of_a_large_statement_is_looked_up_by_its_primary_key() {
    on_each_version(|version, database| {
        database.run_sql(SCHEMA);
        let pgcleave = Pgcleave::new(&database);
        pgcleave.generate_monthly(&[]);
        for step in ["keep_in_step", "cut_over"] {
            pgcleave.ok(&["-q", "apply", "--yes", "--through", step]);
            for statement in [
                format!(
                    "INSERT INTO events SELECT (SELECT max(id) FROM events) + i, 'm', now() FROM generate_series(1, {ROWS}) i"
                ),
                "UPDATE events SET note = 'changed' WHERE note = 'm'".to_owned(),
                "DELETE FROM events WHERE note = 'm'".to_owned(),
            ] {
                let fetched = fetched(&database, &statement);
                assert!(
                    fetched < 10 * ROWS,
                    "PostgreSQL {}, {step}: {fetched} rows fetched for {ROWS} by {statement}",
                    version.major
                );
            }
        }
        pgcleave.ok(&["verify", "--checksum"]);
    });
}
