//! Where a conversion stands, by what the catalog shows.

use postgres::GenericClient;
use serde::Serialize;

use super::progress::Progress;
use super::relations::Relations;

/// With more changes in the change log the job isn't removed: the switch drains what is left with writers blocked.
const MAX_BACKLOG: i64 = 20_000;

/// How far a conversion is; each stage holds all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing of ours is there.
    NotStarted,
    /// The partitioned copy is there, empty (`create_partitioned_copy`).
    CopyCreated,
    /// Writers' keys go to the change log (`install_sync_trigger`).
    Logging,
    /// The procedures are there (`create_batch_copy_procedure`).
    Prepared,
    /// The batch copy has begun.
    Copying,
    /// It has read every block (`run_batch_copy`).
    Copied,
    /// Each of the copy's partitions has its indexes (`build_partition_indexes`).
    PartitionsIndexed,
    /// The copy has its indexes (`build_indexes`).
    Indexed,
    /// The change log was emptied once (`catch_up`).
    CaughtUp,
    /// Copy and source are equal in every snapshot (`keep_in_step`).
    InStep,
    /// The copy has the table's name (`cut_over`).
    CutOver,
    /// The retired table is gone (`drop_retired_table`).
    Completed,
}

/// The stage with the figures that belong to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Position {
    /// What the catalog shows.
    pub stage: Stage,
    /// In step it is read from the state table; before that it is false, after the cutover true.
    pub foreign_keys_added: bool,
    /// Whether what pg_cron calls is there.
    pub copy_scheduled: bool,
    /// pg_cron's job that copies and catches up.
    pub cron_job: Option<i64>,
    /// As the state table says; true after the retired table is dropped.
    pub guards_created: bool,
    /// Those that pointed at the retired table have their lasting form.
    pub foreign_keys_moved: bool,
    /// Some of them may have another form already.
    pub foreign_keys_moving: bool,
    /// As `foreign_keys_added`; false where there are none to build.
    pub materialized_views_built: bool,
    /// Source and copy were compared by checksums without a difference since the switch.
    pub verified: bool,
    /// New and retired table were compared by checksums without a difference since the cutover.
    pub cutover_verified: bool,
    /// When that was last, ISO 8601 in UTC.
    pub verified_at: Option<String>,
    /// What was compared last, and how, in words.
    pub evidence: Option<String>,
    /// Figures of the batch copy and of the change log.
    #[serde(flatten)]
    pub progress: Progress,
}

/// Asks the catalog and the state table.
///
/// # Errors
/// When the server can't be asked.
pub fn read_stage(
    client: &mut impl GenericClient,
    relations: &Relations,
) -> Result<Position, postgres::Error> {
    let row = client.query_one(
        "SELECT (SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)),
                pg_catalog.to_regclass($2) IS NOT NULL, pg_catalog.to_regclass($3) IS NOT NULL,
                pg_catalog.to_regclass($4) IS NOT NULL, pg_catalog.to_regproc($5) IS NOT NULL,
                pg_catalog.to_regproc($6) IS NOT NULL, pg_catalog.to_regproc($7) IS NOT NULL",
        &[
            &relations.source.to_string(),
            &relations.retired.to_string(),
            &relations.copy.to_string(),
            &relations.state.to_string(),
            &relations.copy_batches.to_string(),
            &relations.reverse.to_string(),
            &relations.work.to_string(),
        ],
    )?;
    let partitioned = row.get::<_, Option<bool>>(0) == Some(true);
    let [retired, copy, state, procedures, indexed, copy_scheduled] =
        [1, 2, 3, 4, 5, 6].map(|i| row.get::<_, bool>(i));
    let position = match (partitioned, retired, copy, state) {
        (true, true, _, true) => read_state(client, relations, Some(Stage::CutOver)),
        (true, true, _, false) => Ok(Position::at(Stage::CutOver)),
        (true, false, false, false) => Ok(Position::at(Stage::Completed)),
        (_, _, false, _) => Ok(Position::at(Stage::NotStarted)),
        (_, _, true, false) => Ok(Position::at(Stage::CopyCreated)),
        (_, _, true, true) if !procedures => Ok(Position::at(Stage::Logging)),
        (_, _, true, true) if !indexed => read_state(client, relations, None).map(Position::not_indexed),
        (_, _, true, true) => read_state(client, relations, None),
    }?;
    Ok(Position {
        copy_scheduled: copy_scheduled || position.copy_scheduled,
        ..position
    })
}

