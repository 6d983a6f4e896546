//! The plan of a conversion: every name, column list and SQL fragment that a
//! template interpolates, resolved.
//!
//! One long file because it is one thing: nearly every step needs the same
//! names and lists, so that they stand once in [`Conversion`] and a [`Step`]
//! says only which template is rendered with them.

use super::carried_dependents::{CarriedDependents, carried_dependents};
use super::carried_indexes::{
    CarriedIndex, IndexStatistics, carried_indexes, clustered_on, index_names, index_statistics,
};
use super::comments::{constraint_comments, copy_comments, dependent_comments};
use super::facts::Facts;
use super::foreign_keys_out::{
    carried_foreign_keys, checked_at_once, following_definition, tables_referred_to,
};
use super::guards::{PlannedGuard, guards};
use super::incoming::{Lasting, PlannedIncoming, planned_incoming};
use super::lock_time::LockTime;
use super::materialized_views::{PlannedMaterializedView, materialized_views};
use super::names::{Names, derived, job_name};
use super::partitioning::{Parts, PlannedPartition, partitioning};
use super::problem::{Problem, Severity};
use super::problems::find_problems;
use super::step::Step;
use super::unique_keys::{Carried, carried_as};
use crate::model::{
    Column, Exclusion, ForeignKeyOut, Grant, Key, Persistence, ReplicaIdentity, StorageParameter, Table,
    Trigger, TriggerEnabled, View,
};
use crate::spec::{CopyBy, Strategy, TableSpec};
use crate::sql::{
    ColumnList, Fragment, Ident, KeyColumns, Literal, Number, QualifiedName, QualifiedOperator, ServerSql,
    retarget,
};

/// The steps, what they need, and what the user should know.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The steps that this table needs, in the order in which they run.
    pub steps: Vec<Step>,
    pub(crate) conversion: Conversion,
    /// Warnings and notes; blockers never get here.
    pub problems: Vec<Problem>,
    /// md5 of the table's structure, from the catalog.
    pub fingerprint: String,
}

/// An identity column with its sequences.
#[derive(Debug, Clone)]
pub struct PlannedIdentity {
    pub column: Ident,
    /// GENERATED ALWAYS, not BY DEFAULT.
    pub always: bool,
    /// GENERATED ALWAYS on the copy from the beginning: the sync inserts it with OVERRIDING SYSTEM VALUE and, as it finds
    /// the row by it, never updates it. From 17 on to change that goes through every partition.
    pub always_on_copy: bool,
    /// The name that applications know.
    pub sequence: QualifiedName,
    /// The copy's, until the cutover.
    pub copy_sequence: QualifiedName,
    /// The retired table's, after it.
    pub retired_sequence: QualifiedName,
}

/// A serial column's sequence, which changes its owner at the cutover.
#[derive(Debug, Clone)]
pub struct PlannedSerial {
    pub column: Ident,
    pub sequence: QualifiedName,
}

/// A user's trigger, made on the copy and disabled there until the cutover.
#[derive(Debug, Clone)]
pub struct PlannedTrigger {
    pub name: Ident,
    pub create: ServerSql,
    /// `ENABLE TRIGGER x` and the like: its state before the conversion.
    pub enable: Fragment,
}

/// An extended statistics object.
#[derive(Debug, Clone)]
pub struct PlannedStatistics {
    pub name: Ident,
    pub create: ServerSql,
    pub copy: QualifiedName,
}

/// A deferrable unique constraint: the side that follows checks it at COMMIT, for the trigger that
/// follows one row is a statement of its own, at whose end the other rows are yet to come.
#[derive(Debug, Clone)]
pub struct PlannedDeferrable {
    pub columns: KeyColumns,
    pub copy: QualifiedName,
    pub retired: QualifiedName,
}

/// An exclusion constraint, so that a conflict can be looked for.
#[derive(Debug, Clone)]
pub struct PlannedExclusion {
    /// `(expression) AS pgcleave_1, …`
    pub elements: Fragment,
    /// ` WHERE (…)`, or nothing.
    pub filter: Fragment,
    /// The elements with their operators.
    pub conflict: KeyColumns,
}

/// A CHECK of the copy.
#[derive(Debug, Clone)]
pub struct PlannedCheck {
    pub name: Ident,
    pub definition: Fragment,
}

