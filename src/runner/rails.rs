//! Rails: a Ruby class for each migration.

use std::collections::BTreeMap;
use std::path::Path;

use super::{
    Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, camel_case, comment,
    has_carriage_return, something_as_one, versions, versions_before_underscore,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Rails;

/// Ends the statements.
const HEREDOC: &str = "PGCLEAVE_SQL";
const VERSION: &str = "version";
const STRONG: &str = "strong_migrations";
/// Where neither migrations nor the lock file say it: newer ones accept older versions.
const OLDEST: &str = "6.1";

impl Runner for Rails {
    fn name(&self) -> RunnerName {
        RunnerName::Rails
    }

    fn usual_directory(&self) -> &'static str {
        "db/migrate"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let mark = project.first_of(&["config/application.rb", "bin/rails"])?;
        Some(Found {
            directory: self.usual_directory().into(),
            mark: mark.to_owned(),
        })
    }

    fn style(&self, project: &dyn Project, directory: &Path) -> Result<BTreeMap<String, String>, PlaceError> {
        let lock = project.read(Path::new("Gemfile.lock")).unwrap_or_default();
        let newest = project
            .entries(directory)
            .into_iter()
            .rfind(|file| file.ends_with(".rb"));
        let source = newest
            .and_then(|file| project.read(&directory.join(file)))
            .unwrap_or_default();
        let of_newest = source
            .split_once("ActiveRecord::Migration[")
            .and_then(|(_, rest)| Some(rest.split_once(']')?.0.to_owned()));
        let version = of_newest
            .or_else(|| locked_version(&lock))
            .unwrap_or_else(|| OLDEST.to_owned());
        let mut style = BTreeMap::from([(VERSION.to_owned(), version)]);
        if lock.contains(" strong_migrations ") {
            style.insert(STRONG.to_owned(), "yes".to_owned());
        }
        Ok(style)
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let existing = versions_before_underscore(site, ".rb");
        Ok(site.places(steps, versions::next(&existing, site.now, steps.len())))
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let name = format!("{}_{}.rb", place.version, place.name);
        let mode = match migration.up.mode {
            Mode::Transaction => "",
            Mode::SingleStatement => "  disable_ddl_transaction!\n\n",
        };
        let is_strong = !placement.style(STRONG).is_empty();
        let text = format!(
            "{}\nclass {} < ActiveRecord::Migration[{}]\n{mode}  def up\n{}  end\n\n  def down\n{}  end\nend\n",
            comment("#", &name, self, migration),
            camel_case(&place.name),
            placement.style(VERSION),
            execute(&migration.up.in_runners_transaction(), is_strong),
            execute(&something_as_one(migration), is_strong),
        );
        vec![Output {
            path: placement.directory.join(&name),
            text,
        }]
    }

    fn listens_to(&self, line: &str) -> bool {
        line.trim() == HEREDOC || has_carriage_return(line)
    }

    fn undo(&self) -> Undo {
        Undo::Runner("bin/rails db:rollback")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "needs config.active_record.schema_format = :sql: schema.rb can't hold partitions, functions and triggers",
        ]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some(("SELECT version::text FROM {}", "schema_migrations"))
    }

    fn command(&self) -> &'static str {
        "bin/rails db:migrate"
    }
}

/// `7.1` for the line `    activerecord (7.1.3)`.
fn locked_version(lock: &str) -> Option<String> {
    let line = lock
        .lines()
        .find_map(|line| line.trim().strip_prefix("activerecord ("))?;
    let mut numbers = line.split(['.', ')']);
    Some(format!("{}.{}", numbers.next()?, numbers.next()?))
}

/// A heredoc in single quotes holds any text but its own end.
fn execute(sql: &str, is_strong: bool) -> String {
    let call = format!("execute(<<-'{HEREDOC}')\n{}\n{HEREDOC}\n", sql.trim_end());
    if is_strong {
        format!("    safety_assured do\n    {call}    end\n")
    } else {
        format!("    {call}")
    }
}

#[cfg(test)]
mod tests {
    use super::locked_version;

    #[test]
    fn reads_the_locked_version() {
        assert_eq!(
            locked_version("GEM\n    activerecord (7.1.3)\n").as_deref(),
            Some("7.1")
        );
    }
}
