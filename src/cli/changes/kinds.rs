//! What a snapshot lists, and what a sentence calls it.

use serde_json::Value;

use super::{is_long, short, words};

/// A list of a snapshot, and how its items are told apart and spoken of.
pub struct Kind {
    pub field: &'static str,
    pub noun: &'static str,
    /// What makes two items the same one; the last of them is its name, those before say whose it is.
    pub identity: &'static [&'static str],
    /// What it is: said of a new one, and first of a changed one.
    pub what: &'static str,
}

const fn kind(
    field: &'static str,
    noun: &'static str,
    identity: &'static [&'static str],
    what: &'static str,
) -> Kind {
    Kind {
        field,
        noun,
        identity,
        what,
    }
}

pub const KINDS: [Kind; 23] = [
    kind("columns", "column", &["name"], "type_sql"),
    kind("primary_key", "primary key", &["name"], "definition"),
    kind("unique_keys", "unique key", &["name"], "definition"),
    kind("checks", "check constraint", &["name"], "definition"),
    kind("not_nulls", "NOT NULL constraint", &["name"], "column"),
    kind("exclusions", "exclusion constraint", &["name"], "definition"),
    kind("indexes", "index", &["name"], "using"),
    kind("foreign_keys_out", "foreign key", &["name"], "definition"),
    kind("foreign_keys_in", "foreign key", &["table", "name"], "definition"),
    kind("triggers", "trigger", &["name"], "definition"),
    kind("views", "view", &["name"], ""),
    kind("materialized_views", "materialized view", &["name"], ""),
    kind("policies", "policy", &["name"], "command"),
    kind("foreign_policies", "policy", &["table", "name"], ""),
    kind("rules", "rule", &["relation", "name"], ""),
    kind("routines", "function", &["signature"], ""),
    kind("publications", "publication", &["name"], ""),
    kind(
        "security_labels",
        "security label",
        &["column", "provider"],
        "label",
    ),
    kind("event_triggers", "event trigger", &[], ""),
    kind("statistics", "statistics object", &["name"], "definition"),
    kind("storage_parameters", "storage parameter", &["name"], "value"),
    kind("grants", "privilege", &["grantee", "column", "privilege"], ""),
    kind("dependents", "dependent", &["kind", "name"], ""),
];

/// Follows from other lists: said only where nothing else is.
pub const ABOVE: Kind = kind("relations_above", "relation that reads it", &["name"], "");

/// Fields that follow from an item's type or definition: said only where nothing else of the item has changed.
pub const DERIVED: [&str; 28] = [
    "base_type",
    "bitwise",
    "btree",
    "columns",
    "condition",
    "deferrable",
    "elements",
    "equal",
    "hash",
    "include",
    "initially_deferred",
    "match_full",
    "no_inherit",
    "nulls_not_distinct",
    "on_delete",
    "on_delete_columns",
    "on_update",
    "partial_or_expression",
    "predicate",
    "referenced",
    "referenced_columns",
    "referenced_key",
    "row_level",
    "terms",
    "transition_tables",
    "depth",
    "groups_by_key",
    "row_type",
];

/// `index events_at_idx`, `foreign key notes_event_fkey of public.notes`.
pub fn called(kind: &Kind, item: &Value) -> String {
    match (kind.field, kind.identity) {
        ("dependents", _) => format!("{} {}", words(&short(&item["kind"])), short(&item["name"])),
        ("security_labels", _) => match &item["column"] {
            Value::Null => format!("security label of {}", short(&item["provider"])),
            column => format!(
                "security label of {} on column {}",
                short(&item["provider"]),
                short(column)
            ),
        },
        (_, []) => format!("{} {}", kind.noun, short(item)),
        (_, [name]) => format!("{} {}", kind.noun, short(&item[*name])),
        (_, [owner, name, ..]) => format!(
            "{} {} of {}",
            kind.noun,
            short(&item[*name]),
            short(&item[*owner])
        ),
    }
}

pub fn new_one(kind: &Kind, item: &Value) -> String {
    if kind.field == "grants" {
        return format!("{} was granted to {}", privilege(item), grantee(item));
    }
    let what = short(&item[kind.what]);
    match kind.what {
        "" => format!("{} was added", called(kind, item)),
        _ if is_long(&what) => format!("{} was added", called(kind, item)),
        _ => format!("{} was added ({})", called(kind, item), what.trim()),
    }
}

pub fn gone(kind: &Kind, item: &Value) -> String {
    match kind.field {
        "grants" => format!("{} was revoked from {}", privilege(item), grantee(item)),
        _ => format!("{} was dropped", called(kind, item)),
    }
}

/// `SELECT`, `UPDATE on column note`.
pub fn privilege(grant: &Value) -> String {
    match &grant["column"] {
        Value::Null => short(&grant["privilege"]),
        column => format!("{} on column {}", short(&grant["privilege"]), short(column)),
    }
}

pub fn grantee(grant: &Value) -> String {
    match &grant["grantee"] {
        Value::Null => "PUBLIC".to_owned(),
        role => short(role),
    }
}