/// Everything that templates interpolate.
#[derive(Debug, Clone)]
pub struct Conversion {
    pub names: Names,
    /// `schema.table` for messages.
    pub label: Literal,
    pub fingerprint: Literal,
    pub owner: Ident,
    /// The first column of the partition key.
    pub key: Ident,
    /// `RANGE ("at")`
    pub partition_by: Fragment,
    pub tablespace: Option<Ident>,
    /// `UNLOGGED ` where the table is: its partitions, and itself where the server knows unlogged partitioned tables.
    pub unlogged: Fragment,
    pub unlogged_copy: Fragment,
    pub primary_key_name: Ident,
    /// The source's primary key.
    pub primary_key: KeyColumns,
    /// Primary key and partition key: identifies a row of the copy.
    pub row_key: KeyColumns,
    /// The columns of the change log: those of `row_key`.
    pub log_columns: ColumnList,
    /// Every column.
    pub columns: ColumnList,
    /// What is hashed of a row of the alias `t`: all its columns, in a form in which other values are other bytes.
    pub hashed_row: Fragment,
    /// Every column that isn't generated.
    pub writable_columns: ColumnList,
    pub upsert_by_row_key: Fragment,
    pub upsert_by_primary_key: Fragment,
    pub identities: Vec<PlannedIdentity>,
    pub serials: Vec<PlannedSerial>,
    pub checks: Vec<PlannedCheck>,
    /// Actions of ALTER TABLE.
    pub remade_not_nulls: Vec<Fragment>,
    /// Comments and security labels that are set when the copy is created.
    pub copy_comments: Vec<Fragment>,
    /// Comments on indexes, triggers and statistics.
    pub dependent_comments: Vec<Fragment>,
    pub foreign_key_comments: Vec<Fragment>,
    /// `ALTER COLUMN …, ALTER COLUMN …`, for the copy and each partition.
    pub column_settings: Option<Literal>,
    /// Each behind what it is a partition of.
    pub partitions: Vec<PlannedPartition>,
    pub with_storage_parameters: Fragment,
    /// FULL or NOTHING as a string constant.
    pub replica_identity: Option<Literal>,
    /// The index, on the copy, that is the replica identity.
    pub replica_index: Option<QualifiedName>,
    pub grants: Vec<Fragment>,
    pub index_builds: Vec<Fragment>,
    /// What builds an index of one partition: before its name, and behind it.
    pub partition_index_builds: Vec<(Literal, Literal)>,
    pub index_statistics: Vec<IndexStatistics>,
    /// The index that partitions are clustered on.
    pub clustered_on: Option<Literal>,
    pub index_drops: Vec<Fragment>,
    pub statistics: Vec<PlannedStatistics>,
    pub triggers: Vec<PlannedTrigger>,
    pub views: Vec<Fragment>,
    pub dependents: CarriedDependents,
    /// Innermost first.
    pub materialized_views: Vec<PlannedMaterializedView>,
    pub renames_at_cutover: Vec<Fragment>,
    pub renames_at_rollback: Vec<Fragment>,
    pub foreign_key_names: Fragment,
    pub foreign_key_definitions: Fragment,
    pub foreign_keys_validated: Fragment,
    pub foreign_keys_referenced: Fragment,
    pub lock_settings_share_update_exclusive: Literal,
    pub lock_segments_access_exclusive: Literal,
    pub lock_copy_access_exclusive: Literal,
    pub lock_source_share_row_exclusive: Literal,
    pub lock_source_access_exclusive: Literal,
    pub lock_retired_access_exclusive: Literal,
    /// Tables that foreign keys refer to: dropping a foreign key locks them.
    pub tables_referred_to: Fragment,
    /// Done with the cutover's locks, to be tried again with them: an autovacuum of a partition may be in the way.
    pub alters_with_locks: Vec<Literal>,
    pub log_keys_signature: Literal,
    pub sync_signature: Literal,
    pub reverse_signature: Literal,
    pub copy_batches_signature: Literal,
    pub delete_retired_where: Literal,
    pub batch_blocks: Number,
    /// What pg_cron calls each minute, and what its job is named.
    pub job_command: Literal,
    pub job_name: Literal,
    /// The parts of the table that are compared one by one.
    pub parts: Parts,
    /// What they are called in reports.
    pub part_names: Fragment,
    /// Unique keys beside the primary key, on whole columns and rows, that are checked row by row: those of the table as
    /// it was, and those that are unique on the copy, too.
    pub other_unique_keys: Vec<KeyColumns>,
    pub other_unique_keys_of_copy: Vec<KeyColumns>,
    /// Those that are checked at the end of a statement or a transaction, of both sides.
    pub deferrable_unique_keys: Vec<PlannedDeferrable>,
    pub deferrable_unique_keys_of_copy: Vec<PlannedDeferrable>,
    pub exclusions: Vec<PlannedExclusion>,
    pub guards: Vec<PlannedGuard>,
    /// What becomes of the foreign keys that point at the retired table.
    pub incoming: Vec<PlannedIncoming>,
    /// Names of every function and procedure of ours.
    pub routine_names: Fragment,
    /// Foreign keys that are checked at once on the side that leads, and at COMMIT on the one that follows: those of
    /// the table as it was, and those that the copy has, too.
    pub foreign_keys_checked_at_once: Vec<Ident>,
    pub foreign_keys_of_copy_checked_at_once: Vec<Ident>,
    /// How long the cutover and its rollback hold their lock.
    pub lock_time: LockTime,
    copy: CopyBy,
    foreign_key_count: usize,
    index_total: usize,
    key_is_extended: bool,
    referenced: bool,
}

