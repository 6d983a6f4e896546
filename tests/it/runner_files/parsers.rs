//! The parsers of runners whose programs no registry of this project's languages holds, written down again by their
//! sources: what each sends for one of our migrations.

use std::collections::BTreeMap;
use std::path::Path;

/// A direction of a migration, as its runner reads it.
pub struct Sent {
    pub in_transaction: bool,
    /// Each is sent by itself.
    pub statements: Vec<String>,
    /// Prepared first, so that no more than one statement is possible.
    pub prepared: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// How a runner reads one of our migrations: files by their path. `None` where it knows no way back.
pub type Parser = fn(&BTreeMap<String, String>, &str, Direction) -> Option<Sent>;

/// The only file whose path says these words.
pub fn file<'a>(files: &'a BTreeMap<String, String>, words: &str) -> (&'a str, &'a str) {
    let mut found = files.iter().filter(|(path, _)| path.contains(words));
    let (path, text) = found
        .next()
        .unwrap_or_else(|| panic!("no {words}: {:?}", files.keys()));
    assert!(found.next().is_none(), "{words} twice");
    (path, text)
}

fn name_of(path: &str) -> &str {
    Path::new(path).file_name().unwrap().to_str().unwrap()
}

fn simple(in_transaction: bool, statements: Vec<String>) -> Option<Sent> {
    Some(Sent {
        in_transaction,
        statements,
        prepared: false,
    })
}

/// goose 3, internal/sqlparser/parser.go.
pub fn goose(files: &BTreeMap<String, String>, step: &str, direction: Direction) -> Option<Sent> {
    let (path, text) = file(files, &format!("_events_{step}.sql"));
    let digits = name_of(path).split('_').next().unwrap();
    assert!(digits.parse::<i64>().is_ok_and(|version| version > 0), "{path}");
    let (statements, in_transaction) = goose_statements(text, direction);
    for statement in &statements {
        assert_eq!(split(statement).len(), 1, "{statement}");
    }
    simple(in_transaction, statements)
}

fn goose_statements(text: &str, direction: Direction) -> (Vec<String>, bool) {
    let (mut found, mut uses_transaction, mut buffer) = (Vec::new(), true, String::new());
    let mut part = None;
    let mut is_block = false;
    for line in text.lines() {
        let mut ends_block = false;
        if line.trim().starts_with("--") && line.contains("+goose") {
            assert!(!line.starts_with([' ', '\t']), "{line:?}");
            let word = line.replace("--", "").replacen("+goose", "", 1);
            match word.trim() {
                "Up" => assert!(part.replace(Direction::Up).is_none(), "{line}"),
                "Down" => {
                    assert!(
                        part.replace(Direction::Down) == Some(Direction::Up) && !is_block,
                        "{line}"
                    );
                    assert_eq!(buffer.trim(), "", "no semicolon at its end");
                }
                "StatementBegin" => assert!(
                    part.is_some() && !std::mem::replace(&mut is_block, true),
                    "{line}"
                ),
                "StatementEnd" => {
                    assert!(std::mem::replace(&mut is_block, false), "{line}");
                    ends_block = true;
                }
                "NO TRANSACTION" => uses_transaction = false,
                other => panic!("goose knows no {other:?}"),
            }
            if !ends_block {
                continue;
            }
        }
        if buffer.is_empty() && !ends_block && (line.trim().starts_with("--") || line.is_empty()) {
            continue;
        }
        let part = part.unwrap_or_else(|| panic!("before any mark: {line}"));
        if !ends_block {
            buffer += &format!("{line}\n");
        }
        if ends_block || (!is_block && ends_with_semicolon(line)) {
            let statement = std::mem::take(&mut buffer).trim().to_owned();
            if part == direction {
                found.push(statement);
            }
        }
    }
    assert!(part.is_some() && !is_block);
    assert_eq!(buffer.trim(), "", "no semicolon at its end");
    (found, uses_transaction)
}

fn ends_with_semicolon(line: &str) -> bool {
    let words = line.split_whitespace().take_while(|word| !word.starts_with("--"));
    words.last().is_some_and(|word| word.ends_with(';'))
}

/// golang-migrate 4, source/parse.go: `^([0-9]+)_(.*)\.(down|up)\.(.*)$`; a file is one simple query.
pub fn golang_migrate(files: &BTreeMap<String, String>, step: &str, direction: Direction) -> Option<Sent> {
    let direction = match direction {
        Direction::Up => "up",
        Direction::Down => "down",
    };
    let (path, text) = file(files, &format!("_events_{step}.{direction}."));
    let name = name_of(path);
    let (version, rest) = name.split_once('_').unwrap();
    assert!(version.parse::<u64>().is_ok(), "{name}");
    assert_eq!(
        rest.rsplitn(3, '.').collect::<Vec<_>>()[..2],
        ["sql", direction],
        "{name}"
    );
    simple(false, vec![text.to_owned()])
}

