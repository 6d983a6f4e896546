//! Question marks on their way through Liquibase and JDBC.
//!
//! JDBC takes a question mark outside quotes for a parameter, and two for one. Some versions of Liquibase (4.4) double a
//! single one themselves where the number of apostrophes behind it, up to the end of the script, is even: they take
//! it for one outside quotes then. Both must come out right, so that every string's apostrophes, and nothing else's, must
//! count.

use crate::sql::tokens;

/// An apostrophe that the server doesn't see.
const APOSTROPHE: &str = "/*'*/";
/// The dollar-quoted strings of ours hold statements.
const OURS: &str = "$pgcleave";

/// The script as it must stand in a changeset.
pub fn kept(script: &str) -> String {
    let outside = |token| {
        if token == "?" {
            "??".to_owned()
        } else {
            balanced(token)
        }
    };
    tokens(script).into_iter().map(outside).collect()
}

/// The body of a function of the user's in which a question mark would be doubled: nothing can be done about it there.
pub fn lost(script: &str) -> Option<&str> {
    let bodies = tokens(script).into_iter().filter(|token| is_dollar_quoted(token));
    let mut others = bodies.filter(|body| !body.starts_with(OURS));
    others.find(|body| {
        let parts: Vec<&str> = body.split('?').collect();
        let behind = |at: usize| parts[at..].concat().matches('\'').count();
        (1..parts.len()).any(|at| behind(at) % 2 == 0)
    })
}

fn balanced(token: &str) -> String {
    let is_string = token.starts_with('\'');
    if is_comment(token) {
        token.replace('\'', "’")
    } else if token.starts_with(OURS) {
        inside(token)
    } else if !is_string && token.matches('\'').count() % 2 == 1 {
        format!("{token}{APOSTROPHE}")
    } else {
        token.to_owned()
    }
}

/// In a dollar-quoted string JDBC sees no parameter, so that Liquibase must leave an operator alone.
fn inside(body: &str) -> String {
    let end = body[1..].find('$').map_or(body.len(), |end| end + 2);
    let (delimiter, rest) = body.split_at(end);
    let statements = rest.strip_suffix(delimiter).unwrap_or(rest);
    let mut text = delimiter.to_owned();
    let mut operator = String::new();
    for token in tokens(statements) {
        if is_operator(token) {
            operator.push_str(token);
            continue;
        }
        text.push_str(&hidden(&std::mem::take(&mut operator)));
        text.push_str(&balanced(token));
    }
    text.push_str(&hidden(&operator));
    text + delimiter
}

fn hidden(operator: &str) -> String {
    if operator.contains('?') {
        format!("{APOSTROPHE}{operator}{APOSTROPHE}")
    } else {
        operator.to_owned()
    }
}

fn is_operator(token: &str) -> bool {
    token.len() == 1 && "+-*/<>=~!@#%^&|`?".contains(token)
}

fn is_comment(token: &str) -> bool {
    token.starts_with("--") || token.starts_with("/*")
}

fn is_dollar_quoted(token: &str) -> bool {
    token.len() > 1 && token.starts_with('$')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Liquibase 4.4 makes of it: (^|[^\?])\?(?!\?)(?=([^\']*\'[^\']*\')*[^\']*$).
    fn doubled_by_liquibase(script: &str) -> String {
        let characters: Vec<char> = script.chars().collect();
        let mut text = String::new();
        for (at, c) in characters.iter().enumerate() {
            text.push(*c);
            let behind = &characters[at + 1..];
            let is_single =
                *c == '?' && behind.first() != Some(&'?') && (at == 0 || characters[at - 1] != '?');
            if is_single && behind.iter().filter(|c| **c == '\'').count() % 2 == 0 {
                text.push('?');
            }
        }
        text
    }

    #[test]
    fn operators_are_doubled_for_jdbc_and_strings_are_not() {
        assert_eq!(kept("SELECT a ? 'b?', c ?| d"), "SELECT a ?? 'b?', c ??| d");
    }

    #[test]
    fn liquibase_doubles_nothing_more() {
        let script = "-- the server's\nSELECT 'a?' || \"we'ird\", $pgcleave$ SELECT d ?| '?' -- it's\n $pgcleave$, 'b?';";
        let kept = kept(script);
        assert_eq!(doubled_by_liquibase(&kept), kept);
        let seen = kept.replace(APOSTROPHE, "").replace('’', "'");
        assert_eq!(seen, script);
    }

    #[test]
    fn a_question_mark_in_a_foreign_body_may_be_lost() {
        let body = "$f$ SELECT a ? 'b' $f$";
        assert_eq!(lost(&format!("CREATE FUNCTION f() AS {body}")), Some(body));
        assert_eq!(lost("CREATE FUNCTION f() AS $f$ SELECT 'a?' $f$"), None);
        assert_eq!(lost("DO $pgcleave$ SELECT a ? 'b' $pgcleave$"), None);
    }
}
