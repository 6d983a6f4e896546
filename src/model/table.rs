//! A table and all that hangs on it.
//!
//! Long because it is one thing: the shape of `catalog.json`, to be read at one go.

use serde::{Deserialize, Serialize};

use super::{
    ForeignPolicy, MaterializedView, Publication, RelationAbove, Routine, RowSecurity, Rule, SecurityLabel,
};
use crate::sql::{Ident, QualifiedName, QualifiedOperator, ServerSql};

/// A catalog snapshot of one table, taken in one read-only transaction.
///
/// All SQL texts were printed by the server with `search_path = pg_catalog`, so
/// that they're schema-qualified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Schema-qualified, as the catalog has it.
    pub name: QualifiedName,
    /// `server_version_num`, e.g. 150018.
    pub server_version: i32,
    /// `pg_class.relkind`.
    pub kind: RelationKind,
    /// `pg_class.relpersistence`.
    pub persistence: Persistence,
    /// Name of the role that owns it (`pg_class.relowner`).
    pub owner: Ident,
    /// What `COMMENT ON TABLE` says (`pg_description`).
    pub comment: Option<String>,
    /// `pg_class.reloptions` and, prefixed with `toast.`, those of its TOAST table.
    pub storage_parameters: Vec<StorageParameter>,
    /// `None` is the database's default tablespace.
    pub tablespace: Option<Ident>,
    /// Access method's name where it isn't `heap`.
    pub access_method: Option<Ident>,
    /// `pg_class.relreplident`: `d`, `n`, `f` or `i`.
    pub replica_identity: ReplicaIdentity,
    /// Row-level security: whether it is on, and its policies.
    pub row_security: RowSecurity,
    /// By position (`attnum`), dropped ones left out.
    pub columns: Vec<Column>,
    /// `None` where there is none, or one WITHOUT OVERLAPS, which is an exclusion.
    pub primary_key: Option<Key>,
    /// UNIQUE constraints and unique indexes that aren't constraints.
    pub unique_keys: Vec<Key>,
    /// CHECK constraints (`pg_constraint.contype` is `c`).
    pub checks: Vec<Check>,
    /// Constraints in `pg_constraint` from PostgreSQL 18 on; none before.
    pub not_nulls: Vec<NotNull>,
    /// Exclusion constraints, and keys WITHOUT OVERLAPS.
    pub exclusions: Vec<Exclusion>,
    /// Every index but those of the primary key and of UNIQUE constraints.
    pub indexes: Vec<Index>,
    /// The index that CLUSTER uses (`pg_index.indisclustered`).
    pub clustered_on: Option<Ident>,
    /// Foreign keys of this table.
    pub foreign_keys_out: Vec<ForeignKeyOut>,
    /// Foreign keys of other tables (or of this one) that point at this table.
    pub foreign_keys_in: Vec<ForeignKeyIn>,
    /// The user's triggers; internal ones and pgcleave's own left out.
    pub triggers: Vec<Trigger>,
    /// Plain views that read the table directly.
    pub views: Vec<View>,
    /// What the cutover locks before the table: whatever reads it and must be changed with it.
    pub relations_above: Vec<RelationAbove>,
    /// Policies of other tables that read this one.
    pub foreign_policies: Vec<ForeignPolicy>,
    /// Its rules (`pg_rewrite`), and those of other relations that name it; what makes a view left out.
    pub rules: Vec<Rule>,
    /// Functions and procedures on its row type, and those with a `BEGIN ATOMIC` body that names it.
    pub routines: Vec<Routine>,
    /// Publications FOR TABLE that have it; the others are dependents.
    pub publications: Vec<Publication>,
    /// Security labels of the table and of its columns.
    pub security_labels: Vec<SecurityLabel>,
    /// Event triggers of the database that fire at DDL.
    pub event_triggers: Vec<Ident>,
    /// Innermost first: each reads the table or one before it.
    pub materialized_views: Vec<MaterializedView>,
    /// Extended statistics objects (`pg_statistic_ext`).
    pub statistics: Vec<NamedDefinition>,
    /// Table and column privileges of roles other than the owner, and the
    /// owner's where they were changed (`relacl`, `attacl`).
    pub grants: Vec<Grant>,
    /// Whatever the first version refuses or only mentions: each with its kind.
    pub dependents: Vec<Dependent>,
    /// md5 of the table's structure, computed by the server (`fingerprint.sql`).
    pub fingerprint: String,
}

