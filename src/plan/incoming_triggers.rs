//! Triggers that do what a foreign key did which pointed at the table by a key that lacks the partition key.

use super::names::derived;
use super::unique_keys::all_keys;
use crate::model::{ForeignKeyIn, ReferentialAction, Table};
use crate::sql::{ColumnList, Fragment, Ident, Literal, MAX_IDENT_BYTES, Number, QualifiedName, SqlPart};

/// The functions and triggers that take a foreign key's place.
///
/// As the server's own, they act as the owner of the table that they read or write, and don't fire for
/// `session_replication_role = replica`.
#[derive(Debug, Clone)]
pub struct PlannedTriggers {
    /// Of the constraint trigger on the table that refers, which has the foreign key's name.
    pub check: QualifiedName,
    /// Whether the table holds a key; owned by the table's owner.
    pub is_held: QualifiedName,
    /// Of the triggers on the partitioned table; owned by the owner of the table that refers.
    pub act: QualifiedName,
    pub refuse_move: QualifiedName,
    pub refuse_truncate: QualifiedName,
    pub child_owner: Ident,
    /// `DEFERRABLE INITIALLY DEFERRED ` and the like.
    pub deferrability: Fragment,
    /// Columns that refer, and those that they refer to.
    pub columns: ColumnList,
    pub key: ColumnList,
    pub column_count: Number,
    pub match_full: bool,
    /// The table that refers, with ONLY unless it is partitioned.
    pub from_child: Fragment,
    /// `p."id" = NEW."event"`, `p."id" = $1`, `OLD."id" = c."event"`, each with its own operator.
    pub parent_of_new: Fragment,
    pub parent_of_arguments: Fragment,
    pub child_of_old: Fragment,
    pub key_types: Fragment,
    /// The triggers on the partitioned table, in order.
    pub parent_triggers: Vec<ParentTrigger>,
    /// `event`, `id` for messages.
    pub column_names: Literal,
    pub key_names: Literal,
    pub on_delete: Fragment,
    pub on_update: Fragment,
    /// Whether the action changes rows that refer, and whether what is left of them afterwards is a violation.
    pub delete_acts: bool,
    pub delete_checks: bool,
    pub update_acts: bool,
    pub update_checks: bool,
    /// RESTRICT has its own message and code from PostgreSQL 18 on.
    pub delete_restricts: bool,
    pub update_restricts: bool,
    pub truncate_trigger: Ident,
    pub comment: Literal,
    /// The foreign key as it was.
    pub back: Fragment,
}

/// A trigger of `act` or `refuse_move`.
#[derive(Debug, Clone)]
pub struct ParentTrigger {
    pub name: Ident,
    /// `CREATE TRIGGER name AFTER DELETE ON table FOR EACH ROW EXECUTE FUNCTION act()`
    pub create: Fragment,
}

impl PlannedTriggers {
    pub fn functions(&self) -> [&QualifiedName; 5] {
        [
            &self.check,
            &self.is_held,
            &self.act,
            &self.refuse_move,
            &self.refuse_truncate,
        ]
    }
}

/// A name for what a foreign key needs, which no other one of the table's has.
pub(super) fn own_name(key: &ForeignKeyIn, table: &Table) -> Ident {
    let alike = table
        .foreign_keys_in
        .iter()
        .filter(|k| k.name == key.name)
        .count();
    if alike == 1 {
        return key.name.clone();
    }
    let child = derived(&table.name.sibling(key.table.name.clone()), "_");
    derived(&child, key.name.as_str()).name
}

/// With a prefix, fitted into 63 bytes.
pub(super) fn prefixed(prefix: &str, name: &Ident) -> Option<Ident> {
    let anybody = QualifiedName::new(name.clone(), name.clone());
    let mut suffix = String::new();
    if prefix.len() + name.as_str().len() > MAX_IDENT_BYTES {
        suffix = "_".repeat(prefix.len());
    }
    let fitted = derived(&anybody, &suffix).name;
    let fitted = fitted.as_str().strip_suffix(&suffix)?;
    Ident::new(format!("{prefix}{fitted}")).ok()
}

