//! Compares the table with what the writers know that they committed.

use std::sync::{Arc, Mutex};

use postgres::{Client, GenericClient, Transaction};

use super::DemoError;
use super::ledger::write_ledger;
use super::sample::{Origin, Subject};
use super::writers::Book;
use crate::sql::{Ident, QualifiedName};

/// How many differing rows are named.
const EXAMPLES: i64 = 5;

/// The table's content at one moment with the writers held.
#[derive(Debug, Clone, Default)]
pub struct Check {
    /// After what: `the cutover` …
    pub after: &'static str,
    pub rows: i64,
    /// Committed, and not there.
    pub lost: i64,
    /// There with another content.
    pub stale: i64,
    /// There, and deleted or never committed, or there twice.
    pub ghost: i64,
    /// EXCEPT ALL against the retired table or the copy, both ways.
    pub only_here: i64,
    pub only_there: i64,
    /// What else doesn't work any more.
    pub broken: Vec<&'static str>,
    /// Primary keys of rows that are lost, stale or ghost.
    pub examples: Vec<String>,
}

impl Check {
    /// Each fault in a sentence.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if self.lost + self.stale + self.ghost > 0 {
            failures.push(format!(
                "after {}: {} rows lost, {} stale, {} ghost, such as {}",
                self.after,
                self.lost,
                self.stale,
                self.ghost,
                self.examples.join(", ")
            ));
        }
        if self.only_here + self.only_there > 0 {
            let (here, there) = (self.only_here, self.only_there);
            failures.push(format!(
                "after {}: {here} rows only in the table, {there} only in the other",
                self.after
            ));
        }
        failures.extend(
            self.broken
                .iter()
                .map(|what| format!("after {}: {what}", self.after)),
        );
        failures
    }
}

/// The table that has to hold the same rows.
#[derive(Debug, Clone, Copy)]
pub enum Other {
    Copy,
    Retired,
}

impl Other {
    fn suffix(self) -> &'static str {
        match self {
            Self::Copy => "_pgcleave_copy",
            Self::Retired => "_pgcleave_retired",
        }
    }
}

/// Remembers the content before the first writer.
pub fn take_baseline(client: &mut Client, subject: &Subject) -> Result<i64, DemoError> {
    client.batch_execute(&format!(
        "CREATE SCHEMA demo;
         CREATE UNLOGGED TABLE demo.baseline AS SELECT {} AS id, {}::uuid AS digest FROM {};",
        subject.identity(),
        subject.digest(),
        subject.table
    ))?;
    if subject.origin == Origin::Sample {
        client.batch_execute("CREATE TABLE demo.notes AS SELECT id, event_id FROM public.event_notes")?;
    }
    client.batch_execute("ANALYZE demo.baseline")?;
    Ok(client
        .query_one("SELECT count(*) FROM demo.baseline", &[])?
        .get(0))
}

/// Compares; nobody may write meanwhile.
pub fn compare(
    client: &mut Client,
    subject: &Subject,
    books: &[Arc<Mutex<Book>>],
    after: &'static str,
    other: Other,
) -> Result<Check, DemoError> {
    let mut check = Check {
        after,
        ..Check::default()
    };
    let mut transaction = client.transaction()?;
    write_ledger(&mut transaction, books)?;
    compare_ledger(&mut transaction, subject, &mut check)?;
    compare_tables(&mut transaction, subject, other, &mut check)?;
    if subject.origin == Origin::Sample {
        compare_dependents(&mut transaction, &mut check)?;
        if let Err(error) = try_fresh_insert(&mut transaction, &mut check) {
            // The transaction is over then, and was to be rolled back anyway.
            error
                .as_db_error()
                .ok_or(())
                .map(|_| check.broken.push("a fresh INSERT fails"))
                .map_err(|()| DemoError::from(error))?;
        }
    }
    transaction.rollback()?;
    Ok(check)
}

/// Expected rows are the baseline's, with the writers' own put over them.
fn compare_ledger(t: &mut Transaction<'_>, subject: &Subject, check: &mut Check) -> Result<(), DemoError> {
    t.batch_execute(&format!(
        "CREATE TEMP TABLE expected ON COMMIT DROP AS
            SELECT id, digest FROM demo.baseline AS b WHERE NOT EXISTS (SELECT FROM ledger WHERE ledger.id = b.id)
            UNION ALL SELECT id, digest FROM ledger WHERE digest IS NOT NULL;
         ANALYZE expected;
         CREATE TEMP TABLE found ON COMMIT DROP AS SELECT {} AS id, {}::uuid AS digest FROM {};
         ANALYZE found;
         CREATE TEMP TABLE faults ON COMMIT DROP AS
            SELECT id, e.id IS NULL AS ghost, f.id IS NULL AS lost
            FROM expected AS e FULL JOIN found AS f USING (id)
            WHERE e.digest IS DISTINCT FROM f.digest;",
        subject.identity(),
        subject.digest(),
        subject.table
    ))?;
    let row = t.query_one(
        "SELECT count(*) FILTER (WHERE lost), count(*) FILTER (WHERE ghost), count(*) FILTER (WHERE NOT lost AND NOT ghost),
            (SELECT count(*) FROM found), (SELECT count(*) FROM expected) FROM faults",
        &[],
    )?;
    (check.lost, check.ghost, check.stale, check.rows) = (row.get(0), row.get(1), row.get(2), row.get(3));
    // A row that is there twice, each time right, shows in the count alone.
    let expected: i64 = row.get(4);
    check.ghost += (check.rows - check.ghost - (expected - check.lost)).max(0);
    let rows = t.query("SELECT id FROM faults ORDER BY id LIMIT $1", &[&EXAMPLES])?;
    check.examples = rows.iter().map(|row| row.get(0)).collect();
    Ok(())
}

