//! What a plan is made from, and the partitions that follow from it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::bounds::{self, Range};
use super::names::{Names, derived};
use crate::model::{KeyRange, Table};
use crate::spec::TableSpec;
use crate::sql::QualifiedName;

/// What a plan is made from; `catalog.json` holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Version of this file's format.
    pub format: u32,
    /// The server's date in the pinned time zone when the facts were read.
    pub as_of: NaiveDate,
    pub key_range: KeyRange,
    pub table: Table,
}

/// Version of `catalog.json` that this program writes and reads.
pub const FACTS_FORMAT: u32 = 1;

/// The partitions that the table gets beside its default partition.
///
/// # Errors
/// When there would be too many.
pub fn partition_ranges(facts: &Facts, spec: &TableSpec) -> Result<Vec<Range>, bounds::BoundsError> {
    let first = facts.key_range.first.as_deref().and_then(bounds::parse_day);
    bounds::ranges(spec.interval, first, facts.as_of, spec.premake)
}

/// Names of all partitions, the default partition last; none where there would
/// be too many.
pub fn partition_names(facts: &Facts, spec: &TableSpec) -> Vec<QualifiedName> {
    let names = Names::of(&facts.table.name);
    let Ok(ranges) = partition_ranges(facts, spec) else {
        return Vec::new();
    };
    let mut all: Vec<QualifiedName> = ranges.iter().map(|r| partition_name(&names, spec, r)).collect();
    all.push(names.default_partition);
    all
}

/// The name of one interval's partition.
pub(super) fn partition_name(names: &Names, spec: &TableSpec, range: &Range) -> QualifiedName {
    derived(&names.source, &format!("_{}", spec.interval.suffix(range.start)))
}
