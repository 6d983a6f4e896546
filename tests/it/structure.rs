//! What the catalog and pg_dump say of a table before the cutover and after it:
//! the same, but for its partitioning and for what the plan announced.

use std::collections::BTreeSet;

use pgcleave::sql::Literal;

use crate::support::Database;

/// A line for each fact that the catalog holds of a table and of what hangs on it.
pub fn structure(database: &Database, table: &str) -> BTreeSet<String> {
    let query = include_str!("structure/structure.sql").replace("$TABLE", &literal(table));
    let mut client = database.client();
    client.batch_execute("SET search_path = pg_catalog").unwrap();
    let rows = client.query(&query, &[]).unwrap_or_else(|e| panic!("{e:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

/// Facts that are gone (`-`) and new ones (`+`), a line each.
pub fn differences(before: &BTreeSet<String>, after: &BTreeSet<String>) -> String {
    let line = |sign: &str, fact: &String| format!("{sign} {}\n", fact.replace('\n', " "));
    let gone = before.difference(after).map(|fact| line("-", fact));
    gone.chain(after.difference(before).map(|fact| line("+", fact)))
        .collect()
}

/// What is expected after the cutover: every unique key that `after` has
/// with the partition key added, has it.
pub fn with_partition_key(
    before: BTreeSet<String>,
    after: &BTreeSet<String>,
    database: &Database,
    table: &str,
) -> BTreeSet<String> {
    let keys = key_columns(database, table);
    let widened = |fact: String| {
        let wide = widen(&fact, &keys);
        let with_null = wide.as_deref().map(null_as_a_value);
        let wide = wide
            .into_iter()
            .chain(with_null)
            .find(|wide| after.contains(wide));
        wide.unwrap_or(fact)
    };
    before.into_iter().map(widened).collect()
}

/// `PRIMARY KEY (id, at)` as `UNIQUE NULLS NOT DISTINCT (id, at)`, its index alike: where NULL is a key by choice.
fn null_as_a_value(fact: &str) -> String {
    match fact.contains(" PRIMARY KEY (") {
        true => fact.replace(" PRIMARY KEY (", " UNIQUE NULLS NOT DISTINCT ("),
        false => fact.replacen(") valid", ") NULLS NOT DISTINCT valid", 1),
    }
}

/// `… PRIMARY KEY (id)` as `… PRIMARY KEY (id, at)`.
fn widen(fact: &str, keys: &[String]) -> Option<String> {
    let is_unique = ["PRIMARY KEY (", "UNIQUE "]
        .iter()
        .any(|word| fact.contains(word));
    let open = fact.find(" (").filter(|_| is_unique)? + " (".len();
    let close = open + fact[open..].find(')')?;
    let columns: Vec<&str> = fact[open..close].split(", ").collect();
    let missing = keys
        .iter()
        .map(String::as_str)
        .filter(|key| !columns.contains(key));
    let all: Vec<&str> = columns.iter().copied().chain(missing).collect();
    Some(format!("{}{}{}", &fact[..open], all.join(", "), &fact[close..]))
}

/// The columns that the table is partitioned by, and behind them those of its partitions.
fn key_columns(database: &Database, table: &str) -> Vec<String> {
    database.lines(&format!(
        "SELECT quote_ident(a.attname)
           FROM pg_partition_tree({0}::regclass) t JOIN pg_partitioned_table p ON p.partrelid = t.relid,
                unnest(p.partattrs::int2[]) WITH ORDINALITY k (attnum, place)
           JOIN pg_attribute a ON a.attrelid = {0}::regclass
          WHERE a.attname = (SELECT attname FROM pg_attribute b WHERE b.attrelid = p.partrelid AND b.attnum = k.attnum)
          GROUP BY a.attname ORDER BY min(t.level), min(k.place)",
        literal(table)
    ))
}

/// What pg_dump writes otherwise after the cutover; of the partitions the first and the default one.
pub fn changed_dump(before: &str, after: &str, database: &Database, table: &str) -> String {
    let (before, after) = (sections(before), sections(after));
    let left_out = database.lines(&format!(
        "SELECT c.relname::text FROM pg_partition_tree({0}::regclass) t JOIN pg_class c ON c.oid = t.relid
          WHERE t.level > 0 AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
            AND t.relid NOT IN (SELECT min(inhrelid) FROM pg_inherits GROUP BY inhparent)",
        literal(table)
    ));
    let is_shown = |section: &&String| {
        let title = section.lines().next().unwrap_or_default();
        let is_ours = title.contains("pgcleave");
        let is_plain = !title.starts_with("Data for ") && !title.contains("; Type: INDEX ATTACH;");
        !is_ours && is_plain && !left_out.iter().any(|name| names(title, name))
    };
    let gone = before
        .iter()
        .filter(|section| !after.contains(section))
        .filter(is_shown);
    let gone = gone.map(|section| format!("-- gone: {}\n", section.lines().next().unwrap_or_default()));
    let new = after
        .iter()
        .filter(|section| !before.contains(section))
        .filter(is_shown);
    gone.chain(new.map(|section| format!("\n-- {section}"))).collect()
}

/// Whether a section's title is about that relation: `Name: events_202601 note_idx; Type: INDEX; …`.
fn names(title: &str, relation: &str) -> bool {
    let name = title.split("; Type: ").next().unwrap_or_default();
    name.split(' ')
        .any(|word| word == relation || word.starts_with(&format!("{relation}_")))
}

/// Each begins with its title; blank lines are left out.
fn sections(dump: &str) -> Vec<String> {
    let parts = dump.split("\n--\n-- ").skip(1);
    parts
        .map(|part| {
            let lines = part
                .trim_end()
                .lines()
                .filter(|line| !line.is_empty() && *line != "--");
            lines.map(|line| format!("{line}\n")).collect()
        })
        .collect()
}

fn literal(text: &str) -> String {
    Literal::new(text).to_string()
}
