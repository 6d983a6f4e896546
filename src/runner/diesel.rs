//! diesel: a folder for each migration, whose metadata says for both directions whether there is a transaction.

use std::path::{Path, PathBuf};

use super::{
    Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment,
    quoted_after, relative, something_as_one, versions,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Diesel;

impl Runner for Diesel {
    fn name(&self) -> RunnerName {
        RunnerName::Diesel
    }

    fn usual_directory(&self) -> &'static str {
        "migrations"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let settings = project.read(Path::new("diesel.toml"));
        let mark = if settings.is_some() {
            "diesel.toml"
        } else if project.says("Cargo.toml", "diesel") {
            "Cargo.toml"
        } else {
            return None;
        };
        let settings = settings.unwrap_or_default();
        let section = settings
            .split_once("[migrations_directory]")
            .map_or("", |(_, rest)| rest);
        let directory = quoted_after(section, "dir").map(relative);
        Some(Found {
            directory: directory.unwrap_or_else(|| PathBuf::from("migrations")),
            mark: mark.to_owned(),
        })
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        // Versions are compared as texts: whatever is there, time stamps come behind it.
        let existing: Vec<String> = (site.entries().iter())
            .filter_map(|folder| folder.split('_').next().map(str::to_owned))
            .collect();
        let time_stamps = versions::time_stamps(&existing, site.now, steps.len());
        Ok(site.places(steps, time_stamps))
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let name = format!("{}_{}", dashed(&place.version), place.name);
        let folder = placement.directory.join(&name);
        let header = comment("--", &name, self, migration);
        let output = |file: &str, text: String| Output {
            path: folder.join(file),
            text,
        };
        let mut outputs = vec![
            output(
                "up.sql",
                format!("{header}\n{}", migration.up.in_runners_transaction()),
            ),
            output("down.sql", format!("{header}\n{}", something_as_one(migration))),
        ];
        if migration.up.mode == Mode::SingleStatement {
            outputs.push(output("metadata.toml", "run_in_transaction = false\n".to_owned()));
        }
        outputs
    }

    fn undo(&self) -> Undo {
        Undo::Runner("diesel migration revert")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "takes no lock: let one process run the migrations, once",
            "print_schema fails on tables without a primary key, and lists every partition: in diesel.toml set [print_schema] filter = { except_tables = [\"_pgcleave\", \"_p[0-9]\", \"_guard(_moves)?$\"] }",
        ]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some(("SELECT version::text FROM {}", "__diesel_schema_migrations"))
    }

    fn command(&self) -> &'static str {
        "diesel migration run"
    }
}

/// `2026-01-15-120000` for `20260115120000`.
fn dashed(version: &str) -> String {
    let part = |from, to| version.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}", part(0, 4), part(4, 6), part(6, 8), part(8, 14))
}
