//! dbmate: one file with a part for each direction.

use std::path::Path;

use super::{
    Down, Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Script, Site, Undo,
    comment, versions,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Dbmate;

const DIRECTORY: &str = "db/migrations";

impl Runner for Dbmate {
    fn name(&self) -> RunnerName {
        RunnerName::Dbmate
    }

    fn usual_directory(&self) -> &'static str {
        DIRECTORY
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let directory = Path::new(DIRECTORY);
        let marked = project.entries(directory).into_iter().find(|file| {
            let text = project.read(&directory.join(file));
            file.ends_with(".sql") && text.is_some_and(|text| text.contains("-- migrate:up"))
        })?;
        Some(Found {
            directory: directory.to_owned(),
            mark: format!("{DIRECTORY}/{marked}"),
        })
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let existing: Vec<String> = site
            .entries()
            .iter()
            .filter_map(|file| Some(file.strip_suffix(".sql")?.split('_').next()?.to_owned()))
            .collect();
        Ok(site.places(steps, versions::next(&existing, site.now, steps.len())))
    }

    fn write(&self, placement: &Placement, place: &Place, migration: &Migration) -> Vec<Output> {
        let name = format!("{}_{}.sql", place.version, place.name);
        let (up_mark, up) = part("up", &migration.up);
        // The down part is mandatory, and so is a statement in it.
        let (down_mark, down) = match &migration.down {
            Down::Nothing => (
                "-- migrate:down".to_owned(),
                "SELECT 1; -- there is nothing to undo\n".to_owned(),
            ),
            other => other
                .script()
                .map_or_else(Default::default, |script| part("down", &script)),
        };
        let header = comment("--", &name, self, migration);
        vec![Output {
            path: placement.directory.join(&name),
            text: format!("{header}\n{up_mark}\n{up}\n{down_mark}\n{down}"),
        }]
    }

    fn undo(&self) -> Undo {
        Undo::Runner("dbmate rollback")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &["dbmate takes no lock: let one process run the migrations, once"]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some(("SELECT version::text FROM schema_migrations", "schema_migrations"))
    }

    fn command(&self) -> &'static str {
        "dbmate up"
    }
}

/// The mark and the statements of a direction; a file holds one statement where there is no transaction.
fn part(direction: &str, script: &Script) -> (String, String) {
    let mark = match script.mode {
        Mode::Transaction => format!("-- migrate:{direction}"),
        Mode::SingleStatement => format!("-- migrate:{direction} transaction:false"),
    };
    (mark, script.in_runners_transaction())
}
