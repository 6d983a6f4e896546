//! What a transactional step sets, and how it is kept from whatever runs next in the session.

use crate::migration::{TRANSACTION_BEGIN, TRANSACTION_END};

/// Builds and verifications are long, so that there is no statement timeout; a lost client must not
/// keep locks. A policy that would hide rows from us is an error.
const SETTINGS: [(&str, &str); 6] = [
    ("search_path", "pg_catalog, pg_temp"),
    ("row_security", "off"),
    ("lock_timeout", "'1s'"),
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "'60s'"),
    ("client_min_messages", "notice"),
];

/// The statements as a transaction of their own.
pub fn in_own_transaction(sql: &str) -> String {
    format!(
        "{TRANSACTION_BEGIN}\n{}\n\n{}\n\n{TRANSACTION_END}\n",
        set_local(),
        sql.trim()
    )
}

/// The statements for a transaction that the runner opens, and in which it writes its own history or runs the next
/// migration: the settings are given back at the end.
pub fn in_runners_transaction(sql: &str) -> String {
    format!(
        "{}\n{}\n\n{}\n\n{}\n",
        keep(),
        set_local(),
        sql.trim(),
        give_back()
    )
}

/// The statements as one, which is atomic by itself, for a file that must not hold more.
///
/// They run in PL/pgSQL: no SELECT may stand among them.
pub fn as_one_statement(sql: &str) -> String {
    format!(
        "DO $pgcleave_one$\nBEGIN\n{}\n\n{}\nEND\n$pgcleave_one$;\n",
        set_local(),
        sql.trim()
    )
}

fn set_local() -> String {
    let lines: Vec<String> = SETTINGS
        .iter()
        .map(|(name, value)| format!("SET LOCAL {name} = {value};"))
        .collect();
    lines.join("\n")
}

/// Remembers what was set. A lock that is had makes visible what was committed meanwhile only under READ COMMITTED.
fn keep() -> String {
    let names: Vec<String> = SETTINGS.iter().map(|(name, _)| format!("'{name}'")).collect();
    format!(
        "DO $pgcleave$
BEGIN
    IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) 'read committed' THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'this migration must run in a READ COMMITTED transaction',
            HINT = 'give the runner''s role or connection default_transaction_isolation = ''read committed''';
    END IF;
    PERFORM pg_catalog.set_config('pgcleave.settings_before', (
        SELECT pg_catalog.json_object_agg(name, pg_catalog.current_setting(name))::pg_catalog.text
          FROM pg_catalog.unnest(ARRAY[{}]) AS name), true);
END
$pgcleave$;",
        names.join(", ")
    )
}

fn give_back() -> &'static str {
    "-- What was set before is set again: the runner's own statements come next.
DO $pgcleave$
BEGIN
    PERFORM pg_catalog.set_config(key, value, true)
       FROM pg_catalog.json_each_text(pg_catalog.current_setting('pgcleave.settings_before')::pg_catalog.json);
END
$pgcleave$;"
}
