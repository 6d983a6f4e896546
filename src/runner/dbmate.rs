//! dbmate: one file with a part for each direction.

use super::{
    Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment,
    comment_begins, folder_with, something, versions, versions_before_underscore,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Dbmate;

impl Runner for Dbmate {
    fn name(&self) -> RunnerName {
        RunnerName::Dbmate
    }

    fn usual_directory(&self) -> &'static str {
        "db/migrations"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        folder_with(project, &["db/migrations"], ".sql", "-- migrate:up")
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let existing = versions_before_underscore(site, ".sql");
        Ok(site.places(steps, versions::next_as_text(&existing, site.now, steps.len())?))
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let name = format!("{}_{}.sql", place.version, place.name);
        let header = comment("--", &name, self, migration);
        let up_mark = mark(migration.up.mode);
        let down_mark = migration.down.script().map_or("", |script| mark(script.mode));
        let (up, down) = (migration.up.in_runners_transaction(), something(&migration.down));
        vec![Output {
            path: placement.directory.join(&name),
            text: format!("{header}\n-- migrate:up{up_mark}\n{up}\n-- migrate:down{down_mark}\n{down}"),
        }]
    }

    fn listens_to(&self, line: &str) -> bool {
        comment_begins(line, &["migrate:"])
    }

    fn undo(&self) -> Undo {
        Undo::Runner("dbmate rollback")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &["takes no lock: let one process run the migrations, once"]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some(("SELECT version::text FROM {}", "schema_migrations"))
    }

    fn command(&self) -> &'static str {
        "dbmate up"
    }
}

fn mark(mode: Mode) -> &'static str {
    match mode {
        Mode::Transaction => "",
        Mode::SingleStatement => " transaction:false",
    }
}
