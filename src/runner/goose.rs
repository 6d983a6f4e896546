//! goose: one file with a part for each direction, each statement between its marks.

use super::{
    Found, Migration, NOTHING, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment,
    folder_with, has_carriage_return, something_as_one, versions, versions_before_underscore,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;
use crate::sql::statements;

pub struct Goose;

/// Whatever comment holds it is taken for an annotation.
const MARK: &str = "+goose";

impl Runner for Goose {
    fn name(&self) -> RunnerName {
        RunnerName::Goose
    }

    fn usual_directory(&self) -> &'static str {
        "migrations"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let folders = [
            "migrations",
            "db/migrations",
            "sql/migrations",
            "internal/migrations",
        ];
        folder_with(project, &folders, ".sql", "-- +goose Up")
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let mut existing = versions_before_underscore(site, ".sql");
        existing.extend(versions_before_underscore(site, ".go"));
        Ok(site.places(steps, versions::next(&existing, site.now, steps.len())))
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let name = format!("{}_{}.sql", place.version, place.name);
        let header = comment("--", &name, self, migration).replace(MARK, "+ goose");
        let mode = match migration.up.mode {
            Mode::Transaction => "",
            Mode::SingleStatement => "-- +goose NO TRANSACTION\n",
        };
        let up = marked(&migration.up.in_runners_transaction());
        let down = marked(&something_as_one(migration));
        vec![Output {
            path: placement.directory.join(&name),
            text: format!("{header}\n{mode}-- +goose Up\n{up}\n-- +goose Down\n{down}"),
        }]
    }

    fn listens_to(&self, line: &str) -> bool {
        let is_comment = line.trim_start().starts_with("--");
        (is_comment && line.contains(MARK)) || has_carriage_return(line)
    }

    fn undo(&self) -> Undo {
        Undo::Runner("goose down")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &["takes no lock: let one process run the migrations, once"]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some((
            "SELECT version_id::text FROM {} WHERE is_applied",
            "goose_db_version",
        ))
    }

    fn command(&self) -> &'static str {
        "goose up"
    }
}

/// goose ends a statement at any line that ends with a semicolon, unless its marks stand around it.
fn marked(sql: &str) -> String {
    if sql == NOTHING {
        return sql.to_owned();
    }
    statements(sql)
        .iter()
        .map(|statement| format!("-- +goose StatementBegin\n{statement};\n-- +goose StatementEnd\n"))
        .collect()
}
