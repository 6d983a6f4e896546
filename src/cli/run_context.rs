//! What `apply`, `rollback`, `status` and `verify` have in common: the table's
//! spec, folder and session.

use std::path::{Path, PathBuf};

use super::existing::read_facts;
use super::{Cli, Failure, connect, source};
use crate::apply::Relations;
use crate::db::connect::Target;
use crate::migration::{Directory, Part};
use crate::plan::Facts;
use crate::spec::TableSpec;
use crate::sql::QualifiedName;

/// A table with its migrations and the server.
pub struct Context {
    pub target: Target,
    pub table: QualifiedName,
    pub spec: TableSpec,
    pub folder: PathBuf,
    pub directory: Directory,
    pub relations: Relations,
}

impl Context {
    /// Finds everything by the spec.
    pub fn load(cli: &Cli, spec_path: &Path, table: Option<&str>) -> Result<Self, Failure> {
        let (table, spec) = source::spec_of(spec_path, table)?;
        let folder = source::folder(&spec, &table);
        let directory = Directory::read(&folder)?;
        let target = connect::target(cli)?;
        Ok(Self {
            target,
            relations: source::relations(&table),
            table,
            spec,
            folder,
            directory,
        })
    }

    /// The catalog snapshot that the files were rendered from.
    pub fn facts(&self) -> Result<Facts, Failure> {
        read_facts(&self.folder)
    }

    /// The step that the user named by number, stem or file name.
    pub fn step_named(&self, text: &str) -> Result<String, Failure> {
        let found = self.directory.ups().find(|file| {
            let number = text.parse().is_ok_and(|n: u32| n == file.name.number);
            number || text == file.name.stem || file.name.to_string().starts_with(&format!("{text}."))
        });
        found.map(|file| file.name.stem.clone()).ok_or_else(|| {
            let steps = self
                .directory
                .ups()
                .map(|f| format!("{} {}", f.name.number, f.name.stem));
            Failure::usage(
                &format!("there is no step {text:?}"),
                &format!("one of: {}", steps.collect::<Vec<_>>().join(", ")),
            )
        })
    }

    /// Stems of all steps, first to last.
    pub fn steps(&self) -> Vec<String> {
        self.directory
            .files
            .iter()
            .filter(|f| f.name.part == Part::Up)
            .map(|f| f.name.stem.clone())
            .collect()
    }
}
