//! `pgcleave generate`: decides what the migrations are; `set.rs` writes them.

use std::path::PathBuf;

use postgres::Client;

use super::existing::{CATALOG, read_facts, read_placement};
use super::facts::{Loaded, load};
use super::placing::{self, HasRun};
use super::set::Set;
use super::{Cli, Failure, GenerateArgs, connect, source, wizard};
use crate::apply::{Position, Relations, Stage, read_stage};
use crate::catalog::{PartitionedBy, partitioned_by};
use crate::facts::{PlanError, Planned};
use crate::plan::plan_conversion;
use crate::spec::{CopyBy, PartitionKey, RunnerName, Strategy, TableSpec};
use crate::sql::QualifiedName;

pub fn run(cli: &Cli, args: &GenerateArgs) -> Result<(), Failure> {
    let mut client = connect::target(cli)?.open()?;
    if let Some(under_way) = under_way(&mut client, args)? {
        return go_on(cli, args, &mut client, under_way);
    }
    if let Some(table) = partitioned_as_asked(&mut client, args)? {
        eprintln!(
            "{} is partitioned as asked: there is nothing to plan",
            table.plain()
        );
        return Ok(());
    }
    let (table, loaded, mut spec, asked) = decide(&mut client, args)?;
    let Planned { plan, notes } = loaded.plan(&mut client, &spec).map_err(refusal)?;
    if asked && !wizard::confirm_preview(&loaded, &spec)? {
        eprintln!("nothing was written");
        return Ok(());
    }
    let folder = spec.folder(&table);
    let position = read_stage(&mut client, &Relations::of(&table))?;
    refuse_while_under_way(&table, &position)?;
    let has_run = HasRun::read(&mut client, position, spec.runner)?;
    let old = read_placement(&folder)?;
    let placement = placing::place(&table, &mut spec, &plan, old, &has_run)?;
    Set {
        folder,
        facts: loaded.facts,
        spec,
        plan,
        placement,
        notes,
    }
    .write(cli, args, &table, &has_run)
}

/// A conversion that has begun, whose files can be written from what was recorded.
struct UnderWay {
    table: QualifiedName,
    spec: TableSpec,
    folder: PathBuf,
    position: Position,
}

fn under_way(client: &mut Client, args: &GenerateArgs) -> Result<Option<UnderWay>, Failure> {
    let Some(text) = &args.table else {
        return Ok(None);
    };
    let table = source::find(client, text)?;
    let entry = source::entry_of(&args.spec.path, &table)?;
    let position = read_stage(client, &Relations::of(&table))?;
    // Nothing of plain files may change once they're all written and the cutover has happened.
    let is_over = |entry: &TableSpec| match entry.runner {
        RunnerName::Plain => position.stage >= Stage::CutOver,
        _ => position.stage == Stage::Completed,
    };
    let Some(entry) = entry.filter(|entry| position.stage != Stage::NotStarted && !is_over(entry)) else {
        return Ok(None);
    };
    let folder = entry.folder(&table);
    let is_recorded = folder.join(CATALOG).is_file();
    Ok(is_recorded.then_some(UnderWay {
        table,
        spec: entry,
        folder,
        position,
    }))
}

/// Writes what may still change of a conversion that has begun, by the facts that it began with.
fn go_on(cli: &Cli, args: &GenerateArgs, client: &mut Client, begun: UnderWay) -> Result<(), Failure> {
    let fixed = |spec: &TableSpec| (spec.runner, spec.copy == CopyBy::PgCron);
    let before = fixed(&begun.spec);
    let said = args
        .partitioning
        .over(Some(begun.spec.clone()), begun.table.typed());
    let mut spec = said.unwrap_or(begun.spec);
    settle(&mut spec, args)?;
    if fixed(&spec) != before || spec.folder(&begun.table) != begun.folder {
        refuse_while_under_way(&begun.table, &begun.position)?;
    }
    let facts = read_facts(&begun.folder)?;
    let plan = plan_conversion(&facts, &spec).map_err(|problems| {
        refusal(PlanError::Blocked {
            table: begun.table.clone(),
            only_rights: false,
            problems,
        })
    })?;
    let has_run = HasRun::read(client, begun.position, spec.runner)?;
    let old = read_placement(&begun.folder)?;
    let placement = placing::place(&begun.table, &mut spec, &plan, old, &has_run)?;
    Set {
        folder: begun.folder,
        facts,
        spec,
        plan,
        placement,
        notes: Vec::new(),
    }
    .write(cli, args, &begun.table, &has_run)
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
    settle(&mut spec, args)?;
    Ok((name, loaded, spec, asked))
}

/// Completes the spec by what flags say of the files.
fn settle(spec: &mut TableSpec, args: &GenerateArgs) -> Result<(), Failure> {
    placing::settle_runner(spec, args)?;
    if let Some(out) = &args.out {
        spec.out.clone_from(out);
    }
    spec.copy = args.copy.unwrap_or(spec.copy);
    spec.batch_size = args.batch_size.unwrap_or(spec.batch_size);
    Ok(spec.validate()?)
}

/// What the recorded facts and the spec don't allow.
fn refusal(error: PlanError) -> Failure {
    let cause = error.to_string();
    match error {
        PlanError::Catalog(error) => error.into(),
        PlanError::Blocked {
            only_rights: true, ..
        } => Failure::no_privilege(&cause, "nothing was written"),
        PlanError::Blocked { .. } => {
            Failure::refused(&cause, "nothing was written; see all facts: pgcleave inspect")
        }
    }
}

fn refuse_while_under_way(table: &QualifiedName, position: &Position) -> Result<(), Failure> {
    if position.stage == Stage::NotStarted {
        return Ok(());
    }
    Err(Failure::refused(
        &format!("the conversion of {} is under way", table.plain()),
        "finish it (pgcleave apply) or undo it (pgcleave rollback) before its files are written anew",
    ))
}
