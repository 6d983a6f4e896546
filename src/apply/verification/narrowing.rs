//! From a part that differs to the keys that do, and to their columns.

use std::collections::BTreeMap;

use postgres::Client;

use super::snapshot::Snapshot;
use super::sums::{self, Group, Sums};
use super::{ColumnDifference, Difference, DifferenceKind, Subject, sides};
use crate::apply::failure::ApplyError;
use crate::sql::{Ident, QualifiedName};

/// Keys are spread over so many cells by their hash; a power of 2.
const CELLS: i64 = 4096;
/// So many cells are read whole at a time.
const CELLS_AT_ONCE: usize = 32;

/// The differing keys of the parts given, at most `max`, and whether there are more.
pub(super) fn find(
    snapshot: &mut Snapshot,
    subject: &Subject,
    parts: &[usize],
    max: usize,
) -> Result<(Vec<Difference>, bool), ApplyError> {
    let mut found = Vec::new();
    for part in parts {
        let cells = differing_cells(snapshot, subject, *part)?;
        for some in cells.chunks(CELLS_AT_ONCE) {
            if found.len() > max {
                break;
            }
            found.extend(differing_keys(snapshot, subject, *part, some)?);
        }
    }
    let more = found.len() > max;
    found.truncate(max);
    for difference in found.iter_mut().filter(|d| d.kind == DifferenceKind::OtherValues) {
        difference.columns = columns(snapshot, subject, &difference.key)?;
    }
    Ok((found, more))
}

/// The cell of a row, by the hash of its key's text.
fn cell(subject: &Subject) -> String {
    format!(
        "(pg_catalog.hashtextextended({}, 2) & {})",
        key_text(subject),
        CELLS - 1
    )
}

fn key_text(subject: &Subject) -> String {
    format!("ROW({})::text", subject.row_key.list().of("t").0)
}

fn condition(snapshot: &Snapshot, subject: &Subject, part: usize) -> String {
    format!("{} AND {}", sums::is_in(subject, part), snapshot.settled(subject))
}

fn differing_cells(snapshot: &mut Snapshot, subject: &Subject, part: usize) -> Result<Vec<i64>, ApplyError> {
    let condition = condition(snapshot, subject, part);
    let mut cells: BTreeMap<usize, [Sums; 2]> = BTreeMap::new();
    for (side, relation) in sides(snapshot).map(Clone::clone).iter().enumerate() {
        let read = sums::read(
            &mut snapshot.client,
            subject,
            &relation.to_string(),
            &Group::By(&cell(subject)),
            &condition,
        )?;
        for (cell, sums) in read {
            cells.entry(cell).or_default()[side] = sums;
        }
    }
    let differing = cells.into_iter().filter(|(_, [source, copy])| source != copy);
    Ok(differing
        .filter_map(|(cell, _)| i64::try_from(cell).ok())
        .collect())
}

fn differing_keys(
    snapshot: &mut Snapshot,
    subject: &Subject,
    part: usize,
    cells: &[i64],
) -> Result<Vec<Difference>, ApplyError> {
    let condition = condition(snapshot, subject, part);
    let [leader, follower] = sides(snapshot).map(Clone::clone);
    let mut source = rows(&mut snapshot.client, subject, &leader, &condition, cells)?;
    let mut copy = rows(&mut snapshot.client, subject, &follower, &condition, cells)?;
    source.retain(|key, hash| {
        let equal = copy.get(key) == Some(hash);
        if equal {
            copy.remove(key);
        }
        !equal
    });
    let difference = |key: &String, kind| Difference {
        key: key.clone(),
        partition: subject.parts[part].clone(),
        kind,
        columns: Vec::new(),
    };
    let kind = |key| match copy.contains_key(key) {
        true => DifferenceKind::OtherValues,
        false => DifferenceKind::OnlyInSource,
    };
    let mut found: Vec<Difference> = source.keys().map(|key| difference(key, kind(key))).collect();
    let ghosts = copy.keys().filter(|key| !source.contains_key(*key));
    found.extend(ghosts.map(|key| difference(key, DifferenceKind::OnlyInCopy)));
    Ok(found)
}

/// Hashes of the rows in the cells by their keys; a row that is there twice has another hash than once.
fn rows(
    client: &mut Client,
    subject: &Subject,
    relation: &QualifiedName,
    condition: &str,
    cells: &[i64],
) -> Result<BTreeMap<String, String>, ApplyError> {
    let sql = format!(
        "SELECT r.key, string_agg(r.hash, ' ' ORDER BY r.hash)
           FROM (SELECT {} AS key, pg_catalog.md5({}) AS hash FROM {relation} t WHERE {condition} AND {} = ANY ($1)) r
          GROUP BY 1",
        key_text(subject),
        subject.hashed_row,
        cell(subject)
    );
    let rows = client.query(&sql, &[&cells])?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The columns in which the two rows of a key differ.
fn columns(
    snapshot: &mut Snapshot,
    subject: &Subject,
    key: &str,
) -> Result<Vec<ColumnDifference>, ApplyError> {
    let [leader, follower] = sides(snapshot).map(Clone::clone);
    let source = values(&mut snapshot.client, subject, &leader, key)?;
    let copy = values(&mut snapshot.client, subject, &follower, key)?;
    let pairs = subject.columns.columns().iter().zip(source.iter().zip(&copy));
    let differing = pairs.filter(|(_, (source, copy))| source != copy);
    Ok(differing
        .map(|(column, (source, copy))| ColumnDifference {
            column: Ident::as_str(column).to_owned(),
            source: source.clone(),
            copy: copy.clone(),
        })
        .collect())
}

/// A row's values, each as it stands inside a row's text.
fn values(
    client: &mut Client,
    subject: &Subject,
    relation: &QualifiedName,
    key: &str,
) -> Result<Vec<String>, ApplyError> {
    let columns = subject.columns.columns().iter();
    let texts: Vec<String> = columns.map(|column| format!("ROW(t.{column})::text")).collect();
    let sql = format!(
        "SELECT ARRAY[{}] FROM {relation} t, (SELECT ($1::text::{}).*) k WHERE {}",
        texts.join(", "),
        subject.relations.log,
        subject.row_key.equal("t", "k").0
    );
    let row = client.query_opt(&sql, &[&key])?;
    let values: Vec<String> = row.map(|row| row.get(0)).unwrap_or_default();
    let inside = |text: String| text[1..text.len() - 1].to_owned();
    Ok(values.into_iter().map(inside).collect())
}