impl Conversion {
    /// Whether pg_cron copies and catches up, not a migration.
    pub fn copies_by_pg_cron(&self) -> bool {
        self.copy == CopyBy::PgCron
    }

    pub fn has_foreign_keys(&self) -> bool {
        self.foreign_key_count > 0
    }

    pub fn has_materialized_views(&self) -> bool {
        !self.materialized_views.is_empty()
    }

    /// The schema of everything.
    pub fn schema_literal(&self) -> Literal {
        Literal::new(self.names.source.schema.to_string())
    }

    /// Whether foreign keys of other tables point at the source.
    pub fn is_referenced(&self) -> bool {
        self.referenced
    }

    /// Whether foreign keys of other tables point at it, which must get another form before it is dropped.
    pub fn moves_foreign_keys(&self) -> bool {
        !self.incoming.is_empty()
    }

    /// Whether a table that refers to it gets the partition key as a column.
    pub fn extends_incoming(&self) -> bool {
        self.incoming
            .iter()
            .any(|key| matches!(key.lasting, Lasting::Extension(_)))
    }

    /// Triggers of ours that stand on the partitioned table for good: of guards, and of foreign keys that became triggers.
    pub fn triggers_on_partitioned_table(&self) -> Vec<&Ident> {
        let guards = self.guards.iter();
        let mut names: Vec<&Ident> = guards
            .flat_map(|guard| [&guard.trigger, &guard.moves_trigger, &guard.truncate_trigger])
            .collect();
        for key in &self.incoming {
            if let Lasting::Triggers(triggers) = &key.lasting {
                names.push(&triggers.truncate_trigger);
                names.extend(triggers.parent_triggers.iter().map(|trigger| &trigger.name));
            }
        }
        names
    }

    /// Whether the partition key had to be added to the primary key.
    pub fn key_extended(&self) -> bool {
        self.key_is_extended
    }

    /// Partitions of partitions too.
    pub fn partition_count(&self) -> Number {
        Number(self.partitions.len() as i64)
    }

    pub fn index_count(&self) -> Number {
        Number(self.index_total as i64)
    }
}

/// Decides everything about a conversion.
///
/// # Errors
/// All blockers, together with the warnings and notes.
pub fn plan_conversion(facts: &Facts, spec: &TableSpec) -> Result<Plan, Vec<Problem>> {
    let problems = find_problems(facts, spec);
    if problems.iter().any(|p| p.severity == Severity::Blocker) {
        return Err(problems);
    }
    let Some(conversion) = resolve(facts, spec) else {
        return Err(vec![Problem::unresolvable(&facts.table.name)]);
    };
    let steps = Step::ALL
        .into_iter()
        .filter(|step| is_needed(*step, &conversion))
        .collect();
    Ok(Plan {
        steps,
        conversion,
        problems,
        fingerprint: facts.table.fingerprint.clone(),
    })
}

/// Whether the table has what the step is for.
fn is_needed(step: Step, conversion: &Conversion) -> bool {
    match step {
        Step::ScheduleCopy | Step::UnscheduleCopy => conversion.copies_by_pg_cron(),
        Step::RunBatchCopy | Step::CatchUp => !conversion.copies_by_pg_cron(),
        Step::CreateGuards => !conversion.guards.is_empty(),
        Step::AddForeignKeys => conversion.has_foreign_keys(),
        Step::BuildMaterializedViews => conversion.has_materialized_views(),
        Step::MoveIncomingForeignKeys => conversion.moves_foreign_keys(),
        Step::CreatePartitionedCopy
        | Step::InstallSyncTrigger
        | Step::CreateBatchCopyProcedure
        | Step::BuildPartitionIndexes
        | Step::BuildIndexes
        | Step::KeepInStep
        | Step::VerifyCopy
        | Step::CutOver
        | Step::VerifyCutover
        | Step::DropRetiredTable => true,
    }
}

