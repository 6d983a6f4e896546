//! What hangs on the table and goes over with it at the cutover.

use postgres::Transaction;

use super::CatalogError;
use super::ask::{Answer, ask, question};
use super::load::sole_column;
use crate::model::{
    ForeignPolicy, MaterializedView, Policy, Publication, RelationAbove, Routine, Rule, SecurityLabel,
    TriggerEnabled,
};
use crate::sql::Ident;

pub(super) fn load_relations_above(
    tx: &mut Transaction<'_>,
    oid: u32,
) -> Result<Vec<RelationAbove>, CatalogError> {
    ask(tx, question!("relations_above"), &[&oid])?
        .iter()
        .map(relation_above)
        .collect()
}

fn relation_above(answer: &Answer) -> Result<RelationAbove, CatalogError> {
    Ok(RelationAbove {
        name: answer.qualified_name("schema", "name")?,
        owner: answer.ident("owner")?,
        depth: answer.value("depth")?,
    })
}

pub(super) fn load_policies(tx: &mut Transaction<'_>, oid: u32) -> Result<Vec<Policy>, CatalogError> {
    ask(tx, question!("policies"), &[&oid])?
        .iter()
        .map(policy)
        .collect()
}

fn policy(answer: &Answer) -> Result<Policy, CatalogError> {
    let roles = answer.value::<Vec<Option<String>>>("roles")?;
    Ok(Policy {
        name: answer.ident("name")?,
        permissive: answer.value("permissive")?,
        command: answer.value("command")?,
        roles: roles
            .into_iter()
            .map(|role| role.map(Ident::new).transpose())
            .collect::<Result<_, _>>()?,
        using: answer.optional_sql("using_expression")?,
        check: answer.optional_sql("check_expression")?,
        comment: answer.value("comment")?,
    })
}

pub(super) fn load_foreign_policies(
    tx: &mut Transaction<'_>,
    oid: u32,
) -> Result<Vec<ForeignPolicy>, CatalogError> {
    ask(tx, question!("foreign_policies"), &[&oid])?
        .iter()
        .map(foreign_policy)
        .collect()
}

fn foreign_policy(answer: &Answer) -> Result<ForeignPolicy, CatalogError> {
    Ok(ForeignPolicy {
        name: answer.ident("name")?,
        table: answer.qualified_name("schema", "relation")?,
        using: answer.optional_sql("using_expression")?,
        check: answer.optional_sql("check_expression")?,
    })
}

pub(super) fn load_rules(tx: &mut Transaction<'_>, oid: u32) -> Result<Vec<Rule>, CatalogError> {
    ask(tx, question!("rules"), &[&oid])?.iter().map(rule).collect()
}

fn rule(answer: &Answer) -> Result<Rule, CatalogError> {
    Ok(Rule {
        name: answer.ident("name")?,
        relation: answer.qualified_name("schema", "relation")?,
        definition: answer.sql("definition")?,
        enabled: answer.code(
            "enabled",
            "pg_rewrite.ev_enabled",
            TriggerEnabled::from_catalog_code,
        )?,
        comment: answer.value("comment")?,
    })
}

pub(super) fn load_materialized_views(
    tx: &mut Transaction<'_>,
    oid: u32,
) -> Result<Vec<MaterializedView>, CatalogError> {
    ask(tx, question!("materialized_views"), &[&oid])?
        .iter()
        .map(|answer| answer.json("facts"))
        .collect()
}

pub(super) fn load_routines(tx: &mut Transaction<'_>, oid: u32) -> Result<Vec<Routine>, CatalogError> {
    ask(tx, question!("routines"), &[&oid])?
        .iter()
        .map(|answer| answer.json("facts"))
        .collect()
}

pub(super) fn load_publications(
    tx: &mut Transaction<'_>,
    oid: u32,
) -> Result<Vec<Publication>, CatalogError> {
    ask(tx, question!("publications"), &[&oid])?
        .iter()
        .map(|answer| answer.json("facts"))
        .collect()
}

pub(super) fn load_security_labels(
    tx: &mut Transaction<'_>,
    oid: u32,
) -> Result<Vec<SecurityLabel>, CatalogError> {
    let answers = ask(tx, question!("security_labels"), &[&oid])?;
    let label = |answer: &Answer| {
        Ok(SecurityLabel {
            provider: answer.ident("provider")?,
            label: answer.value("label")?,
            column: answer.optional_ident("column_name")?,
        })
    };
    answers.iter().map(label).collect()
}

pub(super) fn load_event_triggers(tx: &mut Transaction<'_>) -> Result<Vec<Ident>, CatalogError> {
    sole_column(&ask(tx, question!("event_triggers"), &[])?, "name")
}
