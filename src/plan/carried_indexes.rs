//! Every index of the source with its counterpart on the copy.

use super::names::{Names, derived};
use super::unique_keys::{Carried, carried_as, lacking};
use crate::model::{Column, Exclusion, Index, Key, Table};
use crate::spec::TableSpec;
use crate::sql::{Fragment, Ident, Literal, Number, QualifiedName, ServerSql, split_at_table, with_column};

/// An index of the source with its counterpart on the copy.
pub(super) struct CarriedIndex {
    pub(super) name: QualifiedName,
    pub(super) copy_name: QualifiedName,
    pub(super) retired_name: QualifiedName,
    pub(super) build: Fragment,
    /// What builds it on one partition, before the partition's name and behind it. `None` where PostgreSQL would not make
    /// it part of the copy's: an exclusion constraint.
    pub(super) partition_build: Option<(Literal, Literal)>,
    pub(super) drop: Fragment,
    /// Comment on the constraint.
    pub(super) constraint_comment: Option<String>,
    /// Comment on the index.
    pub(super) comment: Option<String>,
}

/// The primary key, the unique keys and every valid index; `None` where a
/// definition could not be taken apart.
pub(super) fn carried_indexes(
    table: &Table,
    names: &Names,
    key: &[&Column],
    spec: &TableSpec,
) -> Option<Vec<CarriedIndex>> {
    let mut carried = vec![carried_primary_key(table, names, key)?];
    for unique in &table.unique_keys {
        carried.push(match carried_as(unique, table, spec)? {
            Carried::Whole => carried_unique(table, names, unique)?,
            Carried::Extended => {
                let missing = lacking(unique, spec).into_iter().map(Ident::new);
                let definition = missing
                    .into_iter()
                    .try_fold(unique.definition.clone(), |definition, column| {
                        with_column(&definition, &column.ok()?)
                    })?;
                carried_unique(
                    table,
                    names,
                    &Key {
                        definition,
                        ..unique.clone()
                    },
                )?
            }
            Carried::Plain => carried_plain(table, names, unique)?,
        });
    }
    for exclusion in &table.exclusions {
        carried.push(carried_exclusion(table, names, exclusion)?);
    }
    for index in table.indexes.iter().filter(|i| i.valid) {
        carried.push(carried_index(table, names, index));
    }
    Some(carried)
}

fn carried_primary_key(table: &Table, names: &Names, key: &[&Column]) -> Option<CarriedIndex> {
    let primary = table.primary_key.as_ref()?;
    let columns = super::conversion::with_partition_key(primary, key)?.list();
    // A primary key can't hold NULL; this one keeps rows apart all the same.
    let kind = match key.iter().all(|column| column.not_null) {
        true => "PRIMARY KEY ({})",
        false => "UNIQUE NULLS NOT DISTINCT ({})",
    };
    let mut definition = Fragment::new(kind, &[&Fragment::list(columns.columns().iter().cloned())]);
    let include: Vec<Ident> = primary
        .include
        .iter()
        .filter(|c| !key.iter().any(|key| key.name == **c))
        .cloned()
        .collect();
    if !include.is_empty() {
        definition = Fragment::new("{} INCLUDE ({})", &[&definition, &Fragment::list(include)]);
    }
    definition = Fragment::new(
        "{}{}",
        &[
            &definition,
            &super::conversion::with_parameters(&primary.storage_parameters),
        ],
    );
    if let Some(tablespace) = &primary.tablespace {
        definition = Fragment::new("{} USING INDEX TABLESPACE {}", &[&definition, tablespace]);
    }
    let comments = (primary.comment.clone(), primary.index_comment.clone());
    Some(carried_constraint(
        table,
        names,
        &primary.name,
        definition,
        comments,
    ))
}

/// `comments` are the constraint's and its index's.
fn carried_constraint(
    table: &Table,
    names: &Names,
    name: &Ident,
    definition: Fragment,
    comments: (Option<String>, Option<String>),
) -> CarriedIndex {
    let (name, copy_name, retired_name) = index_names(table, name);
    CarriedIndex {
        build: Fragment::new(
            "ALTER TABLE {} ADD CONSTRAINT {} {}",
            &[&names.copy, &copy_name.name, &definition],
        ),
        partition_build: Some((
            Literal::new("ALTER TABLE "),
            Fragment::new(" ADD {}", &[&definition]).literal(),
        )),
        drop: Fragment::new(
            "ALTER TABLE {} DROP CONSTRAINT {}",
            &[&names.copy, &copy_name.name],
        ),
        name,
        copy_name,
        retired_name,
        constraint_comment: comments.0,
        comment: comments.1,
    }
}

