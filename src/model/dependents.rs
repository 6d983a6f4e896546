//! What hangs on a table and goes over to its partitioned form with it.

use serde::{Deserialize, Serialize};

use super::{Grant, StorageParameter};
use crate::sql::{Ident, QualifiedName, ServerSql};

/// `pg_class.relrowsecurity`, `relforcerowsecurity` and `pg_policy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSecurity {
    pub enabled: bool,
    pub forced: bool,
    pub policies: Vec<Policy>,
}

/// A row-level security policy of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub name: Ident,
    pub permissive: bool,
    /// `ALL`, `SELECT`, `INSERT`, `UPDATE` or `DELETE`.
    pub command: String,
    /// `None` is PUBLIC.
    pub roles: Vec<Option<Ident>>,
    pub using: Option<ServerSql>,
    pub check: Option<ServerSql>,
    pub comment: Option<String>,
}

/// A policy of another table that reads this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignPolicy {
    pub name: Ident,
    pub table: QualifiedName,
    pub using: Option<ServerSql>,
    pub check: Option<ServerSql>,
}

/// A relation that the cutover changes beside the table, because it, a rule or a policy of it reads the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationAbove {
    pub name: QualifiedName,
    pub owner: Ident,
    /// Steps between it and the table; relations are listed outermost first, then by name.
    pub depth: i32,
}

/// A rule of the table, or one of another relation that names the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub name: Ident,
    /// Whose rule it is.
    pub relation: QualifiedName,
    /// What follows `CREATE` in `pg_get_ruledef`: `RULE name AS …`, without the closing semicolon.
    pub definition: ServerSql,
    /// `pg_rewrite.ev_enabled`.
    pub enabled: super::TriggerEnabled,
    pub comment: Option<String>,
}

/// A materialized view that reads the table directly, or one that reads such a materialized view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterializedView {
    pub name: QualifiedName,
    pub owner: Ident,
    /// `pg_get_viewdef`, without the closing semicolon.
    pub definition: ServerSql,
    /// `pg_class.relispopulated`.
    pub populated: bool,
    /// Steps between it and the table; listed innermost first, then by name.
    pub depth: i32,
    pub groups_by_key: bool,
    pub storage_parameters: Vec<StorageParameter>,
    pub tablespace: Option<Ident>,
    /// Where it isn't `heap`.
    pub access_method: Option<Ident>,
    pub comment: Option<String>,
    pub columns: Vec<MaterializedColumn>,
    pub indexes: Vec<MaterializedIndex>,
    pub grants: Vec<Grant>,
}

/// A column of a materialized view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterializedColumn {
    pub name: Ident,
    pub comment: Option<String>,
    pub statistics_target: Option<i32>,
    pub options: Vec<StorageParameter>,
}

/// An index of a materialized view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterializedIndex {
    pub name: Ident,
    pub unique: bool,
    /// What follows the relation in `pg_get_indexdef`: ` USING btree (a, b) WHERE …`.
    pub using: ServerSql,
    pub tablespace: Option<Ident>,
    pub clustered: bool,
    pub comment: Option<String>,
    /// Statistics targets set on index expressions: (column number, target).
    pub statistics_targets: Vec<(i16, i32)>,
}

/// A function or procedure that is bound to the table by more than its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routine {
    /// `schema.name(types)`.
    pub signature: ServerSql,
    pub owner: Ident,
    /// `pg_get_functiondef`.
    pub definition: ServerSql,
    /// The row type is in its signature, so that it is dropped and made again; else it has a
    /// `BEGIN ATOMIC` body, which can be replaced.
    pub row_type: bool,
    pub comment: Option<String>,
    pub grants: Vec<Grant>,
    /// Why it can't be dropped and made again.
    pub hindrance: Option<String>,
}

/// A publication FOR TABLE that has the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    pub name: Ident,
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
    pub provider: Ident,
    pub label: String,
    /// `None` is the table itself.
    pub column: Option<Ident>,
}
