//! Loads one table with all that hangs on it.

use postgres::Transaction;

use super::ask::{Answer, ask, ask_one, question};
use super::{CatalogError, constraints, dependents, indexes, relation_kind, surroundings};
use crate::model::{
    Column, Generated, Grant, Identity, Measures, NamedDefinition, Persistence, RelationKind,
    ReplicaIdentity, RowSecurity, Table, View,
};
use crate::sql::{Ident, QualifiedName, QualifiedOperator};

/// Reads a relation of any kind in a [`super::snapshot`].
///
/// # Errors
/// When there is no such relation or a query fails.
pub fn load_table(tx: &mut Transaction<'_>, name: &QualifiedName) -> Result<Table, CatalogError> {
    let missing = || CatalogError::NotFound {
        name: name.plain(),
        near: Vec::new(),
    };
    let (oid, kind) = relation_kind(tx, name)?.ok_or_else(missing)?;
    let relation = ask_one(tx, question!("relation"), &[&oid])?.ok_or_else(missing)?;
    let indexes = indexes::load_indexes(tx, oid)?;
    Ok(Table {
        name: name.clone(),
        server_version: relation.value("server_version")?,
        kind,
        persistence: relation.code(
            "persistence",
            "pg_class.relpersistence",
            Persistence::from_catalog_code,
        )?,
        owner: relation.ident("owner")?,
        comment: relation.value("comment")?,
        storage_parameters: relation.storage_parameters("storage_parameters")?,
        tablespace: relation.optional_ident("tablespace")?,
        access_method: relation.optional_ident("access_method")?,
        replica_identity: replica_identity(&relation)?,
        row_security: RowSecurity {
            enabled: relation.value("row_security")?,
            forced: relation.value("row_security_forced")?,
            policies: surroundings::load_policies(tx, oid)?,
        },
        columns: load_columns(tx, oid)?,
        primary_key: indexes.primary_key,
        unique_keys: indexes.unique_keys,
        checks: constraints::load_checks(tx, oid)?,
        not_nulls: constraints::load_not_nulls(tx, oid)?,
        exclusions: indexes.exclusions,
        indexes: indexes.plain,
        clustered_on: indexes.clustered_on,
        foreign_keys_out: constraints::load_foreign_keys_out(tx, oid)?,
        foreign_keys_in: constraints::load_foreign_keys_in(tx, oid)?,
        triggers: constraints::load_triggers(tx, oid)?,
        views: load_views(tx, oid)?,
        relations_above: surroundings::load_relations_above(tx, oid)?,
        foreign_policies: surroundings::load_foreign_policies(tx, oid)?,
        rules: surroundings::load_rules(tx, oid)?,
        routines: surroundings::load_routines(tx, oid)?,
        publications: surroundings::load_publications(tx, oid)?,
        security_labels: surroundings::load_security_labels(tx, oid)?,
        event_triggers: surroundings::load_event_triggers(tx)?,
        materialized_views: surroundings::load_materialized_views(tx, oid)?,
        statistics: load_statistics(tx, oid)?,
        grants: load_grants(tx, oid)?,
        dependents: dependents::load_dependents(tx, oid)?,
        fingerprint: fingerprint_of(tx, oid)?,
    })
}

/// Computes the fingerprint alone, in a [`super::snapshot`].
///
/// # Errors
/// When there is no such relation or a query fails.
pub fn load_fingerprint(tx: &mut Transaction<'_>, name: &QualifiedName) -> Result<String, CatalogError> {
    let (oid, _) = existing(tx, name)?;
    fingerprint_of(tx, oid)
}

/// Reads sizes; a partitioned table's are the sums over its partitions.
///
/// # Errors
/// When there is no such relation or a query fails.
pub fn load_measures(tx: &mut Transaction<'_>, name: &QualifiedName) -> Result<Measures, CatalogError> {
    let (oid, _) = existing(tx, name)?;
    let answer = ask_one(tx, question!("measures"), &[&oid])?.ok_or_else(|| gone(name))?;
    Ok(Measures {
        table_bytes: answer.value("table_bytes")?,
        index_bytes: answer.value("index_bytes")?,
        blocks: answer.value("blocks")?,
        estimated_rows: answer.value("estimated_rows")?,
    })
}

pub(super) fn existing(
    tx: &mut Transaction<'_>,
    name: &QualifiedName,
) -> Result<(u32, RelationKind), CatalogError> {
    relation_kind(tx, name)?.ok_or_else(|| gone(name))
}

pub(super) fn gone(name: &QualifiedName) -> CatalogError {
    CatalogError::NotFound {
        name: name.plain(),
        near: Vec::new(),
    }
}

fn replica_identity(relation: &Answer) -> Result<ReplicaIdentity, CatalogError> {
    let code = relation.value::<String>("replica_identity")?;
    match (code.as_str(), relation.optional_ident("replica_index")?) {
        ("d", _) => Ok(ReplicaIdentity::Default),
        // The index was dropped: PostgreSQL then behaves as with NOTHING.
        ("n", _) | ("i", None) => Ok(ReplicaIdentity::Nothing),
        ("f", _) => Ok(ReplicaIdentity::Full),
        ("i", Some(index)) => Ok(ReplicaIdentity::Index(index)),
        _ => Err(CatalogError::unknown("pg_class.relreplident", &code)),
    }
}

