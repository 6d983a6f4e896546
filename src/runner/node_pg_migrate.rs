//! node-pg-migrate: a JavaScript file for each migration.
//!
//! It runs all pending migrations in one transaction unless one of them says otherwise: all of ours do, so that no
//! lock is held until the last of the others has run, and open their own.

use super::{
    Down, Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Script, Site, Undo,
    comment, has_carriage_return, javascript, versions, versions_before_underscore,
};
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct NodePgMigrate;

impl Runner for NodePgMigrate {
    fn name(&self) -> RunnerName {
        RunnerName::NodePgMigrate
    }

    fn usual_directory(&self) -> &'static str {
        "migrations"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        project
            .says("package.json", "\"node-pg-migrate\"")
            .then(|| Found {
                directory: self.usual_directory().into(),
                mark: "package.json".to_owned(),
            })
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let existing: Vec<String> = versions_before_underscore(site, "");
        let prefixes = prefixes(&existing, site, steps.len());
        let mut places = site.places(steps, prefixes);
        places
            .iter_mut()
            .for_each(|place| place.name = place.name.replace('_', "-"));
        Ok(places)
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let name = format!("{}_{}.cjs", place.version, place.name);
        let down = match &migration.down {
            Down::Nothing => "exports.down = () => {}; // there is nothing to undo\n".to_owned(),
            other => other
                .script()
                .map_or_else(String::new, |script| function("down", &script)),
        };
        vec![Output {
            path: placement.directory.join(&name),
            text: format!(
                "{}\n{}\n{down}",
                comment("//", &name, self, migration),
                function("up", &migration.up)
            ),
        }]
    }

    fn listens_to(&self, line: &str) -> bool {
        has_carriage_return(line)
    }

    fn undo(&self) -> Undo {
        Undo::Runner("node-pg-migrate down")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "notes a migration as run after its own COMMIT: one that is killed in between says that its objects exist already; then note it by hand in pgmigrations",
        ]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some((
            "SELECT pg_catalog.split_part(name, '_', 1) FROM {}",
            "pgmigrations",
        ))
    }

    fn command(&self) -> &'static str {
        "node-pg-migrate up"
    }
}

/// Milliseconds, as usual; 17 digits of a time or counted numbers where those are there.
fn prefixes(existing: &[String], site: &Site<'_>, count: usize) -> Vec<String> {
    let is_counted = !existing.is_empty() && existing.iter().all(|prefix| prefix.len() < 10);
    if is_counted {
        return versions::next(existing, site.now, count);
    }
    if existing.iter().any(|prefix| prefix.len() == 17) {
        return versions::time_stamps(existing, site.now, count);
    }
    let milliseconds = existing.iter().filter_map(|prefix| prefix.parse::<i64>().ok());
    let last = milliseconds.max().unwrap_or(0).max(site.now.timestamp_millis());
    (1..=count as i64)
        .map(|position| (last + position).to_string())
        .collect()
}

fn function(name: &str, script: &Script) -> String {
    let sql = javascript::template_literal(&script.in_own_transaction());
    format!("exports.{name} = (pgm) => {{\n  pgm.noTransaction();\n  pgm.sql({sql});\n}};\n")
}