/// `None` where a fact is missing that [`find_problems`] asks for.
fn resolve(facts: &Facts, spec: &TableSpec) -> Option<Conversion> {
    let table = &facts.table;
    let names = Names::of(&table.name);
    let key = partition_columns(table, spec)?;
    let partitioning = partitioning(facts, spec).ok()?;
    let primary = table.primary_key.as_ref()?;
    let primary_key = key_columns(primary);
    let nullable = key.iter().filter(|c| !c.not_null).map(|c| c.name.clone());
    let ranged = (spec.strategy == Strategy::Range && key.len() == 1).then(|| &key[0].name);
    let row_key = with_partition_key(primary, &key)?
        .with_nullable(nullable.collect())
        .with_range(ranged);
    let writable: Vec<&Column> = table.columns.iter().filter(|c| c.generated.is_none()).collect();
    let key_is_extended = row_key.list() != primary_key.list();
    let carried: Vec<CarriedIndex> = carried_indexes(table, &names, &key, spec)?;
    let guards = guards(table, spec, &row_key)?;
    let foreign_keys = carried_foreign_keys(table, spec, &names)?;

    Some(Conversion {
        label: Literal::new(table.name.plain()),
        fingerprint: Literal::new(table.fingerprint.clone()),
        owner: table.owner.clone(),
        key: key.first()?.name.clone(),
        partition_by: partitioning.partition_by,
        tablespace: table.tablespace.clone(),
        unlogged: unlogged(table.persistence == Persistence::Unlogged),
        unlogged_copy: unlogged(table.persistence == Persistence::Unlogged && table.server_version < 180_000),
        primary_key_name: primary.name.clone(),
        log_columns: row_key.list(),
        columns: ColumnList::new(table.columns.iter().map(|c| c.name.clone()).collect()),
        hashed_row: hashed_row(table),
        writable_columns: ColumnList::new(writable.iter().map(|c| c.name.clone()).collect()),
        upsert_by_row_key: upsert(&writable, &row_key, primary),
        upsert_by_primary_key: upsert(&writable, &primary_key, primary),
        primary_key,
        identities: identities(table),
        serials: serials(table),
        checks: checks(table),
        remade_not_nulls: remade_not_nulls(table),
        copy_comments: copy_comments(table, &names),
        dependent_comments: dependent_comments(table, &names, &carried),
        foreign_key_comments: constraint_comments(
            &names.copy,
            foreign_keys.iter().map(|k| (&k.name, k.comment.as_ref())),
        ),
        column_settings: column_settings(table),
        lock_time: LockTime::of(table, partitioning.partitions.len()),
        partitions: partitioning.partitions,
        with_storage_parameters: with_parameters(&table.storage_parameters),
        replica_identity: match &table.replica_identity {
            ReplicaIdentity::Default | ReplicaIdentity::Index(_) => None,
            ReplicaIdentity::Nothing => Some(Literal::new("NOTHING")),
            ReplicaIdentity::Full => Some(Literal::new("FULL")),
        },
        replica_index: replica_index(table, &carried),
        grants: grants(&table.grants, &table.owner, &names.copy),
        index_statistics: index_statistics(table),
        clustered_on: clustered_on(table),
        index_builds: carried.iter().map(|i| i.build.clone()).collect(),
        partition_index_builds: carried.iter().filter_map(|i| i.partition_build.clone()).collect(),
        index_drops: carried.iter().rev().map(|i| i.drop.clone()).collect(),
        statistics: statistics(table, &names)?,
        triggers: triggers(table, &names)?,
        views: table.views.iter().map(view_definition).collect(),
        dependents: carried_dependents(table, &names),
        materialized_views: materialized_views(table, &names),
        renames_at_cutover: renames(table, &carried, Direction::Forward),
        renames_at_rollback: renames(table, &carried, Direction::Back),
        row_key,
        foreign_key_names: Fragment::list(foreign_keys.iter().map(|k| k.name.literal())),
        foreign_key_definitions: Fragment::list(foreign_keys.iter().map(following_definition)),
        foreign_keys_validated: Fragment::list(
            foreign_keys
                .iter()
                .map(|k| Fragment::new(if k.validated { "true" } else { "false" }, &[])),
        ),
        foreign_keys_referenced: Fragment::list(foreign_keys.iter().map(|k| k.referenced.literal())),
        lock_settings_share_update_exclusive: lock_statement(
            "LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE",
            &names.settings,
        ),
        lock_segments_access_exclusive: lock_statement(
            "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
            &names.segments,
        ),
        lock_copy_access_exclusive: lock_statement("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", &names.copy),
        lock_source_share_row_exclusive: lock_statement(
            "LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE",
            &names.source,
        ),
        lock_source_access_exclusive: lock_statement("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", &names.source),
        lock_retired_access_exclusive: lock_statement(
            "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
            &names.retired,
        ),
        tables_referred_to: Fragment::list(tables_referred_to(table).into_iter().map(QualifiedName::literal)),
        alters_with_locks: alters_with_locks(table, &foreign_keys, &names),
        log_keys_signature: Fragment::new("{}()", &[&names.log_keys]).literal(),
        sync_signature: Fragment::new("{}()", &[&names.sync]).literal(),
        reverse_signature: Fragment::new("{}()", &[&names.reverse]).literal(),
        copy_batches_signature: Fragment::new("{}(bigint)", &[&names.copy_batches]).literal(),
        delete_retired_where: Fragment::new("DELETE FROM {} WHERE ", &[&names.retired]).literal(),
        batch_blocks: Number(spec.batch_size.into()),
        job_command: Fragment::new("CALL {}()", &[&names.work]).literal(),
        job_name: Literal::new(job_name(&table.name)),
        copy: spec.copy,
        part_names: Fragment::list(partitioning.parts.names.iter().map(Literal::new)),
        parts: partitioning.parts,
        other_unique_keys: table
            .unique_keys
            .iter()
            .filter(|key| !key.partial_or_expression && !key.deferrable)
            .map(key_columns)
            .collect(),
        exclusions: exclusions(table)?,
        other_unique_keys_of_copy: unique_on_copy(table, spec, &key)
            .into_iter()
            .filter(|(unique, _)| !unique.deferrable)
            .map(|(_, columns)| columns)
            .collect(),
        deferrable_unique_keys: deferrable_unique_keys(table),
        deferrable_unique_keys_of_copy: unique_on_copy(table, spec, &key)
            .into_iter()
            .filter(|(unique, _)| unique.deferrable)
            .map(|(unique, columns)| planned_deferrable(table, unique, columns))
            .collect(),
        incoming: planned_incoming(table, spec, &names)?,
        routine_names: Fragment::list(
            names
                .functions()
                .into_iter()
                .chain(guards.iter().flat_map(PlannedGuard::functions))
                .map(|f| f.name.literal()),
        ),
        guards,
        foreign_keys_checked_at_once: checked_at_once(&table.foreign_keys_out),
        foreign_keys_of_copy_checked_at_once: checked_at_once(&foreign_keys),
        foreign_key_count: foreign_keys.len(),
        index_total: carried.len(),
        key_is_extended,
        referenced: !table.foreign_keys_in.is_empty(),
        names,
    })
}

