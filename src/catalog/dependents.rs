//! Whatever hangs on the table and needs a decision or a word.

use postgres::Transaction;

use super::CatalogError;
use super::ask::{Answer, Question, ask, question};
use crate::model::{Dependent, DependentKind};

const QUESTIONS: [Question; 5] = [
    question!("dependents_of_relation"),
    question!("dependents_in_code"),
    question!("dependents_in_replication"),
    question!("dependents_unknown"),
    question!("cascaded_triggers"),
];

pub(super) fn load_dependents(tx: &mut Transaction<'_>, oid: u32) -> Result<Vec<Dependent>, CatalogError> {
    let mut dependents = Vec::new();
    for question in QUESTIONS {
        for answer in ask(tx, question, &[&oid])? {
            dependents.push(dependent(&answer)?);
        }
    }
    dependents.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    Ok(dependents)
}

fn dependent(answer: &Answer) -> Result<Dependent, CatalogError> {
    let kind = answer.value::<String>("kind")?;
    let kind = kind_of(&kind).ok_or_else(|| CatalogError::unknown("dependents", &kind))?;
    Ok(Dependent {
        kind,
        name: answer.value("name")?,
    })
}

fn kind_of(word: &str) -> Option<DependentKind> {
    Some(match word {
        "row_type_column" => DependentKind::RowTypeColumn,
        "publication" => DependentKind::Publication,
        "subscription" => DependentKind::Subscription,
        "inheritance_parent" => DependentKind::InheritanceParent,
        "inheritance_child" => DependentKind::InheritanceChild,
        "extension" => DependentKind::Extension,
        "typed_table" => DependentKind::TypedTable,
        "prepared_transaction" => DependentKind::PreparedTransaction,
        "passed_on_grant" => DependentKind::PassedOnGrant,
        "cascaded_trigger" => DependentKind::CascadedTrigger,
        "other" => DependentKind::Other,
        _ => return None,
    })
}
