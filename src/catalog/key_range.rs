//! What the partition key holds, read from the table itself.

use postgres::Transaction;
use postgres::types::ToSql;

use super::CatalogError;
use super::ask::{ask_one, question};
use crate::model::{Column, KeyRange, Table};
use crate::sql::{Ident, Literal};

/// Reads the smallest and greatest finite value of a date, timestamp or timestamptz column, of a whole number
/// or of a uuid of version 7.
///
/// Times are texts `YYYY-MM-DDTHH:MM:SS` of the wall clock in `time_zone`, with
/// fractions of a second cut off. Years above 9999 have more digits; a year
/// before Christ ends in ` BC` (`0044-03-15T00:00:00 BC`). One pass over the
/// table, or four index probes where a btree index leads with the column; for uuids always one pass.
///
/// # Errors
/// When there is no such column, it is of another type, or the query fails; an unknown
/// time zone too.
pub fn load_key_range(
    tx: &mut Transaction<'_>,
    table: &Table,
    key: &Ident,
    time_zone: &str,
) -> Result<KeyRange, CatalogError> {
    let column = column(table, key)?;
    let kind = Kind::of(column)?;
    let statement = match kind {
        Kind::Uuid => uuid_statement(table, column),
        _ if key_is_indexed(tx, table, key)? => indexed_statement(table, column, kind),
        _ => one_pass_statement(table, column, kind),
    };
    let failed = |source| CatalogError::query("key_range", source);
    let row = tx.query_one(&statement, &[&time_zone]).map_err(failed)?;
    Ok(KeyRange {
        first: row.try_get("first").map_err(failed)?,
        last: row.try_get("last").map_err(failed)?,
        has_null: row.try_get("has_null").map_err(failed)?,
        has_infinity: row.try_get("has_infinity").map_err(failed)?,
        strays: row.try_get("strays").map_err(failed)?,
        is_mostly_stray: row.try_get("is_mostly_stray").map_err(failed)?,
        values: Vec::new(),
    })
}

/// Reads every value of a column as text, in the column's order; at most `limit`.
///
/// # Errors
/// When there is no such column or the query fails.
pub fn load_key_values(
    tx: &mut Transaction<'_>,
    table: &Table,
    key: &Ident,
    limit: i64,
) -> Result<Vec<String>, CatalogError> {
    let column = column(table, key)?;
    // Of equal values with several texts (1.0, 1.00) always the same one.
    let statement = format!(
        "SELECT pg_catalog.min({key}::pg_catalog.text COLLATE pg_catalog.\"C\") FROM {} WHERE {key} IS NOT NULL
          GROUP BY {key} ORDER BY {key} LIMIT $1",
        table.name,
        key = column.name,
    );
    let rows = tx.query(&statement, &[&limit]);
    let rows = rows.map_err(|source| CatalogError::query("key_values", source))?;
    rows.iter()
        .map(|row| {
            row.try_get(0)
                .map_err(|source| CatalogError::query("key_values", source))
        })
        .collect()
}

/// Whether a row has NULL in one of the columns.
///
/// # Errors
/// When there is no such column or the query fails.
pub fn load_key_has_null(
    tx: &mut Transaction<'_>,
    table: &Table,
    keys: &[Ident],
) -> Result<bool, CatalogError> {
    let mut nullable = Vec::new();
    for key in keys {
        let column = column(table, key)?;
        if !column.not_null {
            nullable.push(format!("{} IS NULL", column.name));
        }
    }
    if nullable.is_empty() {
        return Ok(false);
    }
    let statement = format!(
        "SELECT EXISTS (SELECT FROM {} WHERE {})",
        table.name,
        nullable.join(" OR ")
    );
    let row = tx.query_one(&statement, &[]);
    Ok(row
        .map_err(|source| CatalogError::query("key_has_null", source))?
        .get(0))
}

/// How the server sees values that the spec names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueOrder {
    /// Each is greater than the one before it.
    Ascending,
    /// No two are equal.
    Distinct,
    /// Two are equal.
    NotDistinct,
}

