//! Pure decisions: from what the catalog says and the user wants to a [`Plan`].

mod application;
pub(crate) mod bounds;
mod broken_rules;
mod candidates;
mod carried_dependents;
mod carried_indexes;
mod checks;
mod comments;
mod conversion;
mod dependents;
mod exclusions;
mod facts;
mod foreign_keys_out;
mod guards;
mod incoming;
mod incoming_choices;
mod incoming_extension;
mod incoming_triggers;
mod key_problems;
mod lock_time;
mod materialized_views;
mod names;
mod partitioning;
mod problem;
mod problems;
mod publications;
mod routines;
mod step;
mod unique_keys;

pub use broken_rules::BrokenRules;
pub use candidates::{Candidate, candidates};
pub use carried_indexes::retired_index_name;
pub use conversion::{Plan, plan_conversion};
pub use facts::{FACTS_FORMAT, Facts, partition_names};
pub use lock_time::LockTime;
pub use problem::{Problem, Severity};
pub use problems::find_problems;
pub use step::{Hazard, LockMode, LockTaken, Step};

pub(crate) use conversion::Conversion;
pub(crate) use guards::guard_names;
pub(crate) use incoming::{Lasting, lasting_functions, undecided_foreign_keys};
pub(crate) use materialized_views::successors;
pub(crate) use names::Names;
pub(crate) use unique_keys::undecided_unique_keys;