/// `pg_class.relkind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// An ordinary table, `r`; a partition is one, too.
    Table,
    /// `p`.
    PartitionedTable,
    /// `v`.
    View,
    /// `m`.
    MaterializedView,
    /// `f`.
    ForeignTable,
    /// `S`.
    Sequence,
    /// `i`, or `I` of a partitioned table.
    Index,
    /// `c`.
    CompositeType,
    /// `t`.
    ToastTable,
}

impl RelationKind {
    /// Reads `pg_class.relkind`.
    pub fn from_catalog_code(code: char) -> Option<Self> {
        Some(match code {
            'r' => Self::Table,
            'p' => Self::PartitionedTable,
            'v' => Self::View,
            'm' => Self::MaterializedView,
            'f' => Self::ForeignTable,
            'S' => Self::Sequence,
            'i' | 'I' => Self::Index,
            'c' => Self::CompositeType,
            't' => Self::ToastTable,
            _ => return None,
        })
    }

    /// As the manual calls it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::PartitionedTable => "partitioned table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::ForeignTable => "foreign table",
            Self::Sequence => "sequence",
            Self::Index => "index",
            Self::CompositeType => "composite type",
            Self::ToastTable => "TOAST table",
        }
    }
}

/// `pg_class.relpersistence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Persistence {
    /// Written to the WAL, `p`.
    Permanent,
    /// Not written to the WAL, and empty after a crash, `u`.
    Unlogged,
    /// Of one session, `t`.
    Temporary,
}

impl Persistence {
    /// Reads `pg_class.relpersistence`.
    pub fn from_catalog_code(code: char) -> Option<Self> {
        Some(match code {
            'p' => Self::Permanent,
            'u' => Self::Unlogged,
            't' => Self::Temporary,
            _ => return None,
        })
    }
}

/// `pg_class.relreplident`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaIdentity {
    /// The primary key, `d`.
    Default,
    /// No old row is sent, `n`; also `i` whose index was dropped.
    Nothing,
    /// The whole old row is sent, `f`.
    Full,
    /// The index's name.
    Index(Ident),
}

/// One storage parameter, e.g. `fillfactor` = `80`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageParameter {
    /// As in `WITH (…)`.
    pub name: String,
    /// As the catalog keeps it, not quoted.
    pub value: String,
}

/// `pg_attribute`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// `attname`.
    pub name: Ident,
    /// `format_type`, schema-qualified where it isn't built in.
    pub type_sql: ServerSql,
    /// `pg_type.oid`'s base type name in pg_catalog (domains resolved), e.g. `timestamptz`.
    pub base_type: String,
    /// Qualified collation where it isn't the type's own.
    pub collation: Option<ServerSql>,
    /// `attnotnull`: by a NOT NULL constraint, or by the primary key.
    pub not_null: bool,
    /// `pg_get_expr` of the default; `None` for generated columns.
    pub default: Option<ServerSql>,
    /// `None` where it isn't an identity column.
    pub identity: Option<Identity>,
    /// `None` where it isn't a generated column.
    pub generated: Option<Generated>,
    /// Sequences owned by the column (serial: `pg_depend` deptype `a`), not an identity's.
    pub owned_sequences: Vec<QualifiedName>,
    /// `attstattarget`, where set.
    pub statistics_target: Option<i32>,
    /// `attoptions` without entries that begin with `pg_`.
    pub options: Vec<StorageParameter>,
    /// What `COMMENT ON COLUMN` says.
    pub comment: Option<String>,
    /// Whether the type has a default btree operator class.
    pub btree: bool,
    /// That class's equality.
    pub equal: Option<QualifiedOperator>,
    /// Whether values that are equal by it are the same bytes.
    pub bitwise: bool,
    /// Whether the type has a default hash operator class.
    pub hash: bool,
    /// Whether its values have a binary form (`typsend`, of all that they are made of) that is the same in every
    /// session: the database's encoding is UTF8.
    #[serde(default)]
    pub sends: bool,
}

