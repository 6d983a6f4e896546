//! Values that a CHECK lets in, by trying: those that it names, then common ones.

use std::collections::BTreeMap;

use postgres::Client;
use postgres::error::SqlState;

use crate::fill::Recipe;

/// How many rows are tried for one table.
const TRIES: usize = 1500;
/// Checks that are satisfied one after the other.
const CHECKS: usize = 6;

const COMMON: [&str; 20] = [
    "0",
    "1",
    "2",
    "-1",
    "100",
    "2000",
    "true",
    "false",
    "",
    "a",
    "A",
    "AB",
    "abc",
    "a@b.org",
    "https://a.org/b",
    "{}",
    "[]",
    "2025-06-01",
    "0123456789abcdef0123456789abcdef",
    "{1}",
];

/// A combination of values for the columns of the violated check, kept in the recipe; the row is in.
pub fn learn(recipe: &mut Recipe, client: &mut Client, i: u64, violation: &postgres::Error) -> bool {
    let mut tries = TRIES;
    let Some(mut check) = Check::of(recipe, client, violation) else {
        return false;
    };
    for _ in 0..CHECKS {
        match try_all(recipe, client, i, &check, &mut tries) {
            Next::Inserted => return true,
            Next::Stuck => return false,
            Next::Other(other) => check = *other,
        }
    }
    false
}

/// A violated check of the table or of a domain.
struct Check {
    name: String,
    /// The columns that it looks at, as SQL writes them.
    columns: Vec<String>,
    values: Vec<Option<String>>,
}

enum Next {
    Inserted,
    /// This check holds now, another doesn't.
    Other(Box<Check>),
    Stuck,
}

impl Check {
    fn of(recipe: &Recipe, client: &mut Client, violation: &postgres::Error) -> Option<Self> {
        let error = violation.as_db_error()?;
        let (name, domain) = (
            error.constraint()?.to_owned(),
            error.datatype().unwrap_or_default(),
        );
        let query = "
            SELECT pg_get_constraintdef(k.oid), ARRAY(SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = ANY (k.conkey))
              FROM pg_constraint k LEFT JOIN pg_type t ON t.oid = k.contypid
             WHERE k.conname = $1::text AND k.contype = 'c' AND (k.conrelid = $2::text::regclass OR t.typname = $3::text)";
        let row = client
            .query(query, &[&name, &recipe.table, &domain])
            .ok()?
            .into_iter()
            .next()?;
        let (definition, mut columns): (String, Vec<String>) = (row.get(0), row.get(1));
        if columns.is_empty() {
            let of_domain = recipe
                .columns
                .iter()
                .filter(|c| c.domain.as_deref() == Some(domain));
            columns = of_domain.map(|c| c.name.clone()).collect();
        }
        columns.retain(|name| recipe.columns.iter().any(|c| &c.name == name));
        let mut values: Vec<Option<String>> = vec![None];
        values.extend(named(&definition).into_iter().map(Some));
        values.extend(COMMON.iter().map(|text| Some((*text).to_owned())));
        values.extend([5, 6, 10, 20, 40, 64].map(|length| Some("a".repeat(length))));
        Some(Self {
            name,
            columns,
            values,
        })
    }

    /// One column after the other, then all of them alike, then two.
    fn combinations(&self) -> Vec<BTreeMap<String, Option<String>>> {
        let mut all = Vec::new();
        for column in &self.columns {
            all.extend(
                self.values
                    .iter()
                    .map(|v| BTreeMap::from([(column.clone(), v.clone())])),
            );
        }
        all.extend(
            self.values
                .iter()
                .map(|v| self.columns.iter().map(|c| (c.clone(), v.clone())).collect()),
        );
        for (place, first) in self.columns.iter().enumerate() {
            for second in &self.columns[place + 1..] {
                for a in &self.values {
                    all.extend(
                        self.values.iter().map(|b| {
                            BTreeMap::from([(first.clone(), a.clone()), (second.clone(), b.clone())])
                        }),
                    );
                }
            }
        }
        all
    }
}

fn try_all(recipe: &mut Recipe, client: &mut Client, i: u64, check: &Check, tries: &mut usize) -> Next {
    for combination in check.combinations() {
        if *tries == 0 {
            return Next::Stuck;
        }
        *tries -= 1;
        match recipe.insert(client, i, &combination) {
            Ok(()) => {
                recipe.fixed.extend(combination);
                return Next::Inserted;
            }
            Err(error) if error.code() == Some(&SqlState::CHECK_VIOLATION) => {
                let other = Check::of(recipe, client, &error).filter(|other| other.name != check.name);
                if let Some(other) = other {
                    recipe.fixed.extend(combination);
                    return Next::Other(Box::new(other));
                }
            }
            Err(_) => {}
        }
    }
    Next::Stuck
}

/// The string literals and numbers in a definition.
fn named(definition: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (place, part) in definition.split('\'').enumerate() {
        if place % 2 == 1 {
            found.push(part.to_owned());
            continue;
        }
        let is_number =
            |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.');
        found.extend(
            part.split([' ', '(', ')', ','])
                .filter(is_number)
                .map(str::to_owned),
        );
    }
    found
}
