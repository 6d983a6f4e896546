//! Comments and security labels of what the copy has.

use super::carried_indexes::CarriedIndex;
use super::conversion::statistics_names;
use super::names::Names;
use crate::model::{SecurityLabel, Table};
use crate::sql::{Fragment, Ident, Literal, QualifiedName};

/// Those of the table, its checks and NOT NULL constraints, and its security labels.
pub(super) fn copy_comments(table: &Table, names: &Names) -> Vec<Fragment> {
    let mut comments: Vec<Fragment> = table
        .comment
        .iter()
        .map(|text| {
            Fragment::new(
                "COMMENT ON TABLE {} IS {}",
                &[&names.copy, &Literal::new(text.as_str())],
            )
        })
        .collect();
    let checks = table.checks.iter().map(|c| (&c.name, c.comment.as_ref()));
    let not_nulls = table.not_nulls.iter().map(|n| (&n.name, n.comment.as_ref()));
    comments.extend(constraint_comments(&names.copy, checks.chain(not_nulls)));
    comments.extend(
        table
            .security_labels
            .iter()
            .map(|label| security_label(label, names)),
    );
    comments
}

fn security_label(label: &SecurityLabel, names: &Names) -> Fragment {
    let text = Literal::new(label.label.as_str());
    match &label.column {
        None => Fragment::new(
            "SECURITY LABEL FOR {} ON TABLE {} IS {}",
            &[&label.provider, &names.copy, &text],
        ),
        Some(column) => Fragment::new(
            "SECURITY LABEL FOR {} ON COLUMN {}.{} IS {}",
            &[&label.provider, &names.copy, column, &text],
        ),
    }
}

pub(super) fn constraint_comments<'a>(
    copy: &QualifiedName,
    constraints: impl Iterator<Item = (&'a Ident, Option<&'a String>)>,
) -> Vec<Fragment> {
    constraints
        .filter_map(|(name, comment)| {
            let text = Literal::new(comment?.as_str());
            Some(Fragment::new(
                "COMMENT ON CONSTRAINT {} ON {} IS {}",
                &[name, copy, &text],
            ))
        })
        .collect()
}

/// Those of indexes, triggers and statistics.
pub(super) fn dependent_comments(table: &Table, names: &Names, carried: &[CarriedIndex]) -> Vec<Fragment> {
    let mut comments = Vec::new();
    for index in carried {
        if let Some(text) = &index.constraint_comment {
            let text = Literal::new(text.as_str());
            let on = "COMMENT ON CONSTRAINT {} ON {} IS {}";
            comments.push(Fragment::new(on, &[&index.copy_name.name, &names.copy, &text]));
        }
        if let Some(text) = &index.comment {
            let text = Literal::new(text.as_str());
            comments.push(Fragment::new(
                "COMMENT ON INDEX {} IS {}",
                &[&index.copy_name, &text],
            ));
        }
    }
    for trigger in &table.triggers {
        let Some(text) = &trigger.comment else { continue };
        comments.push(Fragment::new(
            "COMMENT ON TRIGGER {} ON {} IS {}",
            &[&trigger.name, &names.copy, &Literal::new(text.as_str())],
        ));
    }
    for statistics in &table.statistics {
        let Some(text) = &statistics.comment else { continue };
        let copy = statistics_names(table, &statistics.name).copy;
        comments.push(Fragment::new(
            "COMMENT ON STATISTICS {} IS {}",
            &[&copy, &Literal::new(text.as_str())],
        ));
    }
    comments
}
