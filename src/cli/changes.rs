//! What differs between two snapshots of a table, in sentences.
//!
//! Reads the snapshots as JSON, so that a new field of the model is compared without a word here.

mod kinds;

use serde_json::{Map, Value};

use self::kinds::{ABOVE, DERIVED, KINDS, Kind, called, gone, grantee, new_one, privilege};
use crate::apply::Stage;
use crate::model::Table;

/// Not the table's structure.
const PASSED_OVER: [&str; 4] = ["name", "server_version", "fingerprint", "relations_above"];

/// Not an item's structure: what a query finds in the rows, and how values are compared, which older snapshots
/// don't say.
const PASSED_OVER_OF_ITEMS: [&str; 2] = ["violated", "sends"];

/// Longer texts, and those of several lines, are said to be others.
const LONGEST: usize = 120;

/// One sentence per change of the structure, without a capital and a full stop; none where nothing has changed.
///
/// # Errors
/// Only if a snapshot can't be turned into JSON.
pub fn changes(recorded: &Table, live: &Table) -> Result<Vec<String>, serde_json::Error> {
    let (before, after) = (flat(recorded)?, flat(live)?);
    let mut sentences = Vec::new();
    for kind in &KINDS {
        sentences.extend(list_changes(kind, &before[kind.field], &after[kind.field]));
    }
    let is_list = |field: &str| KINDS.iter().any(|kind| kind.field == field);
    for (field, old) in &before {
        if !is_list(field) && !PASSED_OVER.contains(&field.as_str()) {
            sentences.extend(table_change(field, old, &after[field]));
        }
    }
    if sentences.is_empty() {
        sentences.extend(list_changes(&ABOVE, &before[ABOVE.field], &after[ABOVE.field]));
    }
    if sentences.is_empty() && recorded.fingerprint != live.fingerprint {
        sentences.push("its structure changed in a way that shows in the fingerprint alone".to_owned());
    }
    Ok(sentences)
}

/// What to do about changes, by how far the conversion is.
pub fn remedy(stage: Stage, table: &str) -> String {
    match stage {
        Stage::NotStarted => format!("write the migrations again: pgcleave generate {table}"),
        Stage::CopyCreated
        | Stage::Logging
        | Stage::Prepared
        | Stage::Copying
        | Stage::Copied
        | Stage::PartitionsIndexed
        | Stage::Indexed
        | Stage::CaughtUp
        | Stage::InStep => format!(
            "the conversion is under way: undo the change, or roll back and start anew (pgcleave rollback {table}, \
             pgcleave generate {table}, pgcleave apply {table})"
        ),
        Stage::CutOver | Stage::Completed => {
            "the table is cut over: its migrations stay as they are".to_owned()
        }
    }
}

/// A table's fields, row-level security among them and every kind of thing as a list.
fn flat(table: &Table) -> Result<Map<String, Value>, serde_json::Error> {
    let Value::Object(mut fields) = serde_json::to_value(table)? else {
        return Ok(Map::new());
    };
    if let Some(Value::Object(security)) = fields.remove("row_security") {
        for (field, value) in security {
            let field = match field.as_str() {
                "policies" => field,
                other => format!("{other} for row-level security"),
            };
            fields.insert(field, value);
        }
    }
    let primary_key = match fields.remove("primary_key") {
        Some(Value::Null) | None => Vec::new(),
        Some(key) => vec![key],
    };
    fields.insert("primary_key".to_owned(), Value::Array(primary_key));
    Ok(fields)
}

/// A change of the table itself.
fn table_change(field: &str, before: &Value, after: &Value) -> Option<String> {
    let what = match field {
        "clustered_on" => "index for CLUSTER".to_owned(),
        other => words(other),
    };
    let said = change(&what, before, after)?;
    Some(match after {
        Value::Bool(_) => format!("the table is {said}"),
        _ => format!("the table's {said}"),
    })
}

fn list_changes(kind: &Kind, before: &Value, after: &Value) -> Vec<String> {
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (before, after) = (items(before), items(after));
    let same = |a: &Value, b: &Value| identity(kind, a) == identity(kind, b);
    let is_new = |new: &Value| !before.iter().any(|old| same(old, new));
    let mut renamed = Vec::new();
    let mut sentences = Vec::new();
    for (place, old) in before.iter().enumerate() {
        let in_place = after
            .get(place)
            .filter(|new| is_new(new) && is_renamed(kind, old, new));
        match (after.iter().find(|new| same(old, new)), in_place) {
            (Some(new), _) => sentences.extend(item_changes(kind, old, new)),
            (None, Some(new)) => {
                let name = short(&new["name"]);
                sentences.push(format!("{} was renamed to {name}", called(kind, old)));
                renamed.push(new);
            }
            (None, None) => sentences.push(gone(kind, old)),
        }
    }
    let added = after.iter().filter(|new| is_new(new) && !renamed.contains(new));
    sentences.extend(added.map(|new| new_one(kind, new)));
    if sentences.is_empty() && kind.field == "columns" && order(&before) != order(&after) {
        sentences.push("the order of the columns changed".to_owned());
    }
    sentences
}

/// Whether a column has but another name, which stands in the same place.
fn is_renamed(kind: &Kind, old: &Value, new: &Value) -> bool {
    let mut named = new.clone();
    named["name"] = old["name"].clone();
    kind.field == "columns" && named == *old
}

fn order(items: &[Value]) -> Vec<&Value> {
    items.iter().map(|item| &item["name"]).collect()
}

fn identity<'a>(kind: &Kind, item: &'a Value) -> Vec<&'a Value> {
    match kind.identity {
        [] => vec![item],
        fields => fields.iter().map(|field| &item[*field]).collect(),
    }
}

