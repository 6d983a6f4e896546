//! What the writers know that they committed, group by group.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use postgres::GenericClient;

use crate::shape::Shape;

/// Bytes of a row's text that are kept to be shown.
const SHOWN: usize = 300;

/// A row as text; long ones are kept as their hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Of which table: `t` ours, `a` accounts, `c` children.
    pub table: char,
    /// The primary key, a text for each column.
    pub key: Vec<String>,
    pub text: String,
    hash: u64,
}

/// All rows that belong together, by table and primary key.
pub type Group = BTreeMap<String, Row>;

/// One writer's groups; a group without rows is empty, not absent.
pub type Ledger = HashMap<i64, Group>;

/// How what was found differs from what must be there.
#[derive(Debug, Default)]
pub struct Differences {
    pub lost: u64,
    pub stale: u64,
    pub ghost: u64,
    pub examples: Vec<String>,
}

impl Row {
    fn new(table: &str, key: Vec<String>, text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self {
            table: table.chars().next().unwrap_or('?'),
            key,
            text: text.chars().take(SHOWN).collect(),
            hash: hasher.finish(),
        }
    }
}

/// The rows of these groups, or of all, as they stand now in this transaction's eyes.
pub fn read(
    client: &mut impl GenericClient,
    shape: &Shape,
    groups: Option<&[i64]>,
) -> Result<HashMap<i64, Group>, postgres::Error> {
    let mut found: HashMap<i64, Group> = groups
        .unwrap_or_default()
        .iter()
        .map(|g| (*g, Group::new()))
        .collect();
    let sql = question(shape, groups);
    for row in client.query(&sql, &[])? {
        let (table, group): (String, i64) = (row.get(0), row.get(1));
        let new = Row::new(&table, row.get(2), &row.get::<_, String>(3));
        let rows = found.entry(group).or_default();
        let mut name = format!("{table} {:?}", new.key);
        // The same key twice is a ghost.
        while rows.contains_key(&name) {
            name.push_str(" again");
        }
        rows.insert(name, new);
    }
    Ok(found)
}

fn question(shape: &Shape, groups: Option<&[i64]>) -> String {
    let some = |column: &str| {
        groups.map_or(String::new(), |groups| {
            let list: Vec<String> = groups.iter().map(ToString::to_string).collect();
            format!(" WHERE {column} IN ({})", list.join(", "))
        })
    };
    let key: Vec<String> = shape
        .identity()
        .iter()
        .map(|name| format!("rw.{name}::text"))
        .collect();
    let mut sql = format!(
        "SELECT 't', rw.{0}, ARRAY[{1}], rw::text FROM {2} AS rw{3}",
        shape.group,
        key.join(", "),
        shape.table,
        some(&format!("rw.{}", shape.group))
    );
    if shape.account.is_some() {
        sql.push_str(&format!(
            " UNION ALL SELECT 'a', grp, ARRAY[id::text], rw::text FROM {} AS rw{}",
            shape.beside("accounts"),
            some("grp")
        ));
    }
    if shape.children.is_some() {
        sql.push_str(&format!(
            " UNION ALL SELECT 'c', grp, ARRAY[id::text], rw::text FROM {} AS rw{}",
            shape.beside("children"),
            some("grp")
        ));
    }
    sql
}

impl Differences {
    /// Adds a group's.
    pub fn compare(&mut self, group: i64, expected: &Group, found: &Group) {
        for (name, row) in expected {
            match found.get(name) {
                None => self.note(Fault::Lost, group, name, row),
                Some(other) if other != row => self.note(Fault::Stale, group, name, other),
                Some(_) => {}
            }
        }
        for (name, row) in found.iter().filter(|(name, _)| !expected.contains_key(*name)) {
            self.note(Fault::Ghost, group, name, row);
        }
    }

    fn note(&mut self, fault: Fault, group: i64, name: &str, row: &Row) {
        let counter = match fault {
            Fault::Lost => &mut self.lost,
            Fault::Stale => &mut self.stale,
            Fault::Ghost => &mut self.ghost,
        };
        *counter += 1;
        if self.examples.len() < 4 {
            self.examples
                .push(format!("{fault:?} in group {group}: {name} = {}", row.text));
        }
    }

    pub fn is_none(&self) -> bool {
        self.lost + self.stale + self.ghost == 0
    }
}

#[derive(Debug)]
enum Fault {
    Lost,
    Stale,
    Ghost,
}