pub(super) fn planned_triggers(
    key: &ForeignKeyIn,
    table: &Table,
    source: &QualifiedName,
    back: Fragment,
) -> Option<PlannedTriggers> {
    let name = own_name(key, table);
    let beside_table = |suffix: &str| derived(&table.name.sibling(name.clone()), suffix);
    let beside_child = |suffix: &str| derived(&key.table.sibling(name.clone()), suffix);
    let act = beside_child("_act");
    let refuse_move = beside_child("_refuse_move");
    let only = if key.table_is_partitioned { "{}" } else { "ONLY {}" };
    let from_child = Fragment::new(only, &[&key.table]);
    let is_checked = |action| matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict);
    let key_types: Option<Vec<Fragment>> = key
        .referenced_columns
        .iter()
        .map(|column| {
            let column = table.columns.iter().find(|c| c.name == *column)?;
            Some(Fragment::new("{}", &[&column.type_sql]))
        })
        .collect();
    Some(PlannedTriggers {
        check: beside_table("_check"),
        is_held: beside_table("_is_held"),
        refuse_truncate: beside_child("_refuse_truncate"),
        child_owner: key.table_owner.clone(),
        deferrability: Fragment::new(
            match (key.deferrable, key.initially_deferred) {
                (true, true) => "DEFERRABLE INITIALLY DEFERRED ",
                (true, false) => "DEFERRABLE ",
                (false, _) => "",
            },
            &[],
        ),
        columns: ColumnList::new(key.columns.clone()),
        key: ColumnList::new(key.referenced_columns.clone()),
        column_count: Number(key.columns.len() as i64),
        match_full: key.match_full,
        parent_of_new: pairs(key, "p.{} {} NEW.{}"),
        parent_of_arguments: parent_of_arguments(key, table)?,
        child_of_old: pairs(key, "OLD.{} {} c.{}"),
        key_types: Fragment::list(key_types?),
        parent_triggers: parent_triggers(key, &name, source, &act, &refuse_move)?,
        column_names: names_for_messages(&key.columns),
        key_names: names_for_messages(&key.referenced_columns),
        on_delete: action(key, key.on_delete, Event::Delete, &from_child),
        on_update: action(key, key.on_update, Event::Update, &from_child),
        delete_acts: !is_checked(key.on_delete),
        delete_checks: is_checked(key.on_delete) || key.on_delete == ReferentialAction::SetDefault,
        update_acts: !is_checked(key.on_update),
        update_checks: is_checked(key.on_update) || key.on_update == ReferentialAction::SetDefault,
        delete_restricts: key.on_delete == ReferentialAction::Restrict,
        update_restricts: key.on_update == ReferentialAction::Restrict,
        truncate_trigger: derived(&table.name.sibling(name.clone()), "_truncate").name,
        comment: Literal::new(match &key.comment {
            Some(comment) => comment.clone(),
            None => format!("Does what this did: {} (pgcleave)", key.definition.as_str()),
        }),
        act,
        refuse_move,
        from_child,
        back,
    })
}

/// Each referenced column, its operator and the column that refers, with AND between them.
pub(super) fn pairs(key: &ForeignKeyIn, text: &'static str) -> Fragment {
    let columns = key.referenced_columns.iter().zip(&key.equal).zip(&key.columns);
    Fragment::joined(
        columns.map(|((referenced, equal), column)| Fragment::new(text, &[referenced, equal, column])),
        " AND ",
    )
}

/// Compared as the key's own index does.
fn parent_of_arguments(key: &ForeignKeyIn, table: &Table) -> Option<Fragment> {
    let referenced = all_keys(table).find(|k| k.name == key.referenced_key)?;
    let terms: Option<Vec<Fragment>> = key
        .referenced_columns
        .iter()
        .zip(1..)
        .map(|(name, place)| {
            let column = referenced.columns.iter().find(|c| c.name == *name)?;
            let parts: [&dyn SqlPart; 3] = [name, &column.equal, &Number(place)];
            Some(Fragment::new("p.{} {} ${}", &parts))
        })
        .collect();
    Some(Fragment::joined(terms?, " AND "))
}

fn names_for_messages(columns: &[Ident]) -> Literal {
    let names: Vec<&str> = columns.iter().map(Ident::as_str).collect();
    Literal::new(names.join(", "))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    Delete,
    Update,
}

