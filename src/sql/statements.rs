//! Where one statement ends and the next begins, as psql finds it (src/fe_utils/psqlscan.l):
//! for runners and drivers that send statements one by one.

/// The statements of a script, without their semicolons; comments before a statement belong to it.
pub fn statements(script: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut scanner = Scanner::new(script);
    let mut begin = 0;
    while let Some(token) = scanner.next_token() {
        if token.ends_statement {
            found.push(&script[begin..token.start]);
            begin = scanner.at;
        }
    }
    found.push(&script[begin..]);
    found
        .into_iter()
        .map(str::trim)
        .filter(|statement| !without_leading_comments(statement).is_empty())
        .collect()
}

/// The script, taken apart: comments, quoted names, strings, dollar-quoted strings, words, and single characters.
pub fn tokens(script: &str) -> Vec<&str> {
    let mut scanner = Scanner::new(script);
    let mut tokens = Vec::new();
    while let Some(token) = scanner.next_token() {
        tokens.push(&script[token.start..scanner.at]);
    }
    tokens
}

fn without_leading_comments(statement: &str) -> &str {
    let mut rest = statement.trim();
    while let Some(comment) = comment_length(rest) {
        rest = rest[comment..].trim_start();
    }
    rest
}

struct Token {
    start: usize,
    ends_statement: bool,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    parentheses: usize,
    /// Words since the statement began; the first four say whether it makes a routine.
    words: Vec<String>,
    /// BEGIN ATOMIC … END and CASE … END of a routine in standard SQL.
    blocks: usize,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            parentheses: 0,
            words: Vec::new(),
            blocks: 0,
        }
    }

    /// Goes behind the next token; white space and comments are tokens, too.
    fn next_token(&mut self) -> Option<Token> {
        let start = self.at;
        let rest = &self.text[start..];
        let first = rest.chars().next()?;
        let length = comment_length(rest)
            .or_else(|| quoted_length(rest, self.text[..start].chars().next_back()))
            .or_else(|| dollar_quoted_length(rest, self.text[..start].chars().next_back()))
            .or_else(|| word_length(rest))
            .unwrap_or(first.len_utf8());
        self.at += length;
        let mut ends_statement = false;
        match first {
            '(' => self.parentheses += 1,
            ')' => self.parentheses = self.parentheses.saturating_sub(1),
            ';' if self.parentheses == 0 && self.blocks == 0 => {
                ends_statement = true;
                self.words.clear();
            }
            _ if word_length(rest) == Some(length) => self.count_block(&rest[..length]),
            _ => {}
        }
        Some(Token {
            start,
            ends_statement,
        })
    }

    fn count_block(&mut self, word: &str) {
        let word = word.to_ascii_lowercase();
        let makes_routine = self.words.first().is_some_and(|w| w == "create")
            && self
                .words
                .iter()
                .take(4)
                .any(|w| w == "function" || w == "procedure");
        if makes_routine && self.parentheses == 0 {
            match word.as_str() {
                "begin" => self.blocks += 1,
                "case" if self.blocks > 0 => self.blocks += 1,
                "end" => self.blocks = self.blocks.saturating_sub(1),
                _ => {}
            }
        }
        if self.words.len() < 4 {
            self.words.push(word);
        }
    }
}

/// Length of the comment that the text begins with; block comments nest.
fn comment_length(text: &str) -> Option<usize> {
    if text.starts_with("--") {
        return Some(text.find('\n').map_or(text.len(), |end| end + 1));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(text.len())
}

/// Length of the quoted name or string that the text begins with; a doubled quote is one that continues.
fn quoted_length(text: &str, before: Option<char>) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let has_escapes = quote == '\'' && matches!(before, Some('e' | 'E'));
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if has_escapes && c == '\\' {
            characters.next();
        } else if c == quote {
            if characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
            } else {
                return Some(at + 1);
            }
        }
    }
    Some(text.len())
}

/// Length of `$tag$ … $tag$`; a dollar sign within a word begins none.
fn dollar_quoted_length(text: &str, before: Option<char>) -> Option<usize> {
    if !text.starts_with('$') || before.is_some_and(is_word) {
        return None;
    }
    let end = 1 + text[1..].find('$')?;
    let tag = &text[1..end];
    if tag.starts_with(|c: char| c.is_ascii_digit()) || !tag.chars().all(|c| is_word(c) && c != '$') {
        return None;
    }
    let delimiter = &text[..=end];
    let body = &text[end + 1..];
    Some(
        body.find(delimiter)
            .map_or(text.len(), |at| end + 1 + at + delimiter.len()),
    )
}

fn word_length(text: &str) -> Option<usize> {
    let length = text.find(|c| !is_word(c)).unwrap_or(text.len());
    // `E'…'` is a string: its letter is taken with it by looking back.
    (length > 0 && !text.starts_with('$')).then_some(length)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

#[cfg(test)]
mod tests {
    use super::{statements, tokens};

    #[test]
    fn ends_at_semicolons_that_are_not_quoted() {
        let script = "-- a; b\nSELECT 'x;''y', \"a;\"\"b\", E'\\';' ; /* ; /* ; */ ; */ DO $$ a; $$; CREATE RULE r AS ON INSERT TO t DO (a; b);\n-- end\n";
        assert_eq!(
            statements(script),
            [
                "-- a; b\nSELECT 'x;''y', \"a;\"\"b\", E'\\';'",
                "/* ; /* ; */ ; */ DO $$ a; $$",
                "CREATE RULE r AS ON INSERT TO t DO (a; b)"
            ]
        );
    }

    #[test]
    fn a_dollar_sign_may_stand_in_a_name_or_a_parameter() {
        assert_eq!(
            statements("SELECT a$1; EXECUTE p($1); DO $a$ $b$ ; $b$ $a$; SELECT $1$2"),
            [
                "SELECT a$1",
                "EXECUTE p($1)",
                "DO $a$ $b$ ; $b$ $a$",
                "SELECT $1$2"
            ]
        );
    }

    #[test]
    fn a_routine_in_standard_sql_holds_semicolons() {
        let routine = "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END";
        assert_eq!(
            statements(&format!("{routine}; BEGIN; COMMIT")),
            [routine, "BEGIN", "COMMIT"]
        );
    }

    #[test]
    fn tokens_are_all_of_the_script() {
        let script = "SELECT a ? 'b''?' -- why?\n, $$?$$";
        assert_eq!(tokens(script).concat(), script);
        let quoted: Vec<&str> = tokens(script).into_iter().filter(|t| t.contains('?')).collect();
        assert_eq!(quoted, ["?", "'b''?'", "-- why?\n", "$$?$$"]);
    }

    #[test]
    fn nothing_is_no_statement() {
        assert!(statements(" ; -- only\n ; /* this */ ").is_empty());
    }
}