fn item_changes(kind: &Kind, old: &Value, new: &Value) -> Option<String> {
    let fields = old.as_object()?.keys().map(String::as_str);
    let changed: Vec<&str> = fields
        .filter(|field| !PASSED_OVER_OF_ITEMS.contains(field) && old[*field] != new[*field])
        .collect();
    // An index's whole definition has its name and the table's, too.
    let follows = |field: &str| DERIVED.contains(&field) || (kind.what == "using" && field == "definition");
    let (derived, own): (Vec<&str>, Vec<&str>) = changed.into_iter().partition(|field| follows(field));
    let mut said = if own.is_empty() { derived } else { own };
    said.sort_by_key(|field| *field != kind.what);
    let said: Vec<String> = said
        .into_iter()
        .filter_map(|field| change(&of_item(field), &old[field], &new[field]))
        .collect();
    (!said.is_empty()).then(|| match kind.field {
        "grants" => format!(
            "{} of {} changed: {}",
            privilege(old),
            grantee(old),
            said.join(", ")
        ),
        _ => format!("{} changed: {}", called(kind, old), said.join(", ")),
    })
}

/// What a field of an item is called.
fn of_item(field: &str) -> String {
    match field {
        "type_sql" => "type".to_owned(),
        "not_null" => "NOT NULL".to_owned(),
        "using" => "definition".to_owned(),
        other => words(other),
    }
}

/// `type text became varchar(50)`, `no longer NOT NULL`; `None` where it is the same.
fn change(what: &str, before: &Value, after: &Value) -> Option<String> {
    if before == after {
        return None;
    }
    let (old, new) = (short(before), short(after));
    Some(match (before, after) {
        (_, Value::Bool(true)) => format!("now {what}"),
        (_, Value::Bool(false)) => format!("no longer {what}"),
        _ if is_long(&old) || is_long(&new) => format!("another {what}"),
        (Value::Null, _) => format!("{what} {new} was added"),
        (_, Value::Null) => format!("{what} {old} was dropped"),
        _ => format!("{what} {old} became {new}"),
    })
}

fn is_long(text: &str) -> bool {
    text.chars().count() > LONGEST || text.contains('\n')
}

fn words(field: &str) -> String {
    field.replace('_', " ")
}

/// A value as a person reads it: names with their schema, lists in parentheses.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        Value::Array(items) => format!("({})", items.iter().map(short).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => match (fields.get("schema"), fields.get("name")) {
            (Some(schema), Some(name)) => format!("{}.{}", short(schema), short(name)),
            _ => {
                let field = |(name, value): (&String, &Value)| format!("{} {}", words(name), short(value));
                fields.iter().map(field).collect::<Vec<_>>().join(", ")
            }
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Value {
        let text = include_str!("../../migrations_out/public.events/catalog.json");
        serde_json::from_str::<Value>(text).unwrap()["table"].take()
    }

    /// What is said of the example's table when it is changed so.
    fn said(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let before = table();
        let mut after = before.clone();
        change(&mut after);
        let parsed = |value| serde_json::from_value(value).unwrap();
        changes(&parsed(before), &parsed(after)).unwrap()
    }

    fn column(table: &mut Value, name: &str) -> usize {
        let columns = table["columns"].as_array().unwrap();
        columns.iter().position(|c| c["name"] == name).unwrap()
    }

    #[test]
    fn the_same_table_has_no_changes() {
        assert_eq!(said(|_| ()), Vec::<String>::new());
        let unsaid = |table: &mut Value| table["server_version"] = 180_000.into();
        assert_eq!(said(unsaid), Vec::<String>::new());
    }

    #[test]
    fn says_what_was_added_dropped_and_changed() {
        let sentences = said(|table| {
            let payload = column(table, "payload");
            let mut note = table["columns"][payload].clone();
            note["name"] = "note".into();
            note["type_sql"] = "text".into();
            table["columns"][payload]["type_sql"] = "json".into();
            table["columns"][payload]["base_type"] = "json".into();
            table["columns"][payload]["hash"] = false.into();
            table["columns"][payload]["not_null"] = true.into();
            table["columns"].as_array_mut().unwrap().push(note);
            table["indexes"].as_array_mut().unwrap().remove(0);
            table["owner"] = "somebody".into();
            table["row_security"]["enabled"] = true.into();
        });
        let before = table();
        let index = before["indexes"][0]["name"].as_str().unwrap();
        for sentence in [
            "column note was added (text)".to_owned(),
            "column payload changed: type jsonb became json, now NOT NULL".to_owned(),
            format!("index {index} was dropped"),
            "the table is now enabled for row-level security".to_owned(),
        ] {
            assert!(sentences.contains(&sentence), "{sentence}: {sentences:#?}");
        }
        assert!(sentences.iter().any(|s| s.starts_with("the table's owner ")));
    }

    #[test]
    fn a_change_that_has_no_words_shows_by_the_fingerprint() {
        let sentences = said(|table| table["fingerprint"] = "another".into());
        assert_eq!(sentences.len(), 1, "{sentences:?}");
        assert!(sentences[0].contains("fingerprint"));
    }

    #[test]
    fn a_column_with_another_name_was_renamed() {
        let sentences = said(|table| {
            let payload = column(table, "payload");
            table["columns"][payload]["name"] = "content".into();
        });
        assert_eq!(sentences, ["column payload was renamed to content"]);
    }

    #[test]
    fn columns_in_another_order_are_a_change() {
        let sentences = said(|table| table["columns"].as_array_mut().unwrap().swap(1, 2));
        assert_eq!(sentences, ["the order of the columns changed"]);
    }
}
