//! Pure: from a plan to SQL text, one askama struct per template.

use askama::Template;

use crate::migration::Part;
use crate::plan::{Conversion, Lasting, Step};

macro_rules! templates {
    ($($name:ident = $path:literal;)*) => {
        $(
            #[derive(Template)]
            #[template(path = $path)]
            struct $name<'a> {
                c: &'a Conversion,
            }
        )*
    };
}

templates! {
    CreatePartitionedCopyUp = "conversion/create_partitioned_copy.up.sql";
    CreatePartitionedCopyDown = "conversion/create_partitioned_copy.down.sql";
    CreatePartitionedCopyVerify = "conversion/create_partitioned_copy.verify.sql";
    InstallSyncTriggerUp = "conversion/install_sync_trigger.up.sql";
    InstallSyncTriggerDown = "conversion/install_sync_trigger.down.sql";
    InstallSyncTriggerVerify = "conversion/install_sync_trigger.verify.sql";
    CreateBatchCopyProcedureUp = "conversion/create_batch_copy_procedure.up.sql";
    CreateBatchCopyProcedureDown = "conversion/create_batch_copy_procedure.down.sql";
    CreateBatchCopyProcedureVerify = "conversion/create_batch_copy_procedure.verify.sql";
    ScheduleCopyUp = "conversion/schedule_copy.up.sql";
    ScheduleCopyDown = "conversion/schedule_copy.down.sql";
    ScheduleCopyVerify = "conversion/schedule_copy.verify.sql";
    RunBatchCopyUp = "conversion/run_batch_copy.up.sql";
    RunBatchCopyDown = "conversion/run_batch_copy.down.sql";
    RunBatchCopyVerify = "conversion/run_batch_copy.verify.sql";
    BuildPartitionIndexesUp = "conversion/build_partition_indexes.up.sql";
    BuildPartitionIndexesDown = "conversion/build_partition_indexes.down.sql";
    BuildPartitionIndexesVerify = "conversion/build_partition_indexes.verify.sql";
    BuildIndexesUp = "conversion/build_indexes.up.sql";
    BuildIndexesDown = "conversion/build_indexes.down.sql";
    BuildIndexesVerify = "conversion/build_indexes.verify.sql";
    CreateGuardsUp = "conversion/create_guards.up.sql";
    CreateGuardsDown = "conversion/create_guards.down.sql";
    CreateGuardsVerify = "conversion/create_guards.verify.sql";
    CatchUpUp = "conversion/catch_up.up.sql";
    CatchUpDown = "conversion/catch_up.down.sql";
    CatchUpVerify = "conversion/catch_up.verify.sql";
    UnscheduleCopyUp = "conversion/unschedule_copy.up.sql";
    UnscheduleCopyDown = "conversion/unschedule_copy.down.sql";
    UnscheduleCopyVerify = "conversion/unschedule_copy.verify.sql";
    KeepInStepUp = "conversion/keep_in_step.up.sql";
    KeepInStepDown = "conversion/keep_in_step.down.sql";
    KeepInStepVerify = "conversion/keep_in_step.verify.sql";
    AddForeignKeysUp = "conversion/add_foreign_keys.up.sql";
    AddForeignKeysDown = "conversion/add_foreign_keys.down.sql";
    AddForeignKeysVerify = "conversion/add_foreign_keys.verify.sql";
    BuildMaterializedViewsUp = "conversion/build_materialized_views.up.sql";
    BuildMaterializedViewsDown = "conversion/build_materialized_views.down.sql";
    BuildMaterializedViewsVerify = "conversion/build_materialized_views.verify.sql";
    VerifyCopyUp = "conversion/verify_copy.up.sql";
    CutOverUp = "conversion/cut_over.up.sql";
    CutOverDown = "conversion/cut_over.down.sql";
    CutOverVerify = "conversion/cut_over.verify.sql";
    VerifyCutoverUp = "conversion/verify_cutover.up.sql";
    MoveIncomingForeignKeysUp = "conversion/move_incoming_foreign_keys.up.sql";
    MoveIncomingForeignKeysDown = "conversion/move_incoming_foreign_keys.down.sql";
    MoveIncomingForeignKeysVerify = "conversion/move_incoming_foreign_keys.verify.sql";
    DropRetiredTableUp = "conversion/drop_retired_table.up.sql";
}

