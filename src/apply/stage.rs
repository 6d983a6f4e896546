//! Where a conversion stands, by what the catalog shows.

use postgres::Client;
use serde::Serialize;

use super::progress::Progress;
use super::relations::Relations;

/// How far a conversion is; each stage holds all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    NotStarted,
    CopyCreated,
    Logging,
    Prepared,
    Copying,
    Copied,
    Indexed,
    CaughtUp,
    InStep,
    CutOver,
    Completed,
}

/// The stage with the figures that belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    pub stage: Stage,
    /// In step, both are read from the state table; before that they are false, after the cutover true.
    pub foreign_keys_added: bool,
    pub verified: bool,
    #[serde(flatten)]
    pub progress: Progress,
}

/// Asks the catalog and the state table.
///
/// # Errors
/// When the server can't be asked.
pub fn read_stage(client: &mut Client, relations: &Relations) -> Result<Position, postgres::Error> {
    let at = |stage| Position {
        stage,
        foreign_keys_added: stage >= Stage::CutOver,
        verified: stage >= Stage::CutOver,
        progress: Progress::default(),
    };
    let row = client.query_one(
        "SELECT (SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)),
                pg_catalog.to_regclass($2) IS NOT NULL, pg_catalog.to_regclass($3) IS NOT NULL,
                pg_catalog.to_regclass($4) IS NOT NULL, pg_catalog.to_regproc($5) IS NOT NULL,
                pg_catalog.to_regproc($6) IS NOT NULL",
        &[
            &relations.source.to_string(),
            &relations.retired.to_string(),
            &relations.copy.to_string(),
            &relations.state.to_string(),
            &relations.copy_batches.to_string(),
            &relations.reverse.to_string(),
        ],
    )?;
    let partitioned = row.get::<_, Option<bool>>(0) == Some(true);
    let [retired, copy, state, procedures, indexed] = [1, 2, 3, 4, 5].map(|i| row.get::<_, bool>(i));
    match (partitioned, retired, copy, state) {
        (true, true, _, _) => return Ok(at(Stage::CutOver)),
        (true, false, false, false) => return Ok(at(Stage::Completed)),
        (_, _, false, _) => return Ok(at(Stage::NotStarted)),
        (_, _, true, false) => return Ok(at(Stage::CopyCreated)),
        (_, _, true, true) if !procedures => return Ok(at(Stage::Logging)),
        (_, _, true, true) => {}
    }
    read_state(client, relations, indexed)
}

fn read_state(
    client: &mut Client,
    relations: &Relations,
    indexed: bool,
) -> Result<Position, postgres::Error> {
    let row = client.query_one(
        &format!(
            "SELECT next_block, end_block, rows_copied, count_milliseconds IS NOT NULL, switch_xid IS NOT NULL,
                    (SELECT count(*) FROM (SELECT FROM {} LIMIT {}) l),
                    foreign_keys_added, verified_at IS NOT NULL FROM {}",
            relations.log,
            Progress::BACKLOG_LIMIT,
            relations.state
        ),
        &[],
    )?;
    let (next, end): (i64, Option<i64>) = (row.get(0), row.get(1));
    let stage = match end {
        None => Stage::Prepared,
        Some(end) if next < end => Stage::Copying,
        Some(_) if !indexed => Stage::Copied,
        Some(_) if row.get::<_, bool>(4) => Stage::InStep,
        Some(_) if row.get::<_, bool>(3) => Stage::CaughtUp,
        Some(_) => Stage::Indexed,
    };
    let progress = Progress {
        blocks_done: next,
        blocks_total: end.unwrap_or(0),
        rows_copied: row.get(2),
        backlog: row.get(5),
    };
    Ok(Position {
        stage,
        foreign_keys_added: row.get(6),
        verified: row.get(7),
        progress,
    })
}

impl Position {
    /// Whether a step is done, by what the catalog and the state table show.
    ///
    /// Never by history: files may be run by psql, which keeps none.
    pub fn is_done(&self, step: &str) -> bool {
        let needed = match step {
            "create_partitioned_copy" => Stage::CopyCreated,
            "install_sync_trigger" => Stage::Logging,
            "create_batch_copy_procedure" => Stage::Prepared,
            "run_batch_copy" => Stage::Copied,
            "build_indexes" => Stage::Indexed,
            "catch_up" => Stage::CaughtUp,
            "keep_in_step" => Stage::InStep,
            "add_foreign_keys" => return self.foreign_keys_added,
            "verify_copy" => return self.verified,
            "drop_retired_table" => Stage::Completed,
            _ => Stage::CutOver,
        };
        self.stage >= needed
    }
}
