//! The only quoting code: names and values become SQL here and nowhere else.
//! Long because it is one thing: whoever audits quoting reads this file and no other.
//!
//! A template can't interpolate anything but [`askama::filters::Safe`], which
//! the `.sql()` methods of these types return:
//!
//! ```
//! use askama::Template;
//! use pgcleave::sql::Ident;
//!
//! #[derive(Template)]
//! #[template(source = "SELECT {{ column.sql() }};", ext = "sql")]
//! struct Select { column: Ident }
//!
//! let select = Select { column: Ident::new("we\"ird").unwrap() };
//! assert_eq!(select.render().unwrap(), "SELECT \"we\"\"ird\";");
//! ```
//!
//! A bare `String` in a template doesn't compile:
//!
//! ```compile_fail
//! use askama::Template;
//!
//! #[derive(Template)]
//! #[template(source = "SELECT {{ column }};", ext = "sql")]
//! struct Select { column: String }
//! ```

mod rename;
mod statements;

use std::fmt;

use askama::filters::Safe;
use serde::{Deserialize, Serialize};

pub(crate) use rename::{rename_in_query, says_only};
pub(crate) use statements::{statements, tokens};

/// Longest identifier in bytes: `NAMEDATALEN - 1` of a stock server.
pub const MAX_IDENT_BYTES: usize = 63;

/// Stands for the `sql` extension in `askama.toml`.
///
/// It deliberately does not implement `askama::filters::Escaper`, so that only
/// `Safe` values interpolate.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqlText;

/// Why a text can't be an identifier.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdentError {
    /// It has no character.
    #[error("a name can't be empty")]
    Empty,
    /// It holds a NUL character: the name.
    #[error("the name {0:?} holds a NUL character")]
    Nul(String),
    /// It is longer than [`MAX_IDENT_BYTES`]: the name and its length in bytes.
    #[error("the name {0:?} is {1} bytes long; PostgreSQL keeps {MAX_IDENT_BYTES}")]
    TooLong(String, usize),
    /// It isn't one or two names with a dot between them: the text.
    #[error("{0:?} isn't a table's name: write schema.table, with double quotes where SQL needs them")]
    NotATable(String),
}

/// A name as the catalog stores it; `Display` is quoted SQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ident(String);

impl Ident {
    /// Takes the name as it stands in the catalog, unquoted.
    ///
    /// # Errors
    /// When it is empty, holds a NUL or is longer than [`MAX_IDENT_BYTES`].
    pub fn new(name: impl Into<String>) -> Result<Self, IdentError> {
        let name = name.into();
        if name.is_empty() {
            return Err(IdentError::Empty);
        }
        if name.contains('\0') {
            return Err(IdentError::Nul(name));
        }
        if name.len() > MAX_IDENT_BYTES {
            let bytes = name.len();
            return Err(IdentError::TooLong(name, bytes));
        }
        Ok(Self(name))
    }

    /// The name as the catalog stores it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For templates.
    pub fn sql(&self) -> Safe<&Self> {
        Safe(self)
    }

    /// As a person would type it: quoted only where it must be.
    fn typed(&self) -> String {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.0.chars().all(plain) {
            self.0.clone()
        } else {
            self.to_string()
        }
    }

    /// The name as a string literal, for messages inside SQL.
    pub fn literal(&self) -> Literal {
        Literal::new(self.as_str())
    }
}

impl TryFrom<String> for Ident {
    type Error = IdentError;
    fn try_from(name: String) -> Result<Self, IdentError> {
        Self::new(name)
    }
}

impl From<Ident> for String {
    fn from(ident: Ident) -> Self {
        ident.0
    }
}

impl fmt::Display for Ident {
    /// Always in double quotes: no list of keywords to keep, no case folding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A schema-qualified name; `Display` is quoted SQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QualifiedName {
    /// The schema's name.
    pub schema: Ident,
    /// The relation's or routine's name.
    pub name: Ident,
}

impl QualifiedName {
    /// Puts a schema before a name.
    pub fn new(schema: Ident, name: Ident) -> Self {
        Self { schema, name }
    }

    /// Another relation of the same schema.
    pub fn sibling(&self, name: Ident) -> Self {
        Self::new(self.schema.clone(), name)
    }

    /// For templates.
    pub fn sql(&self) -> Safe<&Self> {
        Safe(self)
    }

    /// The quoted name as a string literal, for `to_regclass` and the like.
    pub fn literal(&self) -> Literal {
        Literal::new(self.to_string())
    }