fn carried_unique(table: &Table, names: &Names, key: &Key) -> Option<CarriedIndex> {
    if key.constraint {
        // `pg_get_constraintdef` leaves out what stands before DEFERRABLE: storage parameters and tablespace.
        let deferrable = match (key.deferrable, key.initially_deferred) {
            (true, true) => " DEFERRABLE INITIALLY DEFERRED",
            (true, false) => " DEFERRABLE",
            (false, _) => "",
        };
        let body = ServerSql::from_server(key.definition.as_str().strip_suffix(deferrable)?);
        let with = super::conversion::with_parameters(&key.storage_parameters);
        let mut definition = Fragment::new("{}{}", &[&body, &with]);
        if let Some(tablespace) = &key.tablespace {
            definition = Fragment::new("{} USING INDEX TABLESPACE {}", &[&definition, tablespace]);
        }
        definition = Fragment::new("{}{}", &[&definition, &Fragment::new(deferrable, &[])]);
        let comments = (key.comment.clone(), key.index_comment.clone());
        return Some(carried_constraint(table, names, &key.name, definition, comments));
    }
    let (_, using) = split_at_table(&key.definition, "ON", &table.name)?;
    let using = ServerSql::from_server(using.trim_start());
    let head = Fragment::new("CREATE UNIQUE INDEX", &[]);
    Some(built_index(
        table,
        names,
        &key.name,
        &head,
        &using,
        key.tablespace.as_ref(),
        key.index_comment.clone(),
    ))
}

/// The unique key's index without its uniqueness.
fn carried_plain(table: &Table, names: &Names, key: &Key) -> Option<CarriedIndex> {
    let using = match key.constraint {
        true => {
            let columns = Fragment::list(key.columns.iter().map(|c| c.name.clone()));
            let mut using = Fragment::new("USING btree ({})", &[&columns]);
            if !key.include.is_empty() {
                using = Fragment::new(
                    "{} INCLUDE ({})",
                    &[&using, &Fragment::list(key.include.iter().cloned())],
                );
            }
            let with = super::conversion::with_parameters(&key.storage_parameters);
            ServerSql::from_server(Fragment::new("{}{}", &[&using, &with]).as_str())
        }
        false => {
            let (_, using) = split_at_table(&key.definition, "ON", &table.name)?;
            ServerSql::from_server(using.trim_start().replacen(" NULLS NOT DISTINCT", "", 1))
        }
    };
    let head = Fragment::new("CREATE INDEX", &[]);
    let comment = key.index_comment.clone().or_else(|| key.comment.clone());
    Some(built_index(
        table,
        names,
        &key.name,
        &head,
        &using,
        key.tablespace.as_ref(),
        comment,
    ))
}

fn carried_exclusion(table: &Table, names: &Names, exclusion: &Exclusion) -> Option<CarriedIndex> {
    let mut definition = Fragment::new("{}", &[&exclusion.definition]);
    if let Some(tablespace) = &exclusion.tablespace {
        // WHERE comes last.
        let filter = match &exclusion.predicate {
            Some(predicate) => format!(" WHERE ({})", predicate.as_str()),
            None => String::new(),
        };
        let body = exclusion.definition.as_str().strip_suffix(filter.as_str())?;
        definition = Fragment::new(
            "{} USING INDEX TABLESPACE {}{}",
            &[
                &ServerSql::from_server(body),
                tablespace,
                &ServerSql::from_server(filter),
            ],
        );
    }
    let comments = (exclusion.comment.clone(), exclusion.index_comment.clone());
    Some(CarriedIndex {
        partition_build: None,
        ..carried_constraint(table, names, &exclusion.name, definition, comments)
    })
}

fn carried_index(table: &Table, names: &Names, index: &Index) -> CarriedIndex {
    let head = Fragment::new("CREATE INDEX", &[]);
    let using = ServerSql::from_server(index.using.as_str().trim_start());
    built_index(
        table,
        names,
        &index.name,
        &head,
        &using,
        index.tablespace.as_ref(),
        index.comment.clone(),
    )
}

