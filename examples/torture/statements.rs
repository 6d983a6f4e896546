//! What a writer may do to one of its groups.

use fastrand::Rng;
use pgcleave::sql::{Ident, Literal};

use crate::ddl::list;
use crate::keys::Feed;
use crate::ledger::{Group, Row};
use crate::shape::Shape;

/// One thing to do.
#[derive(Debug, Clone)]
pub enum Act {
    Run(String),
    /// COPY FROM STDIN of what a query of the writer's own gives as text.
    Copy {
        values: String,
        into: String,
    },
    /// A statement that the session prepared once, with the row's number and its group.
    Prepared(i64),
}

/// What a statement is drawn from.
pub struct Drawing<'a> {
    pub shape: &'a Shape,
    pub today: &'a str,
    pub version: u32,
    pub rng: &'a mut Rng,
    pub group: i64,
    pub rows: &'a Group,
    /// The next number for a new key, and the step to the one after it.
    pub next: &'a mut i64,
    pub step: i64,
    /// Foreign keys don't fire: leave alone what needs them.
    pub replica: bool,
}

type Maker = fn(&mut Drawing<'_>) -> Option<Vec<Act>>;

/// By weight.
const MAKERS: &[(u8, Maker)] = &[
    (10, |d| d.insert()),
    (5, |d| d.insert_by_default()),
    (5, |d| d.insert_several()),
    (14, |d| d.update_row()),
    (8, |d| d.update_group()),
    (7, |d| d.delete_row()),
    (2, |d| d.delete_group()),
    (9, |d| d.move_row()),
    (4, |d| d.move_group()),
    (6, |d| d.change_primary_key()),
    (3, |d| d.change_both_keys()),
    (4, |d| d.respell()),
    (5, |d| d.delete_and_reinsert()),
    (6, |d| d.upsert()),
    (5, |d| d.merge()),
    (3, |d| d.copy()),
    (3, |d| d.exchange_slots()),
    (5, |d| d.write_account()),
    (5, |d| d.refer_to_account()),
    (6, |d| d.write_children()),
    (3, |d| d.update_view()),
    (4, |d| d.lock_and_update()),
    (6, |d| d.update_prepared()),
];

impl<'a> Drawing<'a> {
    /// Something that this table and these rows allow.
    pub fn draw(&mut self) -> Vec<Act> {
        let total: u32 = MAKERS.iter().map(|(weight, _)| u32::from(*weight)).sum();
        for _ in 0..20 {
            let mut at = self.rng.u32(..total);
            let chosen = MAKERS.iter().find(|(weight, _)| {
                let here = at < u32::from(*weight);
                at = at.saturating_sub(u32::from(*weight));
                here
            });
            if let Some(acts) = chosen.and_then(|(_, make)| make(self)) {
                return acts;
            }
        }
        Vec::new()
    }

    pub fn fresh(&mut self) -> i64 {
        *self.next += self.step;
        *self.next
    }

    pub fn any(&mut self) -> i64 {
        self.rng.i64(1..1_000_000)
    }

    /// One of the group's rows in our table.
    pub fn pick(&mut self) -> Option<Row> {
        let rows: Vec<&Row> = self.rows.values().filter(|row| row.table == 't').collect();
        (!rows.is_empty()).then(|| rows[self.rng.usize(..rows.len())].clone())
    }

    /// `id = '5'::bigint AND …`
    pub fn is(&self, row: &Row, alias: &str) -> String {
        let names = self.shape.identity();
        let columns = names.iter().zip(self.shape.identity_types()).zip(&row.key);
        let terms = columns.map(|((name, sql_type), text)| {
            format!("{alias}{name} = {}::{sql_type}", Literal::new(text.as_str()))
        });
        terms.collect::<Vec<_>>().join(" AND ")
    }

    /// Columns and values of a new row; some columns are left to their defaults.
    pub fn row(&mut self, number: &str) -> (Vec<&'a Ident>, Vec<String>) {
        let shape = self.shape;
        let group = self.group.to_string();
        let extras: Vec<&Ident> = shape.extras.iter().map(|extra| &extra.name).collect();
        let mut row = shape.row(self.today, number, &group);
        let rng = &mut *self.rng;
        row.retain(|(name, _)| !extras.contains(name) || rng.u8(..4) > 0);
        if let Some((account, _)) = &shape.account
            && !self.replica
        {
            row.push((account, self.an_account()));
        }
        row.into_iter().unzip()
    }

    pub fn an_account(&self) -> String {
        let accounts = self.shape.beside("accounts");
        format!(
            "(SELECT id FROM {accounts} WHERE grp = {} ORDER BY id LIMIT 1)",
            self.group
        )
    }

    pub fn insert(&mut self) -> Option<Vec<Act>> {
        let number = self.fresh().to_string();
        let (names, values) = self.row(&number);
        run(format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})",
            self.shape.table,
            list(&names),
            values.join(", ")
        ))
    }

    pub fn insert_by_default(&mut self) -> Option<Vec<Act>> {
        if self.shape.primary.feed == Feed::Nothing {
            return None;
        }
        let number = self.fresh().to_string();
        let (names, values) = self.row(&number);
        run(format!(
            "INSERT INTO {} ({}) VALUES ({}) RETURNING {}",
            self.shape.table,
            list(&names[1..]),
            values[1..].join(", "),
            names[0]
        ))
    }

    pub fn insert_several(&mut self) -> Option<Vec<Act>> {
        let first = self.fresh();
        let count = self.rng.i64(2..25);
        *self.next += count * self.step;
        let (names, values) = self.row("i");
        let (table, step, last) = (&self.shape.table, self.step, first + count * self.step - 1);
        run(format!(
            "INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM generate_series({first}::bigint, {last}, {step}) i",
            list(&names),
            values.join(", ")
        ))
    }

    pub fn delete_and_reinsert(&mut self) -> Option<Vec<Act>> {
        let row = self.pick()?;
        let free = self.without_children()?;
        let number = self.fresh().to_string();
        let (names, mut values) = self.row(&number);
        let types = self.shape.identity_types();
        for (at, text) in row.key.iter().enumerate() {
            values[at] = format!("{}::{}", Literal::new(text.as_str()), types[at]);
        }
        let table = &self.shape.table;
        // A trigger or a child may have kept the row: then there is nothing to put back.
        let insert = format!(
            "INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE SELECT {} WHERE NOT EXISTS (SELECT FROM {table} x WHERE {})",
            list(&names),
            values.join(", "),
            self.is(&row, "x.")
        );
        let delete = format!("DELETE FROM {table} x WHERE {}{free}", self.is(&row, "x."));
        Some(vec![Act::Run(delete), Act::Run(insert)])
    }

    /// Names a target that is unique before and after the cutover.
    pub fn upsert(&mut self) -> Option<Vec<Act>> {
        if !self.shape.key_in_primary && !self.shape.has_both_keys_index {
            return None;
        }
        let number = self.fresh().to_string();
        let (names, mut values) = self.row(&number);
        let (table, key) = (&self.shape.table, &self.shape.key);
        // A row that is there, under the keys that it has now; or a new one, which the second time meets the first.
        if let Some(row) = self.pick()
            && self.rng.bool()
        {
            let types = self.shape.identity_types();
            for (at, text) in row.key.iter().enumerate() {
                values[at] = format!("{}::{}", Literal::new(text.as_str()), types[at]);
            }
            let at = self.shape.primary_names.len();
            let own = format!("(SELECT x.{key} FROM {table} x WHERE {})", self.is(&row, "x."));
            values[at] = format!("coalesce({own}, {})", values[at]);
        }
        let mut target = self.shape.identity();
        if !self.shape.key_in_primary {
            target.push(key);
        }
        let changes = self.changes();
        let sql = format!(
            "INSERT INTO {table} AS x ({}) OVERRIDING SYSTEM VALUE VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {changes} WHERE x.{} = {}",
            list(&names),
            values.join(", "),
            list(&target),
            self.shape.group,
            self.group
        );
        Some(vec![Act::Run(sql.clone()), Act::Run(sql)])
    }

    pub fn merge(&mut self) -> Option<Vec<Act>> {
        if self.version < 15 {
            return None;
        }
        let row = self.pick()?;
        let number = self.fresh().to_string();
        let (names, values) = self.row(&number);
        let (changes, is) = (self.changes(), self.is(&row, "x."));
        let then = match self.rng.u8(..3) {
            0 if self.shape.children.is_none() => "DELETE".to_owned(),
            _ => format!("UPDATE SET {changes}"),
        };
        run(format!(
            "MERGE INTO {} x USING (VALUES (1), (2)) AS v (n) ON v.n = 1 AND {is}
             WHEN MATCHED THEN {then}
             WHEN NOT MATCHED AND v.n = 2 THEN INSERT ({}) OVERRIDING SYSTEM VALUE VALUES ({})",
            self.shape.table,
            list(&names),
            values.join(", ")
        ))
    }

    pub fn copy(&mut self) -> Option<Vec<Act>> {
        let first = self.fresh();
        let count = self.rng.i64(2..30);
        *self.next += count * self.step;
        let (names, values) = self.row("i");
        let texts: Vec<String> = values.iter().map(|value| format!("({value})::text")).collect();
        let (step, last) = (self.step, first + count * self.step - 1);
        Some(vec![Act::Copy {
            values: format!(
                "SELECT ARRAY[{}] FROM generate_series({first}::bigint, {last}, {step}) i",
                texts.join(", ")
            ),
            into: format!("COPY {} ({}) FROM STDIN", self.shape.table, list(&names)),
        }])
    }
}

/// One statement.
pub fn run(sql: String) -> Option<Vec<Act>> {
    Some(vec![Act::Run(sql)])
}
