//! Rows for tables that have none: generated, so that their constraints hold where that can be found out.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use pgcleave::sql::Literal;
use postgres::error::SqlState;
use postgres::{Client, NoTls};

use crate::constraints;
use crate::values::{self, Type};

/// Rows that fail one after the other before a table is given up.
const PATIENCE: u32 = 8;

/// What was found out while filling.
#[derive(Debug, Default)]
pub struct Filled {
    rows: BTreeMap<String, i64>,
}

impl Filled {
    pub fn rows_of(&self, table: &str) -> i64 {
        self.rows.get(table).copied().unwrap_or_default()
    }
}

/// A column that is written.
#[derive(Debug)]
pub struct Column {
    /// As SQL writes it.
    pub name: String,
    pub type_sql: String,
    /// The domain's name, if it is of one.
    pub domain: Option<String>,
    of: Type,
}

#[derive(Debug)]
struct ForeignKey {
    columns: Vec<String>,
    referenced: String,
    referenced_columns: Vec<String>,
    /// Rows of the referenced table's columns, as text.
    tuples: Vec<Vec<String>>,
}

/// Everything that a table's rows are generated from.
#[derive(Debug)]
pub struct Recipe {
    pub table: String,
    pub columns: Vec<Column>,
    foreign_keys: Vec<ForeignKey>,
    /// Values that a constraint asks for, by column; None is NULL.
    pub fixed: BTreeMap<String, Option<String>>,
}

/// Fills every table without rows, referenced tables first.
pub fn fill_all(url: &str, rows: u32) -> Result<Filled> {
    let mut client = Client::connect(url, NoTls)?;
    client.batch_execute("SET session_replication_role = replica; SET client_min_messages = error")?;
    let mut left: Vec<Recipe> = Vec::new();
    let tables = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1";
    for row in client.query(tables, &[])? {
        left.push(Recipe::read(&mut client, row.get(0))?);
    }
    let mut filled = Filled::default();
    let mut why_not = Vec::new();
    while !left.is_empty() {
        let names: BTreeSet<&str> = left.iter().map(|r| r.table.as_str()).collect();
        let is_ready = |recipe: &Recipe| {
            let mut others = recipe
                .foreign_keys
                .iter()
                .filter(|k| k.referenced != recipe.table);
            others.all(|k| !names.contains(k.referenced.as_str()))
        };
        let next = left.iter().position(is_ready).unwrap_or(0);
        let mut recipe = left.remove(next);
        let count = format!("SELECT count(*) FROM {}", recipe.table);
        let there: i64 = client.query_one(&count, &[])?.get(0);
        if there == 0 {
            recipe.read_tuples(&mut client)?;
            why_not.extend(
                recipe
                    .fill(&mut client, rows)
                    .map(|why| format!("{}: {why}", recipe.table)),
            );
        }
        if there == 0 {
            recipe.delete_orphans(&mut client)?;
        }
        filled
            .rows
            .insert(recipe.table.clone(), client.query_one(&count, &[])?.get(0));
    }
    client.batch_execute("ANALYZE")?;
    why_not.iter().for_each(|why| println!("not filled: {why}"));
    Ok(filled)
}

