//! `pgcleave generate`: writes the migrations, the catalog snapshot and the spec's entry.

use std::fs;
use std::path::Path;

use postgres::Client;

use super::existing::{CATALOG, difference, render_again};
use super::facts::{Loaded, load, placement_problems};
use super::{Cli, Failure, GenerateArgs, connect, inspect, prompt, source, wizard};
use crate::apply::{Stage, read_stage};
use crate::catalog::{PartitionedBy, partitioned_by};
use crate::migration::{Directory, DirectoryError, MigrationFile, write_whole};
use crate::plan::{Facts, Plan, Problem, Severity, plan_conversion};
use crate::runner;
use crate::spec::{PartitionKey, Spec, Strategy, TableSpec};
use crate::sql::QualifiedName;

pub fn run(cli: &Cli, args: &GenerateArgs) -> Result<(), Failure> {
    let mut client = connect::target(cli)?.open()?;
    if let Some(table) = partitioned_as_asked(&mut client, args)? {
        eprintln!(
            "{} is partitioned as asked: there is nothing to plan",
            table.plain()
        );
        return Ok(());
    }
    let (name, loaded, spec, asked) = decide(&mut client, args)?;
    let plan = plan(&mut client, &loaded, &spec)?;
    if asked && !wizard::confirm_preview(&loaded, &spec)? {
        eprintln!("nothing was written");
        return Ok(());
    }
    let files = runner::files(&plan)?;
    if args.dry_run {
        files.iter().for_each(|file| println!("{}", file.text));
        return Ok(());
    }
    let folder = source::folder(&spec, &name);
    refuse_while_under_way(&mut client, &name)?;
    if !may_overwrite(&folder, &name, &spec, &files, args)? {
        eprintln!("nothing was written");
        return Ok(());
    }
    write(&folder, &loaded.facts, &files)?;
    write_spec(&args.spec.path, &spec)?;
    if !cli.quiet {
        let mut warnings = String::new();
        // Writing into a String can't fail.
        let _ = inspect::describe_problems(&mut warnings, &plan.problems);
        eprintln!("{}", warnings.trim());
        eprintln!("\nread the files, then run them: pgcleave apply {}", spec.name);
    }
    println!("{}", folder.display());
    Ok(())
}

/// The table, where it is partitioned by the keys and strategies that flags and the spec's entry ask for.
fn partitioned_as_asked(client: &mut Client, args: &GenerateArgs) -> Result<Option<QualifiedName>, Failure> {
    let Some(text) = &args.table else {
        return Ok(None);
    };
    let name = source::find(client, text)?;
    let entry = source::entry_of(&args.spec.path, &name)?;
    let Some(spec) = args.partitioning.over(entry, name.typed()) else {
        return Ok(None);
    };
    let asked = spec.levels().into_iter().map(|level| PartitionedBy {
        strategy: level.strategy.name().to_owned(),
        columns: level.key.columns().iter().cloned().map(Some).collect(),
    });
    let is_as_asked = partitioned_by(client, &name)? == asked.collect::<Vec<_>>();
    Ok(is_as_asked.then_some(name))
}

/// Settles table, key and interval, by flags, by the spec's entry or by asking; and whether it had to ask.
fn decide(
    client: &mut Client,
    args: &GenerateArgs,
) -> Result<(QualifiedName, Loaded, TableSpec, bool), Failure> {
    let mut asked = args.table.is_none();
    let name = match &args.table {
        Some(text) => source::find(client, text)?,
        None => wizard::choose_table(client)?,
    };
    let entry = source::entry_of(&args.spec.path, &name)?;
    let said = args.partitioning.over(entry, name.typed());
    let mut loaded = load(client, &name, said.as_ref(), &args.partitioning)?;
    let mut spec = match said {
        Some(spec) => spec,
        None => {
            asked = true;
            let key = PartitionKey::of(wizard::choose_key(&loaded)?);
            let chosen = TableSpec::new(name.typed(), key);
            let spec = args
                .partitioning
                .over(Some(chosen.clone()), name.typed())
                .unwrap_or(chosen);
            loaded = load(client, &name, Some(&spec), &args.partitioning)?;
            spec
        }
    };
    let has_steps = spec.interval.is_some() || !spec.bounds.is_empty();
    if spec.strategy == Strategy::Range && !has_steps {
        asked = true;
        spec.interval = Some(wizard::choose_interval(&loaded, &spec)?);
    }
    asked |= wizard::decide_about_keys(&loaded, &mut spec)?;
    spec.runner = args.runner.unwrap_or(spec.runner);
    spec.out = args.out.clone().unwrap_or(spec.out);
    spec.batch_size = args.batch_size.unwrap_or(spec.batch_size);
    spec.validate()?;
    Ok((name, loaded, spec, asked))
}