/// An identity column's sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// GENERATED ALWAYS, not BY DEFAULT (`attidentity` is `a`).
    pub always: bool,
    /// The sequence that belongs to it.
    pub sequence: QualifiedName,
}

/// `pg_attribute.attgenerated`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// `pg_get_expr` of what it is generated from.
    pub expression: ServerSql,
    /// Virtual columns exist from PostgreSQL 18 on.
    pub stored: bool,
}

/// A primary key, UNIQUE constraint or unique index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Constraint's and index's name (they're the same).
    pub name: Ident,
    /// Key columns in index order; expressions left out.
    pub columns: Vec<KeyColumn>,
    /// Key columns and expressions in index order.
    pub terms: Vec<KeyTerm>,
    /// The WHERE of a partial index.
    pub predicate: Option<ServerSql>,
    /// `pg_index.indnullsnotdistinct`, from PostgreSQL 15 on.
    pub nulls_not_distinct: bool,
    /// INCLUDE columns.
    pub include: Vec<Ident>,
    /// Whether it is a constraint in `pg_constraint`.
    pub constraint: bool,
    /// `pg_constraint.condeferrable`.
    pub deferrable: bool,
    /// `pg_constraint.condeferred`.
    pub initially_deferred: bool,
    /// `pg_get_constraintdef`, or `pg_get_indexdef` for a plain unique index.
    pub definition: ServerSql,
    /// Index storage parameters.
    pub storage_parameters: Vec<StorageParameter>,
    /// `None` is the database's default tablespace.
    pub tablespace: Option<Ident>,
    /// Partial or expression index.
    pub partial_or_expression: bool,
    /// `pg_index.indisvalid` and `indisready`: a failed CREATE INDEX CONCURRENTLY leaves one that isn't.
    pub valid: bool,
    /// On the constraint.
    pub comment: Option<String>,
    /// On the index, which may have one of its own.
    pub index_comment: Option<String>,
    /// Statistics targets set on index expressions: (column number, target).
    pub statistics_targets: Vec<(i16, i32)>,
    /// `pg_relation_size` in bytes.
    #[serde(skip)]
    pub bytes: i64,
}

/// A column of a key with the equality of its operator class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyColumn {
    /// The column's.
    pub name: Ident,
    /// Strategy 3 (equal) of the index's operator family, `pg_amop`.
    pub equal: QualifiedOperator,
    /// Whether equal values are the same bytes: btree support function 4 exists
    /// and the collation is deterministic.
    pub bitwise: bool,
}

/// A column or an expression of a key, with what makes two values equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTerm {
    /// `None` for an expression.
    pub column: Option<Ident>,
    /// `pg_get_indexdef` of this place: a column's name or an expression.
    pub expression: ServerSql,
    /// Strategy 3 (equal) of the operator family.
    pub equal: QualifiedOperator,
    /// Schema-qualified.
    pub operator_class: ServerSql,
    /// Schema-qualified; `None` where the type has none.
    pub collation: Option<ServerSql>,
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The constraint's.
    pub name: Ident,
    /// `pg_get_constraintdef` without NO INHERIT and NOT VALID at its end.
    pub definition: ServerSql,
    /// The condition alone (`pg_get_expr`).
    pub condition: ServerSql,
    /// NO INHERIT: not for partitions (`connoinherit`).
    pub no_inherit: bool,
    /// Not NOT VALID (`convalidated`).
    pub validated: bool,
    /// `false` is NOT ENFORCED (PostgreSQL 18).
    pub enforced: bool,
    /// Whether a row violates it; looked for where it is enforced and not validated.
    pub violated: bool,
    /// What `COMMENT ON CONSTRAINT` says.
    pub comment: Option<String>,
}