/// `known` is the stage where the catalog alone says it.
fn read_state(
    client: &mut impl GenericClient,
    relations: &Relations,
    known: Option<Stage>,
) -> Result<Position, postgres::Error> {
    let row = client.query_one(
        &format!(
            "SELECT t.source_filenode IS NOT NULL, t.count_milliseconds IS NOT NULL, t.switch_xid IS NOT NULL,
                    t.foreign_keys_added, t.verified_at IS NOT NULL, t.cutover_verified_at IS NOT NULL, t.guards_created, t.foreign_keys_moved,
                    pg_catalog.to_char(coalesce(t.cutover_verified_at, t.verified_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
                    t.evidence, t.waiting_for, s.done, s.total, s.copied,
                    (SELECT count(*) FROM (SELECT FROM {} LIMIT {}) l), t.materialized_views_built,
                    t.foreign_keys_moving, t.cron_job, i.built, i.total
               FROM {} t, (SELECT coalesce(sum(next_block - first_block), 0)::bigint AS done,
                                  coalesce(sum(end_block - first_block), 0)::bigint AS total,
                                  coalesce(sum(rows_copied), 0)::bigint AS copied FROM {}) s,
                    (SELECT coalesce(sum(built), 0)::bigint AS built, coalesce(sum(indexes), 0)::bigint AS total FROM {}) i",
            relations.log,
            Progress::BACKLOG_LIMIT,
            relations.state,
            relations.segments,
            relations.index_builds
        ),
        &[],
    )?;
    let [
        begun,
        caught_up,
        in_step,
        foreign_keys_added,
        verified,
        cutover_verified,
        guards_created,
        foreign_keys_moved,
    ] = [0, 1, 2, 3, 4, 5, 6, 7].map(|i| row.get::<_, bool>(i));
    let progress = Progress {
        waiting_for: row.get(10),
        blocks_done: row.get(11),
        blocks_total: row.get(12),
        rows_copied: row.get(13),
        backlog: row.get(14),
        indexes_built: row.get(18),
        indexes_total: row.get(19),
    };
    let stage = match known {
        Some(stage) => stage,
        None if !begun => Stage::Prepared,
        None if progress.blocks_done < progress.blocks_total => Stage::Copying,
        None if in_step => Stage::InStep,
        None if caught_up => Stage::CaughtUp,
        None => Stage::Indexed,
    };
    Ok(Position {
        foreign_keys_added: foreign_keys_added || stage >= Stage::CutOver,
        copy_scheduled: false,
        cron_job: row.get(17),
        guards_created,
        foreign_keys_moved,
        foreign_keys_moving: row.get(16),
        materialized_views_built: row.get::<_, bool>(15) || stage >= Stage::CutOver,
        verified: verified || stage >= Stage::CutOver,
        cutover_verified,
        verified_at: row.get(8),
        evidence: row.get(9),
        stage,
        progress,
    })
}

impl Position {
    /// A stage without a state table, or one that it says nothing about.
    fn at(stage: Stage) -> Self {
        Self {
            stage,
            foreign_keys_added: stage >= Stage::CutOver,
            copy_scheduled: stage >= Stage::CutOver,
            cron_job: None,
            guards_created: stage >= Stage::CutOver,
            foreign_keys_moved: stage >= Stage::Completed,
            foreign_keys_moving: false,
            materialized_views_built: stage >= Stage::CutOver,
            verified: stage >= Stage::CutOver,
            cutover_verified: stage >= Stage::Completed,
            verified_at: None,
            evidence: None,
            progress: Progress::default(),
        }
    }

    /// Without the indexes a complete copy is no more than that.
    fn not_indexed(self) -> Self {
        let progress = &self.progress;
        let are_built = progress.indexes_total > 0 && progress.indexes_built == progress.indexes_total;
        let most = if are_built {
            Stage::PartitionsIndexed
        } else {
            Stage::Copied
        };
        let stage = self.stage.min(most);
        Self { stage, ..self }
    }

    /// Whether the step can't be run before pg_cron's job has done its part.
    pub fn waits_for_pg_cron(&self, step: &str) -> bool {
        let is_done = match step {
            "build_partition_indexes" | "build_indexes" => self.stage >= Stage::Copied,
            "unschedule_copy" => self.stage >= Stage::CaughtUp && self.progress.backlog <= MAX_BACKLOG,
            _ => true,
        };
        self.cron_job.is_some() && !is_done
    }

    /// Whether a step is done, by what the catalog and the state table show.
    ///
    /// Never by history: files may be run by psql, which keeps none.
    pub fn is_done(&self, step: &str) -> bool {
        let needed = match step {
            "create_partitioned_copy" => Stage::CopyCreated,
            "install_sync_trigger" => Stage::Logging,
            "create_batch_copy_procedure" => Stage::Prepared,
            "run_batch_copy" => Stage::Copied,
            "build_partition_indexes" => Stage::PartitionsIndexed,
            "build_indexes" => Stage::Indexed,
            "catch_up" => Stage::CaughtUp,
            "keep_in_step" => Stage::InStep,
            "schedule_copy" => return self.copy_scheduled,
            "unschedule_copy" => return self.copy_scheduled && self.cron_job.is_none(),
            "add_foreign_keys" => return self.foreign_keys_added,
            "create_guards" => return self.guards_created,
            "move_incoming_foreign_keys" => return self.foreign_keys_moved,
            "build_materialized_views" => return self.materialized_views_built,
            "verify_copy" => return self.verified,
            "verify_cutover" => return self.cutover_verified,
            "drop_retired_table" => Stage::Completed,
            _ => Stage::CutOver,
        };
        self.stage >= needed
    }
}
