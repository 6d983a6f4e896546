//! Compares source and copy, or new and retired table, by checksums.
//!
//! One exported snapshot that several sessions read, no lock beyond ACCESS
//! SHARE. The sums don't depend on order: two independent 64-bit hashes of every
//! whole row, added up per partition. Where they differ, the keys are narrowed
//! down by hash in the same snapshot.

mod narrowing;
mod repair;
mod resume;
mod snapshot;
mod sums;
mod tasks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Serialize;

use super::failure::ApplyError;
use super::relations::Relations;
use crate::db::connect::Target;
use crate::sql::{ColumnList, Fragment, Ident, KeyColumns, Literal, QualifiedName};
use snapshot::Snapshot;
use sums::Sums;

pub use repair::repair;

/// What is compared, and how its rows are told apart.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Source, copy and what belongs to them.
    pub(crate) relations: Relations,
    /// What of a row is compared, in the table's order.
    pub(crate) columns: ColumnList,
    /// What is hashed of a row of the alias `t`: equal values of other bytes (1.0, 1.00) differ in it.
    pub(crate) hashed_row: Fragment,
    /// Its columns, with what makes them equal.
    pub(crate) primary_key: KeyColumns,
    /// Primary key and partition key.
    pub(crate) row_key: KeyColumns,
    /// The first column of the partition key.
    pub(crate) key: Ident,
    /// The position of a row's part; the row has the alias `t`.
    pub(crate) part: Fragment,
    /// Where the parts are ranges of the key: the bounds between them, one fewer than parts.
    pub(crate) bounds: Option<Vec<Literal>>,
    /// Names of the parts.
    pub(crate) parts: Vec<String>,
}

/// How it is done.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sessions that read at once; 1 or more.
    pub jobs: usize,
    /// Only these parts, by position; everything where `None`.
    pub only: Option<Vec<usize>>,
    /// Parts that an interrupted run found equal not longer ago than this are not read again.
    pub resume_within: Duration,
    /// At most so many differing keys are named.
    pub max_keys: usize,
    /// Set from outside, by Ctrl-C for instance: the verification stops at the next part.
    pub interrupted: Arc<AtomicBool>,
}

/// One part's rows on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The partition's name.
    pub partition: String,
    /// Rows of the side that leads.
    pub source_rows: u64,
    /// Rows of the side that follows.
    pub copy_rows: u64,
    /// Sums of two 64-bit hashes of every row, decimal.
    pub source_sums: [String; 2],
    /// As `source_sums`.
    pub copy_sums: [String; 2],
    /// Whether rows and sums are the same.
    pub equal: bool,
    /// When an interrupted earlier run found this part equal; `None` where this run did the reading.
    pub resumed_from: Option<String>,
}

/// A row that isn't the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Primary key and partition key, as PostgreSQL writes a row.
    pub key: String,
    /// The partition that the row is in, or would be.
    pub partition: String,
    /// Where the row is.
    pub kind: DifferenceKind,
    /// Where the row is on both sides, the columns that differ.
    pub columns: Vec<ColumnDifference>,
}

/// How a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The copy lacks the row.
    OnlyInSource,
    /// The source has no such row.
    OnlyInCopy,
    /// Both have it, with other values.
    OtherValues,
}

/// Values as PostgreSQL writes them inside a row; empty for NULL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnDifference {
    /// The column's name.
    pub column: String,
    /// On the side that leads.
    pub source: String,
    /// On the side that follows.
    pub copy: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The side that leads, `schema.table`: the source, and after the cutover the partitioned table.
    pub source: String,
    /// The side that follows.
    pub copy: String,
    /// Whether every part is equal.
    pub equal: bool,
    /// Server time of the snapshot, ISO 8601 in UTC.
    pub snapshot_at: String,
    /// Primary keys in the change log in this snapshot: left out on both sides, the catch-up brings them.
    pub keys_in_change_log: i64,
    /// Every partition, in the order of their bounds.
    pub parts: Vec<Part>,
    /// The first of them; all where `more_differences` is false.
    pub differences: Vec<Difference>,
    /// Whether there are more than are named.
    pub more_differences: bool,
}

impl Report {
    /// Positions of the parts that differ.
    pub fn differing_parts(&self) -> Vec<usize> {
        let differing = self.parts.iter().enumerate().filter(|(_, part)| !part.equal);
        differing.map(|(position, _)| position).collect()
    }

    /// Rows of the source that were compared.
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.source_rows).sum()
    }
}

/// Hears how much of the work is done, of how much; block reads, roughly.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Compares both sides in one snapshot, and records the result where the copy is in step.
///
/// # Errors
/// When the server can't be asked, the batch copy isn't complete, or Ctrl-C was pressed.
pub fn verify(
    target: &Target,
    subject: &Subject,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Report, ApplyError> {
    let mut snapshot = Snapshot::take(target, subject)?;
    let found_before = match &options.only {
        None if !snapshot.is_logging => resume::found_equal(target, subject, &snapshot, options)?,
        _ => BTreeMap::new(),
    };
    let units = tasks::plan(&mut snapshot, subject, options, &found_before)?;
    let mut recorder = resume::Recorder::new(target, subject, &snapshot, units.are_resumable);
    let sums = tasks::run(
        target,
        subject,
        &mut snapshot,
        units,
        options,
        progress,
        &mut recorder,
    )?;
    let parts = parts(subject, &sums, &found_before);
    let differing: Vec<usize> = (0..parts.len()).filter(|part| !parts[*part].equal).collect();
    let (differences, more_differences) =
        narrowing::find(&mut snapshot, subject, &differing, options.max_keys)?;
    let report = Report {
        source: snapshot.leader.plain(),
        copy: snapshot.follower.plain(),
        equal: differing.is_empty(),
        snapshot_at: snapshot.at.clone(),
        keys_in_change_log: snapshot.keys_in_change_log,
        parts,
        differences,
        more_differences,
    };
    if options.only.is_none() {
        resume::record_result(target, subject, &snapshot, &report)?;
    }
    Ok(report)
}

fn parts(subject: &Subject, sums: &[[Sums; 2]], found_before: &BTreeMap<usize, resume::Found>) -> Vec<Part> {
    let part = |position: usize| {
        let [source, copy] = &sums[position];
        let before = found_before.get(&position);
        Part {
            partition: subject.parts[position].clone(),
            source_rows: before.map_or(source.rows, |found| found.rows),
            copy_rows: before.map_or(copy.rows, |found| found.rows),
            source_sums: source.texts(),
            copy_sums: copy.texts(),
            equal: source == copy,
            resumed_from: before.map(|found| found.at.clone()),
        }
    };
    (0..subject.parts.len()).map(part).collect()
}

/// The two sides, in this order everywhere: who leads and who follows.
fn sides(snapshot: &Snapshot) -> [&QualifiedName; 2] {
    [&snapshot.leader, &snapshot.follower]
}