/// A NOT NULL constraint of PostgreSQL 18.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotNull {
    /// The constraint's.
    pub name: Ident,
    /// The column that holds no NULL.
    pub column: Ident,
    /// NO INHERIT: not for partitions (`connoinherit`).
    pub no_inherit: bool,
    /// Not NOT VALID (`convalidated`).
    pub validated: bool,
    /// Whether the column holds NULL; looked for where it isn't validated.
    pub violated: bool,
    /// What `COMMENT ON CONSTRAINT` says.
    pub comment: Option<String>,
}

/// An exclusion constraint, or a key WITHOUT OVERLAPS (PostgreSQL 18), which is one too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// The constraint's and the index's.
    pub name: Ident,
    /// `pg_get_constraintdef`.
    pub definition: ServerSql,
    /// What it compares, in index order.
    pub elements: Vec<ExclusionElement>,
    /// The condition of WHERE.
    pub predicate: Option<ServerSql>,
    /// A primary key WITHOUT OVERLAPS.
    pub primary_key: bool,
    /// `pg_constraint.condeferrable`.
    pub deferrable: bool,
    /// `None` is the database's default tablespace.
    pub tablespace: Option<Ident>,
    /// On the constraint.
    pub comment: Option<String>,
    /// On the index, which may have one of its own.
    pub index_comment: Option<String>,
}

/// What may not be `operator` to the same of another row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExclusionElement {
    /// `None` for an expression.
    pub column: Option<Ident>,
    /// The column's name or the expression, as SQL.
    pub expression: ServerSql,
    /// What may not be true of two rows (`pg_constraint.conexclop`).
    pub operator: QualifiedOperator,
}

/// Something with a name and the server's own text for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedDefinition {
    /// Without its schema, which the definition has.
    pub name: Ident,
    /// The statement that creates it, as the server prints it.
    pub definition: ServerSql,
    /// What `COMMENT ON` says of it.
    pub comment: Option<String>,
}

/// A plain (not unique) index, or one that isn't valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// The index's, which is in the table's schema.
    pub name: Ident,
    /// What follows the table in `pg_get_indexdef`: ` USING btree (a, b) WHERE …`.
    pub using: ServerSql,
    /// `pg_get_indexdef`, whole.
    pub definition: ServerSql,
    /// `None` is the database's default tablespace.
    pub tablespace: Option<Ident>,
    /// `pg_index.indisvalid` and `indisready`: a failed CREATE INDEX CONCURRENTLY leaves one that isn't.
    pub valid: bool,
    /// What `COMMENT ON INDEX` says.
    pub comment: Option<String>,
    /// Statistics targets set on index expressions: (column number, target).
    pub statistics_targets: Vec<(i16, i32)>,
    /// `pg_relation_size` in bytes; never part of `catalog.json`.
    #[serde(skip)]
    pub bytes: i64,
}

/// A foreign key of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKeyOut {
    /// The constraint's.
    pub name: Ident,
    /// The referring columns, in their order (`conkey`).
    pub columns: Vec<Ident>,
    /// The table that it refers to.
    pub referenced: QualifiedName,
    /// That table's.
    pub referenced_persistence: Persistence,
    /// `pg_get_constraintdef` without a trailing NOT VALID.
    pub definition: ServerSql,
    /// Not NOT VALID (`convalidated`).
    pub validated: bool,
    /// `pg_constraint.condeferrable`.
    pub deferrable: bool,
    /// `false` is NOT ENFORCED (PostgreSQL 18).
    pub enforced: bool,
    /// What `COMMENT ON CONSTRAINT` says.
    pub comment: Option<String>,
}

