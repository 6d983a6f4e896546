//! What differs between two snapshots of a table, in words.

use serde_json::{Map, Value};

use crate::model::Table;

/// One line per difference; the server's version alone is none.
pub fn changes(recorded: &Table, live: &Table) -> Result<Vec<String>, serde_json::Error> {
    let (recorded, live) = (serde_json::to_value(recorded)?, serde_json::to_value(live)?);
    let mut lines = Vec::new();
    for (field, before) in recorded.as_object().unwrap_or(&Map::new()) {
        let after = &live[field];
        if before == after || matches!(field.as_str(), "server_version" | "fingerprint") {
            continue;
        }
        match (before, after) {
            (Value::Array(before), Value::Array(after)) => list_changes(field, before, after, &mut lines),
            _ => lines.push(format!(
                "{}: {} became {}",
                words(field),
                short(before),
                short(after)
            )),
        }
    }
    Ok(lines)
}

fn list_changes(field: &str, before: &[Value], after: &[Value], lines: &mut Vec<String>) {
    let what = words(field);
    for item in before.iter().filter(|item| !after.contains(item)) {
        match after.iter().find(|other| name(other) == name(item)) {
            Some(other) => lines.push(format!(
                "{what}: {} changed: {}",
                name(item),
                field_changes(item, other)
            )),
            None => lines.push(format!("{what}: {} is gone", name(item))),
        }
    }
    for item in after
        .iter()
        .filter(|item| !before.iter().any(|other| name(other) == name(item)))
    {
        lines.push(format!("{what}: {} is new", name(item)));
    }
    if lines.is_empty() {
        lines.push(format!("{what}: their order changed"));
    }
}

fn field_changes(before: &Value, after: &Value) -> String {
    let Some(fields) = before.as_object() else {
        return format!("{} became {}", short(before), short(after));
    };
    let changed = fields
        .iter()
        .filter(|(field, value)| after[field.as_str()] != **value);
    changed
        .map(|(field, value)| {
            format!(
                "{} {} became {}",
                words(field),
                short(value),
                short(&after[field.as_str()])
            )
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// What an item of a list is called; items without a name are their own.
fn name(item: &Value) -> String {
    match &item["name"] {
        Value::String(name) => name.clone(),
        Value::Object(qualified) => {
            let part = |field: &str| {
                qualified
                    .get(field)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            format!("{}.{}", part("schema"), part("name"))
        }
        _ => short(item),
    }
}

fn words(field: &str) -> String {
    field.replace('_', " ")
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    }
}
