//! Foreign keys of other tables that point at the table, and the form that they have once the retired table,
//! through which they work meanwhile, is dropped.

use super::guards::guard_table;
use super::incoming_choices::{extension, impossible, triggers};
use super::incoming_extension::{PlannedExtension, planned_extension};
use super::incoming_triggers::{PlannedTriggers, planned_triggers};
use super::names::Names;
use super::problem::Problem;
use super::unique_keys::{all_keys, lacks_partition_key};
use crate::model::{ForeignKeyIn, Table};
use crate::spec::{IncomingChoice, TableSpec};
use crate::sql::{Fragment, Ident, Literal, QualifiedName, retarget};

/// A foreign key that gets another form after the cutover, and has its old one back by a rollback.
#[derive(Debug, Clone)]
pub struct PlannedIncoming {
    pub name: Ident,
    /// The table that refers to this one.
    pub child: QualifiedName,
    pub lasting: Lasting,
    /// Whether its new form hangs on the partitioned table itself, which is locked then.
    pub alters_table: bool,
    /// Whether a constraint has to be validated after the move, there or back.
    pub validate: bool,
}

/// What takes the foreign key's place.
#[derive(Debug, Clone)]
pub enum Lasting {
    /// Another foreign key, or nothing: what makes it so and what undoes that, each as one string constant.
    Statement(Literal, Literal),
    Triggers(Box<PlannedTriggers>),
    Extension(Box<PlannedExtension>),
}

/// Those of other tables; one of the table's own is among `foreign_keys_out`.
pub(super) fn foreign_keys_of_others(table: &Table) -> impl Iterator<Item = &ForeignKeyIn> {
    table.foreign_keys_in.iter().filter(|key| key.table != table.name)
}

/// What the user decided, by the constraint's name alone where no other has it.
pub(super) fn choice(key: &ForeignKeyIn, table: &Table, spec: &TableSpec) -> Option<IncomingChoice> {
    let full = spec.incoming.get(&full_name(key));
    let alone = || {
        let alike = table
            .foreign_keys_in
            .iter()
            .filter(|k| k.name == key.name)
            .count();
        spec.incoming.get(key.name.as_str()).filter(|_| alike == 1)
    };
    full.or_else(alone).copied()
}

/// The moves, in the order in which they are made; `None` where a definition could not be taken apart.
pub(super) fn planned_incoming(
    table: &Table,
    spec: &TableSpec,
    names: &Names,
) -> Option<Vec<PlannedIncoming>> {
    foreign_keys_of_others(table)
        .map(|key| planned(key, table, spec, names))
        .collect()
}

fn planned(key: &ForeignKeyIn, table: &Table, spec: &TableSpec, names: &Names) -> Option<PlannedIncoming> {
    let target = target(key, table, spec, names);
    let refers = |to: &QualifiedName| retarget(&key.definition, "REFERENCES", &table.name, to);
    let at_once = moves_at_once(key, table);
    let not_valid = Fragment::new(if at_once { "" } else { " NOT VALID" }, &[]);
    let comment = key.comment.as_ref().map_or_else(Fragment::default, |text| {
        let text = Literal::new(text.as_str());
        Fragment::new(
            "; COMMENT ON CONSTRAINT {} ON {} IS {}",
            &[&key.name, &key.table, &text],
        )
    });
    let replaced = |to: &QualifiedName| {
        let parts: [&dyn crate::sql::SqlPart; 6] = [
            &key.table,
            &key.name,
            &key.name,
            &refers(to)?,
            &not_valid,
            &comment,
        ];
        Some(Fragment::new(
            "ALTER TABLE {} DROP CONSTRAINT {}, ADD CONSTRAINT {} {}{}{}",
            &parts,
        ))
    };
    let added_back = || {
        let parts: [&dyn crate::sql::SqlPart; 5] = [
            &key.table,
            &key.name,
            &refers(&names.retired)?,
            &not_valid,
            &comment,
        ];
        Some(Fragment::new("ALTER TABLE {} ADD CONSTRAINT {} {}{}{}", &parts))
    };
    let dropped = Fragment::new("ALTER TABLE {} DROP CONSTRAINT {}", &[&key.table, &key.name]);
    let decided = choice(key, table, spec);
    let lasting = match decided {
        Some(IncomingChoice::Drop) => Lasting::Statement(dropped.literal(), added_back()?.literal()),
        Some(IncomingChoice::Trigger) => Lasting::Triggers(Box::new(planned_triggers(
            key,
            table,
            &names.source,
            added_back()?,
        )?)),
        Some(IncomingChoice::Extend) => Lasting::Extension(Box::new(planned_extension(
            key,
            table,
            spec,
            &names.source,
            comment.clone(),
            added_back()?,
        )?)),
        Some(IncomingChoice::Guard) | None => {
            Lasting::Statement(replaced(&target)?.literal(), replaced(&names.retired)?.literal())
        }
    };
    Some(PlannedIncoming {
        name: key.name.clone(),
        child: key.table.clone(),
        lasting,
        alters_table: !matches!(decided, Some(IncomingChoice::Guard | IncomingChoice::Drop)),
        validate: key.validated && !at_once,
    })
}

