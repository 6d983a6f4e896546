//! The tables that have a possible key.

use anyhow::Result;
use postgres::{Client, NoTls};

use crate::KeyKind;

/// A table and what it is to be partitioned by.
#[derive(Debug)]
pub struct Table {
    /// As SQL writes it.
    pub name: String,
    /// Columns' names as SQL writes them, and as the catalog has them.
    pub key_sql: String,
    pub key: String,
    pub base_type: String,
    /// Columns of its primary key as SQL writes them; empty without one.
    pub primary_key: Vec<String>,
    pub kind: KeyKind,
}

impl Table {
    pub fn key_text(&self) -> String {
        format!("{} {}", self.key, self.base_type)
    }
}

/// Ordinary tables with a key of that kind; of several time columns the likeliest.
pub fn list(url: &str, kind: KeyKind) -> Result<Vec<Table>> {
    let mut client = Client::connect(url, NoTls)?;
    let is_wanted = match kind {
        KeyKind::Time => "b.typname IN ('date', 'timestamp', 'timestamptz') AND a.attgenerated = ''",
        KeyKind::Primary => "a.attnum = p.conkey[1]",
    };
    let rows = client.query(
        &format!(
            "WITH RECURSIVE base AS (
                 SELECT oid, oid AS base FROM pg_type WHERE typtype <> 'd'
                 UNION ALL SELECT t.oid, b.base FROM pg_type t JOIN base b ON b.oid = t.typbasetype WHERE t.typtype = 'd'
             )
             SELECT DISTINCT ON (n.nspname, c.relname) format('%I.%I', n.nspname, c.relname), quote_ident(a.attname), a.attname::text, b.typname::text,
                    ARRAY(SELECT quote_ident(k.attname) FROM unnest(p.conkey) WITH ORDINALITY u(attnum, place)
                            JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = u.attnum ORDER BY u.place)
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               LEFT JOIN pg_constraint p ON p.conrelid = c.oid AND p.contype = 'p'
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               JOIN base ON base.oid = a.atttypid JOIN pg_type b ON b.oid = base.base
              WHERE c.relkind = 'r' AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgcleave') AND {is_wanted}
              ORDER BY n.nspname, c.relname, coalesce(a.attnum = ANY (p.conkey), false) DESC, a.attnotnull DESC,
                       a.attname !~ 'creat|insert|occur' ASC, a.attnum"
        ),
        &[],
    )?;
    let table = |row: &postgres::Row| Table {
        name: row.get(0),
        key_sql: row.get(1),
        key: row.get(2),
        base_type: row.get(3),
        primary_key: row.get(4),
        kind,
    };
    Ok(rows.iter().map(table).collect())
}
