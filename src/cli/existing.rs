//! The files on disk against those that pgcleave would write.

use std::fs;
use std::path::Path;

use similar::TextDiff;

use super::run_context::Context;
use super::{Failure, Hazard};
use crate::migration::{Directory, DirectoryError, MigrationFile};
use crate::plan::{Facts, Plan, plan_conversion};
use crate::runner;
use crate::spec::TableSpec;

/// Name of the catalog snapshot in a table's folder.
pub const CATALOG: &str = "catalog.json";

/// Reads the catalog snapshot that the files were rendered from.
pub fn read_facts(folder: &Path) -> Result<Facts, Failure> {
    let path = folder.join(CATALOG);
    let text = fs::read_to_string(&path).map_err(DirectoryError::io(&path))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::failed(
            anyhow::anyhow!("{} can't be read: {error}", path.display()),
            "write the migrations again: pgcleave generate",
        )
    })
}

/// Renders the recorded facts and spec again.
pub fn render_again(folder: &Path, spec: &TableSpec) -> Result<(Facts, Plan, Vec<MigrationFile>), Failure> {
    let facts = read_facts(folder)?;
    let plan = plan_conversion(&facts, spec).map_err(|_| {
        Failure::refused(
            "pgcleave.toml no longer fits the recorded catalog snapshot",
            "write the migrations again: pgcleave generate",
        )
    })?;
    let files = runner::files(&plan)?;
    Ok((facts, plan, files))
}

/// Unified diff from the expected files to those on disk; empty where they're equal.
pub fn difference(directory: &Directory, expected: &[MigrationFile]) -> String {
    let mut diff = String::new();
    for file in expected {
        let found = directory
            .files
            .iter()
            .find(|f| f.name == file.name)
            .map_or("", |f| f.text.as_str());
        if found != file.text {
            let name = file.name.to_string();
            let text = TextDiff::from_lines(file.text.as_str(), found);
            diff.push_str(
                &text
                    .unified_diff()
                    .header(&format!("generated/{name}"), &format!("on disk/{name}"))
                    .to_string(),
            );
        }
    }
    for file in directory
        .files
        .iter()
        .filter(|f| !expected.iter().any(|e| e.name == f.name))
    {
        diff.push_str(&format!("only on disk: {}\n", file.name));
    }
    diff
}

/// What runs must be what pgcleave wrote, or what the user says is right.
pub fn refuse_edited_files(context: &Context, allowed: &[Hazard]) -> Result<(), Failure> {
    let (_, _, expected) = render_again(&context.folder, &context.spec)?;
    let diff = difference(&context.directory, &expected);
    if diff.is_empty() {
        return Ok(());
    }
    eprintln!("{diff}");
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
