//! Checks, foreign keys and triggers.

use postgres::Transaction;

use super::CatalogError;
use super::ask::{Answer, ask, question};
use crate::model::{
    Check, ForeignKeyIn, ForeignKeyOut, NotNull, Persistence, ReferentialAction, Trigger, TriggerEnabled,
};
use crate::sql::QualifiedOperator;

pub(super) fn load_checks(tx: &mut Transaction<'_>, oid: u32) -> Result<Vec<Check>, CatalogError> {
    ask(tx, question!("checks"), &[&oid])?.iter().map(check).collect()
}

fn check(answer: &Answer) -> Result<Check, CatalogError> {
    Ok(Check {
        name: answer.ident("name")?,
        definition: answer.sql("definition")?,
        condition: answer.sql("condition")?,
        no_inherit: answer.value("no_inherit")?,
        validated: answer.value("validated")?,
        enforced: answer.value("enforced")?,
        violated: false,
        comment: answer.value("comment")?,
    })
}

pub(super) fn load_not_nulls(tx: &mut Transaction<'_>, oid: u32) -> Result<Vec<NotNull>, CatalogError> {
    ask(tx, question!("not_nulls"), &[&oid])?
        .iter()
        .map(not_null)
        .collect()
}

fn not_null(answer: &Answer) -> Result<NotNull, CatalogError> {
    Ok(NotNull {
        name: answer.ident("name")?,
        column: answer.ident("column_name")?,
        no_inherit: answer.value("no_inherit")?,
        validated: answer.value("validated")?,
        violated: false,
        comment: answer.value("comment")?,
    })
}

pub(super) fn load_foreign_keys_out(
    tx: &mut Transaction<'_>,
    oid: u32,
) -> Result<Vec<ForeignKeyOut>, CatalogError> {
    ask(tx, question!("foreign_keys_out"), &[&oid])?
        .iter()
        .map(foreign_key_out)
        .collect()
}

fn foreign_key_out(answer: &Answer) -> Result<ForeignKeyOut, CatalogError> {
    Ok(ForeignKeyOut {
        name: answer.ident("name")?,
        columns: answer.idents("columns")?,
        referenced: answer.qualified_name("referenced_schema", "referenced_name")?,
        referenced_persistence: answer.code(
            "referenced_persistence",
            "pg_class.relpersistence",
            Persistence::from_catalog_code,
        )?,
        definition: answer.sql("definition")?,
        validated: answer.value("validated")?,
        deferrable: answer.value("deferrable")?,
        enforced: answer.value("enforced")?,
        comment: answer.value("comment")?,
    })
}

pub(super) fn load_foreign_keys_in(
    tx: &mut Transaction<'_>,
    oid: u32,
) -> Result<Vec<ForeignKeyIn>, CatalogError> {
    ask(tx, question!("foreign_keys_in"), &[&oid])?
        .iter()
        .map(foreign_key_in)
        .collect()
}

fn foreign_key_in(answer: &Answer) -> Result<ForeignKeyIn, CatalogError> {
    Ok(ForeignKeyIn {
        name: answer.ident("name")?,
        table: answer.qualified_name("table_schema", "table_name")?,
        table_is_partitioned: answer.value("table_is_partitioned")?,
        definition: answer.sql("definition")?,
        referenced_key: answer.ident("referenced_key")?,
        columns: answer.idents("columns")?,
        referenced_columns: answer.idents("referenced_columns")?,
        equal: operators(answer)?,
        match_full: answer.value("match_full")?,
        on_delete: action(answer, "on_delete", "pg_constraint.confdeltype")?,
        on_update: action(answer, "on_update", "pg_constraint.confupdtype")?,
        on_delete_columns: answer.idents("on_delete_columns")?,
        deferrable: answer.value("deferrable")?,
        initially_deferred: answer.value("initially_deferred")?,
        validated: answer.value("validated")?,
        enforced: answer.value("enforced")?,
        comment: answer.value("comment")?,
        table_owner: answer.ident("table_owner")?,
        table_columns: answer.idents("table_columns")?,
        table_triggers: answer.idents("table_triggers")?,
    })
}

fn operators(answer: &Answer) -> Result<Vec<QualifiedOperator>, CatalogError> {
    let schemas = answer.idents("equal_schemas")?;
    let symbols: Vec<String> = answer.value("equal_symbols")?;
    let both = schemas.into_iter().zip(symbols);
    Ok(both
        .map(|(schema, symbol)| QualifiedOperator { schema, symbol })
        .collect())
}

fn action(
    answer: &Answer,
    column: &'static str,
    what: &'static str,
) -> Result<ReferentialAction, CatalogError> {
    answer.code(column, what, ReferentialAction::from_catalog_code)
}

pub(super) fn load_triggers(tx: &mut Transaction<'_>, oid: u32) -> Result<Vec<Trigger>, CatalogError> {
    ask(tx, question!("triggers"), &[&oid])?
        .iter()
        .map(trigger)
        .collect()
}

fn trigger(answer: &Answer) -> Result<Trigger, CatalogError> {
    Ok(Trigger {
        name: answer.ident("name")?,
        definition: answer.sql("definition")?,
        enabled: answer.code(
            "enabled",
            "pg_trigger.tgenabled",
            TriggerEnabled::from_catalog_code,
        )?,
        row_level: answer.value("row_level")?,
        transition_tables: answer.value("transition_tables")?,
        constraint: answer.value("is_constraint")?,
        comment: answer.value("comment")?,
    })
}
