//! Pure decisions: from what the catalog says and the user wants to a [`Plan`].

mod application;
pub mod bounds;
mod candidates;
mod carried_dependents;
mod carried_indexes;
mod checks;
mod conversion;
mod dependents;
mod exclusions;
mod facts;
mod guards;
mod incoming;
mod key_problems;
mod materialized_views;
mod names;
mod partitioning;
mod problem;
mod problems;
mod publications;
mod routines;
mod step;
mod unique_keys;

pub use candidates::{Candidate, candidates};
pub use conversion::{Conversion, Plan, plan_conversion};
pub use facts::{FACTS_FORMAT, Facts, partition_names};
pub use guards::{PlannedGuard, guard_names};
pub use incoming::{PlannedIncoming, undecided_foreign_keys};
pub use materialized_views::successors;
pub use names::{Names, derived};
pub use partitioning::{Partitioning, PartitioningError, Parts, PlannedPartition, has_default, partitioning};
pub use problem::{Problem, Severity};
pub use problems::find_problems;
pub use step::{Hazard, LockMode, LockTaken, Step};
pub use unique_keys::undecided_unique_keys;
