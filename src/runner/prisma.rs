//! Prisma: a folder for each migration, sent as it is; there is no way back.

use std::path::{Path, PathBuf};

use super::{
    Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment, versions,
};
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Prisma;

impl Runner for Prisma {
    fn name(&self) -> RunnerName {
        RunnerName::Prisma
    }

    fn usual_directory(&self) -> &'static str {
        "prisma/migrations"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let files = [
            "prisma/migrations/migration_lock.toml",
            "prisma/schema.prisma",
            "prisma.config.ts",
            "schema.prisma",
        ];
        let mark = project.first_of(&files)?;
        let beside = project
            .read(Path::new("migrations/migration_lock.toml"))
            .is_some();
        let directory = if beside {
            "migrations"
        } else {
            self.usual_directory()
        };
        Some(Found {
            directory: PathBuf::from(directory),
            mark: mark.to_owned(),
        })
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let existing: Vec<String> = (site.entries().iter())
            .filter_map(|folder| Some(folder.split_once('_')?.0.to_owned()))
            .collect();
        // Folders are ordered by name: time stamps come behind whatever is there.
        Ok(site.places(steps, versions::time_stamps(&existing, site.now, steps.len())))
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let name = format!("{}_{}", place.version, place.name);
        vec![Output {
            path: placement.directory.join(&name).join("migration.sql"),
            text: format!(
                "{}\n{}",
                comment("--", &name, self, migration),
                migration.up.in_own_transaction()
            ),
        }]
    }

    fn register(
        &self,
        project: &dyn Project,
        placement: &Placement,
        _outputs: &[Output],
    ) -> Result<Vec<Output>, PlaceError> {
        let path = placement.directory.join("migration_lock.toml");
        if project.read(&path).is_some() {
            return Ok(Vec::new());
        }
        Ok(vec![Output {
            path,
            text: "provider = \"postgresql\"\n".to_owned(),
        }])
    }

    fn undo(&self) -> Undo {
        Undo::Scripts
    }

    fn forget(&self, place: &Place) -> Option<String> {
        Some(format!(
            "DELETE FROM _prisma_migrations WHERE migration_name = '{}_{}';",
            place.version, place.name
        ))
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "a migration that fails blocks the next ones until prisma migrate resolve --rolled-back NAME",
            "schema.prisma must name the longer primary key, @@id([...]), or prisma migrate dev reports a drift",
        ]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some((
            "SELECT pg_catalog.split_part(migration_name, '_', 1) FROM {} WHERE finished_at IS NOT NULL",
            "_prisma_migrations",
        ))
    }

    fn command(&self) -> &'static str {
        "prisma migrate deploy"
    }
}
