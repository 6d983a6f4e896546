//! How much the batch copy and the catch-up may take: the settings table, which
//! both read between batches, so that it can be changed while they run.

use std::time::Duration;

use postgres::Client;
use sea_query::{Expr, Iden, IntoIden, PostgresQueryBuilder, Query, SimpleExpr, TableRef};
use serde::Serialize;

use super::relations::Relations;
use crate::sql::{Literal, QualifiedName};

/// Who paused, where a file did it: it is taken back when the file vanishes.
const FILE_PAUSE: &str = "the pause file is there: ";
/// Who paused, where `pgcleave pause` did it.
const VERB_PAUSE: &str = "paused; go on with: pgcleave resume";

#[derive(Iden, Clone, Copy)]
enum Settings {
    Jobs,
    BatchTarget,
    SleepMilliseconds,
    MaxReplicaLag,
    MaxRetainedWal,
    MaxActiveSessions,
    ThrottleQuery,
}

/// A limit, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit<T> {
    /// There is none: NULL in the settings table.
    Unlimited,
    /// Wait beyond this.
    At(T),
}

/// What to change; `None` leaves a setting as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Load {
    /// Sessions that copy at once; 1 or more.
    pub jobs: Option<u32>,
    /// How long a batch should take.
    pub batch_target: Option<Duration>,
    /// Pause after each batch.
    pub sleep: Option<Duration>,
    /// `pg_stat_replication.replay_lag`.
    pub max_replica_lag: Option<Limit<Duration>>,
    /// Bytes of WAL that a replication slot retains.
    pub max_retained_wal: Option<Limit<u64>>,
    /// Active sessions of others, in the whole server.
    pub max_active_sessions: Option<Limit<u32>>,
    /// Waits while it returns true.
    pub throttle_query: Option<Limit<String>>,
}

impl Load {
    /// The statement that makes the change; `None` where there is none.
    fn update(&self, settings: &QualifiedName) -> Option<String> {
        let mut values: Vec<(Settings, SimpleExpr)> = Vec::new();
        let mut set = |column, value: SimpleExpr| values.push((column, value));
        if let Some(jobs) = self.jobs {
            set(Settings::Jobs, i64::from(jobs).into());
        }
        if let Some(target) = self.batch_target {
            set(Settings::BatchTarget, interval(target));
        }
        if let Some(sleep) = self.sleep {
            set(Settings::SleepMilliseconds, milliseconds(sleep).into());
        }
        if let Some(lag) = &self.max_replica_lag {
            set(Settings::MaxReplicaLag, or_null(lag, |d| interval(*d)));
        }
        if let Some(bytes) = &self.max_retained_wal {
            let signed = |b: &u64| i64::try_from(*b).unwrap_or(i64::MAX).into();
            set(Settings::MaxRetainedWal, or_null(bytes, signed));
        }
        if let Some(sessions) = &self.max_active_sessions {
            set(
                Settings::MaxActiveSessions,
                or_null(sessions, |n| i64::from(*n).into()),
            );
        }
        if let Some(query) = &self.throttle_query {
            set(Settings::ThrottleQuery, or_null(query, |q| q.as_str().into()));
        }
        if values.is_empty() {
            return None;
        }
        let table: TableRef = (iden(settings.schema.as_str()), iden(settings.name.as_str())).into();
        Some(
            Query::update()
                .table(table)
                .values(values)
                .to_string(PostgresQueryBuilder),
        )
    }
}

fn iden(name: &str) -> sea_query::DynIden {
    sea_query::Alias::new(name).into_iden()
}

