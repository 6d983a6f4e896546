//! Runs migration files: the bytes that were reviewed are what runs.
//!
//! Knows neither plans nor templates.

mod cron_job;
mod failure;
mod load;
mod progress;
mod relations;
mod run;
mod stage;
pub mod verification;
mod watch;

pub use cron_job::{CronJob, CronRun, CronSchedule, read_cron_job};
pub use failure::ApplyError;
pub use load::{Limit, Load, LoadNow, pause, read_load, resume, write_load};
pub use progress::{Progress, Reporter};
pub use relations::Relations;
pub use run::{Record, RunOptions, Session};
pub use stage::{Position, Stage, read_stage};
