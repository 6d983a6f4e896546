//! What was run when: the table `pgcleave.history`.
//!
//! A transactional step and its row commit together. A step that commits by
//! itself has a `started` row before it and a `finished` row behind it.

use postgres::{Client, GenericClient};
use sea_query::{Expr, ExprTrait, Iden, Order, PostgresQueryBuilder, Query, SimpleExpr};
use serde::Serialize;

use crate::sql::QualifiedName;

#[derive(Iden)]
enum Schema {
    Pgcleave,
}

#[derive(Iden)]
enum History {
    #[iden = "history"]
    Table,
    Id,
    TableName,
    Step,
    Direction,
    Outcome,
    Checksum,
    PgcleaveVersion,
    Detail,
}

/// Which way a step was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Forwards: an up file.
    Up,
    /// Back: a down file.
    Down,
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// Whether a row was written before a step or behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Before: a step that commits by itself may have been broken off.
    Started,
    /// Behind; of a transactional step committed with it.
    Finished,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Finished => "finished",
        }
    }
}

/// A row of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The step's stem.
    pub step: String,
    /// Which of its files.
    pub direction: Direction,
    /// Before or behind.
    pub outcome: Outcome,
    /// sha256 of the file that was run.
    pub checksum: String,
    /// Server time, ISO 8601 in UTC.
    pub at: String,
    /// What a verification or the cutover compared, and how.
    pub detail: Option<String>,
}

const CREATE: &str = "
CREATE TABLE IF NOT EXISTS pgcleave.history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name text NOT NULL,
    step text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('up', 'down')),
    outcome text NOT NULL CHECK (outcome IN ('started', 'finished')),
    checksum text NOT NULL,
    pgcleave_version text NOT NULL,
    detail text,
    role name NOT NULL DEFAULT session_user,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE pgcleave.history IS 'steps that pgcleave has run; kept until a table is rolled back to the start';";

/// Creates the history where it isn't there yet.
///
/// # Errors
/// When the role may not create a schema in the database.
pub fn ensure(client: &mut Client) -> Result<(), postgres::Error> {
    if exists(client)? {
        return add_detail(client);
    }
    // `CREATE SCHEMA IF NOT EXISTS` would need CREATE on the database even where the schema is there.
    let schema = client.query_one("SELECT pg_catalog.to_regnamespace('pgcleave') IS NOT NULL", &[])?;
    if !schema.get::<_, bool>(0) {
        client.batch_execute("CREATE SCHEMA pgcleave")?;
    }
    client.batch_execute(CREATE)
}

/// A history that an earlier version made has no such column.
fn add_detail(client: &mut Client) -> Result<(), postgres::Error> {
    let missing = "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
         WHERE attrelid = 'pgcleave.history'::pg_catalog.regclass AND attname = 'detail')";
    if client.query_one(missing, &[])?.get(0) {
        client.batch_execute("ALTER TABLE pgcleave.history ADD COLUMN detail text")?;
    }
    Ok(())
}

fn exists(client: &mut impl GenericClient) -> Result<bool, postgres::Error> {
    let row = client.query_one(
        "SELECT pg_catalog.to_regclass('pgcleave.history') IS NOT NULL",
        &[],
    )?;
    Ok(row.get(0))
}

/// Every row about a table, oldest first; none where there is no history.
///
/// # Errors
/// When the history can't be read.
pub fn entries(
    client: &mut impl GenericClient,
    table: &QualifiedName,
) -> Result<Vec<Entry>, postgres::Error> {
    if !exists(client)? {
        return Ok(Vec::new());
    }
    let utc = "to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
    let sql = Query::select()
        .columns([
            History::Step,
            History::Direction,
            History::Outcome,
            History::Checksum,
        ])
        .expr(Expr::cust(utc))
        .column(History::Detail)
        .from((Schema::Pgcleave, History::Table))
        .and_where(Expr::col(History::TableName).eq(table.to_string()))
        .order_by(History::Id, Order::Asc)
        .to_string(PostgresQueryBuilder);
    let rows = client.query(&sql, &[])?;
    Ok(rows
        .iter()
        .map(|row| Entry {
            step: row.get(0),
            direction: if row.get::<_, &str>(1) == "up" {
                Direction::Up
            } else {
                Direction::Down
            },
            outcome: if row.get::<_, &str>(2) == "started" {
                Outcome::Started
            } else {
                Outcome::Finished
            },
            checksum: row.get(3),
            at: row.get(4),
            detail: row.get(5),
        })
        .collect())
}

/// The statement that records a run; inside a step's own transaction it commits with it.
///
/// `evidence` is a state table, whose account of what was compared goes into the row.
pub fn record(
    table: &QualifiedName,
    step: &str,
    direction: Direction,
    outcome: Outcome,
    checksum: &str,
    evidence: Option<&QualifiedName>,
) -> String {
    let detail = evidence.map_or_else(
        || Expr::cust("NULL"),
        |state| Expr::cust(format!("(SELECT evidence FROM {state})")),
    );
    let values: [SimpleExpr; 7] = [
        table.to_string().into(),
        step.into(),
        direction.as_str().into(),
        outcome.as_str().into(),
        checksum.into(),
        env!("CARGO_PKG_VERSION").into(),
        detail,
    ];
    Query::insert()
        .into_table((Schema::Pgcleave, History::Table))
        .columns([
            History::TableName,
            History::Step,
            History::Direction,
            History::Outcome,
            History::Checksum,
            History::PgcleaveVersion,
            History::Detail,
        ])
        .values_panic(values)
        .to_string(PostgresQueryBuilder)
}

/// Records a verification by the verb; nothing where there is no history.
///
/// # Errors
/// When the history can't be written.
pub fn record_verification(
    client: &mut Client,
    table: &QualifiedName,
    how: &str,
) -> Result<(), postgres::Error> {
    if !exists(client)? {
        return Ok(());
    }
    client
        .execute(
            "INSERT INTO pgcleave.history (table_name, step, direction, outcome, checksum, pgcleave_version, detail)
             VALUES ($1, 'verify', 'up', 'finished', '', $2, $3)",
            &[&table.to_string(), &env!("CARGO_PKG_VERSION"), &how],
        )
        .map(drop)
}

/// Forgets a table that was rolled back to the start; the last one takes the
/// history with it, so that nothing of ours remains.
///
/// # Errors
/// When the history can't be changed.
pub fn forget(client: &mut Client, table: &QualifiedName) -> Result<(), postgres::Error> {
    let delete = Query::delete()
        .from_table((Schema::Pgcleave, History::Table))
        .and_where(Expr::col(History::TableName).eq(table.to_string()))
        .to_string(PostgresQueryBuilder);
    let mut transaction = client.transaction()?;
    transaction.batch_execute(&format!(
        "LOCK TABLE pgcleave.history IN ACCESS EXCLUSIVE MODE; {delete}"
    ))?;
    let empty = transaction.query_one("SELECT NOT EXISTS (SELECT FROM pgcleave.history)", &[])?;
    if empty.get(0) {
        transaction.batch_execute("DROP TABLE pgcleave.history; DROP SCHEMA pgcleave")?;
    }
    transaction.commit()
}