/// A partitioned table can't have a foreign key that is yet to be validated, before PostgreSQL 18.
fn moves_at_once(key: &ForeignKeyIn, table: &Table) -> bool {
    key.table_is_partitioned && table.server_version < 180_000
}

/// What the foreign key refers to in its lasting form.
fn target(key: &ForeignKeyIn, table: &Table, spec: &TableSpec, names: &Names) -> QualifiedName {
    match choice(key, table, spec) {
        Some(IncomingChoice::Guard) => guard_table(table, &key.referenced_key),
        Some(_) | None => names.source.clone(),
    }
}

/// Names, as the spec takes them, of the foreign keys about which the user has yet to decide.
pub fn undecided_foreign_keys(table: &Table, spec: &TableSpec) -> Vec<String> {
    let undecided =
        |key: &&ForeignKeyIn| choice(key, table, spec).is_none() && !stays_possible(key, table, spec);
    table
        .foreign_keys_in
        .iter()
        .filter(undecided)
        .map(|key| name_in_spec(key, table))
        .collect()
}

/// The constraint's name where no other has it.
pub(super) fn name_in_spec(key: &ForeignKeyIn, table: &Table) -> String {
    match table
        .foreign_keys_in
        .iter()
        .filter(|k| k.name == key.name)
        .count()
    {
        1 => key.name.as_str().to_owned(),
        _ => full_name(key),
    }
}

/// `schema.table.constraint`
fn full_name(key: &ForeignKeyIn) -> String {
    format!("{}.{}", key.table.plain(), key.name.as_str())
}

/// Whether the key that it refers to holds the partition key, so that it can refer to the partitioned table.
pub(super) fn stays_possible(key: &ForeignKeyIn, table: &Table, spec: &TableSpec) -> bool {
    all_keys(table).any(|k| k.name == key.referenced_key && !lacks_partition_key(k, spec))
}

pub(super) fn about_incoming(table: &Table, spec: &TableSpec, problems: &mut Vec<Problem>) {
    for key in foreign_keys_of_others(table) {
        problems.push(about_one(key, table, spec));
    }
    for key in table.foreign_keys_in.iter().filter(|key| key.table == table.name) {
        about_self_reference(key, table, spec, problems);
    }
    for name in spec.incoming.keys() {
        let named = |key: &&ForeignKeyIn| full_name(key) == *name || key.name.as_str() == name;
        match table.foreign_keys_in.iter().filter(named).count() {
            1 => {}
            0 => problems.push(Problem::blocker(
                format!(
                    "--incoming {name}: no foreign key of that name refers to {}",
                    table.name.plain()
                ),
                "see which do: pgcleave inspect",
            )),
            _ => problems.push(Problem::blocker(
                format!("--incoming {name}: several foreign keys have that name"),
                "say schema.table.constraint",
            )),
        }
    }
}

