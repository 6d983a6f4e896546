//! A table to be converted, drawn from a grammar: a function of the seed.

use fastrand::Rng;
use pgcleave::sql::{Ident, QualifiedName};

use crate::columns::{KINDS, Kind};
use crate::keys::{Feed, KEYS, KeyKind};
use crate::names::Names;

/// The partition key's span around today, in hours, for an interval.
const INTERVALS: [(&str, i64, i64); 5] = [
    ("daily", 14 * 24, 3 * 24),
    ("weekly", 14 * 7 * 24, 14 * 24),
    ("monthly", 16 * 30 * 24, 40 * 24),
    ("quarterly", 10 * 91 * 24, 100 * 24),
    ("yearly", 8 * 365 * 24, 400 * 24),
];

const ZONES: [&str; 4] = ["UTC", "America/New_York", "Asia/Kathmandu", "Europe/Berlin"];

/// Actions of a foreign key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Nothing,
    Restrict,
    Cascade,
    SetNull,
}

impl Action {
    pub fn sql(self) -> &'static str {
        match self {
            Self::Nothing => "NO ACTION",
            Self::Restrict => "RESTRICT",
            Self::Cascade => "CASCADE",
            Self::SetNull => "SET NULL",
        }
    }

    /// Whether the referenced row can go, or change its key, under rows that refer to it.
    pub fn gives_way(self) -> bool {
        matches!(self, Self::Cascade | Self::SetNull)
    }
}

/// A foreign key's two actions.
#[derive(Debug, Clone, Copy)]
pub struct Actions {
    pub delete: Action,
    pub update: Action,
    pub deferred: bool,
}

/// A user's trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// BEFORE: counts changes.
    Touch,
    /// BEFORE: drops some rows by RETURN NULL.
    Drop,
    /// AFTER: updates other rows of the same group.
    Siblings,
    /// AFTER DELETE: puts some rows back.
    Reinsert,
    /// A deferred constraint trigger that updates its own row at COMMIT; see the ledger.
    Audit,
}

/// A column that only varies the table.
#[derive(Debug)]
pub struct Extra {
    pub name: Ident,
    pub kind: Kind,
    pub has_default: bool,
    pub not_null: bool,
}

/// The table, its surroundings and how it is to be converted.
#[derive(Debug)]
pub struct Shape {
    pub table: QualifiedName,
    pub key: Ident,
    pub key_type: &'static str,
    pub key_in_primary: bool,
    pub primary: KeyKind,
    pub primary_names: Vec<Ident>,
    /// Rows of one group belong to one writer, and so do all that hang on them.
    pub group: Ident,
    pub number: Ident,
    pub note: Ident,
    pub touched: Ident,
    /// Unique together with the key.
    pub slot: Option<Ident>,
    /// Unique by itself, by a guard.
    pub slot_alone: bool,
    /// Refers to `accounts`.
    pub account: Option<(Ident, Actions)>,
    /// How `children` refers to the table.
    pub children: Option<Actions>,
    pub extras: Vec<Extra>,
    pub generated: Option<Ident>,
    pub has_dropped_column: bool,
    pub triggers: Vec<Trigger>,
    pub has_view: bool,
    pub owned: bool,
    pub fillfactor: Option<u8>,
    /// Unique on the primary key and the partition key: a target for ON CONFLICT before the cutover and after.
    pub has_both_keys_index: bool,
    pub indexes: u64,
    pub order: u64,
    pub rows: i64,
    pub interval: &'static str,
    back: i64,
    ahead: i64,
    pub zone: &'static str,
    pub premake: u8,
    pub batch: u16,
}

impl Shape {
    /// Draws a table.
    pub fn draw(rng: &mut Rng, has_citext: bool) -> Self {
        let mut names = Names::new(rng);
        let (interval, back, ahead) = INTERVALS[rng.usize(..INTERVALS.len())];
        let primary = draw_primary(rng, has_citext);
        let key_in_primary = primary.feed == Feed::Nothing && rng.u8(..100) < 25;
        let schema = names.draw(rng, "app");
        let table = QualifiedName::new(schema, names.draw(rng, "events"));
        let primary_names = (0..primary.types.len())
            .map(|at| names.draw(rng, &format!("id{at}")))
            .collect();
        let mut shape = Self {
            table,
            key: names.draw(rng, "at"),
            key_type: ["date", "timestamp", "timestamptz"][rng.usize(..3)],
            key_in_primary,
            primary,
            primary_names,
            group: names.draw(rng, "grp"),
            number: names.draw(rng, "num"),
            note: names.draw(rng, "note"),
            touched: names.draw(rng, "touched"),
            slot: (rng.u8(..100) < 35).then(|| names.draw(rng, "slot")),
            slot_alone: rng.bool(),
            account: None,
            children: None,
            extras: draw_extras(rng, &mut names),
            generated: (rng.u8(..100) < 40).then(|| names.draw(rng, "made")),
            has_dropped_column: rng.u8(..100) < 40,
            triggers: Vec::new(),
            has_view: rng.u8(..100) < 40,
            owned: rng.bool(),
            fillfactor: (rng.u8(..100) < 40).then(|| rng.u8(50..100)),
            has_both_keys_index: !key_in_primary && rng.u8(..100) < 40,
            indexes: rng.u64(..),
            order: rng.u64(..),
            rows: 2000 + (rng.f64().powi(3) * 40_000.0) as i64,
            interval,
            back,
            ahead,
            zone: ZONES[rng.usize(..ZONES.len())],
            premake: rng.u8(0..4),
            batch: [1, 3, 20, 100, 1024][rng.usize(..5)],
        };
        shape.draw_surroundings(rng, &mut names);
        shape
    }

