//! Sends one question and reads the fields of its rows.

use postgres::types::{FromSql, ToSql};
use postgres::{GenericClient, Row};

use super::CatalogError;
use crate::model::StorageParameter;
use crate::sql::{Ident, QualifiedName, ServerSql};

/// A static query under the name of its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub name: &'static str,
    pub sql: &'static str,
}

macro_rules! question {
    ($name:literal) => {
        $crate::catalog::ask::Question {
            name: $name,
            sql: include_str!(concat!("queries/", $name, ".sql")),
        }
    };
}
pub(super) use question;

/// All rows of the answer.
pub(super) fn ask(
    client: &mut impl GenericClient,
    question: Question,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Answer>, CatalogError> {
    let rows = client.query(question.sql, parameters);
    let rows = rows.map_err(|source| CatalogError::query(question.name, source))?;
    Ok(rows
        .into_iter()
        .map(|row| Answer {
            question: question.name,
            row,
        })
        .collect())
}

/// The first row of the answer.
pub(super) fn ask_one(
    client: &mut impl GenericClient,
    question: Question,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Option<Answer>, CatalogError> {
    Ok(ask(client, question, parameters)?.into_iter().next())
}

/// A row that knows which question it answers.
pub(super) struct Answer {
    question: &'static str,
    row: Row,
}

impl Answer {
    pub fn value<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T, CatalogError> {
        self.row
            .try_get(column)
            .map_err(|source| CatalogError::query(self.question, source))
    }

    pub fn ident(&self, column: &str) -> Result<Ident, CatalogError> {
        Ok(Ident::new(self.value::<String>(column)?)?)
    }

    pub fn optional_ident(&self, column: &str) -> Result<Option<Ident>, CatalogError> {
        Ok(self
            .value::<Option<String>>(column)?
            .map(Ident::new)
            .transpose()?)
    }

    /// An array of names; NULL is an empty one.
    pub fn idents(&self, column: &str) -> Result<Vec<Ident>, CatalogError> {
        let names = self.value::<Option<Vec<String>>>(column)?.unwrap_or_default();
        Ok(names.into_iter().map(Ident::new).collect::<Result<_, _>>()?)
    }

    pub fn qualified_name(&self, schema: &str, name: &str) -> Result<QualifiedName, CatalogError> {
        Ok(QualifiedName::new(self.ident(schema)?, self.ident(name)?))
    }

    pub fn sql(&self, column: &str) -> Result<ServerSql, CatalogError> {
        Ok(ServerSql::from_server(self.value::<String>(column)?))
    }

    pub fn optional_sql(&self, column: &str) -> Result<Option<ServerSql>, CatalogError> {
        Ok(self.value::<Option<String>>(column)?.map(ServerSql::from_server))
    }

    /// `name=value` texts as in `pg_class.reloptions`.
    pub fn storage_parameters(&self, column: &str) -> Result<Vec<StorageParameter>, CatalogError> {
        let options = self.value::<Vec<String>>(column)?;
        Ok(options.iter().map(|option| storage_parameter(option)).collect())
    }

    /// A value of the model, which the query built as JSON with the same field names.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, CatalogError> {
        let text = self.value::<String>(column)?;
        serde_json::from_str(&text).map_err(|error| CatalogError::unknown(self.question, &error.to_string()))
    }

    /// A one-letter catalog code, read by `from_code`.
    pub fn code<T>(
        &self,
        column: &str,
        place: &'static str,
        from_code: impl Fn(char) -> Option<T>,
    ) -> Result<T, CatalogError> {
        let code = self.value::<String>(column)?;
        code.chars()
            .next()
            .and_then(from_code)
            .ok_or_else(|| CatalogError::unknown(place, &code))
    }
}

fn storage_parameter(option: &str) -> StorageParameter {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    StorageParameter {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_storage_parameter_at_the_first_equals_sign() {
        let parameter = storage_parameter("check_option=a=b");
        assert_eq!(
            (parameter.name.as_str(), parameter.value.as_str()),
            ("check_option", "a=b")
        );
    }
}
