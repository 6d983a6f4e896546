//! What hangs on a table and goes over to its partitioned form with it.

use serde::{Deserialize, Serialize};

use super::{Grant, StorageParameter};
use crate::sql::{Ident, QualifiedName, ServerSql};

/// `pg_class.relrowsecurity`, `relforcerowsecurity` and `pg_policy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSecurity {
    /// ENABLE ROW LEVEL SECURITY: policies bind everybody but the owner.
    pub enabled: bool,
    /// FORCE ROW LEVEL SECURITY: the owner, too.
    pub forced: bool,
    /// By name.
    pub policies: Vec<Policy>,
}

/// A row-level security policy of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The policy's.
    pub name: Ident,
    /// PERMISSIVE, not RESTRICTIVE.
    pub permissive: bool,
    /// `ALL`, `SELECT`, `INSERT`, `UPDATE` or `DELETE`.
    pub command: String,
    /// `None` is PUBLIC.
    pub roles: Vec<Option<Ident>>,
    /// The condition of USING, on rows that are there (`pg_get_expr` of `polqual`).
    pub using: Option<ServerSql>,
    /// The condition of WITH CHECK, on rows to be (`pg_get_expr` of `polwithcheck`).
    pub check: Option<ServerSql>,
    /// What `COMMENT ON POLICY` says.
    pub comment: Option<String>,
}

/// A policy of another table that reads this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignPolicy {
    /// The policy's.
    pub name: Ident,
    /// The table that it is on.
    pub table: QualifiedName,
    /// The condition of USING.
    pub using: Option<ServerSql>,
    /// The condition of WITH CHECK.
    pub check: Option<ServerSql>,
}

/// A relation that the cutover changes beside the table, because it, a rule or a policy of it reads the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationAbove {
    /// Schema-qualified, as the catalog has it.
    pub name: QualifiedName,
    /// The role that owns it, of which whoever cuts over must be a member.
    pub owner: Ident,
    /// Steps between it and the table; relations are listed outermost first, then by name.
    pub depth: i32,
}

/// A rule of the table, or one of another relation that names the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The rule's.
    pub name: Ident,
    /// Whose rule it is.
    pub relation: QualifiedName,
    /// What follows `CREATE` in `pg_get_ruledef`: `RULE name AS …`, without the closing semicolon.
    pub definition: ServerSql,
    /// `pg_rewrite.ev_enabled`.
    pub enabled: super::TriggerEnabled,
    /// What `COMMENT ON RULE` says.
    pub comment: Option<String>,
}

/// A materialized view that reads the table directly, or one that reads such a materialized view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterializedView {
    /// Schema-qualified, as the catalog has it.
    pub name: QualifiedName,
    /// The role that owns it.
    pub owner: Ident,
    /// `pg_get_viewdef`, without the closing semicolon.
    pub definition: ServerSql,
    /// `pg_class.relispopulated`.
    pub populated: bool,
    /// Steps between it and the table; listed innermost first, then by name.
    pub depth: i32,
    /// Its GROUP BY counts on the primary key to tell the other columns.
    pub groups_by_key: bool,
    /// `pg_class.reloptions` and, prefixed with `toast.`, those of its TOAST table.
    pub storage_parameters: Vec<StorageParameter>,
    /// `None` is the database's default tablespace.
    pub tablespace: Option<Ident>,
    /// Where it isn't `heap`.
    pub access_method: Option<Ident>,
    /// What `COMMENT ON MATERIALIZED VIEW` says.
    pub comment: Option<String>,
    /// By position.
    pub columns: Vec<MaterializedColumn>,
    /// Its valid indexes, by name.
    pub indexes: Vec<MaterializedIndex>,
    /// Privileges of roles other than the owner, and the owner's where they were changed.
    pub grants: Vec<Grant>,
}

/// A column of a materialized view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterializedColumn {
    /// `attname`.
    pub name: Ident,
    /// What `COMMENT ON COLUMN` says.
    pub comment: Option<String>,
    /// `attstattarget`, where set.
    pub statistics_target: Option<i32>,
    /// `attoptions`.
    pub options: Vec<StorageParameter>,
}

/// An index of a materialized view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterializedIndex {
    /// The index's, which is in the view's schema.
    pub name: Ident,
    /// Whether it is UNIQUE: REFRESH … CONCURRENTLY needs one.
    pub unique: bool,
    /// What follows the relation in `pg_get_indexdef`: ` USING btree (a, b) WHERE …`.
    pub using: ServerSql,
    /// `None` is the database's default tablespace.
    pub tablespace: Option<Ident>,
    /// Whether CLUSTER uses it (`pg_index.indisclustered`).
    pub clustered: bool,
    /// What `COMMENT ON INDEX` says.
    pub comment: Option<String>,
    /// Statistics targets set on index expressions: (column number, target).
    pub statistics_targets: Vec<(i16, i32)>,
}

/// A function or procedure that is bound to the table by more than its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routine {
    /// `schema.name(types)`.
    pub signature: ServerSql,
    /// The role that owns it.
    pub owner: Ident,
    /// `pg_get_functiondef`.
    pub definition: ServerSql,
    /// The row type is in its signature, so that it is dropped and made again; else it has a
    /// `BEGIN ATOMIC` body, which can be replaced.
    pub row_type: bool,
    /// What `COMMENT ON FUNCTION` or `PROCEDURE` says.
    pub comment: Option<String>,
    /// Who may execute it, the defaults of `acldefault` included.
    pub grants: Vec<Grant>,
    /// Why it can't be dropped and made again.
    pub hindrance: Option<String>,
}

/// A publication FOR TABLE that has the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// The publication's.
    pub name: Ident,
    /// `publish_via_partition_root`: changes of partitions are sent as the table's.
    pub via_partition_root: bool,
    /// Publishes UPDATE or DELETE, for which it sends the replica identity.
    pub sends_identity: bool,
    /// The column list; `None` is all columns.
    pub columns: Option<Vec<Ident>>,
    /// The row filter, in parentheses.
    pub filter: Option<ServerSql>,
    /// Other partitioned tables in it, as SQL.
    pub other_partitioned: Vec<String>,
}

/// `pg_seclabel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityLabel {
    /// Who understands the label, such as `selinux`.
    pub provider: Ident,
    /// The label itself.
    pub label: String,
    /// `None` is the table itself.
    pub column: Option<Ident>,
}