impl Recipe {
    fn read(client: &mut Client, table: String) -> Result<Self> {
        let types = "
            WITH RECURSIVE base AS (
                SELECT oid, oid AS base, -1 AS modifier FROM pg_type WHERE typtype <> 'd'
                UNION ALL SELECT t.oid, b.base, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE b.modifier END
                  FROM pg_type t JOIN base b ON b.oid = t.typbasetype WHERE t.typtype = 'd'
            )
            SELECT quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), CASE WHEN t.typtype = 'd' THEN t.typname::text END,
                   b.typname::text, b.typtype::text, greatest(a.atttypmod, base.modifier),
                   ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid IN (b.oid, e.oid) ORDER BY enumsortorder),
                   CASE WHEN b.typcategory = 'A' THEN e.typname::text END, CASE WHEN b.typcategory = 'A' THEN e.typtype::text END,
                   (SELECT count(*) FROM pg_attribute f WHERE f.attrelid = b.typrelid AND f.attnum > 0 AND NOT f.attisdropped)
              FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN base ON base.oid = t.oid JOIN pg_type b ON b.oid = base.base
              LEFT JOIN base eb ON eb.oid = b.typelem LEFT JOIN pg_type e ON e.oid = eb.base
              LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
             WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' AND a.attgenerated = ''
               AND coalesce(pg_get_expr(d.adbin, d.adrelid), '') NOT LIKE 'nextval(%'
             ORDER BY a.attnum";
        let rows = client.query(types, &[&table])?;
        let columns = rows.iter().map(|row| Column {
            name: row.get(0),
            type_sql: row.get(1),
            domain: row.get(2),
            of: type_of(row),
        });
        let keys = "
            SELECT ARRAY(SELECT quote_ident(a.attname) FROM unnest(k.conkey) WITH ORDINALITY u(n, o) JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY o),
                   format('%I.%I', n.nspname, c.relname),
                   ARRAY(SELECT quote_ident(a.attname) FROM unnest(k.confkey) WITH ORDINALITY u(n, o) JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY o)
              FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE k.contype = 'f' AND k.conrelid = $1::text::regclass ORDER BY cardinality(k.conkey) DESC, k.conname";
        let foreign_keys = client.query(keys, &[&table])?;
        let foreign_key = |row: &postgres::Row| ForeignKey {
            columns: row.get(0),
            referenced: row.get(1),
            referenced_columns: row.get(2),
            tuples: Vec::new(),
        };
        Ok(Self {
            columns: columns.collect(),
            foreign_keys: foreign_keys.iter().map(foreign_key).collect(),
            table,
            fixed: BTreeMap::new(),
        })
    }

    fn read_tuples(&mut self, client: &mut Client) -> Result<()> {
        for key in self
            .foreign_keys
            .iter_mut()
            .filter(|k| k.referenced != self.table)
        {
            let texts: Vec<String> = key
                .referenced_columns
                .iter()
                .map(|c| format!("{c}::text"))
                .collect();
            let there: Vec<String> = key
                .referenced_columns
                .iter()
                .map(|c| format!("{c} IS NOT NULL"))
                .collect();
            let rows = client.query(
                &format!(
                    "SELECT ARRAY[{}] FROM {} WHERE {} ORDER BY 1 LIMIT 200",
                    texts.join(", "),
                    key.referenced,
                    there.join(" AND ")
                ),
                &[],
            )?;
            key.tuples = rows.iter().map(|row| row.get(0)).collect();
        }
        Ok(())
    }

    /// A value that a check asked for may have broken a foreign key, which nothing enforces while filling.
    fn delete_orphans(&self, client: &mut Client) -> Result<()> {
        for key in &self.foreign_keys {
            let pairs = key.columns.iter().zip(&key.referenced_columns);
            let alike: Vec<String> = pairs
                .map(|(column, other)| format!("r.{other} = t.{column}"))
                .collect();
            let own: Vec<String> = key.columns.iter().map(|column| format!("t.{column}")).collect();
            client.execute(
                &format!(
                    "DELETE FROM {} t WHERE ({}) IS NOT NULL AND NOT EXISTS (SELECT FROM {} r WHERE {})",
                    self.table,
                    own.join(", "),
                    key.referenced,
                    alike.join(" AND ")
                ),
                &[],
            )?;
        }
        Ok(())
    }

    /// Says what was in the way where not even one row went in.
    fn fill(&mut self, client: &mut Client, rows: u32) -> Option<String> {
        let (mut inserted, mut failed, mut last) = (0, 0, String::new());
        for i in 0..u64::from(rows) {
            match self.insert(client, i, &BTreeMap::new()) {
                Ok(()) => (inserted, failed) = (inserted + 1, 0),
                Err(error) => {
                    let is_check = error.code() == Some(&SqlState::CHECK_VIOLATION);
                    if is_check && inserted == 0 && constraints::learn(self, client, i, &error) {
                        inserted += 1;
                        continue;
                    }
                    last = error
                        .as_db_error()
                        .map_or_else(|| error.to_string(), |e| e.message().to_owned());
                    failed += 1;
                }
            }
            if failed == PATIENCE {
                break;
            }
        }
        (inserted == 0).then_some(last)
    }

    /// Inserts the `i`th row, some columns tried with other values.
    pub fn insert(
        &self,
        client: &mut Client,
        i: u64,
        tried: &BTreeMap<String, Option<String>>,
    ) -> Result<(), postgres::Error> {
        let referring = self.referring(i);
        let value = |column: &Column| {
            let given = tried
                .get(&column.name)
                .or_else(|| self.fixed.get(&column.name))
                .or_else(|| referring.get(&column.name));
            let text = given.cloned().unwrap_or_else(|| values::text(&column.of, i));
            text.map_or("NULL".to_owned(), |text| {
                format!("{}::{}", Literal::new(text), column.type_sql)
            })
        };
        let sql = match self.columns.len() {
            0 => format!("INSERT INTO {} DEFAULT VALUES", self.table),
            _ => format!(
                "INSERT INTO {} ({}) VALUES ({})",
                self.table,
                self.columns
                    .iter()
                    .map(|c| c.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
                self.columns.iter().map(value).collect::<Vec<_>>().join(", ")
            ),
        };
        client.execute(&sql, &[]).map(drop)
    }

    /// Values of foreign keys' columns: of rows that are there, or NULL.
    fn referring(&self, i: u64) -> BTreeMap<String, Option<String>> {
        let mut chosen: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (place, key) in self.foreign_keys.iter().enumerate() {
            let count = key.tuples.len().max(1) as u64;
            let start = i + place as u64 * (i / count);
            let fits = |tuple: &&Vec<String>| {
                let mut pairs = key.columns.iter().zip(tuple.iter());
                pairs.all(|(column, value)| chosen.get(column).is_none_or(|c| c.as_ref() == Some(value)))
            };
            let mut turned =
                (0..key.tuples.len()).map(|n| &key.tuples[(start as usize + n) % key.tuples.len()]);
            let found = turned.find(fits).cloned();
            for (position, column) in key.columns.iter().enumerate() {
                let value = found.as_ref().map(|tuple| tuple[position].clone());
                if value.is_some() || !chosen.contains_key(column) {
                    chosen.insert(column.clone(), value);
                }
            }
        }
        chosen
    }
}

fn type_of(row: &postgres::Row) -> Type {
    let modifier: i32 = row.get(5);
    let labels: Vec<String> = row.get(6);
    let element: Option<String> = row.get(7);
    let element = element.map(|name| {
        Box::new(Type {
            name,
            kind: row.get(8),
            modifier,
            labels: labels.clone(),
            element: None,
            fields: 1,
        })
    });
    Type {
        name: row.get(3),
        kind: row.get(4),
        modifier,
        labels,
        element,
        fields: row.get(9),
    }
}
