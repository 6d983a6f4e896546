//! What a writer does in its transactions, and to which rows.

use std::time::Duration;

use fastrand::Rng;
use postgres::{Client, Transaction};

use super::DemoError;
use super::sample::{Origin, Subject};
use super::statements::Prepared;
use super::writers::{Book, Change};

/// Rows of the user's own table that are written to.
const KNOWN_ROWS: i64 = 20_000;

/// The shape of one transaction.
#[derive(Debug)]
pub struct Plan {
    pub statements: usize,
    pub dawdle: Duration,
    /// Ends in ROLLBACK.
    pub gives_up: bool,
}

/// One writer's statements and the rows that are its own.
#[derive(Debug)]
pub struct Work {
    rng: Rng,
    subject: Subject,
    prepared: Prepared,
    rows: OwnRows,
    /// The statement under way is a key move.
    moving: bool,
}

#[derive(Debug)]
enum OwnRows {
    /// Of the first `loaded` events each `of`th, and those inserted since.
    Events {
        number: i64,
        of: i64,
        loaded: i64,
        inserted: Vec<i64>,
    },
    /// Primary keys as text, one array per row.
    Keys(Vec<Vec<String>>),
}

impl Work {
    /// Finds the rows of writer `number` of `of` and prepares its statements.
    pub fn prepare(
        client: &mut Client,
        subject: &Subject,
        number: usize,
        of: usize,
        loaded: i64,
    ) -> Result<Self, DemoError> {
        let rows = match subject.origin {
            Origin::Sample => OwnRows::Events {
                number: number as i64,
                of: of as i64,
                loaded,
                inserted: Vec::new(),
            },
            Origin::Files => OwnRows::Keys(known_keys(client, subject, number, of)?),
        };
        let prepared = Prepared::new(client, subject)?;
        Ok(Self {
            rng: Rng::with_seed(number as u64 + 1),
            subject: subject.clone(),
            prepared,
            rows,
            moving: false,
        })
    }

    /// After a lost connection.
    pub fn prepare_again(&mut self, client: &mut Client) -> Result<(), postgres::Error> {
        self.prepared = Prepared::new(client, &self.subject)?;
        Ok(())
    }

    /// Decides on the next transaction.
    pub fn plan(&mut self) -> Plan {
        let statements = if self.rng.u8(..100) < 60 {
            1
        } else {
            self.rng.usize(2..=4)
        };
        let dawdle = if self.rng.u8(..100) < 4 {
            Duration::from_millis(self.rng.u64(1..25))
        } else {
            Duration::ZERO
        };
        Plan {
            statements,
            dawdle,
            gives_up: self.rng.u8(..100) < 8,
        }
    }

    /// One statement, or two that belong together.
    pub fn write(
        &mut self,
        transaction: &mut Transaction<'_>,
        book: &mut Book,
        changes: &mut Vec<Change>,
    ) -> Result<(), postgres::Error> {
        self.moving = false;
        if matches!(self.rows, OwnRows::Keys(_)) {
            return self.write_known(transaction, book, changes);
        }
        match self.rng.u8(..100) {
            0..30 => self.insert(transaction, changes),
            choice => self.change(transaction, book, changes, choice),
        }
    }

    /// A constraint of a table that we don't know may be against a key move.
    pub fn is_refused_move(&self, error: &postgres::Error) -> bool {
        let violation = error.code().is_some_and(|code| code.code().starts_with("23"));
        self.moving && violation && self.subject.origin == Origin::Files
    }

    fn insert(&mut self, t: &mut Transaction<'_>, changes: &mut Vec<Change>) -> Result<(), postgres::Error> {
        let Some(more) = &self.prepared.more else {
            return Ok(());
        };
        let several = if self.rng.u8(..100) < 20 {
            self.rng.i64(2..20)
        } else {
            1
        };
        let seed = self.rng.i64(0..1 << 40);
        for row in t.query(&more.insert, &[&seed, &several])? {
            let id = row.get(1);
            changes.push(Change::Row(event(id), parse(row.get(0))));
            if let OwnRows::Events { inserted, .. } = &mut self.rows {
                inserted.push(id);
            }
        }
        Ok(())
    }