fn load_columns(tx: &mut Transaction<'_>, oid: u32) -> Result<Vec<Column>, CatalogError> {
    ask(tx, question!("columns"), &[&oid])?
        .iter()
        .map(column)
        .collect()
}

fn equal(answer: &Answer) -> Result<Option<QualifiedOperator>, CatalogError> {
    let Some(schema) = answer.optional_ident("operator_schema")? else {
        return Ok(None);
    };
    Ok(Some(QualifiedOperator {
        schema,
        symbol: answer.value("operator_symbol")?,
    }))
}

fn column(answer: &Answer) -> Result<Column, CatalogError> {
    let generated = generated(answer)?;
    let default = if generated.is_some() {
        None
    } else {
        answer.optional_sql("expression")?
    };
    let identity = identity(answer)?;
    let owned = answer.idents("owned_sequence_schemas")?.into_iter();
    let owned_sequences = owned
        .zip(answer.idents("owned_sequence_names")?)
        .map(|(schema, name)| QualifiedName::new(schema, name))
        .collect();
    Ok(Column {
        name: answer.ident("name")?,
        type_sql: answer.sql("type_sql")?,
        base_type: answer.value("base_type")?,
        collation: answer.optional_sql("collation")?,
        not_null: answer.value("not_null")?,
        default,
        identity,
        generated,
        owned_sequences,
        statistics_target: answer.value("statistics_target")?,
        options: answer.storage_parameters("options")?,
        comment: answer.value("comment")?,
        btree: answer.value("btree")?,
        equal: equal(answer)?,
        bitwise: answer.value("bitwise")?,
        hash: answer.value("hash")?,
        sends: answer.value("sends")?,
    })
}

fn generated(answer: &Answer) -> Result<Option<Generated>, CatalogError> {
    let code = answer.value::<String>("generated")?;
    let stored = match code.as_str() {
        "" => return Ok(None),
        "s" => true,
        "v" => false,
        _ => return Err(CatalogError::unknown("pg_attribute.attgenerated", &code)),
    };
    Ok(Some(Generated {
        expression: answer.sql("expression")?,
        stored,
    }))
}

fn identity(answer: &Answer) -> Result<Option<Identity>, CatalogError> {
    let code = answer.value::<String>("identity")?;
    let always = match code.as_str() {
        "" => return Ok(None),
        "a" => true,
        "d" => false,
        _ => return Err(CatalogError::unknown("pg_attribute.attidentity", &code)),
    };
    // A partition's identity column (PostgreSQL 17) uses the partitioned table's sequence.
    Ok(sequence(answer)?.map(|sequence| Identity { always, sequence }))
}

fn sequence(answer: &Answer) -> Result<Option<QualifiedName>, CatalogError> {
    match answer.optional_ident("sequence_schema")? {
        Some(schema) => Ok(Some(QualifiedName::new(schema, answer.ident("sequence_name")?))),
        None => Ok(None),
    }
}

fn load_views(tx: &mut Transaction<'_>, oid: u32) -> Result<Vec<View>, CatalogError> {
    ask(tx, question!("views"), &[&oid])?.iter().map(view).collect()
}

fn view(answer: &Answer) -> Result<View, CatalogError> {
    Ok(View {
        name: answer.qualified_name("schema", "name")?,
        owner: answer.ident("owner")?,
        definition: answer.sql("definition")?,
        options: answer.storage_parameters("options")?,
        depth: answer.value("depth")?,
        groups_by_key: answer.value("groups_by_key")?,
    })
}

fn load_statistics(tx: &mut Transaction<'_>, oid: u32) -> Result<Vec<NamedDefinition>, CatalogError> {
    ask(tx, question!("statistics"), &[&oid])?
        .iter()
        .map(named_definition)
        .collect()
}

fn named_definition(answer: &Answer) -> Result<NamedDefinition, CatalogError> {
    Ok(NamedDefinition {
        name: answer.ident("name")?,
        definition: answer.sql("definition")?,
        comment: answer.value("comment")?,
    })
}

fn load_grants(tx: &mut Transaction<'_>, oid: u32) -> Result<Vec<Grant>, CatalogError> {
    ask(tx, question!("grants"), &[&oid])?.iter().map(grant).collect()
}

fn grant(answer: &Answer) -> Result<Grant, CatalogError> {
    Ok(Grant {
        grantee: answer.optional_ident("grantee")?,
        privilege: answer.value("privilege")?,
        grantable: answer.value("grantable")?,
        column: answer.optional_ident("column_name")?,
    })
}

fn fingerprint_of(tx: &mut Transaction<'_>, oid: u32) -> Result<String, CatalogError> {
    let answer = ask_one(tx, question!("fingerprint"), &[&oid])?;
    answer.map_or_else(|| Ok(String::new()), |answer| answer.value("fingerprint"))
}

/// Names of `idents` columns read together with something else.
pub(super) fn sole_column(answers: &[Answer], column: &str) -> Result<Vec<Ident>, CatalogError> {
    answers.iter().map(|answer| answer.ident(column)).collect()
}