/// The SQL of one part of a step; `None` where there is none, which the up
/// template explains.
///
/// # Errors
/// Only if a value fails to print itself, which none of ours does.
pub fn render(step: Step, part: Part, c: &Conversion) -> Result<Option<String>, askama::Error> {
    let text = match (step, part) {
        (Step::CreatePartitionedCopy, Part::Up) => CreatePartitionedCopyUp { c }.render(),
        (Step::CreatePartitionedCopy, Part::Down) => CreatePartitionedCopyDown { c }.render(),
        (Step::CreatePartitionedCopy, Part::Verify) => CreatePartitionedCopyVerify { c }.render(),
        (Step::InstallSyncTrigger, Part::Up) => InstallSyncTriggerUp { c }.render(),
        (Step::InstallSyncTrigger, Part::Down) => InstallSyncTriggerDown { c }.render(),
        (Step::InstallSyncTrigger, Part::Verify) => InstallSyncTriggerVerify { c }.render(),
        (Step::CreateBatchCopyProcedure, Part::Up) => CreateBatchCopyProcedureUp { c }.render(),
        (Step::CreateBatchCopyProcedure, Part::Down) => CreateBatchCopyProcedureDown { c }.render(),
        (Step::CreateBatchCopyProcedure, Part::Verify) => CreateBatchCopyProcedureVerify { c }.render(),
        (Step::ScheduleCopy, Part::Up) => ScheduleCopyUp { c }.render(),
        (Step::ScheduleCopy, Part::Down) => ScheduleCopyDown { c }.render(),
        (Step::ScheduleCopy, Part::Verify) => ScheduleCopyVerify { c }.render(),
        (Step::RunBatchCopy, Part::Up) => RunBatchCopyUp { c }.render(),
        (Step::RunBatchCopy, Part::Down) => RunBatchCopyDown { c }.render(),
        (Step::RunBatchCopy, Part::Verify) => RunBatchCopyVerify { c }.render(),
        (Step::BuildPartitionIndexes, Part::Up) => BuildPartitionIndexesUp { c }.render(),
        (Step::BuildPartitionIndexes, Part::Down) => BuildPartitionIndexesDown { c }.render(),
        (Step::BuildPartitionIndexes, Part::Verify) => BuildPartitionIndexesVerify { c }.render(),
        (Step::BuildIndexes, Part::Up) => BuildIndexesUp { c }.render(),
        (Step::BuildIndexes, Part::Down) => BuildIndexesDown { c }.render(),
        (Step::BuildIndexes, Part::Verify) => BuildIndexesVerify { c }.render(),
        (Step::CreateGuards, Part::Up) => CreateGuardsUp { c }.render(),
        (Step::CreateGuards, Part::Down) => CreateGuardsDown { c }.render(),
        (Step::CreateGuards, Part::Verify) => CreateGuardsVerify { c }.render(),
        (Step::CatchUp, Part::Up) => CatchUpUp { c }.render(),
        (Step::CatchUp, Part::Down) => CatchUpDown { c }.render(),
        (Step::CatchUp, Part::Verify) => CatchUpVerify { c }.render(),
        (Step::UnscheduleCopy, Part::Up) => UnscheduleCopyUp { c }.render(),
        (Step::UnscheduleCopy, Part::Down) => UnscheduleCopyDown { c }.render(),
        (Step::UnscheduleCopy, Part::Verify) => UnscheduleCopyVerify { c }.render(),
        (Step::KeepInStep, Part::Up) => KeepInStepUp { c }.render(),
        (Step::KeepInStep, Part::Down) => KeepInStepDown { c }.render(),
        (Step::KeepInStep, Part::Verify) => KeepInStepVerify { c }.render(),
        (Step::AddForeignKeys, Part::Up) => AddForeignKeysUp { c }.render(),
        (Step::AddForeignKeys, Part::Down) => AddForeignKeysDown { c }.render(),
        (Step::AddForeignKeys, Part::Verify) => AddForeignKeysVerify { c }.render(),
        (Step::BuildMaterializedViews, Part::Up) => BuildMaterializedViewsUp { c }.render(),
        (Step::BuildMaterializedViews, Part::Down) => BuildMaterializedViewsDown { c }.render(),
        (Step::BuildMaterializedViews, Part::Verify) => BuildMaterializedViewsVerify { c }.render(),
        (Step::VerifyCopy, Part::Up) => VerifyCopyUp { c }.render(),
        (Step::VerifyCopy, Part::Down | Part::Verify) => return Ok(None),
        (Step::CutOver, Part::Up) => CutOverUp { c }.render(),
        (Step::CutOver, Part::Down) => CutOverDown { c }.render(),
        (Step::CutOver, Part::Verify) => CutOverVerify { c }.render(),
        (Step::VerifyCutover, Part::Up) => VerifyCutoverUp { c }.render(),
        (Step::VerifyCutover, Part::Down | Part::Verify) => return Ok(None),
        (Step::MoveIncomingForeignKeys, Part::Up) => MoveIncomingForeignKeysUp { c }.render(),
        (Step::MoveIncomingForeignKeys, Part::Down) => MoveIncomingForeignKeysDown { c }.render(),
        (Step::MoveIncomingForeignKeys, Part::Verify) => MoveIncomingForeignKeysVerify { c }.render(),
        (Step::DropRetiredTable, Part::Up) => DropRetiredTableUp { c }.render(),
        (Step::DropRetiredTable, Part::Down | Part::Verify) => return Ok(None),
    }?;
    Ok(Some(text))
}

/// Whether a part runs in one transaction or is a single statement that commits by itself.
pub fn commits_by_itself(step: Step, part: Part) -> bool {
    match step {
        Step::RunBatchCopy | Step::BuildPartitionIndexes | Step::CatchUp | Step::AddForeignKeys => {
            part == Part::Up
        }
        Step::MoveIncomingForeignKeys => part != Part::Verify,
        Step::CreatePartitionedCopy
        | Step::InstallSyncTrigger
        | Step::CreateBatchCopyProcedure
        | Step::ScheduleCopy
        | Step::BuildIndexes
        | Step::CreateGuards
        | Step::UnscheduleCopy
        | Step::KeepInStep
        | Step::BuildMaterializedViews
        | Step::VerifyCopy
        | Step::CutOver
        | Step::VerifyCutover
        | Step::DropRetiredTable => false,
    }
}
