//! What a plan is made from, and the partitions that follow from it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::partitioning::partitioning;
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
    /// What the partition key holds.
    pub key_range: KeyRange,
    /// Of the key by which partitions are partitioned again.
    #[serde(default, skip_serializing_if = "KeyRange::is_unread")]
    pub sub_key_range: KeyRange,
    /// The table with all that hangs on it.
    pub table: Table,
}

/// Version of `catalog.json` that this program writes and reads.
pub const FACTS_FORMAT: u32 = 1;

/// Names of all partitions; none where there would be too many.
pub fn partition_names(facts: &Facts, spec: &TableSpec) -> Vec<QualifiedName> {
    partitioning(facts, spec).map_or_else(
        |_| Vec::new(),
        |planned| planned.partitions.into_iter().map(|p| p.name).collect(),
    )
}
