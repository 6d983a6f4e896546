//! The plain runner's file format, the one that `apply` runs.

use std::fmt;

use sha2::{Digest, Sha256};

/// First statement of a file that runs in one transaction.
pub const TRANSACTION_BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;";
/// Its last statement.
pub const TRANSACTION_END: &str = "COMMIT;";

/// Which of a step's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Does the step.
    Up,
    /// Undoes it.
    Down,
    /// Fails unless the step is done; changes nothing.
    Verify,
}

impl Part {
    /// In the order in which a folder lists them.
    pub const ALL: [Self; 3] = [Self::Up, Self::Down, Self::Verify];

    /// As in a file's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Verify => "verify",
        }
    }
}

/// `0004_run_batch_copy.up.sql`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName {
    /// Position among the steps, from 1.
    pub number: u32,
    /// [`crate::plan::Step::stem`].
    pub stem: String,
    /// Which of the step's files.
    pub part: Part,
}

impl FileName {
    /// `None` for files that aren't ours.
    pub fn parse(name: &str) -> Option<Self> {
        let (number, rest) = name.strip_suffix(".sql")?.split_once('_')?;
        let (stem, part) = rest.rsplit_once('.')?;
        let part = Part::ALL.into_iter().find(|p| p.name() == part)?;
        let number = (number.len() == 4).then(|| number.parse().ok()).flatten()?;
        Some(Self {
            number,
            stem: stem.to_owned(),
            part,
        })
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}_{}.{}.sql", self.number, self.stem, self.part.name())
    }
}

/// How a file runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In one transaction, whose statements are between BEGIN and COMMIT.
    Transaction,
    /// Exactly one statement, which commits by itself.
    SingleStatement,
}

/// A migration file with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationFile {
    /// Its name in the folder.
    pub name: FileName,
    /// All of it, header and statements.
    pub text: String,
}

impl MigrationFile {
    /// How the file runs: it says so by its BEGIN and COMMIT.
    pub fn mode(&self) -> Mode {
        if self.body().is_some() {
            Mode::Transaction
        } else {
            Mode::SingleStatement
        }
    }

    /// The statements between BEGIN and COMMIT.
    pub fn body(&self) -> Option<&str> {
        let begin = format!("\n{TRANSACTION_BEGIN}\n");
        let (_, rest) = self.text.split_once(&begin)?;
        rest.trim_end().strip_suffix(TRANSACTION_END)
    }

    /// The title in the header's first line.
    pub fn title(&self) -> &str {
        let line = self.text.lines().next().unwrap_or_default();
        line.split_once(": ").map_or(line, |(_, title)| title)
    }

    /// What the header says under a heading (`Lock`, `Takes`, `Undo`, `Mind`, `Lint` …).
    pub fn header<'a>(&'a self, heading: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.text.lines().take_while(|line| line.starts_with("--"));
        lines.filter_map(move |line| {
            line.strip_prefix("-- ")?
                .strip_prefix(heading)?
                .strip_prefix(": ")
        })
    }

    /// sha256 of the whole text, lower-case hex.
    pub fn checksum(&self) -> String {
        checksum(&self.text)
    }
}

/// sha256 of a text, lower-case hex.
pub fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let name = FileName {
            number: 4,
            stem: "run_batch_copy".into(),
            part: Part::Up,
        };
        assert_eq!(name.to_string(), "0004_run_batch_copy.up.sql");
        assert_eq!(FileName::parse("0004_run_batch_copy.up.sql"), Some(name));
        assert_eq!(FileName::parse("notes.md"), None);
        assert_eq!(FileName::parse("4_x.up.sql"), None);
    }

    #[test]
    fn finds_body_and_header() {
        let name = FileName::parse("0001_a.up.sql").unwrap();
        let text = "-- 0001_a.up.sql: Make it\n-- Lock: none\n\nBEGIN ISOLATION LEVEL READ COMMITTED;\nSELECT 1;\nCOMMIT;\n";
        let file = MigrationFile {
            name,
            text: text.into(),
        };
        assert_eq!(
            (file.title(), file.header("Lock").next(), file.body()),
            ("Make it", Some("none"), Some("SELECT 1;\n"))
        );
        assert_eq!(file.mode(), Mode::Transaction);
    }
}