fn unlogged(is_unlogged: bool) -> Fragment {
    Fragment::new(if is_unlogged { "UNLOGGED " } else { "" }, &[])
}

fn deferrable_unique_keys(table: &Table) -> Vec<PlannedDeferrable> {
    let deferrable = table.unique_keys.iter().filter(|key| key.deferrable);
    deferrable
        .map(|key| planned_deferrable(table, key, key_columns(key)))
        .collect()
}

fn planned_deferrable(table: &Table, key: &Key, columns: KeyColumns) -> PlannedDeferrable {
    let (_, copy, retired) = index_names(table, &key.name);
    PlannedDeferrable {
        columns,
        copy,
        retired,
    }
}

fn exclusions(table: &Table) -> Option<Vec<PlannedExclusion>> {
    let planned = |exclusion: &Exclusion| {
        let mut elements = Vec::new();
        let mut conflict = Vec::new();
        for (place, element) in exclusion.elements.iter().enumerate() {
            let name = Ident::new(format!("pgcleave_{place}")).ok()?;
            elements.push(Fragment::new("({}) AS {}", &[&element.expression, &name]));
            conflict.push((name, element.operator.clone()));
        }
        Some(PlannedExclusion {
            elements: Fragment::list(elements),
            filter: match &exclusion.predicate {
                Some(predicate) => Fragment::new(" WHERE ({})", &[predicate]),
                None => Fragment::default(),
            },
            conflict: KeyColumns::new(conflict),
        })
    };
    table.exclusions.iter().map(planned).collect()
}