fn about_one(key: &ForeignKeyIn, table: &Table, spec: &TableSpec) -> Problem {
    if let Some(problem) = impossible(key, table, spec) {
        return problem;
    }
    let (name, child) = (name_in_spec(key, table), key.table.plain());
    let cause = format!(
        "the foreign key {} of {child} refers to this table",
        key.name.as_str()
    );
    let moved = match moves_at_once(key, table) {
        true => {
            "; as its table is partitioned, the whole of it is read under the lock then, before PostgreSQL 18"
        }
        false => "",
    };
    let meanwhile = "meanwhile it works through the retired table, and TRUNCATE … CASCADE, which doesn't reach that table, is refused (0A000): \
                     name both tables in one TRUNCATE";
    if stays_possible(key, table, spec) {
        return match choice(key, table, spec) {
            None => Problem::note(
                cause,
                format!(
                    "it refers to the partitioned table after move_incoming_foreign_keys{}{moved}; {meanwhile}",
                    if table.server_version < 150_000 {
                        ", where a row that moves to another partition counts as deleted, before PostgreSQL 15"
                    } else {
                        ""
                    }
                ),
            ),
            Some(IncomingChoice::Drop) => {
                Problem::warning(cause, format!("it is dropped, as decided; {meanwhile}"))
            }
            Some(_) => Problem::blocker(
                format!("{cause}, and may stay as it is: the key that it refers to holds the partition key"),
                "leave it out, or drop it by choice",
            ),
        };
    }
    let column = spec.partition_columns().join(", ");
    let lasting = match choice(key, table, spec) {
        None => {
            return Problem::blocker(
                format!(
                    "{cause}, by a key that lacks the partition key: it needs another form before the retired table is dropped"
                ),
                format!(
                    "decide: --incoming {name}=guard (it refers to a narrow table with a row per key: all its actions as before; each INSERT and DELETE here writes there too), \
                     --incoming {name}=extend (from PostgreSQL 15 on: {child} gets ({column}) as a column, kept by a trigger; the foreign key holds both and follows moves by ON UPDATE CASCADE), \
                     --incoming {name}=trigger (triggers do what it did; not exact where a REPEATABLE READ transaction deletes), \
                     --incoming {name}=drop (nothing keeps it)"
                ),
            );
        }
        Some(IncomingChoice::Guard) => {
            format!(
                "it refers to the guard after move_incoming_foreign_keys, with its name and all its actions{moved}"
            )
        }
        Some(IncomingChoice::Extend) => extension(key, table, spec),
        Some(IncomingChoice::Trigger) => triggers(key),
        Some(IncomingChoice::Drop) => "it is dropped by move_incoming_foreign_keys, as decided".to_owned(),
    };
    Problem::warning(cause, format!("{lasting}; {meanwhile}"))
}

/// Functions that take a foreign key's place for good.
pub fn lasting_functions(table: &Table, spec: &TableSpec) -> Vec<QualifiedName> {
    let names = Names::of(&table.name);
    let planned = planned_incoming(table, spec, &names).unwrap_or_default();
    planned
        .iter()
        .flat_map(|key| match &key.lasting {
            Lasting::Statement(_, _) => Vec::new(),
            Lasting::Triggers(triggers) => triggers.functions().into_iter().cloned().collect(),
            Lasting::Extension(extension) => vec![extension.fill.clone()],
        })
        .collect()
}

fn about_self_reference(key: &ForeignKeyIn, table: &Table, spec: &TableSpec, problems: &mut Vec<Problem>) {
    let name = key.name.as_str();
    if stays_possible(key, table, spec) || choice(key, table, spec) == Some(IncomingChoice::Guard) {
        return;
    }
    problems.push(match choice(key, table, spec) {
        Some(IncomingChoice::Drop) => Problem::warning(
            format!("the foreign key {name}, which refers to the table itself, is not carried, as decided"),
            "nothing keeps it on the partitioned table",
        ),
        _ => Problem::blocker(
            format!("the foreign key {name} refers to the table itself, by a key that lacks the partition key"),
            format!(
                "decide: --incoming {name}=guard (it refers to a narrow table with a row per key: all its actions as before), --incoming {name}=drop (nothing keeps it)"
            ),
        ),
    });
}
