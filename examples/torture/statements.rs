//! What a writer may do to one of its groups.

use fastrand::Rng;
use pgcleave::sql::{Ident, Literal};

use crate::ddl::list;
use crate::keys::Feed;
use crate::ledger::{Group, Row};
use crate::shape::Shape;
use crate::surroundings::{child_columns, child_of};

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

    fn fresh(&mut self) -> i64 {
        *self.next += self.step;
        *self.next
    }

    fn any(&mut self) -> i64 {
        self.rng.i64(1..1_000_000)
    }

    /// One of the group's rows in our table.
    fn pick(&mut self) -> Option<Row> {
        let rows: Vec<&Row> = self.rows.values().filter(|row| row.table == 't').collect();
        (!rows.is_empty()).then(|| rows[self.rng.usize(..rows.len())].clone())
    }

    /// `id = '5'::bigint AND …`
    fn is(&self, row: &Row, alias: &str) -> String {
        let names = self.shape.identity();
        let columns = names.iter().zip(self.shape.identity_types()).zip(&row.key);
        let terms = columns.map(|((name, sql_type), text)| {
            format!("{alias}{name} = {}::{sql_type}", Literal::new(text.as_str()))
        });
        terms.collect::<Vec<_>>().join(" AND ")
    }

    /// Columns and values of a new row; some columns are left to their defaults.
    fn row(&mut self, number: &str) -> (Vec<&'a Ident>, Vec<String>) {
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

    fn an_account(&self) -> String {
        let accounts = self.shape.beside("accounts");
        format!(
            "(SELECT id FROM {accounts} WHERE grp = {} ORDER BY id LIMIT 1)",
            self.group
        )
    }

    fn insert(&mut self) -> Option<Vec<Act>> {
        let number = self.fresh().to_string();
        let (names, values) = self.row(&number);
        run(format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})",
            self.shape.table,
            list(&names),
            values.join(", ")
        ))
    }

    fn insert_by_default(&mut self) -> Option<Vec<Act>> {
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

    fn insert_several(&mut self) -> Option<Vec<Act>> {
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

    /// `SET` for columns that are no key.
    fn changes(&mut self) -> String {
        let number = self.any();
        let schema = self.shape.table.schema.to_string();
        let mut terms = vec![format!("{} = {}", self.shape.number, number % 1000)];
        if self.rng.bool() {
            terms.push(format!("{} = 'u{number}'", self.shape.note));
        }
        for extra in &self.shape.extras {
            if self.rng.u8(..3) == 0 {
                terms.push(format!(
                    "{} = {}",
                    extra.name,
                    extra.kind.value(&schema, &number.to_string())
                ));
            }
        }
        terms.join(", ")
    }

    fn update_row(&mut self) -> Option<Vec<Act>> {
        let row = self.pick()?;
        let changes = self.changes();
        run(format!(
            "UPDATE {} SET {changes} WHERE {}",
            self.shape.table,
            self.is(&row, "")
        ))
    }

    fn update_group(&mut self) -> Option<Vec<Act>> {
        let changes = self.changes();
        run(format!(
            "UPDATE {} SET {changes} WHERE {} = {}",
            self.shape.table, self.shape.group, self.group
        ))
    }

    /// For a DELETE that children would forbid.
    fn without_children(&self) -> Option<String> {
        let Some(actions) = self.shape.children else {
            return Some(String::new());
        };
        if self.replica {
            return None;
        }
        if actions.delete.gives_way() {
            return Some(String::new());
        }
        Some(format!(
            " AND NOT EXISTS (SELECT FROM {} ch WHERE {})",
            self.shape.beside("children"),
            child_of(self.shape, "x")
        ))
    }

    fn delete_row(&mut self) -> Option<Vec<Act>> {
        let row = self.pick()?;
        let free = self.without_children()?;
        run(format!(
            "DELETE FROM {} x WHERE {}{free}",
            self.shape.table,
            self.is(&row, "x.")
        ))
    }

    fn delete_group(&mut self) -> Option<Vec<Act>> {
        let free = self.without_children()?;
        run(format!(
            "DELETE FROM {} x WHERE x.{} = {}{free}",
            self.shape.table, self.shape.group, self.group
        ))
    }

    /// Children refer to the whole primary key: with the partition key in it, a move changes it.
    fn may_move(&self) -> bool {
        !(self.shape.key_in_primary && self.shape.children.is_some())
    }

    fn move_row(&mut self) -> Option<Vec<Act>> {
        let row = self.pick().filter(|_| self.may_move())?;
        let number = self.any().to_string();
        run(format!(
            "UPDATE {} SET {} = {} WHERE {}",
            self.shape.table,
            self.shape.key,
            self.shape.key_value(self.today, &number),
            self.is(&row, "")
        ))
    }

    fn move_group(&mut self) -> Option<Vec<Act>> {
        if !self.may_move() {
            return None;
        }
        let value = self.shape.key_value(self.today, &self.any().to_string());
        let (table, key, group) = (&self.shape.table, &self.shape.key, &self.shape.group);
        run(format!(
            "UPDATE {table} SET {key} = {value} WHERE {group} = {}",
            self.group
        ))
    }

    /// A new primary key, in SET's words.
    fn new_primary_key(&mut self) -> Option<String> {
        if self.shape.primary.feed == Feed::Always {
            return None;
        }
        let number = self.fresh().to_string();
        let values = self
            .shape
            .primary
            .values(&self.shape.table.schema.to_string(), &number);
        let terms = self.shape.primary_names.iter().zip(values);
        Some(
            terms
                .map(|(name, value)| format!("{name} = {value}"))
                .collect::<Vec<_>>()
                .join(", "),
        )
    }

    fn change_primary_key(&mut self) -> Option<Vec<Act>> {
        let row = self.pick()?;
        let free = match self.shape.children {
            Some(actions) if actions.update.gives_way() && !self.replica => String::new(),
            Some(_) if self.replica => return None,
            Some(_) => format!(
                " AND NOT EXISTS (SELECT FROM {} ch WHERE {})",
                self.shape.beside("children"),
                child_of(self.shape, "x")
            ),
            None => String::new(),
        };
        let new = self.new_primary_key()?;
        run(format!(
            "UPDATE {} x SET {new} WHERE {}{free}",
            self.shape.table,
            self.is(&row, "x.")
        ))
    }

    /// Refused while foreign keys point at the retired table (README).
    fn change_both_keys(&mut self) -> Option<Vec<Act>> {
        if self.shape.children.is_some() {
            return None;
        }
        let row = self.pick()?;
        let new = self.new_primary_key()?;
        let value = self.shape.key_value(self.today, &self.any().to_string());
        run(format!(
            "UPDATE {} SET {new}, {} = {value} WHERE {}",
            self.shape.table,
            self.shape.key,
            self.is(&row, "")
        ))
    }

    /// 1.0 becomes 1.00: equal, not identical.
    fn respell(&mut self) -> Option<Vec<Act>> {
        let respell = self.shape.primary.respell?;
        let row = self.pick()?;
        let name = &self.shape.primary_names[0];
        run(format!(
            "UPDATE {} SET {name} = {} WHERE {}",
            self.shape.table,
            respell.replace("{c}", &name.to_string()),
            self.is(&row, "")
        ))
    }

    fn delete_and_reinsert(&mut self) -> Option<Vec<Act>> {
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
    fn upsert(&mut self) -> Option<Vec<Act>> {
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

    fn merge(&mut self) -> Option<Vec<Act>> {
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

    fn copy(&mut self) -> Option<Vec<Act>> {
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

    /// Two rows with one partition key exchange their values of another unique key.
    fn exchange_slots(&mut self) -> Option<Vec<Act>> {
        let slot = self.shape.slot.as_ref().filter(|_| self.may_move())?;
        let (one, two) = (self.pick()?, self.pick()?);
        if one == two {
            return None;
        }
        let (table, key) = (&self.shape.table, &self.shape.key);
        if self.shape.key_in_primary {
            return None;
        }
        let (one, two) = (self.is(&one, ""), self.is(&two, ""));
        let (a, b) = (self.fresh(), self.fresh());
        let key_value = self.shape.key_value(self.today, &a.to_string());
        let set = |row: &str, slot_value: i64| {
            Act::Run(format!(
                "UPDATE {table} SET {slot} = {slot_value}, {key} = {key_value} WHERE {row}"
            ))
        };
        let spare = self.fresh();
        let mut acts = vec![set(&one, a), set(&two, b)];
        acts.extend([set(&one, spare), set(&two, a), set(&one, b)]);
        Some(acts)
    }

    fn write_account(&mut self) -> Option<Vec<Act>> {
        let (column, actions) = self.shape.account.as_ref().filter(|_| !self.replica)?;
        let accounts = self.shape.beside("accounts");
        let free = format!(
            "NOT EXISTS (SELECT FROM {} e WHERE e.{column} = ac.id)",
            self.shape.table
        );
        let (group, number) = (self.group, *self.next + self.step);
        let sql = match self.rng.u8(..4) {
            0 => format!("INSERT INTO {accounts} VALUES ({number} + 1000000000, {group}, 'new')"),
            1 => {
                let free = if actions.update.gives_way() { "TRUE" } else { &free };
                format!(
                    "UPDATE {accounts} ac SET id = {number} + 1000000000 WHERE id = (SELECT min(id) FROM {accounts} WHERE grp = {group}) AND {free}"
                )
            }
            2 => format!("UPDATE {accounts} SET label = 'l{number}' WHERE grp = {group}"),
            _ => {
                // What cascades into our rows needs room for their children, too.
                let blocked = self.shape.children.is_some_and(|c| !c.delete.gives_way());
                let free = if actions.delete.gives_way() && !blocked {
                    "TRUE"
                } else {
                    &free
                };
                format!("DELETE FROM {accounts} ac WHERE grp = {group} AND {free}")
            }
        };
        self.fresh();
        run(sql)
    }

    fn refer_to_account(&mut self) -> Option<Vec<Act>> {
        let (column, _) = self.shape.account.as_ref().filter(|_| !self.replica)?;
        let row = self.pick()?;
        let account = if self.rng.u8(..3) == 0 {
            "NULL".to_owned()
        } else {
            self.an_account()
        };
        run(format!(
            "UPDATE {} SET {column} = {account} WHERE {}",
            self.shape.table,
            self.is(&row, "")
        ))
    }

    fn write_children(&mut self) -> Option<Vec<Act>> {
        self.shape.children.filter(|_| !self.replica)?;
        let (children, group) = (self.shape.beside("children"), self.group);
        let number = self.fresh();
        run(match self.rng.u8(..4) {
            0 | 1 => {
                let row = self.pick()?;
                format!(
                    "INSERT INTO {children} (id, grp, label, {}) SELECT {number} + 1000000000, {group}, 'of', {} FROM {} x WHERE {}",
                    child_columns(self.shape),
                    list(&self.shape.identity()),
                    self.shape.table,
                    self.is(&row, "x.")
                )
            }
            2 => format!("UPDATE {children} SET label = 'c{number}' WHERE grp = {group}"),
            _ => format!(
                "DELETE FROM {children} WHERE id = (SELECT min(id) FROM {children} WHERE grp = {group})"
            ),
        })
    }

    fn update_view(&mut self) -> Option<Vec<Act>> {
        if !self.shape.has_view {
            return None;
        }
        let number = self.any() % 1000;
        run(format!(
            "UPDATE {} SET num = {number} WHERE grp = {}",
            self.shape.beside("\"Some View\""),
            self.group
        ))
    }

    fn lock_and_update(&mut self) -> Option<Vec<Act>> {
        let row = self.pick()?;
        let changes = self.changes();
        let (table, is) = (&self.shape.table, self.is(&row, ""));
        let strength = ["UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"][self.rng.usize(..4)];
        let lock = format!("SELECT 1 FROM {table} WHERE {is} FOR {strength}");
        Some(vec![
            Act::Run(lock),
            Act::Run(format!("UPDATE {table} SET {changes} WHERE {is}")),
        ])
    }

    fn update_prepared(&mut self) -> Option<Vec<Act>> {
        Some(vec![Act::Prepared(self.any() % 1000)])
    }
}

fn run(sql: String) -> Option<Vec<Act>> {
    Some(vec![Act::Run(sql)])
}