/// The columns of all levels' partition keys, each once.
fn partition_columns<'a>(table: &'a Table, spec: &TableSpec) -> Option<Vec<&'a Column>> {
    let column = |name: &str| table.columns.iter().find(|c| c.name.as_str() == name);
    spec.partition_columns().into_iter().map(column).collect()
}

fn key_columns(key: &Key) -> KeyColumns {
    KeyColumns::new(
        key.columns
            .iter()
            .map(|c| (c.name.clone(), c.equal.clone()))
            .collect(),
    )
}

/// The primary key's columns, and behind them those of the partition key that aren't among them.
pub(super) fn with_partition_key(primary: &Key, key: &[&Column]) -> Option<KeyColumns> {
    let mut columns: Vec<(Ident, QualifiedOperator)> = primary
        .columns
        .iter()
        .map(|c| (c.name.clone(), c.equal.clone()))
        .collect();
    for column in key {
        if !columns.iter().any(|(name, _)| *name == column.name) {
            columns.push((column.name.clone(), column.equal.clone()?));
        }
    }
    Some(KeyColumns::new(columns))
}

/// The binary form, which takes half the time, where each column has one; else the text.
fn hashed_row(table: &Table) -> Fragment {
    let columns = table.columns.iter();
    let columns = Fragment::list(columns.map(|column| Fragment::new("t.{}", &[&column.name])));
    match table.columns.iter().all(|column| column.sends) {
        true => Fragment::new("pg_catalog.record_send(ROW({}))", &[&columns]),
        false => Fragment::new("ROW({})::pg_catalog.text", &[&columns]),
    }
}

/// `DO UPDATE SET …` of every column that an upsert found by `key` may change.
///
/// Key columns are set too where equal values may differ in their bytes, or 1.0
/// would not become 1.00.
fn upsert(writable: &[&Column], key: &KeyColumns, primary: &Key) -> Fragment {
    let key = key.list();
    let bitwise = |name: &Ident| {
        primary
            .columns
            .iter()
            .find(|c| c.name == *name)
            .map(|c| c.bitwise)
    };
    let set: Vec<Fragment> = writable
        .iter()
        .filter(|c| !key.columns().contains(&c.name) || !bitwise(&c.name).unwrap_or(c.bitwise))
        .map(|c| Fragment::new("{} = EXCLUDED.{}", &[&c.name, &c.name]))
        .collect();
    if set.is_empty() {
        return Fragment::new("DO NOTHING", &[]);
    }
    Fragment::new("DO UPDATE SET {}", &[&Fragment::list(set)])
}

fn replica_index(table: &Table, carried: &[CarriedIndex]) -> Option<QualifiedName> {
    let ReplicaIdentity::Index(name) = &table.replica_identity else {
        return None;
    };
    let index = carried.iter().find(|index| index.name.name == *name)?;
    Some(index.copy_name.clone())
}

/// Whether rows of the copy are found by it: no UPDATE of the sync's sets it.
pub(super) fn is_identity_of_key(table: &Table, column: &Column) -> bool {
    let primary = table.primary_key.iter().flat_map(|key| &key.columns);
    column.identity.is_some() && primary.into_iter().any(|c| c.name == column.name)
}

fn identities(table: &Table) -> Vec<PlannedIdentity> {
    let identity = |column: &Column| {
        let identity = column.identity.as_ref()?;
        let sequence = identity.sequence.clone();
        Some(PlannedIdentity {
            column: column.name.clone(),
            always: identity.always,
            always_on_copy: identity.always && is_identity_of_key(table, column),
            copy_sequence: derived(&sequence, "_pgcleave_copy"),
            retired_sequence: derived(&sequence, "_pgcleave_retired"),
            sequence,
        })
    };
    table.columns.iter().filter_map(identity).collect()
}

fn serials(table: &Table) -> Vec<PlannedSerial> {
    let of_column = |column: &Column| {
        let name = column.name.clone();
        let planned = move |sequence: &QualifiedName| PlannedSerial {
            column: name.clone(),
            sequence: sequence.clone(),
        };
        column.owned_sequences.iter().map(planned).collect::<Vec<_>>()
    };
    table.columns.iter().flat_map(of_column).collect()
}

