//! What PostgreSQL says about a table, as plain data.
//!
//! Everything here is read by `catalog`, serialised into `catalog.json` and
//! used by `plan`. Lists are sorted by name (columns by position), so that the
//! same facts give the same bytes.

mod dependents;
mod interval;
mod table;

pub use dependents::*;
pub use interval::{Interval, IntervalError};
pub use table::*;
