//! What the forms `trigger` and `extend` of an incoming foreign key guarantee and cost, and when they can't be had.

use super::incoming::{choice, name_in_spec, stays_possible};
use super::incoming_extension::{added_columns, fill_trigger};
use super::problem::Problem;
use super::unique_keys::{Carried, all_keys, carried_as};
use crate::model::{ForeignKeyIn, ReferentialAction, Table};
use crate::spec::{IncomingChoice, TableSpec};
use crate::sql::Ident;

/// What triggers guarantee, and what they cost.
pub(super) fn triggers(key: &ForeignKeyIn) -> String {
    let child = key.table.plain();
    format!(
        "triggers take its place after move_incoming_foreign_keys: they check and act as it did, at READ COMMITTED without a gap. \
         Three things differ: a REPEATABLE READ or SERIALIZABLE transaction that deletes a row here, or changes its key, doesn't see rows of {child} \
         that were committed since its snapshot, and leaves them referring to nothing; a partition that is dropped or detached is not noticed, and {child} can't be renamed or dropped without its triggers on this table; \
         and nothing but the key's own uniqueness says which row is meant. \
         A change of the key together with the partition is refused while rows of {child} refer to it. \
         Each write of it in {child}, each DELETE here and each move to another partition looks into every partition's index; \
         each DELETE here reads {child} by {}, which wants an index there, as before",
        list(&key.columns)
    )
}

/// What the added column guarantees, and what it costs.
pub(super) fn extension(key: &ForeignKeyIn, table: &Table, spec: &TableSpec) -> String {
    let child = key.table.plain();
    let added = list(&added_columns(key, table, spec));
    let columns = list(&key.columns);
    let moved = match key.on_update {
        ReferentialAction::Cascade => String::new(),
        ReferentialAction::NoAction
        | ReferentialAction::Restrict
        | ReferentialAction::SetNull
        | ReferentialAction::SetDefault => format!(
            " (it must be, to follow moves: a change of {} here is followed in {child}, too, where the old one had another action)",
            list(&key.referenced_columns)
        ),
    };
    format!(
        "{child} gets the column {added} after move_incoming_foreign_keys, kept by a trigger, and the foreign key holds ({columns}, {added}): \
         exact at every isolation level, ON UPDATE CASCADE{moved}. \
         Every row of {child} is written once to fill it, in batches; each row that is written there looks its partition key up in every partition's index, \
         and a move to another partition writes the rows that refer to it. SELECT * shows the column; subscribers of {child} need it first. \
         An index of {child} on ({columns}) still serves",
    )
}

/// Why a choice can't be had for this foreign key.
pub(super) fn impossible(key: &ForeignKeyIn, table: &Table, spec: &TableSpec) -> Option<Problem> {
    let why = match choice(key, table, spec) {
        Some(IncomingChoice::Trigger) => no_triggers(key, table),
        Some(IncomingChoice::Extend) => no_extension(key, table, spec),
        Some(IncomingChoice::Guard | IncomingChoice::Drop) | None => None,
    };
    let name = name_in_spec(key, table);
    why.filter(|_| !stays_possible(key, table, spec))
        .map(|(choice, why)| {
            Problem::blocker(
                format!("--incoming {name}={choice} of {}: {why}", key.table.plain()),
                format!("choose another form for it: --incoming {name}=guard, or drop"),
            )
        })
}

fn no_triggers(key: &ForeignKeyIn, table: &Table) -> Option<(&'static str, String)> {
    let why = if !key.enforced {
        "it isn't enforced, and triggers would enforce it".to_owned()
    } else if key.table_triggers.contains(&key.name) {
        format!("{} has a trigger of that name", key.table.plain())
    } else if key.deferrable && is_name_taken(key, table) {
        format!(
            "it is deferrable, and {} has a constraint or trigger of that name, which SET CONSTRAINTS must find",
            table.name.plain()
        )
    } else {
        return None;
    };
    Some(("trigger", why))
}

/// Whether the table can't have a constraint trigger of the foreign key's name.
fn is_name_taken(key: &ForeignKeyIn, table: &Table) -> bool {
    let alike = table.foreign_keys_in.iter().filter(|k| k.name == key.name);
    alike.count() > 1
        || table.triggers.iter().any(|t| t.name == key.name)
        || table.checks.iter().any(|c| c.name == key.name)
        || table.foreign_keys_out.iter().any(|k| k.name == key.name)
        || all_keys(table).any(|k| k.name == key.name)
}

fn no_extension(key: &ForeignKeyIn, table: &Table, spec: &TableSpec) -> Option<(&'static str, String)> {
    let referenced = all_keys(table).find(|k| k.name == key.referenced_key);
    let carried = referenced.and_then(|k| carried_as(k, table, spec));
    let added = added_columns(key, table, spec);
    let child = key.table.plain();
    let taken = added.iter().find(|column| key.table_columns.contains(column));
    let why = if table.server_version < 150_000 {
        "before PostgreSQL 15 a row that moves to another partition counts as deleted for foreign keys that refer to it"
            .to_owned()
    } else if carried != Some(Carried::Extended) {
        format!(
            "it needs the key that it refers to with the partition key added: --unique {}=extend",
            key.referenced_key.as_str()
        )
    } else if !key.enforced {
        "it isn't enforced, and a column for it would be".to_owned()
    } else if key.deferrable {
        "it is deferrable, and the partition key must be looked up when a row is written".to_owned()
    } else if key.match_full && key.columns.len() > 1 {
        "it is MATCH FULL, which rows that are yet to be filled would violate".to_owned()
    } else if key.table_is_partitioned {
        format!(
            "{child} is partitioned, and can't have the new foreign key beside the old one without a long lock"
        )
    } else if let Some(column) = taken {
        format!("{child} has a column {} already", column.as_str())
    } else if fill_trigger(key).is_none_or(|trigger| key.table_triggers.contains(&trigger)) {
        format!("{child} has a trigger of the name that it would get")
    } else {
        return None;
    };
    Some(("extend", why))
}

fn list(columns: &[Ident]) -> String {
    let names: Vec<&str> = columns.iter().map(Ident::as_str).collect();
    names.join(", ")
}
