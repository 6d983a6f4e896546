//! sqlx: a pair of files, each of which says in its first bytes whether it runs outside a transaction.

use std::path::{Path, PathBuf};

use super::{
    Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment,
    quoted_after, relative, something, versions, versions_before_underscore,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Sqlx;

/// Must be the very first bytes.
const NO_TRANSACTION: &str = "-- no-transaction\n";

impl Runner for Sqlx {
    fn name(&self) -> RunnerName {
        RunnerName::Sqlx
    }

    fn usual_directory(&self) -> &'static str {
        "migrations"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let settings = project.read(Path::new("sqlx.toml"));
        let mark = if settings.is_some() {
            "sqlx.toml"
        } else if !project.entries(Path::new(".sqlx")).is_empty() {
            ".sqlx"
        } else if project.says("Cargo.toml", "sqlx") {
            "Cargo.toml"
        } else {
            return None;
        };
        let settings = settings.unwrap_or_default();
        let directory = quoted_after(&settings, "migrations-dir").map(relative);
        Some(Found {
            directory: directory.unwrap_or_else(|| PathBuf::from("migrations")),
            mark: mark.to_owned(),
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
        let down_mode = migration
            .down
            .script()
            .map_or(Mode::Transaction, |script| script.mode);
        let directions = [
            ("up", migration.up.mode, migration.up.in_runners_transaction()),
            ("down", down_mode, something(&migration.down)),
        ];
        let write = |(direction, mode, sql): (&str, Mode, String)| {
            let name = format!("{}_{}.{direction}.sql", place.version, place.name);
            let mark = match mode {
                Mode::Transaction => "",
                Mode::SingleStatement => NO_TRANSACTION,
            };
            Output {
                path: placement.directory.join(&name),
                text: format!("{mark}{}\n{sql}", comment("--", &name, self, migration)),
            }
        };
        directions.map(write).to_vec()
    }

    fn undo(&self) -> Undo {
        Undo::Runner("sqlx migrate revert")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "needs sqlx 0.8.3 or newer, which honours -- no-transaction in both directions",
            "sqlx-cli takes no lock: let one process run the migrations, once",
        ]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some(("SELECT version::text FROM {} WHERE success", "_sqlx_migrations"))
    }

    fn command(&self) -> &'static str {
        "sqlx migrate run"
    }
}