/// Flyway 9: the name's parts, the file beside it, and a lexer that knows dollar quotes.
pub fn flyway(files: &BTreeMap<String, String>, step: &str, direction: Direction) -> Option<Sent> {
    if direction == Direction::Down {
        return None;
    }
    let words = format!("__events_{step}.sql");
    let path = files.keys().find(|path| path.ends_with(&words)).unwrap();
    let (version, description) = name_of(path).strip_prefix('V').unwrap().split_once("__").unwrap();
    assert!(
        version.split(['.', '_']).all(|part| part.parse::<u64>().is_ok()),
        "{path}"
    );
    assert!(description.ends_with(".sql"));
    let settings = &files[&format!("{path}.conf")];
    assert!(
        settings
            .lines()
            .any(|line| line == "placeholderReplacement=false")
    );
    let in_transaction = !settings.lines().any(|line| line == "executeInTransaction=false");
    simple(in_transaction, split(&files[path]))
}

/// Atlas, sql/migrate/dir.go: a directive counts in the first comments, when a blank line follows.
pub fn atlas(files: &BTreeMap<String, String>, step: &str, direction: Direction) -> Option<Sent> {
    if direction == Direction::Down {
        return None;
    }
    let (_, text) = file(files, &format!("_events_{step}.sql"));
    let (first, _) = text.split_once("\n\n").unwrap();
    let is_comment = first.lines().all(|line| line.starts_with("--"));
    let in_transaction = !(is_comment && first.lines().any(|line| line == "-- atlas:txmode none"));
    simple(in_transaction, split(text))
}

/// Prisma to 7.3: a file is one simple query.
pub fn prisma(files: &BTreeMap<String, String>, step: &str, direction: Direction) -> Option<Sent> {
    if direction == Direction::Down {
        return None;
    }
    let (path, text) = file(files, &format!("_events_{step}/"));
    assert!(path.ends_with("/migration.sql"));
    simple(false, vec![text.to_owned()])
}

/// Prisma from 7.4 on sends its statements one by one.
pub fn split_prisma(files: &BTreeMap<String, String>, step: &str, direction: Direction) -> Option<Sent> {
    let whole = prisma(files, step, direction)?;
    simple(false, split(&whole.statements[0]))
}

/// Elixir ends a heredoc at the line that begins with its quotes; each call is prepared.
pub fn ecto(files: &BTreeMap<String, String>, step: &str, direction: Direction) -> Option<Sent> {
    let (path, text) = file(files, &format!("_events_{step}.exs"));
    let version = name_of(path).split('_').next().unwrap();
    assert!(version.parse::<i64>().is_ok(), "{path}");
    let (head, body) = text.split_once("  def up do\n").unwrap();
    assert!(head.contains("defmodule Shop.Repo.Migrations.Events"), "{head}");
    assert!(head.contains("  @disable_migration_lock true\n"));
    let (mut found, mut lines, mut at) = (Vec::new(), body.lines(), Direction::Up);
    while let Some(line) = lines.next() {
        if line == "  def down do" {
            at = Direction::Down;
        }
        let Some(quotes) = line.strip_prefix("    execute(~S") else {
            assert!(
                ["  def down do", "    :ok", "  end", "end", ""].contains(&line),
                "{line}"
            );
            continue;
        };
        assert!(["\"\"\"", "'''"].contains(&quotes), "{line}");
        let mut statement = String::new();
        let end = loop {
            let line = lines.next().unwrap();
            if line.trim_start().starts_with(quotes) {
                break line;
            }
            statement += &format!("{line}\n");
        };
        assert_eq!(end, format!("{quotes})"));
        if at == direction {
            found.push(statement);
        }
    }
    Some(Sent {
        in_transaction: !head.contains("  @disable_ddl_transaction true\n"),
        statements: found,
        prepared: true,
    })
}

/// At semicolons that are neither quoted nor in a comment, as all those that split do.
fn split(script: &str) -> Vec<String> {
    let (mut found, mut begin, mut at) = (Vec::new(), 0, 0);
    while let Some(first) = script[at..].chars().next() {
        let rest = &script[at..];
        let behind = |end: &str, from: usize| {
            from + rest[from..]
                .find(end)
                .map_or(rest.len() - from, |n| n + end.len())
        };
        at += match first {
            '-' if rest.starts_with("--") => behind("\n", 2),
            '\'' => behind("'", 1),
            '"' => behind("\"", 1),
            '$' => {
                let tag = &rest[..behind("$", 1)];
                let is_tag = tag[1..]
                    .chars()
                    .all(|c| c.is_alphanumeric() || c == '_' || c == '$');
                if is_tag { behind(tag, tag.len()) } else { 1 }
            }
            ';' => {
                found.push(script[begin..at].trim().to_owned());
                begin = at + 1;
                1
            }
            other => other.len_utf8(),
        };
    }
    found.push(script[begin..].trim().to_owned());
    let is_comment = |line: &str| line.trim().is_empty() || line.trim().starts_with("--");
    found.retain(|statement| !statement.lines().all(is_comment));
    found
}
