//! Publications that have the table: membership goes over at the cutover, and subscribers go on without a refresh.

use super::carried_dependents::CarriedDependents;
use super::names::Names;
use super::problem::Problem;
use super::unique_keys::{Carried, all_keys, carried_as};
use crate::model::{Publication, ReplicaIdentity, Table};
use crate::spec::TableSpec;
use crate::sql::{Fragment, QualifiedName};

pub(super) fn carry_publications(table: &Table, names: &Names, carried: &mut CarriedDependents) {
    for publication in &table.publications {
        let via_root = |value: &'static str| {
            let value = Fragment::new(value, &[]);
            let text = "ALTER PUBLICATION {} SET (publish_via_partition_root = {})";
            Fragment::new(text, &[&publication.name, &value])
        };
        let forth = &mut carried.after_renames_at_cutover;
        forth.push(taken_out(publication, &names.retired));
        if !publication.via_partition_root {
            forth.push(via_root("true"));
        }
        forth.push(added(publication, &names.source));
        let back = &mut carried.after_renames_at_rollback;
        back.push(taken_out(publication, &names.copy));
        if !publication.via_partition_root {
            back.push(via_root("false"));
        }
        back.push(added(publication, &names.source));
    }
}

fn taken_out(publication: &Publication, table: &QualifiedName) -> Fragment {
    let text = "ALTER PUBLICATION {} DROP TABLE ONLY {}";
    Fragment::new(text, &[&publication.name, table])
}

fn added(publication: &Publication, table: &QualifiedName) -> Fragment {
    let columns = publication
        .columns
        .as_ref()
        .map_or_else(Fragment::default, |list| {
            Fragment::new(" ({})", &[&Fragment::list(list.iter().cloned())])
        });
    let filter = publication.filter.as_ref();
    let filter = filter.map_or_else(Fragment::default, |f| Fragment::new(" WHERE ({})", &[f]));
    let text = "ALTER PUBLICATION {} ADD TABLE ONLY {}{}{}";
    Fragment::new(text, &[&publication.name, table, &columns, &filter])
}

/// The index must stay unique to be the replica identity of every partition.
fn about_replica_identity(table: &Table, spec: &TableSpec, problems: &mut Vec<Problem>) {
    let ReplicaIdentity::Index(index) = &table.replica_identity else {
        return;
    };
    let key = all_keys(table).find(|key| key.name == *index);
    if key.is_some_and(|key| carried_as(key, table, spec) == Some(Carried::Plain)) {
        problems.push(Problem::blocker(
            format!("the replica identity is the index {}, which doesn't stay unique", index.as_str()),
            format!(
                "--unique {}=extend, or another replica identity first: ALTER TABLE {} REPLICA IDENTITY DEFAULT",
                index.as_str(),
                table.name
            ),
        ));
    }
}

pub(super) fn about_publications(table: &Table, spec: &TableSpec, problems: &mut Vec<Problem>) {
    about_replica_identity(table, spec, problems);
    for publication in &table.publications {
        let name = publication.name.as_str();
        if !publication.via_partition_root && !publication.other_partitioned.is_empty() {
            problems.push(Problem::blocker(
                format!(
                    "the publication {name} would have to send by publish_via_partition_root, and it sends the partitions of {} under their own names now",
                    publication.other_partitioned.join(", ")
                ),
                "put the table into a publication of its own first",
            ));
        }
        let by_key = matches!(
            table.replica_identity,
            ReplicaIdentity::Default | ReplicaIdentity::Index(_)
        );
        let unlisted = unlisted_columns(publication, spec);
        if !unlisted.is_empty() && publication.sends_identity && by_key {
            problems.push(Problem::blocker(
                format!(
                    "the column list of the publication {name} lacks {}, which becomes part of the replica identity: UPDATE and DELETE would fail",
                    unlisted.join(", ")
                ),
                "add it to the list, and to the subscribers' tables, first",
            ));
        }
        problems.push(Problem::warning(
            format!("the publication {name} sends the partitioned table after the cutover, by publish_via_partition_root = true"),
            "subscribers go on under the same name, without a refresh; a row that moves to another partition reaches them as DELETE and INSERT, \
             and the key of UPDATE and DELETE then holds the partition key, which their table must have",
        ));
    }
}

/// Columns of the partition key that the publication leaves out.
fn unlisted_columns<'a>(publication: &Publication, spec: &'a TableSpec) -> Vec<&'a str> {
    let Some(listed) = &publication.columns else {
        return Vec::new();
    };
    let is_listed = |column: &&str| listed.iter().any(|name| name.as_str() == *column);
    let columns = spec.partition_columns().into_iter();
    columns.filter(|column| !is_listed(column)).collect()
}
