//! Updates and deletes of the table's own rows.

use crate::keys::Feed;
use crate::statements::{Act, Drawing, run};
use crate::surroundings::child_of;

impl Drawing<'_> {
    /// `SET` for columns that are no key.
    pub fn changes(&mut self) -> String {
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

    pub fn update_row(&mut self) -> Option<Vec<Act>> {
        let row = self.pick()?;
        let changes = self.changes();
        run(format!(
            "UPDATE {} SET {changes} WHERE {}",
            self.shape.table,
            self.is(&row, "")
        ))
    }

    pub fn update_group(&mut self) -> Option<Vec<Act>> {
        let changes = self.changes();
        run(format!(
            "UPDATE {} SET {changes} WHERE {} = {}",
            self.shape.table, self.shape.group, self.group
        ))
    }

    /// For a DELETE that children would forbid.
    pub fn without_children(&self) -> Option<String> {
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

    pub fn delete_row(&mut self) -> Option<Vec<Act>> {
        let row = self.pick()?;
        let free = self.without_children()?;
        run(format!(
            "DELETE FROM {} x WHERE {}{free}",
            self.shape.table,
            self.is(&row, "x.")
        ))
    }

    pub fn delete_group(&mut self) -> Option<Vec<Act>> {
        let free = self.without_children()?;
        run(format!(
            "DELETE FROM {} x WHERE x.{} = {}{free}",
            self.shape.table, self.shape.group, self.group
        ))
    }

    /// Children refer to the whole primary key: with the partition key in it, a move changes it.
    pub fn may_move(&self) -> bool {
        !(self.shape.key_in_primary && self.shape.children.is_some())
    }

    pub fn move_row(&mut self) -> Option<Vec<Act>> {
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

    pub fn move_group(&mut self) -> Option<Vec<Act>> {
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
    pub fn new_primary_key(&mut self) -> Option<String> {
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

    pub fn change_primary_key(&mut self) -> Option<Vec<Act>> {
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
    pub fn change_both_keys(&mut self) -> Option<Vec<Act>> {
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
    pub fn respell(&mut self) -> Option<Vec<Act>> {
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

    /// Two rows with one partition key exchange their values of another unique key.
    pub fn exchange_slots(&mut self) -> Option<Vec<Act>> {
        let slot = self
            .shape
            .slot
            .as_ref()
            .filter(|_| self.may_move() && !self.shape.slot_alone)?;
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

    pub fn lock_and_update(&mut self) -> Option<Vec<Act>> {
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

    pub fn update_prepared(&mut self) -> Option<Vec<Act>> {
        Some(vec![Act::Prepared(self.any() % 1000)])
    }
}