/// Asks how the column's type orders the values.
///
/// # Errors
/// When there is no such column or the type doesn't take one of the values.
pub fn load_value_order(
    tx: &mut Transaction<'_>,
    table: &Table,
    key: &Ident,
    values: &[String],
) -> Result<ValueOrder, CatalogError> {
    let column = column(table, key)?;
    let literals: Vec<String> = values
        .iter()
        .map(|value| Literal::new(value.as_str()).to_string())
        .collect();
    let collate = column
        .collation
        .as_ref()
        .map_or(String::new(), |c| format!(" COLLATE {c}"));
    let statement = format!(
        "SELECT pg_catalog.array_agg(n ORDER BY n) = pg_catalog.array_agg(n ORDER BY v{collate}),
                pg_catalog.count(DISTINCT v{collate}) = pg_catalog.count(*)
           FROM pg_catalog.unnest(ARRAY[{}]::{}[]) WITH ORDINALITY AS u (v, n)",
        literals.join(", "),
        column.type_sql,
    );
    let row = tx.query_one(&statement, &[]);
    let row = row.map_err(|source| CatalogError::query("value_order", source))?;
    Ok(match (row.get(0), row.get(1)) {
        (true, true) => ValueOrder::Ascending,
        (false, true) => ValueOrder::Distinct,
        (_, _) => ValueOrder::NotDistinct,
    })
}

fn column<'a>(table: &'a Table, key: &Ident) -> Result<&'a Column, CatalogError> {
    let column = table.columns.iter().find(|column| column.name == *key);
    column.ok_or_else(|| CatalogError::NoSuchColumn {
        table: table.name.plain(),
        column: key.clone(),
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

/// How a type's values are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Date,
    Timestamp,
    Timestamptz,
    Integer,
    Numeric,
    Uuid,
}

impl Kind {
    fn of(column: &Column) -> Result<Self, CatalogError> {
        match column.base_type.as_str() {
            "date" => Ok(Self::Date),
            "timestamp" => Ok(Self::Timestamp),
            "timestamptz" => Ok(Self::Timestamptz),
            "int2" | "int4" | "int8" => Ok(Self::Integer),
            "numeric" => Ok(Self::Numeric),
            "uuid" => Ok(Self::Uuid),
            other => Err(CatalogError::NoRange {
                column: column.name.clone(),
                base_type: other.to_owned(),
            }),
        }
    }

    /// Values that are in no interval, as SQL that no `search_path` can turn into another type's.
    fn infinities(self) -> &'static [&'static str] {
        match self {
            Self::Date => &["'-infinity'::pg_catalog.date", "'infinity'::pg_catalog.date"],
            Self::Timestamp => &[
                "'-infinity'::pg_catalog.timestamp",
                "'infinity'::pg_catalog.timestamp",
            ],
            Self::Timestamptz => &[
                "'-infinity'::pg_catalog.timestamptz",
                "'infinity'::pg_catalog.timestamptz",
            ],
            // NaN is greater than all others.
            Self::Numeric => &[
                "'-Infinity'::pg_catalog.numeric",
                "'Infinity'::pg_catalog.numeric",
                "'NaN'::pg_catalog.numeric",
            ],
            Self::Integer | Self::Uuid => &[],
        }
    }

    fn finite(self, key: &Ident) -> String {
        match self.infinities() {
            [lowest, highest, ..] => format!("{key} > {lowest} AND {key} < {highest}"),
            _ => format!("{key} IS NOT NULL"),
        }
    }

    /// `$1` is the time zone; it is named for every type, so that the statement always takes it.
    fn text(self, value: &str) -> String {
        match self {
            Self::Timestamptz => iso_text(&format!("pg_catalog.timezone($1::text, {value})")),
            Self::Date | Self::Timestamp => iso_text(&format!(
                "CASE WHEN $1::text IS NOT NULL THEN {value}::pg_catalog.timestamp END"
            )),
            Self::Integer | Self::Numeric => format!(
                "CASE WHEN $1::text IS NOT NULL THEN pg_catalog.floor({value}::pg_catalog.numeric)::pg_catalog.text END"
            ),
            // Milliseconds since 1970.
            Self::Uuid => iso_text(&format!(
                "pg_catalog.timezone($1::text, pg_catalog.to_timestamp({value} / 1000.0))"
            )),
        }
    }
}

