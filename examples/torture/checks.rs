//! What must hold while nobody writes.

use std::process::{Command, Stdio};

use anyhow::Result;
use postgres::Client;

use crate::ddl::list;
use crate::keys::Feed;
use crate::surroundings::child_of;
use crate::world::{DBNAME, World, said};

/// Everything that can be looked at in this state; the books first.
pub fn check_all(world: &World, when: &str) -> Result<()> {
    world.audit(when)?;
    let mut client = world.connect("torture_checks")?;
    for (what, sql) in questions(world) {
        let wrong: i64 = client.query_one(&sql, &[])?.get(0);
        if wrong > 0 {
            world
                .tally
                .complain("other failures", format!("{when}: {wrong} {what}"));
        }
    }
    check_sequence(world, &mut client, when)
}

/// Each counts what is wrong.
fn questions(world: &World) -> Vec<(&'static str, String)> {
    let shape = &world.shape;
    let table = &shape.table;
    let mut questions = Vec::new();
    if shape.children.is_some() {
        questions.push((
            "children without their row",
            format!(
                "SELECT count(*) FROM {} ch WHERE ch.p0 IS NOT NULL AND NOT EXISTS (SELECT FROM {table} e WHERE {})",
                shape.beside("children"),
                child_of(shape, "e")
            ),
        ));
    }
    if let Some((column, _)) = &shape.account {
        questions.push((
            "rows whose account is gone",
            format!(
                "SELECT count(*) FROM {table} e WHERE e.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM {} a WHERE a.id = e.{column})",
                shape.beside("accounts")
            ),
        ));
    }
    if shape.has_view {
        questions.push((
            "rows of difference between the view and the table",
            format!(
                "SELECT abs((SELECT count(*) FROM {}) - (SELECT count(*) FROM {table} WHERE {} >= 0))",
                shape.beside("\"Some View\""),
                shape.number
            ),
        ));
    }
    questions.push((
        "primary keys that are there twice",
        format!(
            "SELECT count(*) FROM (SELECT FROM {table} GROUP BY {} HAVING count(*) > 1) d",
            list(&shape.identity())
        ),
    ));
    questions
}

/// The next value must be new, and beyond all that the sequence gave.
fn check_sequence(world: &World, client: &mut Client, when: &str) -> Result<()> {
    let shape = &world.shape;
    if shape.primary.feed == Feed::Nothing {
        return Ok(());
    }
    let (table, id) = (&shape.table, &shape.primary_names[0]);
    let row = client.query_one(
        &format!(
            "WITH next AS MATERIALIZED (SELECT nextval(pg_get_serial_sequence($1, $2)) AS n)
             SELECT n, (SELECT max({id})::bigint FROM {table} WHERE {id} < 1000000) FROM next"
        ),
        &[&table.to_string(), &id.as_str()],
    );
    match row {
        Ok(row) => {
            let (next, max): (Option<i64>, Option<i64>) = (row.get(0), row.get(1));
            if next.is_none() || next <= max {
                world.tally.complain(
                    "other failures",
                    format!("{when}: the sequence gives {next:?}, the table holds {max:?}"),
                );
            }
        }
        Err(error) => world.tally.complain(
            "other failures",
            format!("{when}: the sequence: {}", said(&error)),
        ),
    }
    Ok(())
}

/// Names of ours that must be gone after a rollback to the start.
pub fn check_leftovers(world: &World) -> Result<()> {
    let mut client = world.connect("torture_checks")?;
    let rows = client.query(
        "SELECT 'relation ' || relname FROM pg_class WHERE relname LIKE '%pgcleave%'
         UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE proname LIKE '%pgcleave%'
         UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname LIKE '%pgcleave%'
         UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE '%pgcleave%'
         UNION ALL SELECT 'constraint ' || conname FROM pg_constraint WHERE conname LIKE '%pgcleave%'",
        &[],
    )?;
    if !rows.is_empty() {
        let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        world.tally.complain(
            "other failures",
            format!("left over after a rollback to the start: {}", names.join(", ")),
        );
    }
    Ok(())
}

/// The schema as pg_dump writes it; None where there is no pg_dump that knows this server.
pub fn dump_schema(world: &World) -> Option<String> {
    let program = world.server.programs().program("pg_dump");
    let version = Command::new(&program).arg("--version").output().ok()?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let number = version
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let major: u32 = number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    if major < world.version {
        return None;
    }
    let mut command = Command::new(program);
    command
        .arg("--schema-only")
        .arg("--dbname")
        .arg(world.server.url(DBNAME))
        .stdin(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text
        .lines()
        .filter(|l| !l.starts_with("\\restrict") && !l.starts_with("\\unrestrict"));
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// The first lines in which two dumps differ.
pub fn first_difference(before: &str, after: &str) -> Option<String> {
    if before == after {
        return None;
    }
    let missing: Vec<&str> = before
        .lines()
        .filter(|line| !after.lines().any(|l| l == *line))
        .take(4)
        .collect();
    let added: Vec<&str> = after
        .lines()
        .filter(|line| !before.lines().any(|l| l == *line))
        .take(4)
        .collect();
    Some(format!("gone: {missing:?}; new: {added:?}"))
}
