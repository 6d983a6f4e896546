//! Asks for what `generate` was not told.

use dialoguer::{FuzzySelect, Input, Select};
use indicatif::HumanBytes;
use postgres::Client;

use super::facts::Loaded;
use super::{Failure, inspect, prompt};
use crate::catalog;
use crate::model::Interval;
use crate::plan::{partition_names, undecided_foreign_keys, undecided_unique_keys};
use crate::spec::{IncomingChoice, TableSpec, UniqueChoice};
use crate::sql::QualifiedName;

/// Fuzzy choice of a table, the largest first.
pub fn choose_table(client: &mut Client) -> Result<QualifiedName, Failure> {
    require("name the table: pgcleave generate TABLE")?;
    let mut snapshot = catalog::snapshot(client)?;
    let mut tables = catalog::list_tables(&mut snapshot)?;
    if tables.is_empty() {
        return Err(Failure::refused(
            "the database has no table",
            "connect to another: --database-url",
        ));
    }
    tables.sort_by_key(|t| std::cmp::Reverse(t.table_bytes));
    let items: Vec<String> = tables
        .iter()
        .map(|t| {
            format!(
                "{} ({})",
                t.name.plain(),
                HumanBytes(t.table_bytes.unsigned_abs())
            )
        })
        .collect();
    let chosen = FuzzySelect::new()
        .with_prompt("Table")
        .items(&items)
        .default(0)
        .interact()?;
    Ok(tables.swap_remove(chosen).name)
}

/// Choice among the candidates, the likeliest first.
pub fn choose_key(loaded: &Loaded) -> Result<String, Failure> {
    require("--key")?;
    if loaded.candidates.is_empty() {
        return Err(Failure::refused(
            "the table has no column of a time, and no primary key of whole numbers or uuids",
            "name another key: --key, with --strategy list or hash",
        ));
    }
    let names: Vec<&str> = loaded.candidates.iter().map(|c| c.column.as_str()).collect();
    let chosen = FuzzySelect::new()
        .with_prompt("Partition key")
        .items(&names)
        .default(0)
        .interact()?;
    Ok(names[chosen].to_owned())
}

/// Choice of the interval, the proposed one first under the cursor.
pub fn choose_interval(loaded: &Loaded, spec: &TableSpec) -> Result<Interval, Failure> {
    require("--interval")?;
    let proposed = inspect::propose(&loaded.facts, spec);
    if let Interval::Every(_) = proposed {
        let typed: String = Input::new()
            .with_prompt("Interval")
            .default(proposed.to_string())
            .validate_with(|text: &String| text.parse::<Interval>().map(|_| ()))
            .interact_text()?;
        return Ok(typed.parse().unwrap_or(proposed));
    }
    let default = Interval::CALENDAR
        .iter()
        .position(|i| *i == proposed)
        .unwrap_or(0);
    let chosen = Select::new()
        .with_prompt("Interval")
        .items(Interval::CALENDAR)
        .default(default)
        .interact()?;
    Ok(Interval::CALENDAR[chosen])
}

/// Asks what becomes of each unique key that lacks the partition key and of each foreign key that refers to one, where
/// there is somebody to ask; else the plan refuses them. Returns whether anything was asked.
pub fn decide_about_keys(loaded: &Loaded, spec: &mut TableSpec) -> Result<bool, Failure> {
    let table = &loaded.facts.table;
    let mut asked = false;
    if !prompt::is_possible() {
        return Ok(asked);
    }
    // A foreign key's guard settles the key's, too: those first.
    for name in undecided_foreign_keys(table, spec) {
        let choices = [
            (
                IncomingChoice::Guard,
                "guard: it refers to a narrow table with a row per key, with all its actions",
            ),
            (
                IncomingChoice::Extend,
                "extend: its table gets the partition key as a column, and it refers to both",
            ),
            (
                IncomingChoice::Trigger,
                "trigger: triggers do what it did; not exact where a REPEATABLE READ transaction deletes",
            ),
            (IncomingChoice::Drop, "drop: nothing keeps it"),
        ];
        let choice = choose(
            &format!("The foreign key {name} refers to a key that lacks the partition key"),
            &choices,
        )?;
        spec.incoming.insert(name, choice);
        asked = true;
    }
    for name in undecided_unique_keys(table, spec) {
        let choices = [
            (
                UniqueChoice::Guard,
                "guard: a narrow table keeps its values unique over all partitions",
            ),
            (
                UniqueChoice::Extend,
                "extend: the partition key is added, values may repeat in other partitions",
            ),
            (
                UniqueChoice::Drop,
                "drop: nothing is unique, its index stays as a plain one",
            ),
        ];
        let choice = choose(
            &format!("The unique key {name} lacks the partition key"),
            &choices,
        )?;
        spec.unique.insert(name, choice);
        asked = true;
    }
    Ok(asked)
}

fn choose<C: Copy>(question: &str, choices: &[(C, &str)]) -> Result<C, Failure> {
    let items: Vec<&str> = choices.iter().map(|(_, text)| *text).collect();
    let chosen = Select::new()
        .with_prompt(question)
        .items(&items)
        .default(0)
        .interact()?;
    Ok(choices[chosen].0)
}

/// Shows the partitions and asks whether to write the files.
pub fn confirm_preview(loaded: &Loaded, spec: &TableSpec) -> Result<bool, Failure> {
    let names = partition_names(&loaded.facts, spec);
    eprintln!(
        "{} partitions of {}:",
        names.len(),
        loaded.facts.table.name.plain()
    );
    for (position, name) in names.iter().enumerate() {
        if position < 3 || position + 4 > names.len() {
            eprintln!("  {}", name.name.as_str());
        } else if position == 3 {
            eprintln!("  …");
        }
    }
    prompt::confirm("Write the migrations?")
}

fn require(flag: &str) -> Result<(), Failure> {
    if prompt::is_possible() {
        return Ok(());
    }
    Err(Failure::usage(
        "something is missing and there is no terminal to ask on",
        &format!("say it by flag: {flag}"),
    ))
}
