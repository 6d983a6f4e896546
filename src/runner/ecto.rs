//! Ecto: an Elixir module for each migration, one statement a call.

use std::collections::BTreeMap;
use std::path::Path;

use super::{
    Found, Migration, NOTHING, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, camel_case,
    comment, has_carriage_return, something_as_one, versions, versions_before_underscore,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;
use crate::sql::statements;

pub struct Ecto;

const REPO: &str = "repo";

impl Runner for Ecto {
    fn name(&self) -> RunnerName {
        RunnerName::Ecto
    }

    fn usual_directory(&self) -> &'static str {
        "priv/repo/migrations"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        project.first_of(&["mix.exs"])?;
        let repos = project.entries(Path::new("priv"));
        let folder = repos
            .iter()
            .map(|repo| Path::new("priv").join(repo).join("migrations"));
        let directory = folder
            .into_iter()
            .find(|folder| project.entries(folder).iter().any(|file| file.ends_with(".exs")));
        let uses = directory.is_some() || project.says("mix.exs", ":ecto_sql");
        uses.then(|| Found {
            directory: directory.unwrap_or_else(|| self.usual_directory().into()),
            mark: "mix.exs".to_owned(),
        })
    }

    fn style(&self, project: &dyn Project, directory: &Path) -> Result<BTreeMap<String, String>, PlaceError> {
        let newest = project
            .entries(directory)
            .into_iter()
            .rfind(|file| file.ends_with(".exs") && !file.starts_with('.'));
        let source = newest
            .and_then(|file| project.read(&directory.join(file)))
            .unwrap_or_default();
        let of_newest = source
            .split_once("defmodule ")
            .and_then(|(_, rest)| Some(rest.split_once(".Migrations.")?.0.to_owned()));
        let repo = of_newest.or_else(|| {
            let mix = project.read(Path::new("mix.exs"))?;
            let app = mix.split_once("app: :")?.1;
            let app: String = app
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            Some(format!("{}.Repo", camel_case(&app)))
        });
        let repo = repo.ok_or_else(|| PlaceError {
            cause: "neither mix.exs nor a migration says what the repo's module is called".to_owned(),
            remedy: "start pgcleave in the project's folder".to_owned(),
        })?;
        Ok(BTreeMap::from([(REPO.to_owned(), repo)]))
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let existing = versions_before_underscore(site, ".exs");
        Ok(site.places(steps, versions::next(&existing, site.now, steps.len())))
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let name = format!("{}_{}.exs", place.version, place.name);
        let mode = match migration.up.mode {
            Mode::Transaction => "",
            Mode::SingleStatement => "  @disable_ddl_transaction true\n",
        };
        let text = format!(
            "{}\ndefmodule {}.Migrations.{} do\n  use Ecto.Migration\n\n{mode}  @disable_migration_lock true\n\n  def up do\n{}  end\n\n  def down do\n{}  end\nend\n",
            comment("#", &name, self, migration),
            placement.style(REPO),
            camel_case(&place.name),
            calls(&migration.up.in_runners_transaction()),
            calls(&something_as_one(migration)),
        );
        vec![Output {
            path: placement.directory.join(&name),
            text,
        }]
    }

    fn listens_to(&self, line: &str) -> bool {
        has_carriage_return(line)
    }

    fn undo(&self) -> Undo {
        Undo::Runner("mix ecto.rollback")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "takes no lock here (@disable_migration_lock), as its lock is an idle transaction, whose snapshot the cutover waits for in vain: let one process run the migrations, once",
        ]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some(("SELECT version::text FROM {}", "schema_migrations"))
    }

    fn command(&self) -> &'static str {
        "mix ecto.migrate"
    }
}

/// Every statement is prepared: one a call.
fn calls(sql: &str) -> String {
    if sql == NOTHING {
        return "    :ok\n".to_owned();
    }
    statements(sql)
        .iter()
        .map(|statement| format!("    execute({})\n", heredoc(statement)))
        .collect()
}

/// A sigil with a capital letter knows no escapes: it ends at the first line that begins with its quotes.
fn heredoc(statement: &str) -> String {
    let ends_at = |quotes: &str| {
        statement
            .lines()
            .any(|line| line.trim_start().starts_with(quotes))
    };
    match ["\"\"\"", "'''"].into_iter().find(|quotes| !ends_at(quotes)) {
        Some(quotes) => format!("~S{quotes}\n{statement}\n{quotes}"),
        None => {
            let escaped = statement
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace("#{", "\\#{");
            format!("\"\"\"\n{escaped}\n\"\"\"")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::heredoc;

    #[test]
    fn a_heredoc_ends_where_it_should() {
        assert_eq!(heredoc("a \"\"\" #{b} \\"), "~S\"\"\"\na \"\"\" #{b} \\\n\"\"\"");
        assert_eq!(heredoc("a\n  \"\"\"b"), "~S'''\na\n  \"\"\"b\n'''");
        assert_eq!(
            heredoc("\"\"\"\n'''\\#{"),
            "\"\"\"\n\\\"\\\"\\\"\n'''\\\\\\#{\n\"\"\""
        );
    }
}