    fn change(
        &mut self,
        t: &mut Transaction<'_>,
        book: &mut Book,
        changes: &mut Vec<Change>,
        choice: u8,
    ) -> Result<(), postgres::Error> {
        let (Some(id), Some(more)) = (self.choose_event(), &self.prepared.more) else {
            return Ok(());
        };
        let loaded = matches!(self.rows, OwnRows::Events { loaded, .. } if id <= loaded);
        let alive = is_alive(&event(id), book, changes).unwrap_or(loaded);
        let row = match choice {
            30..62 => t.query_opt(&self.prepared.update, &[&id, &self.rng.i64(0..1000)])?,
            62..75 => t.query_opt(&self.prepared.move_key, &[&id, &move_days(&mut self.rng)])?,
            75..83 if alive => {
                let note: i64 = t.query_one(&more.note, &[&id])?.get(0);
                changes.push(Change::Note { note, event: id });
                return Ok(());
            }
            _ => {
                let deleted = t.execute(&more.delete, &[&id])? == 1;
                book.missed += u64::from(deleted != alive);
                changes.push(Change::Row(event(id), None));
                changes.push(Change::Cleared { event: id });
                if choice < 96 {
                    return Ok(());
                }
                Some(t.query_one(&more.insert_again, &[&id, &self.rng.i64(0..1 << 40)])?)
            }
        };
        if choice < 83 {
            book.missed += u64::from(row.is_some() != alive);
        }
        changes.extend(row.map(|row| Change::Row(event(id), parse(row.get(0)))));
        Ok(())
    }

    /// An event that this writer alone writes; new ones more often than their share.
    fn choose_event(&mut self) -> Option<i64> {
        let OwnRows::Events {
            number,
            of,
            loaded,
            inserted,
        } = &self.rows
        else {
            return None;
        };
        if self.rng.u8(..100) < 40 && !inserted.is_empty() {
            return Some(inserted[self.rng.usize(..inserted.len())]);
        }
        let id = self.rng.i64(0..(loaded / of).max(1)) * of + number;
        (1..=*loaded).contains(&id).then_some(id)
    }

    fn write_known(
        &mut self,
        t: &mut Transaction<'_>,
        book: &mut Book,
        changes: &mut Vec<Change>,
    ) -> Result<(), postgres::Error> {
        let OwnRows::Keys(keys) = &self.rows else {
            return Ok(());
        };
        if keys.is_empty() {
            return Ok(());
        }
        let key = &keys[self.rng.usize(..keys.len())];
        // A move that changes the primary key would make the row another one.
        let fixed = self
            .subject
            .primary_key
            .iter()
            .any(|(column, _)| *column == self.subject.key);
        self.moving = !fixed && self.rng.u8(..100) < 30;
        let row = if self.moving {
            t.query_opt(&self.prepared.move_key, &[key, &self.rng.i32(-60..60)])?
        } else {
            t.query_opt(&self.prepared.update, &[key])?
        };
        match row {
            Some(row) => changes.push(Change::Row(row.get(1), parse(row.get(0)))),
            None => book.missed += 1,
        }
        Ok(())
    }
}

fn known_keys(
    client: &mut Client,
    subject: &Subject,
    number: usize,
    of: usize,
) -> Result<Vec<Vec<String>>, DemoError> {
    let columns = subject
        .primary_key
        .iter()
        .map(|(column, _)| format!("{column}::text"));
    let columns = columns.collect::<Vec<_>>().join(", ");
    let text = format!(
        "SELECT ARRAY[{columns}] FROM {} ORDER BY 1 LIMIT $1",
        subject.table
    );
    let rows = client.query(&text, &[&KNOWN_ROWS])?;
    Ok(rows
        .iter()
        .skip(number)
        .step_by(of)
        .map(|row| row.get(0))
        .collect())
}

/// Mostly to another month; now and then to a time before all partitions.
fn move_days(rng: &mut Rng) -> i32 {
    if rng.u8(..100) < 2 {
        -2000
    } else {
        rng.i32(-45..45)
    }
}

/// As `ROW(id)::text` prints it.
fn event(id: i64) -> String {
    format!("({id})")
}

fn parse(digest: &str) -> Option<u128> {
    u128::from_str_radix(digest, 16).ok()
}

/// None for a row that the writer never touched.
fn is_alive(id: &str, book: &Book, changes: &[Change]) -> Option<bool> {
    let pending = changes.iter().rev().find_map(|change| match change {
        Change::Row(of, digest) if of == id => Some(digest.is_some()),
        _ => None,
    });
    pending.or_else(|| book.rows.get(id).map(Option::is_some))
}
