//! What the partition key holds, read from the table itself.

use postgres::Transaction;
use postgres::types::ToSql;

use super::CatalogError;
use super::ask::{ask_one, question};
use crate::model::{Column, KeyRange, Table};
use crate::sql::Ident;

/// Reads the smallest and greatest finite value of a date, timestamp or timestamptz column.
///
/// They're texts `YYYY-MM-DDTHH:MM:SS` of the wall clock in `time_zone`, with
/// fractions of a second cut off. Years above 9999 have more digits; a year
/// before Christ ends in ` BC` (`0044-03-15T00:00:00 BC`). One pass over the
/// table, or four index probes where a btree index leads with the column.
///
/// # Errors
/// When there is no such column, it isn't a date, or the query fails; an unknown
/// time zone too.
pub fn load_key_range(
    tx: &mut Transaction<'_>,
    table: &Table,
    key: &Ident,
    time_zone: &str,
) -> Result<KeyRange, CatalogError> {
    let column = table.columns.iter().find(|column| column.name == *key);
    let column = column.ok_or_else(|| CatalogError::NoSuchColumn {
        table: table.name.plain(),
        column: key.clone(),
    })?;
    let statement = match key_is_indexed(tx, table, key)? {
        true => indexed_statement(table, column)?,
        false => one_pass_statement(table, column)?,
    };
    let row = tx.query_one(&statement, &[&time_zone]);
    let row = row.map_err(|source| CatalogError::query("key_range", source))?;
    let failed = |source| CatalogError::query("key_range", source);
    Ok(KeyRange {
        first: row.try_get("first").map_err(failed)?,
        last: row.try_get("last").map_err(failed)?,
        has_null: row.try_get("has_null").map_err(failed)?,
        has_infinity: row.try_get("has_infinity").map_err(failed)?,
    })
}

fn key_is_indexed(tx: &mut Transaction<'_>, table: &Table, key: &Ident) -> Result<bool, CatalogError> {
    let parameters: [&(dyn ToSql + Sync); 3] = [
        &table.name.schema.as_str(),
        &table.name.name.as_str(),
        &key.as_str(),
    ];
    ask_one(tx, question!("key_is_indexed"), &parameters)?.map_or(Ok(false), |answer| answer.value("indexed"))
}

/// Each answer from an index; NULLs are only looked for where they can be.
fn indexed_statement(table: &Table, column: &Column) -> Result<String, CatalogError> {
    let (from, key, of_type) = (&table.name, &column.name, key_type(column)?);
    let finite = format!("{key} > '-infinity'::{of_type} AND {key} < 'infinity'::{of_type}");
    let has_null = match column.not_null {
        true => "false".to_owned(),
        false => format!("EXISTS (SELECT FROM {from} WHERE {key} IS NULL)"),
    };
    Ok(format!(
        "SELECT {first} AS first, {last} AS last, r.has_null, r.has_infinity
           FROM (SELECT (SELECT pg_catalog.min({key}) FROM {from} WHERE {finite}) AS first,
                        (SELECT pg_catalog.max({key}) FROM {from} WHERE {finite}) AS last,
                        {has_null} AS has_null,
                        EXISTS (SELECT FROM {from} WHERE {key} = 'infinity'::{of_type})
                        OR EXISTS (SELECT FROM {from} WHERE {key} = '-infinity'::{of_type}) AS has_infinity
                ) AS r",
        first = iso_text("r.first", of_type),
        last = iso_text("r.last", of_type),
    ))
}

fn one_pass_statement(table: &Table, column: &Column) -> Result<String, CatalogError> {
    let (from, key, of_type) = (&table.name, &column.name, key_type(column)?);
    let finite = format!("{key} > '-infinity'::{of_type} AND {key} < 'infinity'::{of_type}");
    Ok(format!(
        "SELECT {first} AS first, {last} AS last, r.has_null, r.has_infinity
           FROM (SELECT pg_catalog.min({key}) FILTER (WHERE {finite}) AS first,
                        pg_catalog.max({key}) FILTER (WHERE {finite}) AS last,
                        coalesce(pg_catalog.bool_or({key} IS NULL), false) AS has_null,
                        coalesce(pg_catalog.bool_or({key} IN ('infinity'::{of_type}, '-infinity'::{of_type})),
                                 false) AS has_infinity
                   FROM {from}) AS r",
        first = iso_text("r.first", of_type),
        last = iso_text("r.last", of_type),
    ))
}

/// The type as SQL that no `search_path` can turn into another.
fn key_type(column: &Column) -> Result<&'static str, CatalogError> {
    match column.base_type.as_str() {
        "date" => Ok("pg_catalog.date"),
        "timestamp" => Ok("pg_catalog.timestamp"),
        "timestamptz" => Ok("pg_catalog.timestamptz"),
        other => Err(CatalogError::NotADate {
            column: column.name.clone(),
            base_type: other.to_owned(),
        }),
    }
}

/// `$1` is the time zone; it is named for every type, so that the statement always takes it.
fn iso_text(value: &str, of_type: &str) -> String {
    let wall_clock = match of_type {
        "pg_catalog.timestamptz" => format!("pg_catalog.timezone($1::text, {value})"),
        _ => format!("CASE WHEN $1::text IS NOT NULL THEN {value}::pg_catalog.timestamp END"),
    };
    format!(
        "pg_catalog.to_char({wall_clock}, 'YYYY-MM-DD\"T\"HH24:MI:SS')
         || CASE WHEN pg_catalog.date_part('year', {wall_clock}) < 0 THEN ' BC' ELSE '' END"
    )
}