fn checks(table: &Table) -> Vec<PlannedCheck> {
    let planned = |c: &crate::model::Check| PlannedCheck {
        name: c.name.clone(),
        definition: match c.enforced && !c.validated {
            true => Fragment::new("{} NOT VALID", &[&c.definition]),
            false => Fragment::new("{}", &[&c.definition]),
        },
    };
    table.checks.iter().map(planned).collect()
}

/// NOT NULL constraints that LIKE doesn't bring as a partitioned table needs them: it makes
/// valid ones of those that aren't, and keeps NO INHERIT, which partitions then lack.
fn remade_not_nulls(table: &Table) -> Vec<Fragment> {
    let differs = table.not_nulls.iter().filter(|n| n.no_inherit || !n.validated);
    let remade = differs.map(|n| {
        let validity = Fragment::new(if n.validated { "" } else { " NOT VALID" }, &[]);
        Fragment::new(
            "ALTER COLUMN {} DROP NOT NULL, ADD CONSTRAINT {} NOT NULL {}{}",
            &[&n.column, &n.name, &n.column, &validity],
        )
    });
    remade.collect()
}

fn column_settings(table: &Table) -> Option<Literal> {
    let mut settings = Vec::new();
    for column in &table.columns {
        if let Some(target) = column.statistics_target {
            let text = "ALTER COLUMN {} SET STATISTICS {}";
            settings.push(Fragment::new(text, &[&column.name, &Number(target.into())]));
        }
        if !column.options.is_empty() {
            let text = "ALTER COLUMN {} SET ({})";
            settings.push(Fragment::new(text, &[&column.name, &parameters(&column.options)]));
        }
    }
    (!settings.is_empty()).then(|| Fragment::list(settings).literal())
}

/// `fillfactor = '80', toast.autovacuum_enabled = 'false'`
pub(super) fn parameters(parameters: &[StorageParameter]) -> Fragment {
    Fragment::list(parameters.iter().map(|parameter| {
        let value = Literal::new(parameter.value.as_str());
        let plain = ServerSql::from_server(parameter.name.as_str());
        Fragment::new("{} = {}", &[&plain, &value])
    }))
}

pub(super) fn with_parameters(list: &[StorageParameter]) -> Fragment {
    if list.is_empty() {
        return Fragment::default();
    }
    Fragment::new(" WITH ({})", &[&parameters(list)])
}

/// Table and column privileges for a relation that has none but its owner's.
pub(super) fn grants(grants: &[Grant], owner: &Ident, copy: &QualifiedName) -> Vec<Fragment> {
    // Where the owner's own rights are listed, others of them were revoked.
    let listed = grants
        .iter()
        .any(|g| g.grantee.as_ref() == Some(owner) && g.column.is_none());
    let revoke = Fragment::new("REVOKE ALL ON TABLE {} FROM {}", &[copy, owner]);
    let grants = grants.iter().map(|grant| {
        let privilege = ServerSql::from_server(grant.privilege.as_str());
        let what = match &grant.column {
            Some(column) => Fragment::new("{} ({})", &[&privilege, column]),
            None => Fragment::new("{}", &[&privilege]),
        };
        let to = match &grant.grantee {
            Some(role) => Fragment::new("{}", &[role]),
            None => Fragment::new("PUBLIC", &[]),
        };
        let option = Fragment::new(if grant.grantable { " WITH GRANT OPTION" } else { "" }, &[]);
        Fragment::new("GRANT {} ON TABLE {} TO {}{}", &[&what, copy, &to, &option])
    });
    listed.then_some(revoke).into_iter().chain(grants).collect()
}

pub(super) struct StatisticsNames {
    name: QualifiedName,
    pub(super) copy: QualifiedName,
    retired: QualifiedName,
}

pub(super) fn statistics_names(table: &Table, name: &Ident) -> StatisticsNames {
    let (name, copy, retired) = index_names(table, name);
    StatisticsNames { name, copy, retired }
}

/// `CREATE STATISTICS schema.name (kinds) ON columns FROM schema.table`, for the copy.
fn statistics(table: &Table, names: &Names) -> Option<Vec<PlannedStatistics>> {
    let planned = |statistics: &crate::model::NamedDefinition| {
        let own = statistics_names(table, &statistics.name);
        let renamed = retarget(&statistics.definition, "STATISTICS", &own.name, &own.copy)?;
        let create = retarget(&renamed, "FROM", &table.name, &names.copy)?;
        Some(PlannedStatistics {
            name: statistics.name.clone(),
            create,
            copy: own.copy,
        })
    };
    table.statistics.iter().map(planned).collect()
}

