//! What a verification leaves in the state table: parts found equal, for a run that
//! goes on after an interruption, and the result of the whole.

use std::collections::BTreeMap;

use postgres::Client;

use super::snapshot::Snapshot;
use super::sums::Sums;
use super::{Options, Report, Subject};
use crate::apply::failure::ApplyError;
use crate::db::connect::Target;
use crate::db::history;

/// A part that an interrupted run found equal. The sides are in step, so that it still is.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub rows: u64,
    pub at: String,
}

/// Parts that need not be read again.
pub(super) fn found_equal(
    target: &Target,
    subject: &Subject,
    snapshot: &Snapshot,
    options: &Options,
) -> Result<BTreeMap<usize, Found>, ApplyError> {
    let mut client = target.open()?;
    let sql = format!(
        "SELECT p.key, (p.value->>'rows')::bigint, p.value->>'at'
           FROM {} s, pg_catalog.jsonb_each(s.verified_parts) p
          WHERE p.value->>'mark' = $1
            AND (p.value->>'at')::timestamptz > clock_timestamp() - $2 * interval '1 second'",
        subject.relations.state
    );
    let seconds = options.resume_within.as_secs_f64();
    let rows = client.query(&sql, &[&mark(snapshot), &seconds])?;
    let position = |name: &str| subject.parts.iter().position(|part| part == name);
    Ok(rows
        .iter()
        .filter_map(|row| {
            let found = Found {
                rows: row.get::<_, i64>(1).unsigned_abs(),
                at: row.get(2),
            };
            Some((position(row.get(0))?, found))
        })
        .collect())
}

/// Before and after the cutover, and since another switch, are different verifications.
fn mark(snapshot: &Snapshot) -> String {
    let phase = if snapshot.is_cut_over {
        "cut over"
    } else {
        "in step"
    };
    let switch = snapshot.switch_xid.as_deref().unwrap_or_default();
    format!("{phase} since {switch}, {}", snapshot.mark)
}

/// Writes down each part that was found equal.
pub(super) struct Recorder<'a> {
    /// `None` where nothing is to be written down.
    client: Option<Client>,
    subject: &'a Subject,
    mark: String,
    at: String,
}

impl<'a> Recorder<'a> {
    /// A role that may not write the state table verifies all the same, but can't go on after an interruption.
    pub fn new(target: &Target, subject: &'a Subject, snapshot: &Snapshot, is_resumable: bool) -> Self {
        Self {
            client: is_resumable.then(|| target.open().ok()).flatten(),
            subject,
            mark: mark(snapshot),
            at: snapshot.at.clone(),
        }
    }

    pub fn part_is_read(&mut self, part: usize, [source, copy]: &[Sums; 2]) {
        let Some(client) = self.client.as_mut().filter(|_| source == copy) else {
            return;
        };
        let sql = format!(
            "UPDATE {} SET verified_parts = verified_parts || pg_catalog.jsonb_build_object($1::text,
                 pg_catalog.jsonb_build_object('rows', $2::bigint, 'at', $3::text, 'mark', $4::text))",
            self.subject.relations.state
        );
        let rows = i64::try_from(source.rows).unwrap_or(i64::MAX);
        let name = &self.subject.parts[part];
        if client
            .execute(&sql, &[name, &rows, &self.at, &self.mark])
            .is_err()
        {
            self.client = None;
        }
    }
}

/// Remembers a verification without a difference where it counts: in step, or after the cutover.
pub(super) fn record_result(
    target: &Target,
    subject: &Subject,
    snapshot: &Snapshot,
    report: &Report,
) -> Result<(), ApplyError> {
    let Some(switch_xid) = &snapshot.switch_xid else {
        return Ok(());
    };
    let mut client = target.open()?;
    let state = &subject.relations.state;
    if !report.equal {
        // What was said before no longer counts.
        let sql = format!(
            "UPDATE {state} SET verified_at = NULL, cutover_verified_at = NULL, verified_parts = '{{}}',
                    evidence = 'a verification found differences'"
        );
        return Ok(client.batch_execute(&sql)?);
    }
    // The earliest of the snapshots that it rests on.
    let resumed = report.parts.iter().filter_map(|part| part.resumed_from.as_ref());
    let at = resumed.chain([&snapshot.at]).min().cloned().unwrap_or_default();
    let how = format!(
        "{} and {}: {} rows on both sides, two 64-bit checksums per partition, by pgcleave verify",
        report.source,
        report.copy,
        report.rows()
    );
    let set = if snapshot.is_cut_over {
        "cutover_verified_at = $1::text::timestamptz"
    } else {
        "verified_at = $1::text::timestamptz, verified_mark = $4::text"
    };
    let sql = format!(
        "UPDATE {state} SET {set}, verified_parts = '{{}}', evidence = $2
          WHERE switch_xid::text = $3 AND $4::text IS NOT NULL AND pg_catalog.to_regclass($5) IS NULL = $6"
    );
    let counted = client.execute(
        &sql,
        &[
            &at,
            &how,
            switch_xid,
            &snapshot.mark,
            &subject.relations.retired.to_string(),
            &!snapshot.is_cut_over,
        ],
    )?;
    if counted > 0 {
        history::record_verification(&mut client, &subject.relations.source, &how)?;
    }
    Ok(())
}
