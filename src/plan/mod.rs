//! Pure decisions: from what the catalog says and the user wants to a [`Plan`].

pub mod bounds;
mod candidates;
mod conversion;
mod dependents;
mod names;
mod problems;
mod step;

pub use candidates::{Candidate, candidates};
pub use conversion::{Conversion, FACTS_FORMAT, Facts, Plan, partition_names, plan_conversion};
pub use names::{Names, derived, hex};
pub use problems::{Problem, Severity, find_problems};
pub use step::{Hazard, LockMode, LockTaken, Step};
