//! How long the cutover holds its lock, said in advance.

use std::fmt;

use super::conversion::is_identity_of_key;
use super::foreign_keys_out::checked_at_once;
use crate::model::{Table, TriggerEnabled};

/// What the cutover and its rollback do while everybody waits, as numbers that the time depends on.
///
/// The parts are fitted to `examples/cutover_lock.rs` with 500 to 5,000 partitions on PostgreSQL 15 and 18 on two quiet
/// cores, and rounded up by a quarter or more; with twice as much to do as cores it takes two or three times as long.
/// docs/CUTOVER.md has the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockTime {
    /// Partitions of partitions too.
    pub partitions: u64,
    /// Triggers whose state changes on each partition.
    pub triggers: u64,
    /// Foreign keys that are checked at the end of each statement: at COMMIT on the side that follows.
    pub foreign_keys: u64,
    /// Identity columns that become GENERATED ALWAYS on each partition.
    pub identities: u64,
    /// What is renamed.
    pub indexes: u64,
    /// Views, rules, policies, functions and the like that are made anew.
    pub dependents: u64,
}

/// With a table that has nothing but its key, down to COMMIT.
const ALONE: u64 = 10_000;
const INDEX: u64 = 200;
const DEPENDENT: u64 = 500;
/// Lock, fingerprint and COMMIT.
const PARTITION: u64 = 10;
/// One row of pg_trigger, and the relation read anew.
const TRIGGER: u64 = 30;
/// One row of pg_constraint, two of pg_trigger, and the relation read anew.
const FOREIGN_KEY: u64 = 60;
/// One row of pg_attribute.
const IDENTITY: u64 = 30;

impl LockTime {
    /// For a table that gets so many partitions.
    pub fn of(table: &Table, partitions: usize) -> Self {
        let count = |n: usize| n as u64;
        // Until 14 triggers for each statement go through every partition, too.
        let goes_through = |row_level: bool| row_level || table.server_version < 150_000;
        let triggers = table.triggers.iter();
        let identities = table.columns.iter().filter(|column| {
            let always = column.identity.as_ref().is_some_and(|i| i.always);
            always && !is_identity_of_key(table, column) && table.server_version >= 170_000
        });
        Self {
            partitions: count(partitions),
            triggers: count(
                triggers
                    .filter(|t| t.enabled != TriggerEnabled::Disabled && goes_through(t.row_level))
                    .count(),
            ),
            foreign_keys: count(checked_at_once(&table.foreign_keys_out).len()),
            identities: count(identities.count()),
            indexes: count(1 + table.unique_keys.len() + table.indexes.len()),
            dependents: count(
                table.views.len()
                    + table.materialized_views.len()
                    + table.rules.len()
                    + table.row_security.policies.len()
                    + table.foreign_policies.len()
                    + table.routines.len()
                    + table.publications.len(),
            ),
        }
    }

    /// The estimate, rounded up.
    pub fn milliseconds(&self) -> u64 {
        let each = PARTITION
            + TRIGGER * self.triggers
            + FOREIGN_KEY * self.foreign_keys
            + IDENTITY * self.identities;
        let all = ALONE + INDEX * self.indexes + DEPENDENT * self.dependents + self.partitions * each;
        let exact = all.div_ceil(1_000);
        exact.next_multiple_of(match exact {
            0..100 => 10,
            100..1_000 => 50,
            _ => 500,
        })
    }

    /// What goes through every partition, in words.
    fn causes(&self) -> String {
        let counted = |n: u64, one: &str, more: &str| match n {
            0 => None,
            1 => Some(format!("1 {one}")),
            n => Some(format!("{n} {more}")),
        };
        let each = [
            counted(self.triggers, "trigger", "triggers"),
            counted(self.foreign_keys, "foreign key", "foreign keys"),
            counted(self.identities, "identity column", "identity columns"),
        ];
        let each: Vec<String> = each.into_iter().flatten().collect();
        let partitions = counted(self.partitions, "partition", "partitions");
        let partitions = partitions.unwrap_or_else(|| "no partitions".to_owned());
        match &each[..] {
            [] => format!("{partitions}, whose triggers and foreign keys stay as they are"),
            each => format!(
                "{partitions}, in each of which the state of {} changes",
                each.join(", ")
            ),
        }
    }
}

impl fmt::Display for LockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.milliseconds() {
            n @ 0..1_000 => write!(f, "an estimated {n} ms")?,
            n if n.is_multiple_of(1_000) => write!(f, "an estimated {} s", n / 1_000)?,
            n => write!(f, "an estimated {}.5 s", n / 1_000)?,
        }
        write!(f, " ({})", self.causes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURED: LockTime = LockTime {
        partitions: 500,
        triggers: 2,
        foreign_keys: 1,
        identities: 0,
        indexes: 12,
        dependents: 20,
    };

    /// docs/CUTOVER.md says what was measured.
    #[test]
    fn estimates_no_less_than_was_measured() {
        assert_eq!(MEASURED.milliseconds(), 90);
        let bare = LockTime {
            indexes: 3,
            dependents: 0,
            ..MEASURED
        };
        let with = |partitions, triggers, foreign_keys| LockTime {
            partitions,
            triggers,
            foreign_keys,
            ..bare
        };
        assert_eq!(with(24, 2, 1).milliseconds(), 20);
        assert_eq!(with(500, 0, 0).milliseconds(), 20);
        assert_eq!(with(5_000, 0, 0).milliseconds(), 70);
        assert_eq!(with(5_000, 2, 1).milliseconds(), 700);
    }

    #[test]
    fn says_what_goes_through_every_partition() {
        let estimate = "an estimated 90 ms (500 partitions, in each of which the state of 2 triggers, 1 foreign key changes)";
        assert_eq!(MEASURED.to_string(), estimate);
        let alone = LockTime {
            triggers: 0,
            foreign_keys: 0,
            ..MEASURED
        };
        assert_eq!(
            alone.to_string(),
            "an estimated 30 ms (500 partitions, whose triggers and foreign keys stay as they are)"
        );
        let many = LockTime {
            partitions: 10_000,
            ..MEASURED
        };
        assert!(many.to_string().starts_with("an estimated 1.5 s ("), "{many}");
    }
}
