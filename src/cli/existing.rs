//! The files on disk against those that pgcleave would write.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::project::Folder;
use super::run_context::Context;
use super::{Failure, Hazard};
use crate::migration::{Directory, DirectoryError};
use crate::plan::{Facts, Plan, plan_conversion};
use crate::runner::{self, BY_HAND, Output, PlaceError, Placement};
use crate::spec::TableSpec;

/// Name of the catalog snapshot in a table's folder.
pub const CATALOG: &str = "catalog.json";
/// Name of the placement in a table's folder; there is none for `plain`.
pub const PLACEMENT: &str = "placement.json";

/// A file that isn't as pgcleave would write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub path: PathBuf,
    /// `None` where there ought to be no such file.
    pub expected: Option<String>,
    /// `None` where the file is missing.
    pub found: Option<String>,
}

impl Difference {
    /// From what pgcleave writes to what is on disk.
    pub fn unified(&self) -> String {
        let Some(expected) = &self.expected else {
            return format!("only on disk: {}\n", self.path.display());
        };
        let found = self.found.as_deref().unwrap_or_default();
        let name = self.path.display();
        TextDiff::from_lines(expected.as_str(), found)
            .unified_diff()
            .header(&format!("generated/{name}"), &format!("on disk/{name}"))
            .to_string()
    }
}

/// All of them, one after the other.
pub fn unified(differences: &[Difference]) -> String {
    differences.iter().map(Difference::unified).collect()
}

/// Reads the catalog snapshot that the files were rendered from.
pub fn read_facts(folder: &Path) -> Result<Facts, Failure> {
    read_json(&folder.join(CATALOG))?.ok_or_else(|| {
        Failure::failed(
            anyhow::anyhow!("there is no {}", folder.join(CATALOG).display()),
            "write the migrations: pgcleave generate",
        )
    })
}

/// Reads the names that the migrations have for their runner; `None` for `plain`.
pub fn read_placement(folder: &Path) -> Result<Option<Placement>, Failure> {
    read_json(&folder.join(PLACEMENT))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, Failure> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(DirectoryError::io(path))?,
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        Failure::failed(
            anyhow::anyhow!("{} can't be read: {error}", path.display()),
            "bring it back as it was (version control), or write the migrations again: pgcleave generate",
        )
    })
}

/// What the recorded facts, the spec and the placement say that the files are.
pub struct Rendered {
    pub plan: Plan,
    pub placement: Option<Placement>,
    pub outputs: Vec<Output>,
    /// Files of the project's own that must name them.
    pub registered: Vec<Output>,
}

impl Rendered {
    /// What isn't on disk as it is expected; and what is there beside it, though it is a migration of this table.
    pub fn differences(&self, folder: &Path) -> Result<Vec<Difference>, Failure> {
        let outputs = [&self.outputs[..], &self.registered].concat();
        differences(folder, &outputs, self.placement.as_ref())
    }
}

/// Renders the recorded facts and spec again.
pub fn render_again(folder: &Path, spec: &TableSpec) -> Result<Rendered, Failure> {
    let facts = read_facts(folder)?;
    let placement = read_placement(folder)?;
    let plan = plan_conversion(&facts, spec).map_err(|_| {
        Failure::refused(
            "pgcleave.toml no longer fits the recorded catalog snapshot",
            "write the migrations again: pgcleave generate",
        )
    })?;
    let outputs = runner::outputs(&plan, folder, placement.as_ref())?;
    Ok(Rendered {
        registered: registered(placement.as_ref(), &outputs)?,

        plan,
        placement,
        outputs,
    })
}

/// Files of the project's own that must name these.
pub fn registered(placement: Option<&Placement>, outputs: &[Output]) -> Result<Vec<Output>, Failure> {
    match placement.and_then(|p| Some((p, runner::named(p.runner)?))) {
        Some((placement, runner)) => Ok(runner.register(&Folder, placement, outputs)?),
        None => Ok(Vec::new()),
    }
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        Self::refused(&error.cause, &error.remedy)
    }
}

/// What isn't on disk as it is expected; and what is there beside it, though it is a migration of this table.
pub fn differences(
    folder: &Path,
    outputs: &[Output],
    placement: Option<&Placement>,
) -> Result<Vec<Difference>, Failure> {
    let mut differences = Vec::new();
    for output in outputs {
        let found = read(&output.path)?;
        if found.as_deref() != Some(output.text.as_str()) {
            differences.push(Difference {
                path: output.path.clone(),
                expected: Some(output.text.clone()),
                found,
            });
        }
    }
    for path in ours(folder, placement) {
        if outputs.iter().any(|output| output.path == path) {
            continue;
        }
        if let Some(found) = read(&path)? {
            differences.push(Difference {
                path,
                expected: None,
                found: Some(found),
            });
        }
    }
    Ok(differences)
}

/// Paths of files that are pgcleave's, whether expected or not.
fn ours(folder: &Path, placement: Option<&Placement>) -> Vec<PathBuf> {
    let own = [folder.to_owned(), folder.join(BY_HAND)];
    let mut paths: Vec<PathBuf> = own
        .iter()
        .filter_map(|folder| Directory::read(folder).ok())
        .flat_map(|directory| {
            let path = |name: String| directory.path.join(name);
            directory
                .files
                .iter()
                .map(|f| path(f.name.to_string()))
                .collect::<Vec<_>>()
        })
        .collect();
    paths.extend(placement.iter().flat_map(|p| p.files.clone()));
    paths.dedup();
    paths
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        bytes => {
            let bytes = bytes.map_err(DirectoryError::io(path))?;
            Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
        }
    }
}

/// What runs must be what pgcleave wrote, or what the user says is right.
pub fn refuse_edited_files(context: &Context, allowed: &[Hazard]) -> Result<(), Failure> {
    let rendered = render_again(&context.folder, &context.spec)?;
    let differences = rendered.differences(&context.folder)?;
    if differences.is_empty() {
        return Ok(());
    }
    eprintln!("{}", unified(&differences));
    if allowed.contains(&Hazard::EditedFiles) {
        return Ok(());
    }
    Err(Failure::refused(
        &format!(
            "the files in {} aren't what pgcleave writes for pgcleave.toml and catalog.json",
            context.folder.display()
        ),
        "the diff is above; write them again (pgcleave generate), or run them as they are: --allow edited_files",
    ))
}