/// EXCEPT ALL both ways, in one pass.
fn compare_tables(
    t: &mut Transaction<'_>,
    subject: &Subject,
    other: Other,
    check: &mut Check,
) -> Result<(), DemoError> {
    let Some(other) = find_other(t, subject, other)? else {
        check.broken.push("the other table is missing");
        return Ok(());
    };
    let row = t.query_one(
        &format!(
            "SELECT coalesce(sum(greatest(n, 0)), 0)::bigint, coalesce(sum(greatest(-n, 0)), 0)::bigint FROM (
                SELECT sum(side) AS n FROM (
                    SELECT digest, 1 AS side FROM found
                    UNION ALL SELECT {}::uuid, -1 FROM {other}) AS both_sides
                GROUP BY digest HAVING sum(side) <> 0) AS differences",
            subject.digest(),
        ),
        &[],
    )?;
    (check.only_here, check.only_there) = (row.get(0), row.get(1));
    Ok(())
}

/// Its name may be cut to fit; there is one only in this database.
fn find_other(
    t: &mut impl GenericClient,
    subject: &Subject,
    other: Other,
) -> Result<Option<QualifiedName>, DemoError> {
    let row = t.query_opt(
        "SELECT c.relname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v') AND right(c.relname, length($2)) = $2 LIMIT 1",
        &[&subject.table.schema.as_str(), &other.suffix()],
    )?;
    Ok(row
        .map(|row| Ident::new(row.get::<_, String>(0)))
        .transpose()?
        .map(|name| subject.table.sibling(name)))
}

/// The sample's foreign key in, and its view.
fn compare_dependents(t: &mut Transaction<'_>, check: &mut Check) -> Result<(), DemoError> {
    let row = t.query_one(
        "WITH expected AS (
            SELECT id, event_id FROM demo.notes WHERE event_id NOT IN (SELECT event_id FROM ledger_cleared)
            UNION ALL SELECT id, event_id FROM ledger_notes)
         SELECT NOT EXISTS (SELECT FROM expected FULL JOIN public.event_notes AS n USING (id, event_id)
                            WHERE n.id IS NULL OR expected.id IS NULL),
                NOT EXISTS (SELECT FROM public.event_notes AS n
                            WHERE NOT EXISTS (SELECT FROM public.events AS e WHERE e.id = n.event_id)),
                (SELECT count(*) FROM public.order_events)
                    = (SELECT count(*) FROM public.events WHERE kind = 'order')",
        &[],
    )?;
    let told = [
        "event_notes doesn't hold what was committed",
        "rows of event_notes have lost their event",
        "the view doesn't show the table's rows",
    ];
    let broken = told
        .into_iter()
        .enumerate()
        .filter(|(at, _)| !row.get::<_, bool>(*at));
    check.broken.extend(broken.map(|(_, what)| what));
    Ok(())
}

/// The sequence is ahead of the rows, and the user's trigger fires.
fn try_fresh_insert(t: &mut Transaction<'_>, check: &mut Check) -> Result<(), postgres::Error> {
    let inserted = t.query_one(
        "INSERT INTO public.events (account_id, external_id, kind) VALUES (1, md5('fresh')::uuid, 'view') RETURNING id",
        &[],
    )?;
    let id: i64 = inserted.get(0);
    let row = t.query_one(
        "SELECT count(*) = 1, coalesce(max(id) = $1, false) FROM public.events WHERE id >= $1",
        &[&id],
    )?;
    if !(row.get::<_, bool>(0) && row.get::<_, bool>(1)) {
        check
            .broken
            .push("the sequence gives a value that the table is past");
    }
    let touched = t.query_one(
        "UPDATE public.events SET amount = 1 WHERE id = $1 RETURNING coalesce(updated_at >= created_at, false)",
        &[&id],
    )?;
    if !touched.get::<_, bool>(0) {
        check.broken.push("the user's trigger doesn't fire");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_every_fault_of_a_check() {
        assert!(
            Check {
                rows: 5,
                ..Check::default()
            }
            .failures()
            .is_empty()
        );
        let check = Check {
            after: "the cutover",
            lost: 1,
            only_there: 2,
            broken: vec!["a fresh INSERT fails"],
            examples: vec!["(7)".to_owned()],
            ..Check::default()
        };
        assert_eq!(
            check.failures(),
            [
                "after the cutover: 1 rows lost, 0 stale, 0 ghost, such as (7)",
                "after the cutover: 0 rows only in the table, 2 only in the other",
                "after the cutover: a fresh INSERT fails",
            ]
        );
    }
}