    /// `schema.table` without quotes, for people and for folder names.
    pub fn plain(&self) -> String {
        format!("{}.{}", self.schema.as_str(), self.name.as_str())
    }

    /// As a person would type it: quoted only where [`QualifiedName::parse`] needs it.
    pub fn typed(&self) -> String {
        format!("{}.{}", self.schema.typed(), self.name.typed())
    }

    /// Reads what a user types: `events`, `public.events`, `"we""ird".t`.
    ///
    /// Unquoted parts fold to lower case as in SQL; a missing schema is `public`'s
    /// place to be decided by the caller, hence the `Option`.
    ///
    /// # Errors
    /// When the text isn't one or two names.
    pub fn parse(text: &str) -> Result<(Option<Ident>, Ident), IdentError> {
        let mut parts = split_name(text)?;
        match (parts.pop(), parts.pop(), parts.pop()) {
            (Some(name), schema, None) => Ok((schema, name)),
            _ => Err(IdentError::NotATable(text.to_owned())),
        }
    }
}

fn split_name(text: &str) -> Result<Vec<Ident>, IdentError> {
    let bad = || IdentError::NotATable(text.to_owned());
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => take_quoted(quoted).ok_or_else(bad)?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                let bare = &rest[..end];
                if bare.contains(['"', ' ']) {
                    return Err(bad());
                }
                (bare.to_lowercase(), &rest[end..])
            }
        };
        parts.push(Ident::new(part)?);
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(parts),
            None => return Err(bad()),
        }
    }
}

/// The text up to the closing quote, and what follows it.
fn take_quoted(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let quote = rest.find('"')?;
        name.push_str(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, rest)),
        }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// A string constant; `Display` is quoted SQL that reads the same under any
/// `standard_conforming_strings`, and in a file that an editor has given other line ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal(String);

impl Literal {
    /// Takes any text; a NUL in it makes the server refuse the statement.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// For templates.
    pub fn sql(&self) -> Safe<&Self> {
        Safe(self)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = self.0.replace('\'', "''");
        if quoted.contains(['\\', '\r']) {
            let escaped = quoted.replace('\\', "\\\\").replace('\r', "\\r");
            return write!(f, "E'{escaped}'");
        }
        write!(f, "'{quoted}'")
    }
}

/// A whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number(pub i64);

impl Number {
    /// For templates.
    pub fn sql(self) -> Safe<i64> {
        Safe(self.0)
    }
}

/// SQL text that the server itself printed (`pg_get_constraintdef`,
/// `pg_get_viewdef`, `format_type` …) and that is therefore quoted already.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServerSql(String);

impl ServerSql {
    /// Only for text that a PostgreSQL server printed as SQL.
    pub fn from_server(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as the server printed it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For templates.
    pub fn sql(&self) -> Safe<&Self> {
        Safe(self)
    }
}

impl fmt::Display for ServerSql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What may stand in a [`Fragment`]: values that print themselves as safe SQL.
pub(crate) trait SqlPart: fmt::Display {}
impl SqlPart for Ident {}
impl SqlPart for QualifiedName {}
impl SqlPart for QualifiedOperator {}
impl SqlPart for Literal {}
impl SqlPart for Number {}
impl SqlPart for ServerSql {}
impl SqlPart for Fragment {}

/// SQL text composed from parts that are quoted already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Fragment(String);

impl Fragment {
    /// Puts the parts into the `{}` places of a text of our own.
    pub fn new(text: &'static str, parts: &[&dyn SqlPart]) -> Self {
        let mut pieces = text.split("{}");
        let mut sql = pieces.next().unwrap_or_default().to_owned();
        debug_assert_eq!(
            text.matches("{}").count(),
            parts.len(),
            "places and parts of {text:?}"
        );
        for (part, piece) in parts.iter().zip(pieces) {
            sql.push_str(&part.to_string());
            sql.push_str(piece);
        }
        Self(sql)
    }

    /// `a, b, c`
    pub fn list<P: SqlPart>(parts: impl IntoIterator<Item = P>) -> Self {
        Self::joined(parts, ", ")
    }

    /// The parts with a text of our own between them.
    pub fn joined<P: SqlPart>(parts: impl IntoIterator<Item = P>, between: &'static str) -> Self {
        Self(
            parts
                .into_iter()
                .map(|p| p.to_string())
                .collect::<Vec<_>>()
                .join(between),
        )
    }

