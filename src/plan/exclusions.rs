//! What exclusion constraints mean for a conversion.

use super::problem::Problem;
use crate::model::{Exclusion, Table};

/// Whether the primary key is one WITHOUT OVERLAPS, which stands among the exclusion constraints.
pub(super) fn primary_key_without_overlaps(table: &Table) -> bool {
    table.exclusions.iter().any(|e| e.primary_key)
}

pub(super) fn about_exclusions(table: &Table, keys: &[&str], problems: &mut Vec<Problem>) {
    problems.extend(table.exclusions.iter().filter_map(|e| blocker(e, table, keys)));
}

fn blocker(exclusion: &Exclusion, table: &Table, keys: &[&str]) -> Option<Problem> {
    let name = exclusion.name.as_str();
    if exclusion.primary_key {
        return Some(Problem::blocker(
            format!(
                "the primary key {name} is WITHOUT OVERLAPS: it is an exclusion constraint, which no ON CONFLICT DO UPDATE can use"
            ),
            "give the table a primary key of whole values first, and keep this one as a UNIQUE … WITHOUT OVERLAPS",
        ));
    }
    if table.server_version < 170_000 {
        return Some(Problem::blocker(
            format!(
                "the exclusion constraint {name} can't be carried: partitioned tables have them from PostgreSQL 17 on, and this is {}",
                table.server_version / 10_000
            ),
            "upgrade the server first, or drop the constraint if the application can do without",
        ));
    }
    let holds = |key: &str| {
        exclusion.elements.iter().any(|e| {
            let of_key = e.column.as_ref().is_some_and(|c| c.as_str() == key);
            of_key && e.operator.symbol == "="
        })
    };
    if let Some(key) = keys.iter().find(|key| !holds(key)) {
        return Some(Problem::blocker(
            format!(
                "the exclusion constraint {name} doesn't hold the partition key {key:?} with equality: rows of different partitions can't exclude each other"
            ),
            format!(
                "choose a key that it holds with =, add \"{key} WITH =\" to it if that keeps its meaning, or drop it if the application can do without"
            ),
        ));
    }
    exclusion.deferrable.then(|| {
        Problem::blocker(
            format!("the exclusion constraint {name} is deferrable: rows that exchange values would fail on the copy"),
            "make it not deferrable first",
        )
    })
}
