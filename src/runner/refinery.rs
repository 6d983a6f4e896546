//! refinery: numbered files without a way back, each in a transaction; what commits by itself is left to psql.

use std::path::{Path, PathBuf};

use super::{
    Found, Migration, NoTransaction, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo,
    comment, versions,
};
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Refinery;

impl Runner for Refinery {
    fn name(&self) -> RunnerName {
        RunnerName::Refinery
    }

    fn usual_directory(&self) -> &'static str {
        "migrations"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let mark = if project.first_of(&["refinery.toml"]).is_some() {
            "refinery.toml"
        } else if project.says("Cargo.toml", "refinery") {
            "Cargo.toml"
        } else {
            return None;
        };
        let folders = ["migrations", "src/migrations", "sql_migrations"];
        let directory = folders
            .into_iter()
            .find(|folder| !versions_in(project, Path::new(folder)).is_empty());
        Some(Found {
            directory: PathBuf::from(directory.unwrap_or("migrations")),
            mark: mark.to_owned(),
        })
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let existing = versions_in(site.project, site.directory);
        // A version is an i32 unless the program was built otherwise: an empty folder counts from 1.
        let versions = if existing.is_empty() {
            versions::counted(0, 1, steps.len())
        } else {
            versions::next(&existing, site.now, steps.len())
        };
        Ok(site.places(steps, versions))
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let name = format!("V{}__{}.sql", place.version, place.name);
        vec![Output {
            path: placement.directory.join(&name),
            text: format!(
                "{}\n{}",
                comment("--", &name, self, migration),
                migration.up.in_runners_transaction()
            ),
        }]
    }

    fn no_transaction(&self) -> NoTransaction {
        NoTransaction::Impossible
    }

    fn undo(&self) -> Undo {
        Undo::Scripts
    }

    fn forget(&self, place: &Place) -> Option<String> {
        Some(format!(
            "DELETE FROM refinery_schema_history WHERE version = {};",
            place.version
        ))
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "takes no lock, and with --grouped runs all migrations in one transaction: let one process run them, once, without it",
        ]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some(("SELECT version::text FROM {}", "refinery_schema_history"))
    }

    fn command(&self) -> &'static str {
        "refinery migrate"
    }
}

/// Versions of `V<n>__name.sql`, `U<n>__name.rs` and the like, one level of folders deep, as refinery reads them.
fn versions_in(project: &dyn Project, folder: &Path) -> Vec<String> {
    let version = |name: &String| {
        let (version, _) = name.strip_prefix(['V', 'U'])?.split_once("__")?;
        let is_source = name.ends_with(".sql") || name.ends_with(".rs");
        (is_source && version.parse::<u64>().is_ok()).then(|| version.to_owned())
    };
    let entries = project.entries(folder);
    let nested = entries
        .iter()
        .flat_map(|name| project.entries(&folder.join(name)));
    let all: Vec<String> = entries.iter().cloned().chain(nested).collect();
    all.iter().filter_map(version).collect()
}
