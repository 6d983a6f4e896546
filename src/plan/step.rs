//! The steps of a conversion, with what each costs and risks.

use std::fmt;

use serde::Serialize;

/// A step of the conversion; its stem names the template, the migration file,
/// the snapshot and the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The partitioned copy with its partitions, empty.
    CreatePartitionedCopy,
    /// The change log, and the trigger on the source that writes to it.
    InstallSyncTrigger,
    /// The procedures and functions that copy, catch up and compare.
    CreateBatchCopyProcedure,
    /// pg_cron's job, which copies the rows, and catches up once the indexes are there.
    ScheduleCopy,
    /// The rows, in batches of blocks.
    RunBatchCopy,
    /// The indexes of each partition, by as many sessions as copied.
    BuildPartitionIndexes,
    /// Keys, indexes, statistics and triggers on the copy.
    BuildIndexes,
    /// Narrow tables that keep keys unique over all partitions.
    CreateGuards,
    /// What was written meanwhile, by the change log.
    CatchUp,
    /// The end of that job, once it has caught up.
    UnscheduleCopy,
    /// The switch: from here on each write reaches the copy at once.
    KeepInStep,
    /// The table's own foreign keys, on the copy.
    AddForeignKeys,
    /// Successors of the materialized views, which read the copy.
    BuildMaterializedViews,
    /// Source against copy, by checksums.
    VerifyCopy,
    /// The copy takes the table's name, and the reverse sync begins.
    CutOver,
    /// The partitioned table against the retired one, by checksums.
    VerifyCutover,
    /// Foreign keys that point at the retired table, to where they stay.
    MoveIncomingForeignKeys,
    /// The end of the reverse sync and of the way back.
    DropRetiredTable,
}

/// Table-level lock modes, as the manual names them (Explicit Locking).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum LockMode {
    /// Conflicts with ACCESS EXCLUSIVE only: reading takes it.
    AccessShare,
    /// Writers wait, readers don't.
    ShareRowExclusive,
    /// Everybody waits.
    AccessExclusive,
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        })
    }
}

/// A lock that applications can feel, on which relation and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockTaken {
    /// The table-level lock mode.
    pub mode: LockMode,
    /// On which relations, in words.
    pub on: &'static str,
    /// For how long, in words.
    pub held: &'static str,
}

/// What a step risks, shown to the user and allowed by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hazard {
    /// Every later writer pays for the trigger.
    SlowsWriters,
    /// Everybody waits for a moment.
    ShortExclusiveLock,
    /// There is no way back.
    Irreversible,
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SlowsWriters => "slows_writers",
            Self::ShortExclusiveLock => "short_exclusive_lock",
            Self::Irreversible => "irreversible",
        })
    }
}

impl Step {
    /// In the order in which they run.
    pub const ALL: [Self; 18] = [
        Self::CreatePartitionedCopy,
        Self::InstallSyncTrigger,
        Self::CreateBatchCopyProcedure,
        Self::ScheduleCopy,
        Self::RunBatchCopy,
        Self::BuildPartitionIndexes,
        Self::BuildIndexes,
        Self::CreateGuards,
        Self::CatchUp,
        Self::UnscheduleCopy,
        Self::KeepInStep,
        Self::AddForeignKeys,
        Self::BuildMaterializedViews,
        Self::VerifyCopy,
        Self::CutOver,
        Self::VerifyCutover,
        Self::MoveIncomingForeignKeys,
        Self::DropRetiredTable,
    ];

