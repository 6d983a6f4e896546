//! golang-migrate: a pair of files, sent as they are; it opens no transaction.

use std::path::Path;

use super::{
    Found, Migration, NOTHING, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment,
    folder_with, versions, versions_before_underscore, versions_in,
};
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct GolangMigrate;

impl Runner for GolangMigrate {
    fn name(&self) -> RunnerName {
        RunnerName::GolangMigrate
    }

    fn usual_directory(&self) -> &'static str {
        "migrations"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        project
            .read(Path::new("go.mod"))
            .filter(|text| text.contains("golang-migrate"))?;
        let folders = [
            "migrations",
            "db/migrations",
            "internal/db/migrations",
            "sql/migrations",
        ];
        let found = folder_with(project, &folders, ".up.sql", "");
        Some(Found {
            directory: found.map_or_else(|| self.usual_directory().into(), |found| found.directory),
            mark: "go.mod".to_owned(),
        })
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let existing = versions_before_underscore(site, ".sql");
        Ok(site.places(steps, versions::next(&existing, site.now, steps.len())))
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let down = migration.down.script();
        let directions = [
            ("up", migration.up.in_own_transaction()),
            (
                "down",
                down.map_or_else(|| NOTHING.to_owned(), |script| script.in_own_transaction()),
            ),
        ];
        let write = |(direction, sql): (&str, String)| {
            let name = format!("{}_{}.{direction}.sql", place.version, place.name);
            Output {
                path: placement.directory.join(&name),
                text: format!("{}\n{sql}", comment("--", &name, self, migration)),
            }
        };
        directions.map(write).to_vec()
    }

    fn undo(&self) -> Undo {
        Undo::Runner("migrate down 1")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "the database URL must not say x-multi-statement=true: it would cut function bodies at semicolons",
            "a migration that fails leaves its version dirty: mend the cause, then migrate force with the version before it",
        ]
    }

    /// A dirty version is one that failed.
    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some(("SELECT (version - dirty::int)::text FROM {}", "schema_migrations"))
    }

    /// The history holds the last version alone.
    fn all_that_ran(&self, project: &dyn Project, directory: &Path, noted: &[String]) -> Vec<String> {
        let number = |version: &str| version.parse::<u64>().ok();
        let last = noted.iter().filter_map(|version| number(version)).max();
        let versions = versions_in(&project.entries(directory), ".sql").into_iter();
        versions.filter(|version| number(version) <= last).collect()
    }

    fn command(&self) -> &'static str {
        "migrate up"
    }
}