/// A foreign key that points at the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKeyIn {
    /// The constraint's.
    pub name: Ident,
    /// The table that refers to this one.
    pub table: QualifiedName,
    /// Whether the table that refers to this one is itself partitioned.
    pub table_is_partitioned: bool,
    /// `pg_get_constraintdef` without a trailing NOT VALID.
    pub definition: ServerSql,
    /// The unique index that it refers to (`pg_constraint.conindid`).
    pub referenced_key: Ident,
    /// The referring columns, in their order (`conkey`).
    pub columns: Vec<Ident>,
    /// The columns of this table, in the same order (`confkey`).
    pub referenced_columns: Vec<Ident>,
    /// What makes a referenced value (left) and a referring one (right) equal, per column (`conpfeqop`).
    pub equal: Vec<QualifiedOperator>,
    /// MATCH FULL.
    pub match_full: bool,
    /// What ON DELETE does.
    pub on_delete: ReferentialAction,
    /// What ON UPDATE does.
    pub on_update: ReferentialAction,
    /// The column list of ON DELETE SET NULL or SET DEFAULT (`confdelsetcols`, from PostgreSQL 15 on), where it has one.
    pub on_delete_columns: Vec<Ident>,
    /// `pg_constraint.condeferrable`.
    pub deferrable: bool,
    /// `pg_constraint.condeferred`.
    pub initially_deferred: bool,
    /// Not NOT VALID (`convalidated`).
    pub validated: bool,
    /// `false` is NOT ENFORCED (PostgreSQL 18).
    pub enforced: bool,
    /// What `COMMENT ON CONSTRAINT` says.
    pub comment: Option<String>,
    /// Who owns the table that refers to this one.
    pub table_owner: Ident,
    /// Names in that table that a new column or trigger can't have; looked at when files are generated, and free to
    /// change otherwise.
    #[serde(skip)]
    pub table_columns: Vec<Ident>,
    /// Likewise, the triggers'.
    #[serde(skip)]
    pub table_triggers: Vec<Ident>,
}

/// `pg_constraint.confdeltype` and `confupdtype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferentialAction {
    /// NO ACTION, `a`: checked at the end of the statement, or deferred.
    NoAction,
    /// RESTRICT, `r`: checked at once.
    Restrict,
    /// CASCADE, `c`: the referring rows follow.
    Cascade,
    /// SET NULL, `n`.
    SetNull,
    /// SET DEFAULT, `d`.
    SetDefault,
}

impl ReferentialAction {
    /// Reads `pg_constraint.confdeltype` or `confupdtype`.
    pub fn from_catalog_code(code: char) -> Option<Self> {
        Some(match code {
            'a' => Self::NoAction,
            'r' => Self::Restrict,
            'c' => Self::Cascade,
            'n' => Self::SetNull,
            'd' => Self::SetDefault,
            _ => return None,
        })
    }
}

/// A user's trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// The trigger's.
    pub name: Ident,
    /// `pg_get_triggerdef`, whole (it names the table).
    pub definition: ServerSql,
    /// When it fires.
    pub enabled: TriggerEnabled,
    /// FOR EACH ROW, not FOR EACH STATEMENT.
    pub row_level: bool,
    /// REFERENCING OLD or NEW TABLE.
    pub transition_tables: bool,
    /// CREATE CONSTRAINT TRIGGER.
    pub constraint: bool,
    /// What `COMMENT ON TRIGGER` says.
    pub comment: Option<String>,
}

/// `pg_trigger.tgenabled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerEnabled {
    /// Unless `session_replication_role` is `replica`: the usual, `O`.
    Origin,
    /// Never, `D`.
    Disabled,
    /// Only where `session_replication_role` is `replica`, `R`.
    Replica,
    /// Whatever `session_replication_role` is, `A`.
    Always,
}

