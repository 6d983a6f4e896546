//! Runs migration files: the bytes that were reviewed are what runs.
//!
//! Knows neither plans nor templates.

mod compare;
mod failure;
mod progress;
mod relations;
mod run;
mod stage;

pub use compare::{Comparison, compare};
pub use failure::ApplyError;
pub use progress::{Progress, Reporter};
pub use relations::Relations;
pub use run::Session;
pub use stage::{Position, Stage, read_stage};