/// The plan, or every blocker at once.
fn plan(client: &mut Client, loaded: &Loaded, spec: &TableSpec) -> Result<Plan, Failure> {
    let mut found = loaded.live_problems.clone();
    found.extend(placement_problems(client, &loaded.facts, spec)?);
    match plan_conversion(&loaded.facts, spec) {
        Ok(plan) if found.iter().all(|p| p.severity != Severity::Blocker) => Ok(plan),
        Ok(_) => Err(refusal(loaded, &found)),
        Err(problems) => {
            found.extend(problems);
            Err(refusal(loaded, &found))
        }
    }
}

/// All blockers in one message; a missing ownership alone is a matter of privilege.
fn refusal(loaded: &Loaded, problems: &[Problem]) -> Failure {
    let blockers: Vec<&Problem> = problems
        .iter()
        .filter(|p| p.severity == Severity::Blocker)
        .collect();
    let lines = blockers
        .iter()
        .map(|p| format!("\n- {}\n    {}", p.cause, p.remedy))
        .collect::<String>();
    let cause = format!(
        "{} can't be converted as asked:{lines}",
        loaded.facts.table.name.plain()
    );
    let only_privileges = loaded
        .live_problems
        .iter()
        .filter(|p| p.severity == Severity::Blocker)
        .count()
        == blockers.len();
    if only_privileges {
        return Failure::no_privilege(&cause, "nothing was written");
    }
    Failure::refused(&cause, "nothing was written; see all facts: pgcleave inspect")
}

fn refuse_while_under_way(client: &mut Client, name: &QualifiedName) -> Result<(), Failure> {
    let stage = read_stage(client, &source::relations(name))?.stage;
    if stage == Stage::NotStarted {
        return Ok(());
    }
    Err(Failure::refused(
        &format!("the conversion of {} is under way", name.plain()),
        "finish it (pgcleave apply) or undo it (pgcleave rollback) before its files are written anew",
    ))
}

/// Whether the folder's files are as pgcleave wrote them, or the user agrees to
/// lose what was edited by hand.
fn may_overwrite(
    folder: &Path,
    name: &QualifiedName,
    spec: &TableSpec,
    files: &[MigrationFile],
    args: &GenerateArgs,
) -> Result<bool, Failure> {
    let Ok(directory) = Directory::read(folder) else {
        return Ok(true);
    };
    if difference(&directory, files).is_empty() {
        return Ok(true);
    }
    let written_for = source::entry_of(&args.spec.path, name)?.unwrap_or_else(|| spec.clone());
    let diff = match render_again(folder, &written_for) {
        Ok((_, _, recorded)) => difference(&directory, &recorded),
        Err(_) => difference(&directory, files),
    };
    if diff.is_empty() || args.yes {
        return Ok(true);
    }
    eprintln!("{diff}");
    if !prompt::is_possible() {
        return Err(Failure::usage(
            &format!("files in {} were edited by hand", folder.display()),
            "the diff is above; to overwrite them: --yes",
        ));
    }
    prompt::confirm("These files were edited by hand; overwrite them?")
}

/// Writes the folder: the new files, and none of an older plan's.
fn write(folder: &Path, facts: &Facts, files: &[MigrationFile]) -> Result<(), Failure> {
    let catalog = serde_json::to_string_pretty(facts)?;
    write_whole(&folder.join(CATALOG), &format!("{catalog}\n"))?;
    for file in files {
        write_whole(&folder.join(file.name.to_string()), &file.text)?;
    }
    for old in Directory::read(folder)?.files {
        if !files.iter().any(|f| f.name == old.name) {
            let path = folder.join(old.name.to_string());
            fs::remove_file(&path).map_err(DirectoryError::io(&path))?;
        }
    }
    Ok(())
}

fn write_spec(path: &Path, spec: &TableSpec) -> Result<(), Failure> {
    let text = source::read_spec_text(path)?;
    Spec::parse(&text)?;
    write_whole(path, &spec.write_into(&text)?)?;
    Ok(())
}
