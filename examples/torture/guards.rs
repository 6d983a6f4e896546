//! Keys that a guard keeps unique: by choice, or because children refer to them.

use anyhow::Result;
use postgres::Transaction;

use crate::ddl::list;
use crate::shape::Shape;
use crate::world::World;

/// The primary key's constraint.
pub const PRIMARY_KEY: &str = "The \"Key\"";
/// The unique constraint's on the slot.
pub const SLOT_KEY: &str = "slot once";

/// What `generate` is told about the keys.
pub fn choices(shape: &Shape) -> Vec<String> {
    let mut choices = Vec::new();
    if shape.children.is_some() && !shape.key_in_primary {
        choices.extend(["--incoming".to_owned(), "to Events=guard".to_owned()]);
    } else if has_primary_guard(shape) {
        choices.extend(["--unique".to_owned(), format!("{PRIMARY_KEY}=guard")]);
    }
    if shape.slot_alone && shape.slot.is_some() {
        choices.extend(["--unique".to_owned(), format!("{SLOT_KEY}=guard")]);
    }
    choices
}

fn has_primary_guard(shape: &Shape) -> bool {
    !shape.key_in_primary && (shape.children.is_some() || shape.order.is_multiple_of(3))
}

/// Each guard with the columns that it holds, and the rows that it holds them of.
fn guards(shape: &Shape) -> Vec<(String, String, String)> {
    let mut guards = Vec::new();
    let mut row_key = shape.identity();
    if !shape.key_in_primary {
        row_key.push(&shape.key);
    }
    if has_primary_guard(shape) {
        guards.push((
            shape.beside("\"The \"\"Key\"\"_guard\""),
            list(&row_key),
            "true".to_owned(),
        ));
    }
    if let Some(slot) = shape.slot.as_ref().filter(|_| shape.slot_alone) {
        let mut columns = vec![slot];
        columns.extend(&row_key);
        guards.push((
            shape.beside("\"slot once_guard\""),
            list(&columns),
            format!("{slot} IS NOT NULL"),
        ));
    }
    guards
}

/// Whether guards are there and follow, in this snapshot: in step, or after the cutover to its very end.
pub fn differences(transaction: &mut Transaction<'_>, world: &World) -> Result<i64, postgres::Error> {
    let mut total = 0;
    let table = &world.shape.table;
    for (guard, columns, filter) in guards(&world.shape) {
        let there = transaction.query_one("SELECT to_regclass($1) IS NOT NULL", &[&guard])?;
        if !there.get::<_, bool>(0) {
            continue;
        }
        let row = transaction.query_one(
            &format!(
                "WITH here AS MATERIALIZED (SELECT ROW({columns})::text AS t FROM {table} WHERE {filter}),
                      kept AS MATERIALIZED (SELECT ROW({columns})::text AS t FROM {guard})
                 SELECT (SELECT count(*) FROM (SELECT t FROM here EXCEPT ALL SELECT t FROM kept) a)
                      + (SELECT count(*) FROM (SELECT t FROM kept EXCEPT ALL SELECT t FROM here) b)"
            ),
            &[],
        )?;
        world.tally.count("guards compared");
        total += row.get::<_, i64>(0);
    }
    Ok(total)
}

/// Says so when they differ.
pub fn compare(transaction: &mut Transaction<'_>, world: &World, when: &str) -> Result<(), postgres::Error> {
    let differences = differences(transaction, world)?;
    if differences > 0 {
        world.tally.complain(
            "snapshot differences",
            format!("{when}: {differences} keys differ between the guards and the table"),
        );
    }
    Ok(())
}
