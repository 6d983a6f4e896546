//! The table that a verb is about: by its argument or by the spec.

use std::fs;
use std::io;
use std::path::Path;

use postgres::Client;

use super::Failure;
use crate::catalog;
use crate::migration::DirectoryError;
use crate::spec::{Spec, TableSpec};
use crate::sql::QualifiedName;

/// The spec's text; empty where there is no file yet.
pub fn read_spec_text(path: &Path) -> Result<String, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(DirectoryError::io(path)(error).into()),
    }
}

/// The spec; empty where there is no file yet.
pub fn read_spec(path: &Path) -> Result<Spec, Failure> {
    Spec::parse(&read_spec_text(path)?).map_err(|error| error.in_file(path).into())
}

/// The spec's entry for the table, or its only entry where none is named.
pub fn spec_of(path: &Path, table: Option<&str>) -> Result<(QualifiedName, TableSpec), Failure> {
    let mut found = specs_of(path, table)?;
    if found.len() > 1 {
        return Err(Failure::usage(
            "several tables are in the spec",
            "name one of them, with its schema",
        ));
    }
    Ok(found.remove(0))
}

/// Every entry of the spec, or those for a table of that name; at least one.
pub fn specs_of(path: &Path, table: Option<&str>) -> Result<Vec<(QualifiedName, TableSpec)>, Failure> {
    let spec = read_spec(path)?;
    let wanted = table.map(QualifiedName::parse).transpose()?;
    let mut found = Vec::new();
    for entry in spec.tables {
        let table = entry.table()?;
        let matches = wanted
            .as_ref()
            .is_none_or(|(s, n)| *n == table.name && s.as_ref().is_none_or(|s| *s == table.schema));
        if matches {
            found.push((table, entry));
        }
    }
    match (found.is_empty(), table) {
        (false, _) => Ok(found),
        (true, Some(table)) => Err(Failure::usage(
            &format!("{} has no entry for {table}", path.display()),
            &format!("write its migrations first: pgcleave generate {table}"),
        )),
        (true, None) => Err(Failure::usage(
            &format!("{} has no table", path.display()),
            "write migrations first: pgcleave generate",
        )),
    }
}

/// The spec's entry for the table, if there is one.
pub fn entry_of(path: &Path, table: &QualifiedName) -> Result<Option<TableSpec>, Failure> {
    let mut entries = read_spec(path)?.tables.into_iter();
    Ok(entries.find(|entry| entry.table().is_ok_and(|name| name == *table)))
}

/// Finds the table in the catalog by what the user typed.
pub fn find(client: &mut Client, text: &str) -> Result<QualifiedName, Failure> {
    let (schema, name) = QualifiedName::parse(text)?;
    Ok(catalog::find_table(client, schema.as_ref(), &name)?)
}
