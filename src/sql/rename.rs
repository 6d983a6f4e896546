//! Makes a query that the server printed read another relation.

use super::{QualifiedName, ServerSql};

/// The query with every mention of the relation `from` made one of `to`.
///
/// `pg_get_viewdef` prints a relation as `schema.name`, behind it an alias where it has one, and columns as
/// `name.column` or `alias.column`. Where the relation's bare name stands for nothing else, the columns'
/// prefixes change with it, and the text reads as before once `to` has the old name. Otherwise the relation
/// gets its old name as an alias. Whoever uses the result compares what the two queries depend on.
pub fn rename_in_query(query: &ServerSql, from: &QualifiedName, to: &QualifiedName) -> ServerSql {
    let text = query.as_str();
    let chains = chains(text);
    let alias_needed = chains
        .iter()
        .any(|chain| !chain.is_relation(from, text) && chain.may_be_another(from, &chains, text));
    let mut renamed = String::new();
    let mut copied = 0;
    for chain in &chains {
        let replacement = if chain.is_relation(from, text) {
            match alias_needed && !has_alias(&text[chain.end..]) {
                true => format!("{to} AS {}", from.name),
                false => to.to_string(),
            }
        } else if !alias_needed && chain.is_column_of(from) {
            format!("{}{}", to.name, &text[chain.first_end..chain.end])
        } else {
            continue;
        };
        renamed.push_str(&text[copied..chain.start]);
        renamed.push_str(&replacement);
        copied = chain.end;
    }
    renamed.push_str(&text[copied..]);
    ServerSql::from_server(renamed)
}

/// Whether the query reads, or the statement changes, ONLY the relation: a partitioned table holds no rows itself.
pub fn says_only(query: &ServerSql, relation: &QualifiedName) -> bool {
    let text = query.as_str();
    let chains = chains(text);
    let only = |chain: &Chain| chain.names == ["ONLY"];
    chains
        .iter()
        .zip(chains.iter().skip(1))
        .any(|(before, chain)| only(before) && chain.is_relation(relation, text))
}

/// Names with dots between them, where they stand.
struct Chain {
    names: Vec<String>,
    start: usize,
    /// Where the first name ends.
    first_end: usize,
    end: usize,
    /// A star follows: `name.*`.
    is_prefix: bool,
}

impl Chain {
    /// `schema.name`, and not a function called so.
    fn is_relation(&self, relation: &QualifiedName, text: &str) -> bool {
        self.names == [relation.schema.as_str(), relation.name.as_str()]
            && !text[self.end..].trim_start().starts_with('(')
    }

    /// `name.column` or `name.*`.
    fn is_column_of(&self, relation: &QualifiedName) -> bool {
        self.names[0] == relation.name.as_str() && (self.names.len() > 1 || self.is_prefix)
    }

    /// Whether the relation's name may stand for an alias or another relation here, not for a column.
    fn may_be_another(&self, relation: &QualifiedName, all: &[Self], text: &str) -> bool {
        let names_it = |name: &String| name == relation.name.as_str();
        let is_alias = |name: &String| all.iter().any(|other| other.names.last() == Some(name));
        match &self.names[..] {
            [only] => names_it(only) && !self.is_prefix && !text[..self.start].ends_with(" AS "),
            [first, second] => names_it(second) && !is_alias(first),
            _ => false,
        }
    }
}

