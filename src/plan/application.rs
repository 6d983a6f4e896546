//! What changes for the application, said before.

use super::facts::Facts;
use super::facts::partition_names;
use super::lock_time::LockTime;
use super::problem::Problem;
use crate::model::Trigger;
use crate::spec::TableSpec;

pub(super) fn about_the_application(facts: &Facts, spec: &TableSpec, problems: &mut Vec<Problem>) {
    let table = &facts.table;
    let note = |cause: &str, remedy: &str| Problem::note(cause, remedy);
    problems.push(note(
        "an UPDATE that changes the key may move a row to another partition; a concurrent UPDATE, DELETE or SELECT FOR UPDATE of that row then fails with 40001 even under READ COMMITTED",
        "retry such statements, or don't change the key of rows that others write",
    ));
    problems.push(note(
        "REPEATABLE READ and SERIALIZABLE transactions get 40001 from the sync in two cases: they began before the switch (keep_in_step) and write after it, or they write a key that another transaction has deleted since they began",
        "retry them, as those levels ask for anyway",
    ));
    problems.push(note(
        "COPY table TO becomes COPY (SELECT … FROM table) TO; LOCK TABLE locks every partition; pg_relation_size is 0 for the partitioned table; tools that list relkind r don't see it; a unique violation names the partition's constraint; INSERT … RETURNING xmin fails",
        "look through scripts and dashboards",
    ));
    problems.push(note(
        "while the reverse sync runs, the retired table doesn't see a partition that is dropped or detached",
        "drop the retired table before you do either",
    ));
    let lock_time = LockTime::of(table, partition_names(facts, spec).len());
    problems.push(Problem::note(
        format!(
            "at the cutover, and at its rollback, everybody waits {lock_time}, after waiting for the lock"
        ),
        "two or three times as long on a busy server; fewer partitions shorten it: choose a wider --interval",
    ));
    let cascades = table
        .foreign_keys_out
        .iter()
        .any(|k| k.definition.as_str().contains(" ON DELETE CASCADE"));
    let keeps = |t: &&Trigger| {
        t.row_level && t.definition.as_str().contains(" BEFORE ") && t.definition.as_str().contains("DELETE")
    };
    for trigger in table.triggers.iter().filter(|_| cascades).filter(keeps) {
        problems.push(Problem::warning(
            format!("the trigger {} runs before DELETE, and a foreign key deletes rows by cascade", trigger.name.as_str()),
            "if it keeps a row from such a cascade, which leaves that row without what it refers to, the copy loses it: the verification then refuses the cutover",
        ));
    }
    let before_row = table
        .triggers
        .iter()
        .filter(|t| t.row_level && t.definition.as_str().contains(" BEFORE INSERT"));
    for trigger in before_row {
        problems.push(Problem::warning(
            format!("the trigger {} runs before INSERT", trigger.name.as_str()),
            format!("if it changes ({}) so that the row belongs to another partition, the INSERT fails after the cutover", spec.partition_columns().join(", ")),
        ));
    }
}