impl TriggerEnabled {
    /// Reads `pg_trigger.tgenabled`.
    pub fn from_catalog_code(code: char) -> Option<Self> {
        Some(match code {
            'O' => Self::Origin,
            'D' => Self::Disabled,
            'R' => Self::Replica,
            'A' => Self::Always,
            _ => return None,
        })
    }
}

/// A plain view that reads the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Schema-qualified, as the catalog has it.
    pub name: QualifiedName,
    /// The role that owns it, with whose rights it reads unless `security_invoker` is on.
    pub owner: Ident,
    /// `pg_get_viewdef`, without the closing semicolon.
    pub definition: ServerSql,
    /// `security_barrier`, `security_invoker`, `check_option`.
    pub options: Vec<StorageParameter>,
    /// How many views stand between it and other views above it: the outermost
    /// view has the greatest depth; views are listed outermost first, then by name.
    pub depth: i32,
    /// Its GROUP BY counts on the primary key to tell the other columns.
    pub groups_by_key: bool,
}

/// One privilege of one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// `None` is PUBLIC.
    pub grantee: Option<Ident>,
    /// `SELECT`, `INSERT` …
    pub privilege: String,
    /// WITH GRANT OPTION.
    pub grantable: bool,
    /// Set for a column privilege.
    pub column: Option<Ident>,
}

/// Something that hangs on the table and needs a decision or a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependent {
    /// What it is, and so what is said of it.
    pub kind: DependentKind,
    /// How a person would call it, e.g. `public.f(public.events)`.
    pub name: String,
}

/// What kind of thing hangs on the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependentKind {
    /// A column of another relation of the table's row type.
    RowTypeColumn,
    /// A FOR ALL TABLES or FOR TABLES IN SCHEMA publication.
    Publication,
    /// A subscription writes to it (`pg_subscription_rel`).
    Subscription,
    /// A table that this one inherits from, or the table that it is a partition of (`pg_inherits`).
    InheritanceParent,
    /// A table that inherits from this one, a partition of a partitioned table apart.
    InheritanceChild,
    /// The extension that owns the table.
    Extension,
    /// The composite type that it was created OF.
    TypedTable,
    /// A prepared transaction that holds a lock on it (`pg_prepared_xacts`).
    PreparedTransaction,
    /// A right on the table that another than its owner has granted.
    PassedOnGrant,
    /// A trigger that a foreign key's action fires, whose function relies on the session's search_path.
    CascadedTrigger,
    /// Anything else that `pg_depend` names and we don't know how to carry.
    Other,
}

/// Sizes and values that change by the minute; never part of `catalog.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measures {
    /// `pg_table_size`, bytes: heap, TOAST, maps.
    pub table_bytes: i64,
    /// `pg_indexes_size`, bytes.
    pub index_bytes: i64,
    /// Blocks of the heap.
    pub blocks: i64,
    /// `pg_class.reltuples`; -1 where never analysed.
    pub estimated_rows: f64,
}

/// What the partition key holds; read from the table itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KeyRange {
    /// Smallest and largest finite value; `None` for an empty table. Of a date or time (of a uuid of version 7
    /// its time) in the pinned time zone's wall clock, ISO 8601 (`2024-01-31T00:00:00`); of a number the whole
    /// number not above it.
    pub first: Option<String>,
    /// As `first`.
    pub last: Option<String>,
    /// Whether the key is NULL in any row.
    pub has_null: bool,
    /// Whether it is infinite, or NaN, in any row.
    pub has_infinity: bool,
    /// Of a uuid key: how many values aren't of version 7.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub strays: i64,
    /// Whether these are more than the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_mostly_stray: bool,
    /// Every value, as text, where each gets a partition of its own; in the key's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

impl KeyRange {
    /// Whether there is nothing in it.
    pub fn is_unread(&self) -> bool {
        *self == Self::default()
    }
}

fn is_zero(count: &i64) -> bool {
    *count == 0
}