    /// The name that stands in file names.
    pub fn stem(self) -> &'static str {
        match self {
            Self::CreatePartitionedCopy => "create_partitioned_copy",
            Self::InstallSyncTrigger => "install_sync_trigger",
            Self::CreateBatchCopyProcedure => "create_batch_copy_procedure",
            Self::ScheduleCopy => "schedule_copy",
            Self::RunBatchCopy => "run_batch_copy",
            Self::BuildPartitionIndexes => "build_partition_indexes",
            Self::BuildIndexes => "build_indexes",
            Self::CreateGuards => "create_guards",
            Self::CatchUp => "catch_up",
            Self::UnscheduleCopy => "unschedule_copy",
            Self::KeepInStep => "keep_in_step",
            Self::AddForeignKeys => "add_foreign_keys",
            Self::BuildMaterializedViews => "build_materialized_views",
            Self::VerifyCopy => "verify_copy",
            Self::CutOver => "cut_over",
            Self::VerifyCutover => "verify_cutover",
            Self::MoveIncomingForeignKeys => "move_incoming_foreign_keys",
            Self::DropRetiredTable => "drop_retired_table",
        }
    }

    /// The step of a stem.
    pub fn from_stem(stem: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.stem() == stem)
    }

    /// What the step does, in a sentence for the file's header and the prompt.
    pub fn title(self) -> &'static str {
        match self {
            Self::CreatePartitionedCopy => "Create the empty partitioned copy",
            Self::InstallSyncTrigger => "Log the keys that writers touch from now on",
            Self::CreateBatchCopyProcedure => "Create the procedures that copy and catch up",
            Self::ScheduleCopy => "Have pg_cron copy the rows, and catch up once the indexes are there",
            Self::RunBatchCopy => "Copy the rows in batches of blocks",
            Self::BuildPartitionIndexes => "Build the indexes of each partition",
            Self::BuildIndexes => {
                "Put the partitions' indexes together into the copy's, and create its triggers"
            }
            Self::CreateGuards => "Create what keeps keys unique over all partitions",
            Self::CatchUp => "Bring what was written meanwhile into the copy",
            Self::UnscheduleCopy => "Remove pg_cron's job, which has copied and caught up",
            Self::KeepInStep => "Switch from logging to keeping the copy in step",
            Self::AddForeignKeys => "Add the foreign keys to the copy",
            Self::BuildMaterializedViews => "Build the materialized views anew on the copy",
            Self::VerifyCopy => "Verify the copy against the source",
            Self::CutOver => "Cut over: the copy takes the table's name",
            Self::VerifyCutover => "Verify the partitioned table against the retired one",
            Self::MoveIncomingForeignKeys => {
                "Give the foreign keys that point at the retired table their lasting form"
            }
            Self::DropRetiredTable => "Drop the retired table and end the reverse sync",
        }
    }

    /// The strongest lock that others can feel; `None` where only our own new
    /// relations are locked.
    pub fn lock(self) -> Option<LockTaken> {
        let lock = |mode, on, held| Some(LockTaken { mode, on, held });
        match self {
            Self::CreatePartitionedCopy => lock(
                LockMode::AccessShare,
                "the source table",
                "a moment; blocks nobody who reads or writes",
            ),
            Self::CreateBatchCopyProcedure => None,
            Self::InstallSyncTrigger => lock(
                LockMode::ShareRowExclusive,
                "the source table",
                "milliseconds, after waiting up to 1 s a try; writers wait, readers don't",
            ),
            Self::RunBatchCopy | Self::CatchUp => lock(
                LockMode::AccessShare,
                "the source table",
                "one batch at a time; blocks nobody who reads or writes",
            ),
            Self::ScheduleCopy => lock(
                LockMode::AccessShare,
                "the source table",
                "by pg_cron's job, one batch at a time; blocks nobody who reads or writes",
            ),
            Self::UnscheduleCopy => None,
            Self::BuildPartitionIndexes
            | Self::BuildIndexes
            | Self::CreateGuards
            | Self::BuildMaterializedViews => None,
            Self::MoveIncomingForeignKeys => lock(
                LockMode::AccessExclusive,
                "each table that refers to it, with the retired and the partitioned table",
                "milliseconds each, after waiting up to 1 s a try; validation takes a weaker lock",
            ),
            Self::KeepInStep => lock(
                LockMode::ShareRowExclusive,
                "the source table",
                "while at most 20,000 logged changes are drained and, where that fits pgcleave.switch_budget (50 ms), rows are counted; writers wait, readers don't",
            ),
            Self::AddForeignKeys => lock(
                LockMode::ShareRowExclusive,
                "each referenced table and the copy",
                "milliseconds a statement, after waiting up to 1 s a try; validation takes a weaker lock",
            ),
            Self::VerifyCopy | Self::VerifyCutover => lock(
                LockMode::AccessShare,
                "both tables",
                "while they are read; blocks nobody who reads or writes",
            ),
            Self::CutOver => lock(
                LockMode::AccessExclusive,
                "the source table and the views that read it",
                "after waiting up to 1 s a try; everybody waits",
            ),
            Self::DropRetiredTable => lock(
                LockMode::AccessExclusive,
                "the partitioned table and the retired table",
                "milliseconds, after waiting up to 1 s a try; everybody waits",
            ),
        }
    }

    /// How long the step runs, in terms of what it depends on.
    pub fn duration(self) -> &'static str {
        match self {
            Self::CreatePartitionedCopy => "milliseconds a partition",
            Self::InstallSyncTrigger | Self::CreateBatchCopyProcedure => "milliseconds",
            Self::RunBatchCopy => {
                "reads the whole table once and writes it once; the server's disk, which can't be seen from SQL, must have room for it"
            }
            Self::ScheduleCopy => {
                "milliseconds; from the next minute on pg_cron reads the whole table once and writes it once; the server's disk, which can't be seen from SQL, must have room for it"
            }
            Self::UnscheduleCopy => "milliseconds",
            Self::CreateGuards => "reads the copy and sorts its keys, once per guard",
            Self::MoveIncomingForeignKeys => {
                "milliseconds a foreign key under the lock, then reads the table that refers to it once"
            }
            Self::BuildPartitionIndexes => {
                "sorts the whole copy once per index; needs room for them on the server's disk"
            }
            Self::BuildIndexes => {
                "milliseconds a partition; where a partition lacks an index (without build_partition_indexes, or an exclusion constraint), it is built here"
            }
            Self::CatchUp => "in proportion to what was written since the sync trigger",
            Self::KeepInStep => "milliseconds to seconds",
            Self::AddForeignKeys => "reads the copy once per foreign key",
            Self::BuildMaterializedViews => "as long as a REFRESH of each of them",
            Self::VerifyCopy | Self::VerifyCutover => "reads both tables once",
            Self::CutOver => {
                "counts both tables where that fits pgcleave.count_budget (60 s), then milliseconds under the lock"
            }
            Self::DropRetiredTable => "milliseconds",
        }
    }

    /// What it risks.
    pub fn hazards(self) -> &'static [Hazard] {
        match self {
            Self::CreatePartitionedCopy
            | Self::CreateBatchCopyProcedure
            | Self::ScheduleCopy
            | Self::RunBatchCopy
            | Self::BuildPartitionIndexes
            | Self::BuildIndexes
            | Self::CreateGuards
            | Self::CatchUp
            | Self::UnscheduleCopy
            | Self::AddForeignKeys
            | Self::BuildMaterializedViews
            | Self::VerifyCopy
            | Self::VerifyCutover => &[],
            Self::InstallSyncTrigger => &[Hazard::SlowsWriters],
            Self::KeepInStep => &[Hazard::SlowsWriters],
            Self::CutOver | Self::MoveIncomingForeignKeys => &[Hazard::ShortExclusiveLock],
            Self::DropRetiredTable => &[Hazard::ShortExclusiveLock, Hazard::Irreversible],
        }
    }

    /// How it is undone.
    pub fn undo(self) -> &'static str {
        match self {
            Self::CreatePartitionedCopy => "the down file drops the copy",
            Self::InstallSyncTrigger => "the down file drops the triggers and the change log",
            Self::CreateBatchCopyProcedure => "the down file drops the procedures",
            Self::ScheduleCopy => "the down file removes the job and empties the copy",
            Self::RunBatchCopy => "the down file empties the copy",
            Self::BuildPartitionIndexes => "the down file drops them",
            Self::BuildIndexes => "the down file drops them, and the partitions' with them",
            Self::CreateGuards => "the down file drops them",
            Self::MoveIncomingForeignKeys => "the down file points them at the retired table again",
            Self::CatchUp => "the down file asks for a new catch-up before the next switch",
            Self::UnscheduleCopy => "the down file schedules the job again",
            Self::VerifyCopy | Self::VerifyCutover => "there is nothing to undo",
            Self::KeepInStep => "the down file goes back to logging keys",
            Self::AddForeignKeys => "the down file drops them from the copy",
            Self::BuildMaterializedViews => "the down file drops the new ones",
            Self::CutOver => "the down file gives the source table its name back with every write made since",
            Self::DropRetiredTable => {
                "cannot be undone: afterwards there is no way back to the unpartitioned table"
            }
        }
    }
}