fn chains(text: &str) -> Vec<Chain> {
    let mut chains = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with('\'') {
            at += quoted_length(rest, '\'');
        } else if let Some(length) = name_length(rest) {
            let chain = chain_at(text, at, length);
            at = chain.end;
            chains.push(chain);
        } else if rest.starts_with(|c: char| c.is_ascii_digit()) {
            // So that the letter of 1e5 isn't a name.
            let in_number = |c: char| c.is_ascii_alphanumeric() || c == '.';
            at += rest.find(|c| !in_number(c)).unwrap_or(rest.len());
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    chains
}

fn chain_at(text: &str, start: usize, length: usize) -> Chain {
    let mut chain = Chain {
        names: vec![unquoted(&text[start..start + length])],
        start,
        first_end: start + length,
        end: start + length,
        is_prefix: false,
    };
    while let Some(rest) = text[chain.end..].strip_prefix('.') {
        let Some(length) = name_length(rest) else {
            chain.is_prefix = true;
            break;
        };
        chain.names.push(unquoted(&rest[..length]));
        chain.end += 1 + length;
    }
    chain
}

/// Bytes of the name that the text begins with.
fn name_length(text: &str) -> Option<usize> {
    if text.starts_with('"') {
        return Some(quoted_length(text, '"'));
    }
    let begins = |c: char| c.is_alphabetic() || c == '_' || !c.is_ascii();
    let goes_on = |c: char| begins(c) || c.is_ascii_digit() || c == '$';
    text.starts_with(begins)
        .then(|| text.find(|c| !goes_on(c)).unwrap_or(text.len()))
}

/// Bytes up to behind the closing quote; a doubled one is none.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut at = 1;
    loop {
        match text[at..].find(quote) {
            None => return text.len(),
            Some(found) if text[at + found + 1..].starts_with(quote) => at += found + 2,
            Some(found) => return at + found + 1,
        }
    }
}

fn unquoted(name: &str) -> String {
    match name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}

/// Whether an alias follows: a quoted name, or a word that the server needn't quote as an alias.
fn has_alias(rest: &str) -> bool {
    /// What may stand behind a relation else; as aliases the server quotes them.
    const KEYWORDS: &str = " where group having window order limit offset fetch for union intersect except \
                            join left right full cross inner natural on using tablesample ";
    let rest = rest.trim_start();
    match name_length(rest) {
        None => false,
        Some(length) => !KEYWORDS.contains(&format!(" {} ", rest[..length].to_lowercase())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Ident;

    fn renamed(query: &str) -> String {
        let name = |name: &str| QualifiedName::new(Ident::new("public").unwrap(), Ident::new(name).unwrap());
        let query = ServerSql::from_server(query);
        rename_in_query(&query, &name("events"), &name("events_copy")).to_string()
    }

    #[test]
    fn columns_follow_where_the_name_stands_for_the_relation_alone() {
        assert_eq!(
            renamed(
                " SELECT events.id AS events, 'public.events', count(events.*) FROM public.events WHERE (events.at > 1e5)"
            ),
            " SELECT \"events_copy\".id AS events, 'public.events', count(\"events_copy\".*) FROM \"public\".\"events_copy\" WHERE (\"events_copy\".at > 1e5)"
        );
    }

    #[test]
    fn the_relation_gets_its_name_as_an_alias_where_something_else_has_it_too() {
        assert_eq!(
            renamed(
                "SELECT events.id AS events, events_1.events FROM (public.events JOIN other.events events_1 ON (true)), public.events e(a)"
            ),
            "SELECT events.id AS events, events_1.events FROM (\"public\".\"events_copy\" AS \"events\" JOIN other.events events_1 ON (true)), \"public\".\"events_copy\" e(a)"
        );
    }

    #[test]
    fn finds_only() {
        let name = QualifiedName::new(Ident::new("public").unwrap(), Ident::new("events").unwrap());
        let says = |text: &str| says_only(&ServerSql::from_server(text), &name);
        assert!(says("SELECT 1 FROM ONLY public.events;") && says("DELETE FROM ONLY\n public.\"events\" e"));
        assert!(!says(
            "SELECT 'FROM ONLY public.events' FROM public.events, ONLY public.events2"
        ));
    }

    #[test]
    fn leaves_functions_strings_and_longer_names_alone() {
        let query = "SELECT public.events(x.events2, E'it''s \\\\ events.id', \"ev\"\"ents\".id) FROM public.events2 x";
        assert_eq!(renamed(query), query);
    }
}