    /// The SQL text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole text as a string constant, for `EXECUTE`.
    pub fn literal(&self) -> Literal {
        Literal::new(self.0.clone())
    }

    /// For templates.
    pub fn sql(&self) -> Safe<&Self> {
        Safe(self)
    }
}

impl fmt::Display for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A definition printed by the server, made to speak of another table.
///
/// `pg_get_triggerdef` and its like print `… {before} schema.table …`, quoting
/// only where needed, so that every spelling of the name is tried. The first
/// match is the table: what stands before it is a name or a column list.
pub(crate) fn retarget(
    definition: &ServerSql,
    before: &'static str,
    from: &QualifiedName,
    to: &QualifiedName,
) -> Option<ServerSql> {
    let (head, tail) = split_at_table(definition, before, from)?;
    Some(ServerSql(format!("{head} {before} {to}{tail}")))
}

/// The texts before and behind ` {before} schema.table`.
pub(crate) fn split_at_table<'a>(
    definition: &'a ServerSql,
    before: &'static str,
    table: &QualifiedName,
) -> Option<(&'a str, &'a str)> {
    let spellings = |ident: &Ident| [ident.as_str().to_owned(), ident.to_string()];
    let mut found: Option<(usize, usize)> = None;
    for schema in spellings(&table.schema) {
        for name in spellings(&table.name) {
            let text = format!(" {before} {schema}.{name}");
            for (start, _) in definition.0.match_indices(&text) {
                let end = start + text.len();
                let whole = definition.0[end..]
                    .chars()
                    .next()
                    .is_none_or(|c| matches!(c, ' ' | '('));
                if whole && found.is_none_or(|(first, _)| start < first) {
                    found = Some((start, end));
                }
            }
        }
    }
    found.map(|(start, end)| (&definition.0[..start], &definition.0[end..]))
}

/// A definition printed by the server with a column added behind those of its first list.
pub(crate) fn with_column(definition: &ServerSql, column: &Ident) -> Option<ServerSql> {
    let text = definition.as_str();
    let (mut depth, mut quote) = (0, None);
    // Quotes inside quotes are doubled, which closes and opens them again.
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') if depth == 1 => {
                return Some(ServerSql(format!("{}, {column}{}", &text[..at], &text[at..])));
            }
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

/// Columns separated by commas, each behind an optional alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnList {
    columns: Vec<Ident>,
}

impl ColumnList {
    /// Takes the columns in their order.
    pub fn new(columns: Vec<Ident>) -> Self {
        Self { columns }
    }

    /// The columns, in their order.
    pub fn columns(&self) -> &[Ident] {
        &self.columns
    }

    /// `"a", "b"`
    pub fn sql(&self) -> Safe<String> {
        Safe(join(&self.columns, |c| c.to_string()))
    }

    /// `s."a", s."b"` with the alias given, which is ours and needs no quotes.
    pub fn of(&self, alias: &'static str) -> Safe<String> {
        Safe(join(&self.columns, |c| format!("{alias}.{c}")))
    }
}

fn join(columns: &[Ident], each: impl Fn(&Ident) -> String) -> String {
    columns.iter().map(each).collect::<Vec<_>>().join(", ")
}

/// Columns with the equality operator of their key's operator class.
///
/// The operator is named in full, so that no `search_path` can put another in
/// its place (`pg_amop`, strategy 3 of btree).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyColumns {
    columns: Vec<(Ident, QualifiedOperator)>,
    /// Those in which NULL is a value like another.
    nullable: Vec<Ident>,
    /// Those whose equality is written as a range.
    ranged: Vec<Ident>,
}

/// An operator with its schema, as `OPERATOR(pg_catalog.=)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QualifiedOperator {
    /// The operator's schema.
    pub schema: Ident,
    /// `pg_operator.oprname`; only operator characters.
    pub symbol: String,
}

impl fmt::Display for QualifiedOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OPERATOR({}.{})", self.schema, self.symbol)
    }
}

impl KeyColumns {
    /// Takes the columns in their order, each with what makes two values equal.
    pub fn new(columns: Vec<(Ident, QualifiedOperator)>) -> Self {
        Self {
            columns,
            nullable: Vec::new(),
            ranged: Vec::new(),
        }
    }

    /// With NULL equal to NULL in the columns given.
    pub fn with_nullable(self, nullable: Vec<Ident>) -> Self {
        Self { nullable, ..self }
    }

