//! Writes to the tables and the view around the table.

use crate::ddl::list;
use crate::statements::{Act, Drawing, run};
use crate::surroundings::child_columns;

impl Drawing<'_> {
    pub fn write_account(&mut self) -> Option<Vec<Act>> {
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

    pub fn refer_to_account(&mut self) -> Option<Vec<Act>> {
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

    pub fn write_children(&mut self) -> Option<Vec<Act>> {
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

    pub fn update_view(&mut self) -> Option<Vec<Act>> {
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
}
