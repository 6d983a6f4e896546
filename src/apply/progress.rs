//! What a long step tells while it runs.

use serde::Serialize;

/// How far the batch copy or the catch-up is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Progress {
    /// Blocks of the source read by the batch copy.
    pub blocks_done: i64,
    /// Blocks of the source when the batch copy began; 0 before that.
    pub blocks_total: i64,
    /// Rows written by the batch copy, those since changed or deleted included.
    pub rows_copied: i64,
    /// Indexes of partitions that are built.
    pub indexes_built: i64,
    /// Indexes that all partitions together shall have; 0 before the first is built.
    pub indexes_total: i64,
    /// Changes that wait in the change log, counted up to [`Progress::BACKLOG_LIMIT`].
    pub backlog: i64,
    /// Why the batch copy or the catch-up waits at the moment; `None` while it works.
    pub waiting_for: Option<String>,
}

impl Progress {
    /// The backlog isn't counted further than this.
    pub const BACKLOG_LIMIT: i64 = 1_000_000;
}

/// Where a run tells what happens; `cli` shows it.
pub trait Reporter: Send {
    /// A step begins.
    fn begin(&mut self, title: &str, is_long: bool);
    /// A long step goes on.
    fn progress(&mut self, progress: Progress);
    /// Something that the user should know, now.
    fn notice(&mut self, text: &str);
    /// The step has ended, well or not.
    fn end(&mut self);
}
