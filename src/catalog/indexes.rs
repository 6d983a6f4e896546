//! Indexes, sorted into keys, exclusion constraints and the rest.

use std::collections::BTreeMap;

use postgres::Transaction;

use super::CatalogError;
use super::ask::{Answer, ask, question};
use crate::model::{Exclusion, ExclusionElement, Index, Key, KeyColumn, KeyTerm};
use crate::sql::{Ident, QualifiedOperator};

/// Each index stands in exactly one place.
#[derive(Default)]
pub(super) struct Indexes {
    pub primary_key: Option<Key>,
    pub unique_keys: Vec<Key>,
    pub exclusions: Vec<Exclusion>,
    /// Not unique, or a unique one that isn't valid and so keeps nothing unique.
    pub plain: Vec<Index>,
    pub clustered_on: Option<Ident>,
}

type KeyColumns = BTreeMap<Ident, Vec<KeyColumn>>;
type KeyTerms = BTreeMap<Ident, Vec<KeyTerm>>;
type Elements = BTreeMap<Ident, Vec<ExclusionElement>>;

pub(super) fn load_indexes(tx: &mut Transaction<'_>, oid: u32) -> Result<Indexes, CatalogError> {
    let mut columns = load_key_columns(tx, oid)?;
    let mut terms = load_key_terms(tx, oid)?;
    let mut elements = load_exclusion_elements(tx, oid)?;
    let mut indexes = Indexes::default();
    for answer in ask(tx, question!("indexes"), &[&oid])? {
        let constraint = answer.value::<Option<String>>("constraint_type")?;
        let unique_index = answer.value("is_unique")? && answer.value("valid")?;
        if answer.value("clustered")? {
            indexes.clustered_on = Some(answer.ident("name")?);
        }
        match constraint.as_deref() {
            Some("x") => indexes.exclusions.push(exclusion(&answer, &mut elements)?),
            Some(_) if answer.value("exclusion")? => {
                indexes.exclusions.push(exclusion(&answer, &mut elements)?)
            }
            Some("p") => indexes.primary_key = Some(key(&answer, &mut columns, &mut terms)?),
            Some(_) => indexes.unique_keys.push(key(&answer, &mut columns, &mut terms)?),
            None if unique_index => indexes.unique_keys.push(key(&answer, &mut columns, &mut terms)?),
            None => indexes.plain.push(index(&answer)?),
        }
    }
    Ok(indexes)
}

fn load_key_columns(tx: &mut Transaction<'_>, oid: u32) -> Result<KeyColumns, CatalogError> {
    let mut columns = KeyColumns::new();
    for answer in ask(tx, question!("key_columns"), &[&oid])? {
        columns
            .entry(answer.ident("index_name")?)
            .or_default()
            .push(key_column(&answer)?);
    }
    Ok(columns)
}

fn key_column(answer: &Answer) -> Result<KeyColumn, CatalogError> {
    Ok(KeyColumn {
        name: answer.ident("name")?,
        equal: QualifiedOperator {
            schema: answer.ident("operator_schema")?,
            symbol: answer.value("operator_symbol")?,
        },
        bitwise: answer.value("bitwise")?,
    })
}

fn load_key_terms(tx: &mut Transaction<'_>, oid: u32) -> Result<KeyTerms, CatalogError> {
    let mut terms = KeyTerms::new();
    for answer in ask(tx, question!("key_terms"), &[&oid])? {
        terms
            .entry(answer.ident("index_name")?)
            .or_default()
            .push(key_term(&answer)?);
    }
    Ok(terms)
}

fn key_term(answer: &Answer) -> Result<KeyTerm, CatalogError> {
    Ok(KeyTerm {
        column: answer.optional_ident("column_name")?,
        expression: answer.sql("expression")?,
        equal: QualifiedOperator {
            schema: answer.ident("operator_schema")?,
            symbol: answer.value("operator_symbol")?,
        },
        operator_class: answer.sql("operator_class")?,
        collation: answer.optional_sql("collation")?,
    })
}

fn key(answer: &Answer, columns: &mut KeyColumns, terms: &mut KeyTerms) -> Result<Key, CatalogError> {
    let name = answer.ident("name")?;
    let constraint = answer.optional_sql("constraint_definition")?;
    Ok(Key {
        columns: columns.remove(&name).unwrap_or_default(),
        terms: terms.remove(&name).unwrap_or_default(),
        predicate: answer.optional_sql("predicate")?,
        nulls_not_distinct: answer.value("nulls_not_distinct")?,
        name,
        include: answer.idents("include")?,
        constraint: constraint.is_some(),
        deferrable: answer.value("deferrable")?,
        initially_deferred: answer.value("initially_deferred")?,
        definition: constraint.map_or_else(|| answer.sql("definition"), Ok)?,
        storage_parameters: answer.storage_parameters("storage_parameters")?,
        tablespace: answer.optional_ident("tablespace")?,
        partial_or_expression: answer.value("partial_or_expression")?,
        valid: answer.value("valid")?,
        comment: answer.value("constraint_comment")?,
        index_comment: answer.value("comment")?,
        statistics_targets: statistics_targets(answer)?,
        bytes: answer.value("bytes")?,
    })
}

fn load_exclusion_elements(tx: &mut Transaction<'_>, oid: u32) -> Result<Elements, CatalogError> {
    let mut elements = Elements::new();
    for answer in ask(tx, question!("exclusion_elements"), &[&oid])? {
        elements
            .entry(answer.ident("index_name")?)
            .or_default()
            .push(exclusion_element(&answer)?);
    }
    Ok(elements)
}

fn exclusion_element(answer: &Answer) -> Result<ExclusionElement, CatalogError> {
    Ok(ExclusionElement {
        column: answer.optional_ident("column_name")?,
        expression: answer.sql("expression")?,
        operator: QualifiedOperator {
            schema: answer.ident("operator_schema")?,
            symbol: answer.value("operator_symbol")?,
        },
    })
}

fn exclusion(answer: &Answer, elements: &mut Elements) -> Result<Exclusion, CatalogError> {
    let name = answer.ident("name")?;
    Ok(Exclusion {
        elements: elements.remove(&name).unwrap_or_default(),
        name,
        definition: answer.sql("constraint_definition")?,
        predicate: answer.optional_sql("predicate")?,
        primary_key: answer.value::<String>("constraint_type")? == "p",
        deferrable: answer.value("deferrable")?,
        tablespace: answer.optional_ident("tablespace")?,
        comment: answer.value("constraint_comment")?,
        index_comment: answer.value("comment")?,
    })
}

fn index(answer: &Answer) -> Result<Index, CatalogError> {
    Ok(Index {
        name: answer.ident("name")?,
        using: answer.sql("using")?,
        definition: answer.sql("definition")?,
        tablespace: answer.optional_ident("tablespace")?,
        valid: answer.value("valid")?,
        comment: answer.value("comment")?,
        statistics_targets: statistics_targets(answer)?,
        bytes: answer.value("bytes")?,
    })
}

fn statistics_targets(answer: &Answer) -> Result<Vec<(i16, i32)>, CatalogError> {
    let columns = answer
        .value::<Option<Vec<i16>>>("statistics_columns")?
        .unwrap_or_default();
    let targets = answer
        .value::<Option<Vec<i32>>>("statistics_targets")?
        .unwrap_or_default();
    Ok(columns.into_iter().zip(targets).collect())
}
