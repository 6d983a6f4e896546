//! A table's set of files: compared with what is there, and written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::changes::changes;
use super::existing::{
    CATALOG, Difference, PLACEMENT, differences, keep_other_versions, read_facts, read_placement,
    read_written, registered, render_again, unified, unregistered,
};
use super::placing::{self, HasRun};
use super::{Cli, Failure, GenerateArgs, inspect, prompt, source};
use crate::migration::{DirectoryError, WRITTEN, write_whole};
use crate::plan::{Facts, Plan, Problem};
use crate::runner::{self, Output, Placement};
use crate::spec::{Spec, TableSpec};
use crate::sql::QualifiedName;

/// Everything that `generate` writes for a table.
pub struct Set {
    pub folder: PathBuf,
    pub facts: Facts,
    pub spec: TableSpec,
    pub plan: Plan,
    pub placement: Option<Placement>,
    /// What the live server says of the plan.
    pub notes: Vec<Problem>,
}

impl Set {
    /// Shows or writes it, but for migrations that have run; asks before it overwrites what was edited by hand.
    pub fn write(
        mut self,
        cli: &Cli,
        args: &GenerateArgs,
        table: &QualifiedName,
        has_run: &HasRun,
    ) -> Result<(), Failure> {
        let outputs = runner::outputs(&self.plan, &self.folder, self.placement.as_ref())?;
        if args.dry_run {
            outputs.iter().for_each(|output| println!("{}", output.text));
            return Ok(());
        }
        // They stay as they were run; lost ones are written again.
        let mut kept = has_run.files(&self.plan, &self.folder, self.placement.as_ref())?;
        kept.retain(|path| path.exists());
        refuse_to_change(&self.folder, &kept, &outputs)?;
        let outputs: Vec<Output> = outputs.into_iter().filter(|o| !kept.contains(&o.path)).collect();
        if !may_overwrite(&self.folder, table, &self.spec, &outputs, &kept, args)? {
            eprintln!("nothing was written");
            return Ok(());
        }
        let changed = self.write_files(&outputs, &kept)?;
        write_spec(&args.spec.path, &self.spec)?;
        if !cli.quiet {
            self.report(args, changed);
        }
        println!("{}", self.folder.display());
        Ok(())
    }

    /// Writes what differs, and takes away what is no longer part of it; whether anything did.
    fn write_files(&mut self, outputs: &[Output], kept: &[PathBuf]) -> Result<bool, Failure> {
        let before = read_placement(&self.folder)?;
        let mut stale = differences(&self.folder, outputs, before.as_ref())?;
        stale.retain(|d| !kept.contains(&d.path));
        let changed = !stale.is_empty();
        stale.retain(|d| d.expected.is_none());
        if changed || self.is_recorded_otherwise()? {
            let catalog = serde_json::to_string_pretty(&self.facts)?;
            write_if_new(&self.folder.join(CATALOG), &format!("{catalog}\n"))?;
        }
        let written: Vec<PathBuf> = kept
            .iter()
            .chain(outputs.iter().map(|o| &o.path))
            .cloned()
            .collect();
        let gone = before.map(|before| before.given_up(self.placement.as_ref(), &written));
        for output in unregistered(gone.as_ref())? {
            write_if_new(&output.path, &output.text)?;
        }
        for Difference { path, .. } in stale {
            fs::remove_file(&path).map_err(DirectoryError::io(&path))?;
            remove_if_empty(path.parent());
        }
        // Between what goes and what comes: who is interrupted finds the same names again.
        self.write_placement(written)?;
        self.write_checksums(outputs, kept)?;
        for output in outputs {
            write_if_new(&output.path, &output.text)?;
        }
        let mut all = runner::outputs(&self.plan, &self.folder, self.placement.as_ref())?;
        keep_other_versions(&mut all, &self.folder)?;
        for output in registered(self.placement.as_ref(), &all)? {
            write_if_new(&output.path, &output.text)?;
        }
        Ok(changed)
    }

    /// Whether the table has changed since it was recorded; what its rows hold, and the day, change all the time.
    fn is_recorded_otherwise(&self) -> Result<bool, Failure> {
        match read_facts(&self.folder) {
            Ok(recorded) => Ok(!changes(&recorded.table, &self.facts.table)?.is_empty()),
            Err(_) => Ok(true),
        }
    }

