//! The files on disk against those that pgcleave would write.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::project::Folder;
use super::run_context::Context;
use super::{Failure, Hazard, made_by};
use crate::migration::{Directory, DirectoryError, WRITTEN, Written};
use crate::plan::{FACTS_FORMAT, Facts, Plan, Problem, plan_conversion};
use crate::runner::{self, BY_HAND, Changed, Output, PlaceError, Placement};
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
        let name = self.path.display();
        match (&self.expected, &self.found) {
            (None, _) => format!("only on disk: {name}\n"),
            (_, None) => format!("missing: {name}\n"),
            (Some(expected), Some(found)) => TextDiff::from_lines(expected.as_str(), found.as_str())
                .unified_diff()
                .header(&format!("generated/{name}"), &format!("on disk/{name}"))
                .to_string(),
        }
    }
}

/// All of them, one after the other.
pub fn unified(differences: &[Difference]) -> String {
    differences.iter().map(Difference::unified).collect()
}

/// Reads the catalog snapshot that the files were rendered from.
pub fn read_facts(folder: &Path) -> Result<Facts, Failure> {
    let path = folder.join(CATALOG);
    let facts: Facts = read_json(&path)?.ok_or_else(|| {
        Failure::failed(
            anyhow::anyhow!("there is no {}", path.display()),
            "write the migrations: pgcleave generate",
        )
    })?;
    if facts.format != FACTS_FORMAT {
        return Err(Failure::failed(
            anyhow::anyhow!(
                "{} is of format {}, and this is of {FACTS_FORMAT}",
                path.display(),
                facts.format
            ),
            "use the version of pgcleave that wrote it",
        ));
    }
    Ok(facts)
}

/// Reads the names that the migrations have for their runner; `None` for `plain`.
pub fn read_placement(folder: &Path) -> Result<Option<Placement>, Failure> {
    read_json(&folder.join(PLACEMENT))
}

/// Reads the checksums of what was written; nothing where nothing was noted.
pub fn read_written(folder: &Path) -> Result<Written, Failure> {
    Ok(read_json(&folder.join(WRITTEN))?.unwrap_or_default())
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
    pub facts: Facts,
    pub plan: Plan,
    pub placement: Option<Placement>,
    pub outputs: Vec<Output>,
    /// Files of the project's own that must name them.
    pub registered: Vec<Output>,
    /// The version of each file that another pgcleave wrote and nobody has edited: `outputs` has them as they are.
    pub other_versions: Vec<String>,
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
    render(read_facts(folder)?, read_placement(folder)?, folder, spec)
}

/// Renders these facts and this spec.
pub fn render(
    facts: Facts,
    placement: Option<Placement>,
    folder: &Path,
    spec: &TableSpec,
) -> Result<Rendered, Failure> {
    let plan = plan_conversion(&facts, spec).map_err(|problems| {
        Failure::refused(
            &format!(
                "pgcleave.toml no longer fits the recorded catalog snapshot:{}",
                Problem::list_blockers(&problems)
            ),
            "write the migrations again: pgcleave generate",
        )
    })?;
    let mut outputs = runner::outputs(&plan, folder, placement.as_ref())?;
    let other_versions = keep_other_versions(&mut outputs, folder)?;
    Ok(Rendered {
        registered: registered(placement.as_ref(), &outputs)?,
        facts,
        plan,
        placement,
        outputs,
        other_versions,
    })
}

/// Takes outputs as they are on disk where another version of pgcleave wrote them, and says which versions: one that
/// names itself and writes the same, or whose text is as it was written. Nobody has edited such a file, and what has
/// run must stay as it is.
pub fn keep_other_versions(outputs: &mut [Output], folder: &Path) -> Result<Vec<String>, Failure> {
    let written = read_written(folder)?;
    let mut versions = Vec::new();
    for output in outputs {
        let Some(found) = read(&output.path)? else {
            continue;
        };
        let version = made_by::version_of(&found).filter(|version| *version != made_by::THIS);
        let is_unedited =
            || made_by::as_by_this(&found) == output.text || written.holds(folder, &output.path, &found);
        if let Some(version) = version.filter(|_| is_unedited()) {
            versions.push(version.to_owned());
            output.text = found;
        }
    }
    Ok(versions)
}

/// Files of the project's own that must name these.
pub fn registered(placement: Option<&Placement>, outputs: &[Output]) -> Result<Vec<Output>, Failure> {
    match placement.and_then(|p| Some((p, runner::named(p.runner)?))) {
        Some((placement, runner)) => Ok(runner.register(&Folder, placement, outputs)?),
        None => Ok(Vec::new()),
    }
}

/// The same without what they say of migrations that are given up.
pub fn unregistered(gone: Option<&Placement>) -> Result<Vec<Output>, Failure> {
    let Some((gone, runner)) = gone.and_then(|p| Some((p, runner::named(p.runner)?))) else {
        return Ok(Vec::new());
    };
    let project = Changed {
        before: &Folder,
        gone: &gone.files,
        texts: &[],
    };
    Ok(runner.unregister(&project, gone)?)
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
    paths.sort();
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