    fn draw_surroundings(&mut self, rng: &mut Rng, names: &mut Names) {
        let actions = [
            Action::Nothing,
            Action::Restrict,
            Action::Cascade,
            Action::SetNull,
        ];
        let updates = [Action::Nothing, Action::Cascade];
        let mut draw = |deferrable: bool| Actions {
            delete: actions[rng.usize(..4)],
            update: updates[rng.usize(..2)],
            deferred: deferrable && rng.u8(..100) < 30,
        };
        let (out, into) = (draw(true), draw(false));
        if rng.u8(..100) < 50 {
            self.account = Some((names.draw(rng, "account"), out));
        }
        if rng.u8(..100) < 40 {
            self.children = Some(into);
        }
        let mut possible = vec![Trigger::Touch, Trigger::Siblings, Trigger::Audit];
        if self.children.is_none() {
            possible.extend([Trigger::Drop, Trigger::Reinsert]);
        }
        possible.retain(|_| rng.u8(..100) < 30);
        self.triggers = possible;
        // A move to another partition fires the trigger for DELETE, which brings the old row back beside the new one: one
        // slot, twice, as with any partitioned table.
        self.slot_alone &= !self.triggers.contains(&Trigger::Reinsert);
    }

    /// All columns that may be written, with an expression for each; the primary key first.
    pub fn row(&self, today: &str, number: &str, group: &str) -> Vec<(&Ident, String)> {
        let schema = self.table.schema.to_string();
        let values = self.primary.values(&schema, number);
        let mut row: Vec<(&Ident, String)> = self.primary_names.iter().zip(values).collect();
        row.push((&self.key, self.key_value(today, number)));
        row.push((&self.group, group.to_owned()));
        row.push((&self.number, format!("(({number}) % 1000)::int")));
        row.push((&self.note, format!("'n' || ({number})")));
        if let Some(slot) = &self.slot {
            row.push((slot, format!("({number})::bigint")));
        }
        let extras = self.extras.iter();
        row.extend(extras.map(|e| (&e.name, e.kind.value(&schema, number))));
        row
    }

    /// A value of the partition key; few are far ahead or at infinity.
    pub fn key_value(&self, today: &str, number: &str) -> String {
        let (span, back) = (self.back + self.ahead, self.back);
        format!(
            "CASE WHEN ({number}) % 997 = 0 THEN 'infinity'::timestamp WHEN ({number}) % 331 = 0 THEN '{today}'::timestamp + interval '30 years' \
             ELSE '{today}'::timestamp + ((({number})::bigint * 7919) % {span} - {back}) * interval '1 hour' END::{}",
            self.key_type
        )
    }

    /// Columns of the whole primary key.
    pub fn identity(&self) -> Vec<&Ident> {
        let mut columns: Vec<&Ident> = self.primary_names.iter().collect();
        if self.key_in_primary {
            columns.push(&self.key);
        }
        columns
    }

    /// Types of the whole primary key, as casts.
    pub fn identity_types(&self) -> Vec<String> {
        let mut types = self.primary.cast_types(&self.table.schema.to_string());
        if self.key_in_primary {
            types.push(self.key_type.to_owned());
        }
        types
    }

    /// Another table of the same schema.
    pub fn beside(&self, name: &str) -> String {
        format!("{}.{name}", self.table.schema)
    }
}

fn draw_primary(rng: &mut Rng, has_citext: bool) -> KeyKind {
    loop {
        let kind = KEYS[rng.usize(..KEYS.len())];
        if has_citext || kind.label != "citext" {
            return kind;
        }
    }
}

fn draw_extras(rng: &mut Rng, names: &mut Names) -> Vec<Extra> {
    (0..rng.usize(0..8))
        .map(|at| Extra {
            name: names.draw(rng, &format!("extra{at}")),
            kind: KINDS[rng.usize(..KINDS.len())],
            has_default: rng.u8(..100) < 40,
            not_null: rng.u8(..100) < 40,
        })
        .collect()
}
