//! The snapshot that every session of a verification reads.

use std::time::{Duration, Instant};

use postgres::Client;

use super::Subject;
use crate::apply::failure::ApplyError;
use crate::db::connect::Target;
use crate::sql::{Literal, QualifiedName};

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The session's idle_in_transaction_session_timeout is 60 s.
const PING: Duration = Duration::from_secs(10);

/// A transaction that holds the snapshot, and what it knows.
pub(super) struct Snapshot {
    pub client: Client,
    /// What another session says to read the same snapshot.
    pub join: String,
    pub at: String,
    /// The side that applications write.
    pub leader: QualifiedName,
    /// The side that is kept equal.
    pub follower: QualifiedName,
    /// Phase A: keys in the change log are left out.
    pub is_logging: bool,
    pub is_cut_over: bool,
    pub keys_in_change_log: i64,
    /// Of the source's structure and storage; the state table remembers it.
    pub mark: String,
    /// The transaction that switched; a verification counts for this one only.
    pub switch_xid: Option<String>,
    last_ping: Instant,
}

impl Snapshot {
    /// Locks both sides in ACCESS SHARE, so that neither is rewritten or truncated under the readers, and exports
    /// the snapshot.
    pub fn take(target: &Target, subject: &Subject) -> Result<Self, ApplyError> {
        let mut client = target.open()?;
        let relations = &subject.relations;
        let cut_over = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";
        let is_cut_over: bool = client
            .query_one(cut_over, &[&relations.retired.to_string()])?
            .get(0);
        let follower = if is_cut_over {
            &relations.retired
        } else {
            &relations.copy
        };
        let lock = format!(
            "LOCK TABLE {} IN ACCESS SHARE MODE; LOCK TABLE {follower} IN ACCESS SHARE MODE",
            relations.source
        );
        client
            .batch_execute(&format!("{BEGIN}; {lock}"))
            .map_err(|error| ApplyError::step("verify", &error))?;
        let row = client.query_one(
            &format!(
                "SELECT pg_catalog.pg_export_snapshot(),
                        pg_catalog.to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
                        {}($1::text::regclass), switch_xid::text, EXISTS (SELECT FROM {}),
                        (SELECT count(*) FROM (SELECT DISTINCT {} FROM {}) k) FROM {}",
                relations.mark,
                relations.truncations,
                subject.primary_key.list().sql().0,
                relations.log,
                relations.state
            ),
            &[&relations.source.to_string()],
        )?;
        let switch_xid: Option<String> = row.get(3);
        let is_logging = switch_xid.is_none();
        if is_logging && row.get::<_, bool>(4) {
            return Err(ApplyError::TruncateWaits);
        }
        Ok(Self {
            join: format!(
                "{BEGIN}; SET TRANSACTION SNAPSHOT {}; {lock}",
                Literal::new(row.get::<_, String>(0))
            ),
            at: row.get(1),
            leader: relations.source.clone(),
            follower: follower.clone(),
            is_logging,
            is_cut_over,
            keys_in_change_log: if is_logging { row.get(5) } else { 0 },
            mark: row.get(2),
            switch_xid,
            client,
            last_ping: Instant::now(),
        })
    }

    /// Keeps the snapshot's session from being ended as idle.
    pub fn keep_alive(&mut self) -> Result<(), postgres::Error> {
        if self.last_ping.elapsed() < PING {
            return Ok(());
        }
        self.last_ping = Instant::now();
        self.client.batch_execute("SELECT 1")
    }

    /// What leaves out the rows that the catch-up will bring; `true` where nothing is left out.
    pub fn settled(&self, subject: &Subject) -> String {
        if !self.is_logging {
            return "true".to_owned();
        }
        format!(
            "NOT EXISTS (SELECT FROM {} l WHERE {})",
            subject.relations.log,
            subject.primary_key.equal("l", "t").0
        )
    }
}