/// Each answer from an index; NULLs are only looked for where they can be.
fn indexed_statement(table: &Table, column: &Column, kind: Kind) -> String {
    let (from, key, finite) = (&table.name, &column.name, kind.finite(&column.name));
    let has_null = match column.not_null {
        true => "false".to_owned(),
        false => format!("EXISTS (SELECT FROM {from} WHERE {key} IS NULL)"),
    };
    let infinities = kind.infinities().iter();
    let has_infinity: Vec<String> = infinities
        .map(|value| format!("EXISTS (SELECT FROM {from} WHERE {key} = {value})"))
        .chain(["false".to_owned()])
        .collect();
    format!(
        "SELECT {first} AS first, {last} AS last, r.has_null, r.has_infinity, 0::bigint AS strays, false AS is_mostly_stray
           FROM (SELECT (SELECT pg_catalog.min({key}) FROM {from} WHERE {finite}) AS first,
                        (SELECT pg_catalog.max({key}) FROM {from} WHERE {finite}) AS last,
                        {has_null} AS has_null,
                        {has_infinity} AS has_infinity
                ) AS r",
        first = kind.text("r.first"),
        last = kind.text("r.last"),
        has_infinity = has_infinity.join(" OR "),
    )
}

fn one_pass_statement(table: &Table, column: &Column, kind: Kind) -> String {
    let (from, key, finite) = (&table.name, &column.name, kind.finite(&column.name));
    let has_infinity = match kind.infinities() {
        [] => "false".to_owned(),
        values => format!(
            "coalesce(pg_catalog.bool_or({key} IN ({})), false)",
            values.join(", ")
        ),
    };
    format!(
        "SELECT {first} AS first, {last} AS last, r.has_null, r.has_infinity, 0::bigint AS strays, false AS is_mostly_stray
           FROM (SELECT pg_catalog.min({key}) FILTER (WHERE {finite}) AS first,
                        pg_catalog.max({key}) FILTER (WHERE {finite}) AS last,
                        coalesce(pg_catalog.bool_or({key} IS NULL), false) AS has_null,
                        {has_infinity} AS has_infinity
                   FROM {from}) AS r",
        first = kind.text("r.first"),
        last = kind.text("r.last"),
    )
}

/// The version is the 15th character; the first 48 bits of version 7 are milliseconds (RFC 9562).
fn uuid_statement(table: &Table, column: &Column) -> String {
    format!(
        "SELECT {first} AS first, {last} AS last, r.has_null, false AS has_infinity, r.strays, r.strays > r.sevens AS is_mostly_stray
           FROM (SELECT pg_catalog.min(v.ms) FILTER (WHERE v.is_seven) AS first,
                        pg_catalog.max(v.ms) FILTER (WHERE v.is_seven) AS last,
                        coalesce(pg_catalog.bool_or(v.key IS NULL), false) AS has_null,
                        pg_catalog.count(*) FILTER (WHERE NOT v.is_seven) AS strays,
                        pg_catalog.count(*) FILTER (WHERE v.is_seven) AS sevens
                   FROM (SELECT {key} AS key,
                                pg_catalog.substr({key}::pg_catalog.text, 15, 1) = '7' AS is_seven,
                                ('x' || pg_catalog.translate(pg_catalog.left({key}::pg_catalog.text, 13), '-', ''))
                                    ::bit(48)::pg_catalog.int8 AS ms
                           FROM {from}) AS v) AS r",
        first = Kind::Uuid.text("r.first"),
        last = Kind::Uuid.text("r.last"),
        key = column.name,
        from = table.name,
    )
}

fn iso_text(wall_clock: &str) -> String {
    format!(
        "pg_catalog.to_char({wall_clock}, 'YYYY-MM-DD\"T\"HH24:MI:SS')
         || CASE WHEN pg_catalog.date_part('year', {wall_clock}) < 0 THEN ' BC' ELSE '' END"
    )
}