/// What the foreign key does to rows that refer; nothing where it checks alone.
fn action(key: &ForeignKeyIn, action: ReferentialAction, event: Event, from_child: &Fragment) -> Fragment {
    let rows = pairs(key, "OLD.{} {} c.{}");
    let listed = event == Event::Delete && !key.on_delete_columns.is_empty();
    let columns = if listed {
        &key.on_delete_columns
    } else {
        &key.columns
    };
    let update = |set: Vec<Fragment>| {
        Fragment::new(
            "UPDATE {} c SET {} WHERE {}",
            &[from_child, &Fragment::list(set), &rows],
        )
    };
    let all = |text: &'static str| columns.iter().map(|c| Fragment::new(text, &[c])).collect();
    match (action, event) {
        (ReferentialAction::NoAction | ReferentialAction::Restrict, _) => Fragment::default(),
        (ReferentialAction::Cascade, Event::Delete) => {
            Fragment::new("DELETE FROM {} c WHERE {}", &[from_child, &rows])
        }
        (ReferentialAction::Cascade, Event::Update) => {
            let both = key.columns.iter().zip(&key.referenced_columns);
            update(both.map(|(c, k)| Fragment::new("{} = NEW.{}", &[c, k])).collect())
        }
        (ReferentialAction::SetNull, _) => update(all("{} = NULL")),
        (ReferentialAction::SetDefault, _) => update(all("{} = DEFAULT")),
    }
}

/// As the foreign key's own: NO ACTION waits for COMMIT where it is deferred, the other actions never do.
fn parent_triggers(
    key: &ForeignKeyIn,
    name: &Ident,
    source: &QualifiedName,
    act: &QualifiedName,
    refuse_move: &QualifiedName,
) -> Option<Vec<ParentTrigger>> {
    let changed = Fragment::new(
        "ROW({})::record OPERATOR(pg_catalog.*<>) ROW({})::record",
        &[&of("OLD.{}", key), &of("NEW.{}", key)],
    );
    let deferred = |action| key.deferrable && action == ReferentialAction::NoAction;
    let mut triggers = Vec::new();
    let waits = match (deferred(key.on_delete), deferred(key.on_update)) {
        (true, true) => Some("DELETE OR UPDATE"),
        (true, false) => Some("DELETE"),
        (false, true) => Some("UPDATE"),
        (false, false) => None,
    };
    if let Some(events) = waits {
        let initially = if key.initially_deferred {
            "DEFERRED"
        } else {
            "IMMEDIATE"
        };
        let parts: [&dyn SqlPart; 5] = [
            &key.name,
            &Fragment::new(events, &[]),
            source,
            &Fragment::new(initially, &[]),
            act,
        ];
        let text = "CREATE CONSTRAINT TRIGGER {} AFTER {} ON {} DEFERRABLE INITIALLY {} FOR EACH ROW EXECUTE FUNCTION {}()";
        triggers.push(ParentTrigger {
            name: key.name.clone(),
            create: Fragment::new(text, &parts),
        });
    }
    // Named so that they fire beside the server's own foreign key triggers, before the user's.
    if !deferred(key.on_delete) {
        let own = prefixed("RI_delete_", name)?;
        let text = "CREATE TRIGGER {} AFTER DELETE ON {} FOR EACH ROW EXECUTE FUNCTION {}()";
        let create = Fragment::new(text, &[&own, source, act]);
        triggers.push(ParentTrigger { name: own, create });
    }
    if !deferred(key.on_update) {
        let own = prefixed("RI_update_", name)?;
        let text = "CREATE TRIGGER {} AFTER UPDATE ON {} FOR EACH ROW WHEN ({}) EXECUTE FUNCTION {}()";
        let create = Fragment::new(text, &[&own, source, &changed, act]);
        triggers.push(ParentTrigger { name: own, create });
    }
    let is_checked = |action| matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict);
    if is_checked(key.on_delete) && is_checked(key.on_update) {
        return Some(triggers);
    }
    // Behind every BEFORE trigger of the user's, which may change the row.
    let own = prefixed("~", name)?;
    let text = "CREATE TRIGGER {} BEFORE UPDATE ON {} FOR EACH ROW WHEN ({}) EXECUTE FUNCTION {}()";
    let create = Fragment::new(text, &[&own, source, &changed, refuse_move]);
    triggers.push(ParentTrigger { name: own, create });
    Some(triggers)
}

fn of(text: &'static str, key: &ForeignKeyIn) -> Fragment {
    Fragment::list(
        key.referenced_columns
            .iter()
            .map(|column| Fragment::new(text, &[column])),
    )
}