fn triggers(table: &Table, names: &Names) -> Option<Vec<PlannedTrigger>> {
    let planned = |trigger: &Trigger| {
        Some(PlannedTrigger {
            name: trigger.name.clone(),
            create: retarget(&trigger.definition, "ON", &table.name, &names.copy)?,
            enable: enable_as_before(trigger),
        })
    };
    table.triggers.iter().map(planned).collect()
}

/// `ENABLE TRIGGER x` and the like: its state before the conversion.
fn enable_as_before(trigger: &Trigger) -> Fragment {
    let action = match trigger.enabled {
        TriggerEnabled::Origin => "ENABLE TRIGGER {}",
        TriggerEnabled::Disabled => "DISABLE TRIGGER {}",
        TriggerEnabled::Replica => "ENABLE REPLICA TRIGGER {}",
        TriggerEnabled::Always => "ENABLE ALWAYS TRIGGER {}",
    };
    Fragment::new(action, &[&trigger.name])
}

/// The view as it is, with its options, which CREATE OR REPLACE would else drop.
fn view_definition(view: &View) -> Fragment {
    Fragment::new(
        "CREATE OR REPLACE VIEW {}{} AS\n{}",
        &[&view.name, &with_parameters(&view.options), &view.definition],
    )
}

enum Direction {
    Forward,
    Back,
}

/// Renames of indexes, statistics and identity sequences, so that applications
/// find the names that they know on the table that they see.
fn renames(table: &Table, carried: &[CarriedIndex], direction: Direction) -> Vec<Fragment> {
    type Renamed = (&'static str, QualifiedName, QualifiedName, QualifiedName);
    let mut all: Vec<Renamed> = carried
        .iter()
        .map(|i| {
            (
                "ALTER INDEX {} RENAME TO {}",
                i.name.clone(),
                i.copy_name.clone(),
                i.retired_name.clone(),
            )
        })
        .collect();
    for statistics in &table.statistics {
        let own = statistics_names(table, &statistics.name);
        all.push((
            "ALTER STATISTICS {} RENAME TO {}",
            own.name,
            own.copy,
            own.retired,
        ));
    }
    for identity in identities(table) {
        all.push((
            "ALTER SEQUENCE {} RENAME TO {}",
            identity.sequence,
            identity.copy_sequence,
            identity.retired_sequence,
        ));
    }
    all.iter()
        .flat_map(|(text, name, copy, retired)| match direction {
            Direction::Forward => [
                Fragment::new(text, &[name, &retired.name]),
                Fragment::new(text, &[copy, &name.name]),
            ],
            Direction::Back => [
                Fragment::new(text, &[name, &copy.name]),
                Fragment::new(text, &[retired, &name.name]),
            ],
        })
        .collect()
}

/// Keys on whole columns and rows that are unique on the copy, with the partition key where it was added.
fn unique_on_copy<'a>(table: &'a Table, spec: &TableSpec, key: &[&Column]) -> Vec<(&'a Key, KeyColumns)> {
    let whole = table
        .unique_keys
        .iter()
        .filter(|unique| !unique.partial_or_expression);
    let columns = |unique: &Key| match carried_as(unique, table, spec)? {
        Carried::Whole => Some(key_columns(unique)),
        Carried::Extended => with_partition_key(unique, key),
        Carried::Plain => None,
    };
    whole
        .filter_map(|unique| Some((unique, columns(unique)?)))
        .collect()
}

/// Triggers and foreign keys of the copy as the table had them.
fn alters_with_locks(table: &Table, foreign_keys: &[ForeignKeyOut], names: &Names) -> Vec<Literal> {
    let alter = |action: Fragment| Fragment::new("ALTER TABLE {} {}", &[&names.copy, &action]).literal();
    // A disabled one is so on the copy already.
    let enabled = table
        .triggers
        .iter()
        .filter(|t| t.enabled != TriggerEnabled::Disabled);
    let triggers = enabled.map(enable_as_before);
    let keys = checked_at_once(foreign_keys);
    let keys = keys
        .iter()
        .map(|name| Fragment::new("ALTER CONSTRAINT {} NOT DEFERRABLE", &[name]));
    triggers.chain(keys).map(alter).collect()
}

fn lock_statement(text: &'static str, table: &QualifiedName) -> Literal {
    Fragment::new(text, &[table]).literal()
}