    fn write_placement(&mut self, files: Vec<PathBuf>) -> Result<(), Failure> {
        let path = self.folder.join(PLACEMENT);
        let Some(placement) = &mut self.placement else {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(DirectoryError::io(&path)(error).into())
                }
                _ => Ok(()),
            };
        };
        placement.files = files;
        placement.files.sort();
        let text = format!("{}\n", serde_json::to_string_pretty(placement)?);
        write_if_new(&path, &text)
    }

    fn write_checksums(&self, outputs: &[Output], kept: &[PathBuf]) -> Result<(), Failure> {
        // One that can't be read is written anew.
        let mut written = read_written(&self.folder).unwrap_or_default();
        let texts = outputs.iter().map(|o| (o.path.as_path(), o.text.as_str()));
        written.note(&self.folder, texts, kept);
        write_if_new(&self.folder.join(WRITTEN), &written.to_text()?)
    }

    fn report(&self, args: &GenerateArgs, changed: bool) {
        let mut warnings = String::new();
        // Writing into a String can't fail.
        let _ = inspect::describe_problems(&mut warnings, &[&self.plan.problems[..], &self.notes].concat());
        eprintln!("{}", warnings.trim());
        if !changed {
            eprintln!("\nnothing has changed: the files are as they were");
        }
        match &self.placement {
            None => {
                placing::hint_at_runner(&self.spec, args);
                eprintln!(
                    "\nread the files, then run them: pgcleave apply {}",
                    self.spec.name
                );
            }
            Some(placement) => {
                eprintln!();
                for line in placing::explain(&self.spec, placement, &self.folder, &self.plan) {
                    eprintln!("{line}");
                }
                let command = runner::named(placement.runner).map_or("", |runner| runner.command());
                eprintln!(
                    "\nread the files in {}, then run them: {command}",
                    placement.directory.display()
                );
            }
        }
    }
}

fn write_if_new(path: &Path, text: &str) -> Result<(), Failure> {
    if fs::read_to_string(path).ok().as_deref() == Some(text) {
        return Ok(());
    }
    Ok(write_whole(path, text)?)
}

fn remove_if_empty(folder: Option<&Path>) {
    if let Some(folder) = folder {
        // A folder that holds something else stays, and says so by an error that nobody needs.
        let _ = fs::remove_dir(folder);
    }
}

/// What has run must come out as it was run: else its down would not fit, nor would the runner's checksum.
fn refuse_to_change(folder: &Path, kept: &[PathBuf], outputs: &[Output]) -> Result<(), Failure> {
    let mut outputs = outputs.to_vec();
    keep_other_versions(&mut outputs, folder)?;
    let mut changed = Vec::new();
    for output in outputs.into_iter().filter(|output| kept.contains(&output.path)) {
        let found = fs::read_to_string(&output.path).ok();
        if found.as_ref().is_some_and(|found| *found != output.text) {
            changed.push(Difference {
                path: output.path,
                expected: Some(output.text),
                found,
            });
        }
    }
    let Some(first) = changed.first() else {
        return Ok(());
    };
    eprintln!("{}", unified(&changed));
    Err(Failure::refused(
        &format!(
            "{} has run, and what is asked for would change it",
            first.path.display()
        ),
        "the diff is above; ask for what fits what has run, or undo it first",
    ))
}

/// Whether the files are as pgcleave wrote them, or the user agrees to lose what was edited by hand.
fn may_overwrite(
    folder: &Path,
    table: &QualifiedName,
    spec: &TableSpec,
    outputs: &[Output],
    kept: &[PathBuf],
    args: &GenerateArgs,
) -> Result<bool, Failure> {
    if !folder.join(CATALOG).is_file() {
        return Ok(true);
    }
    let written_for = source::entry_of(&args.spec.path, table)?.unwrap_or_else(|| spec.clone());
    let mut edited = match render_again(folder, &written_for) {
        Ok(recorded) => differences(folder, &recorded.outputs, recorded.placement.as_ref())?,
        Err(_) => differences(folder, outputs, None)?,
    };
    let written = read_written(folder).unwrap_or_default();
    edited.retain(|d| {
        let found = d.found.as_deref();
        let is_by_hand = found.is_some_and(|found| !written.holds(folder, &d.path, found));
        is_by_hand && !kept.contains(&d.path) && is_lost(d, outputs)
    });
    if edited.is_empty() || args.yes {
        return Ok(true);
    }
    eprintln!("{}", unified(&edited));
    if !prompt::is_possible() {
        return Err(Failure::usage(
            &format!("files in {} were edited by hand", folder.display()),
            "the diff is above; to overwrite them: --yes",
        ));
    }
    prompt::confirm("These files were edited by hand; overwrite them?")
}

/// Whether what stands in an edited file would be lost.
fn is_lost(difference: &Difference, outputs: &[Output]) -> bool {
    let new = outputs.iter().find(|output| output.path == difference.path);
    new.is_none_or(|output| Some(output.text.as_str()) != difference.found.as_deref())
}

fn write_spec(path: &Path, spec: &TableSpec) -> Result<(), Failure> {
    let text = source::read_spec_text(path)?;
    Spec::parse(&text).map_err(|error| error.in_file(path))?;
    write_if_new(path, &spec.write_into(&text)?)
}