fn or_null<T>(limit: &Limit<T>, value: impl Fn(&T) -> SimpleExpr) -> SimpleExpr {
    match limit {
        Limit::Unlimited => Expr::cust("NULL"),
        Limit::At(limit) => value(limit),
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn interval(duration: Duration) -> SimpleExpr {
    Expr::cust(format!("interval '{} milliseconds'", milliseconds(duration)))
}

/// The settings as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadNow {
    /// Sessions that may copy at once; 1 or more.
    pub jobs: i64,
    /// How long a batch should take; an interval as PostgreSQL writes it.
    pub batch_target: String,
    /// Pause after each batch.
    pub sleep_milliseconds: i64,
    /// Limit of `pg_stat_replication.replay_lag`, as PostgreSQL writes an interval; `None` is no limit.
    pub max_replica_lag: Option<String>,
    /// Limit of the WAL that a replication slot retains, in bytes; `None` is no limit.
    pub max_retained_wal: Option<i64>,
    /// Limit of others' active sessions in the whole server; `None` is no limit.
    pub max_active_sessions: Option<i64>,
    /// Waits while this query returns true.
    pub throttle_query: Option<String>,
    /// Why it is paused; `None` while it isn't.
    pub paused_by: Option<String>,
}

/// Reads the settings; `None` where the conversion has no settings table (yet).
///
/// # Errors
/// When the server can't be asked.
pub fn read_load(client: &mut Client, relations: &Relations) -> Result<Option<LoadNow>, postgres::Error> {
    if !is_there(client, relations)? {
        return Ok(None);
    }
    let sql = format!(
        "SELECT jobs::bigint, batch_target::text, sleep_milliseconds::bigint, max_replica_lag::text, max_retained_wal,
                max_active_sessions::bigint, throttle_query, paused_by FROM {}",
        relations.settings
    );
    let row = client.query_one(&sql, &[])?;
    Ok(Some(LoadNow {
        jobs: row.get(0),
        batch_target: row.get(1),
        sleep_milliseconds: row.get(2),
        max_replica_lag: row.get(3),
        max_retained_wal: row.get(4),
        max_active_sessions: row.get(5),
        throttle_query: row.get(6),
        paused_by: row.get(7),
    }))
}

/// Changes what `load` names; nothing where there is no settings table yet.
///
/// # Errors
/// When the server says no.
pub fn write_load(client: &mut Client, relations: &Relations, load: &Load) -> Result<(), postgres::Error> {
    match load.update(&relations.settings) {
        Some(update) if is_there(client, relations)? => client.batch_execute(&update),
        _ => Ok(()),
    }
}

/// Makes the batch copy and the catch-up wait after their current batch.
///
/// # Errors
/// When the server says no.
pub fn pause(client: &mut Client, relations: &Relations) -> Result<(), postgres::Error> {
    set_pause(client, relations, Some(VERB_PAUSE))
}

/// Lets them go on.
///
/// # Errors
/// When the server says no.
pub fn resume(client: &mut Client, relations: &Relations) -> Result<(), postgres::Error> {
    set_pause(client, relations, None)
}

/// Pauses while the file is there; a pause of somebody else's is left alone.
///
/// # Errors
/// When the server says no.
pub(super) fn follow_pause_file(
    client: &mut Client,
    relations: &Relations,
    path: &std::path::Path,
) -> Result<(), postgres::Error> {
    let by_file = format!("{FILE_PAUSE}{}", path.display());
    let sql = if path.exists() {
        format!(
            "UPDATE {} SET paused_by = {} WHERE paused_by IS NULL",
            relations.settings,
            Literal::new(by_file)
        )
    } else {
        format!(
            "UPDATE {} SET paused_by = NULL WHERE paused_by LIKE {}",
            relations.settings,
            Literal::new(format!("{FILE_PAUSE}%"))
        )
    };
    client.batch_execute(&sql)
}

fn set_pause(client: &mut Client, relations: &Relations, by: Option<&str>) -> Result<(), postgres::Error> {
    let sql = format!("UPDATE {} SET paused_by = $1", relations.settings);
    client.execute(&sql, &[&by]).map(drop)
}

fn is_there(client: &mut Client, relations: &Relations) -> Result<bool, postgres::Error> {
    let there = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";
    Ok(client
        .query_one(there, &[&relations.settings.to_string()])?
        .get(0))
}
