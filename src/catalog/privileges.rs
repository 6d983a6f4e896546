//! What the connected role may do, and how much the server can lock.

use postgres::Transaction;

use super::CatalogError;
use super::ask::{Answer, ask, ask_one, question};
use super::load::{existing, gone};
use crate::model::Table;
use crate::sql::ServerSql;

/// What the connected role may do with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileges {
    /// Has the privileges of the table's owner (a superuser always).
    pub owner_member: bool,
    /// Whether the role is one.
    pub superuser: bool,
    /// CREATE on the table's schema.
    pub create_on_schema: bool,
    /// Can write `pgcleave.history`, or make what of it is missing.
    pub history: bool,
    /// Whether the table's owner may read and write it: our functions act as the owner.
    pub owner_rights: bool,
    /// Schemas that the owner would have to use and may not, separated by commas.
    pub schemas_hidden_from_owner: Option<String>,
    /// Sees other sessions' snapshots (`pg_read_all_stats`).
    pub read_all_stats: bool,
    /// Row-level security policies would filter what this role reads.
    pub policies_bind_role: bool,
    /// They would filter what our functions read, which act as the owner.
    pub policies_bind_owner: bool,
    /// What later steps will need.
    pub missing: Vec<MissingRight>,
}

/// A right that a later step needs; names as SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissingRight {
    /// REFERENCES on a table that a foreign key refers to.
    References(ServerSql),
    /// EXECUTE on the function of one of the table's triggers.
    Execute(ServerSql),
    /// A relation that the cutover changes with the table belongs to another role; its kind before its name.
    RelationAbove(ServerSql),
    /// A table that refers to this one belongs to another role.
    Child(ServerSql),
    /// A role may not create something in a schema where it must: `role in the schema name`.
    CreateInSchema(ServerSql),
    /// A function that has to be made again, and not by this role.
    Routine(ServerSql),
    /// A publication that has the table belongs to another role.
    Publication(ServerSql),
    /// The owner may not create anything in the schema.
    OwnerCreate(ServerSql),
}

/// Reads what the connected role may do.
///
/// # Errors
/// When the table is gone or the query fails.
pub fn load_privileges(tx: &mut Transaction<'_>, table: &Table) -> Result<Privileges, CatalogError> {
    let (oid, _) = existing(tx, &table.name)?;
    let missing = ask(tx, question!("missing_rights"), &[&oid])?;
    let missing = missing.iter().map(missing_right).collect::<Result<_, _>>()?;
    let answer = ask_one(tx, question!("privileges"), &[&oid])?.ok_or_else(|| gone(&table.name))?;
    Ok(Privileges {
        owner_member: answer.value("owner_member")?,
        superuser: answer.value("superuser")?,
        create_on_schema: answer.value("create_on_schema")?,
        history: answer.value("history")?,
        owner_rights: answer.value("owner_rights")?,
        schemas_hidden_from_owner: answer.value("schemas_hidden_from_owner")?,
        read_all_stats: answer.value("read_all_stats")?,
        policies_bind_role: answer.value("policies_bind_role")?,
        policies_bind_owner: answer.value("policies_bind_owner")?,
        missing,
    })
}

fn missing_right(answer: &Answer) -> Result<MissingRight, CatalogError> {
    let name = answer.sql("name")?;
    match answer.value::<String>("what")?.as_str() {
        "references" => Ok(MissingRight::References(name)),
        "execute" => Ok(MissingRight::Execute(name)),
        "relation_above" => Ok(MissingRight::RelationAbove(name)),
        "child" => Ok(MissingRight::Child(name)),
        "create_in_schema" => Ok(MissingRight::CreateInSchema(name)),
        "routine" => Ok(MissingRight::Routine(name)),
        "publication" => Ok(MissingRight::Publication(name)),
        "owner_create" => Ok(MissingRight::OwnerCreate(name)),
        other => Err(CatalogError::unknown("missing_rights", other)),
    }
}

/// How many locks the server's shared table is sized for.
///
/// # Errors
/// When the query fails.
pub fn lock_table_capacity(tx: &mut Transaction<'_>) -> Result<i64, CatalogError> {
    let answer = ask_one(tx, question!("lock_table_capacity"), &[])?;
    answer.map_or(Ok(0), |answer| answer.value("capacity"))
}