    /// With `>=` and `<=` for `=` in the column given, where both are PostgreSQL's own and the column doesn't come first.
    ///
    /// For a column that many rows may share, such as a time, but that statistics show to be nearly unique: for `=` the
    /// planner takes an index on it alone as often as the one on the whole key, and then each row of a large statement
    /// reads all its fellows. For a range it doesn't, and partitions are pruned all the same.
    pub fn with_range(self, column: Option<&Ident>) -> Self {
        let follows = |(name, op): &&(Ident, QualifiedOperator)| {
            Some(name) == column && op.symbol == "=" && op.schema.as_str() == "pg_catalog"
        };
        let ranged = self
            .columns
            .iter()
            .skip(1)
            .find(follows)
            .map(|(name, _)| name.clone());
        Self {
            ranged: ranged.into_iter().collect(),
            ..self
        }
    }

    /// `left."a" OPERATOR(pg_catalog.=) right."a" AND …`
    pub fn equal(&self, left: &'static str, right: &'static str) -> Safe<String> {
        let terms = self.columns.iter();
        Safe(
            terms
                .map(|(c, op)| {
                    let equal = match self.ranged.contains(c) {
                        true => ["<=", ">="]
                            .map(|symbol| format!("{left}.{c} OPERATOR({}.{symbol}) {right}.{c}", op.schema))
                            .join(" AND "),
                        false => format!("{left}.{c} {op} {right}.{c}"),
                    };
                    match self.nullable.contains(c) {
                        // Written out, as the planner uses indexes and prunes partitions by neither
                        // IS NOT DISTINCT FROM nor coalesce; true or false, never NULL, as it is negated too.
                        true => format!(
                            "({equal} AND {left}.{c} IS NOT NULL AND {right}.{c} IS NOT NULL OR {left}.{c} IS NULL AND {right}.{c} IS NULL)"
                        ),
                        false => equal,
                    }
                })
                .collect::<Vec<_>>()
                .join(" AND "),
        )
    }

    /// The columns without their operators.
    pub fn list(&self) -> ColumnList {
        ColumnList::new(self.columns.iter().map(|(c, _)| c.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hostile_identifiers() {
        let ident = Ident::new("we\"ird; drop").unwrap();
        assert_eq!(ident.to_string(), "\"we\"\"ird; drop\"");
    }

    #[test]
    fn refuses_names_that_postgres_would_cut() {
        assert!(matches!(
            Ident::new("x".repeat(64)),
            Err(IdentError::TooLong(_, 64))
        ));
        assert!(Ident::new("x".repeat(63)).is_ok());
    }

    #[test]
    fn quotes_literals_with_backslashes() {
        assert_eq!(Literal::new("a'b\\c").to_string(), "E'a''b\\\\c'");
        assert_eq!(Literal::new("a'b").to_string(), "'a''b'");
        assert_eq!(Literal::new("a\r\n\\").to_string(), "E'a\\r\n\\\\'");
    }

    #[test]
    fn adds_a_column_behind_those_of_the_first_list() {
        let add = |text| {
            with_column(&ServerSql::from_server(text), &Ident::new("at").unwrap())
                .unwrap()
                .0
        };
        assert_eq!(
            add("USING btree (lower(\"we)\"\"ird\"), (a || ')')) INCLUDE (b) WHERE (b > 0)"),
            "USING btree (lower(\"we)\"\"ird\"), (a || ')'), \"at\") INCLUDE (b) WHERE (b > 0)"
        );
        assert_eq!(add("UNIQUE (a) DEFERRABLE"), "UNIQUE (a, \"at\") DEFERRABLE");
    }

    #[test]
    fn parses_names_as_sql_does() {
        let parse = |text| QualifiedName::parse(text).map(|(s, n)| (s.map(String::from), String::from(n)));
        assert_eq!(
            parse("Public.Events"),
            Ok((Some("public".into()), "events".into()))
        );
        assert_eq!(
            parse("\"we\"\"ird.x\".\"T\""),
            Ok((Some("we\"ird.x".into()), "T".into()))
        );
        assert_eq!(parse("events"), Ok((None, "events".into())));
        let hostile = QualifiedName::new(Ident::new("we\"ird.x").unwrap(), Ident::new("plain_1").unwrap());
        assert_eq!(hostile.typed(), "\"we\"\"ird.x\".plain_1");
        assert!(parse("a.b.c").is_err());
        assert!(parse("\"open").is_err());
        assert!(parse("a b").is_err());
    }
}