fn built_index(
    table: &Table,
    names: &Names,
    name: &Ident,
    head: &Fragment,
    using: &ServerSql,
    tablespace: Option<&Ident>,
    comment: Option<String>,
) -> CarriedIndex {
    let (name, copy_name, retired_name) = index_names(table, name);
    let definition = in_tablespace(using, tablespace);
    CarriedIndex {
        build: Fragment::new(
            "{} {} ON {} {}",
            &[head, &copy_name.name, &names.copy, &definition],
        ),
        partition_build: Some((
            Fragment::new("{} ON ", &[head]).literal(),
            Fragment::new(" {}", &[&definition]).literal(),
        )),
        drop: Fragment::new("DROP INDEX {}", &[&copy_name]),
        name,
        copy_name,
        retired_name,
        constraint_comment: None,
        comment,
    }
}

/// A statistics target on an expression of an index.
#[derive(Debug, Clone)]
pub struct IndexStatistics {
    pub index: Literal,
    pub column: Number,
    pub target: Number,
}

/// For the copy's indexes and those of its partitions, which are what ANALYZE reads.
pub(super) fn index_statistics(table: &Table) -> Vec<IndexStatistics> {
    let unique = table.unique_keys.iter().map(|k| (&k.name, &k.statistics_targets));
    let plain = table.indexes.iter().filter(|i| i.valid);
    let all = unique.chain(plain.map(|i| (&i.name, &i.statistics_targets)));
    all.flat_map(|(name, targets)| {
        let (_, copy, _) = index_names(table, name);
        targets.iter().map(move |(column, target)| IndexStatistics {
            index: copy.literal(),
            column: Number((*column).into()),
            target: Number((*target).into()),
        })
    })
    .collect()
}

/// The copy's counterpart of the index that the table is clustered on, where it is carried.
pub(super) fn clustered_on(table: &Table) -> Option<Literal> {
    let name = table.clustered_on.as_ref()?;
    let invalid = table.indexes.iter().any(|i| i.name == *name && !i.valid);
    (!invalid).then(|| index_names(table, name).1.literal())
}

/// TABLESPACE stands before WHERE; `pg_get_indexdef` leaves it out.
pub(super) fn in_tablespace(using: &ServerSql, tablespace: Option<&Ident>) -> Fragment {
    let Some(tablespace) = tablespace else {
        return Fragment::new("{}", &[using]);
    };
    let (body, filter) = split_at_filter(using.as_str());
    let (body, filter) = (ServerSql::from_server(body), ServerSql::from_server(filter));
    Fragment::new("{} TABLESPACE {}{}", &[&body, tablespace, &filter])
}

/// Splits before the WHERE that stands in no parentheses and no quotation marks.
fn split_at_filter(using: &str) -> (&str, &str) {
    let (mut depth, mut quote) = (0, None);
    for (at, letter) in using.char_indices() {
        match (quote, letter) {
            (Some(mark), _) if letter == mark => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ' ') if depth == 0 && using[at..].starts_with(" WHERE ") => return using.split_at(at),
            (None, _) => {}
        }
    }
    (using, "")
}

/// An index's name on the source, on the copy, and on the retired table.
pub(super) fn index_names(table: &Table, name: &Ident) -> (QualifiedName, QualifiedName, QualifiedName) {
    let name = table.name.sibling(name.clone());
    let copy = derived(&name, "_pgcleave_copy");
    let retired = derived(&name, "_pgcleave_retired");
    (name, copy, retired)
}

/// The name that an index of the source has once the source is retired.
pub fn retired_index_name(table: &Table, name: &Ident) -> Ident {
    index_names(table, name).2.name
}

#[cfg(test)]
mod tests {
    use super::split_at_filter;

    #[test]
    fn finds_the_filter_of_an_index_and_no_other_where() {
        let with_filter = "USING btree (replace(a, ' WHERE ('::text, ')'::text), \" WHERE \")";
        for filter in ["", " WHERE active", " WHERE (a <> ' WHERE '::text)"] {
            let whole = format!("{with_filter}{filter}");
            assert_eq!(split_at_filter(&whole), (with_filter, filter));
        }
    }
}
