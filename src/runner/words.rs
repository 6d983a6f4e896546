//! What runners look for in the lines of SQL that they are given.

use super::{Migration, PlaceError, Runner};

/// Refuses SQL that the runner would misread: an expression or a function of the user's may hold such a line.
///
/// # Errors
/// Names the step and the line.
pub fn refuse_misread(runner: &dyn Runner, migrations: &[Migration]) -> Result<(), PlaceError> {
    for migration in migrations {
        let scripts = [Some(migration.up.clone()), migration.down.script()];
        let text: String = scripts
            .into_iter()
            .flatten()
            .map(|s| s.in_own_transaction())
            .collect();
        // A carriage return is part of the line.
        let line = text.split('\n').find(|line| runner.listens_to(line));
        if let Some(text) = line.map(str::to_owned).or_else(|| runner.misread(&text)) {
            return Err(PlaceError {
                cause: format!(
                    "{} would misread this in {}: {}",
                    runner.name().as_str(),
                    migration.step.stem(),
                    text.trim().escape_debug()
                ),
                remedy: "change it in the table's definition, or use another runner (--runner plain)"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

/// Whether a line is a comment that begins with one of these words, in whatever case.
pub fn comment_begins(line: &str, words: &[&str]) -> bool {
    let Some(comment) = line.trim_start().strip_prefix("--") else {
        return false;
    };
    let comment = comment.trim_start().to_lowercase();
    words.iter().any(|word| comment.starts_with(word))
}

/// Source code and readers of lines end a line at it, and lose it: a string that holds one would be another.
pub fn has_carriage_return(line: &str) -> bool {
    line.contains('\r')
}

#[cfg(test)]
mod tests {
    use super::comment_begins;

    #[test]
    fn white_space_and_case_do_not_matter() {
        assert!(comment_begins("  --  Migrate:Down", &["migrate:"]));
        assert!(comment_begins("--rollback x", &["changeset", "rollback"]));
        assert!(!comment_begins("SELECT 1 -- rollback", &["rollback"]));
        assert!(!comment_begins("-- the rollback", &["rollback"]));
    }
}
