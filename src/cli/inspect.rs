//! `pgcleave inspect`: facts, candidates and every problem at once.

use std::fmt::Write;

use indicatif::HumanBytes;
use postgres::Client;
use serde::Serialize;

use super::facts::{Loaded, load};
use super::{Cli, Failure, Format, InspectArgs, connect, source};
use crate::facts::placement_problems;
use crate::model::{Interval, KeyRange, Measures, Table};
use crate::plan::{Candidate, Facts, Problem, Severity, bounds, find_problems, partition_names};
use crate::spec::{DEFAULT_PREMAKE, PartitionKey, Strategy, TableSpec};

/// A table of uuids is read as a whole up to so many blocks (1 GiB at 8 KiB a block) without being asked for.
const UUID_BLOCKS: i64 = 131_072;

/// What `inspect --format json` prints; `format` changes when its shape does.
#[derive(Serialize)]
struct Report<'a> {
    format: u32,
    table: &'a Table,
    measures: &'a Measures,
    candidates: &'a [Judged],
    /// The key and interval that the problems were judged by.
    proposal: Option<Proposal>,
    blocked: bool,
    problems: &'a [Problem],
}

/// A candidate with what it would come to.
#[derive(Serialize)]
struct Judged {
    #[serde(flatten)]
    candidate: Candidate,
    /// `None` where reading the column's range would take a scan of the table.
    proposal: Option<Proposal>,
}

/// A key with its interval and what it holds.
#[derive(Serialize)]
struct Proposal {
    key: String,
    strategy: Strategy,
    interval: Option<Interval>,
    time_zone: String,
    /// With the default partition; `None` where there would be too many.
    partitions: Option<usize>,
    key_range: KeyRange,
}

pub fn run(cli: &Cli, args: &InspectArgs) -> Result<(), Failure> {
    let mut client = connect::target(cli)?.open()?;
    let name = source::find(&mut client, &args.table)?;
    let said = args.partitioning.over(None, name.typed());
    let loaded = load(&mut client, &name, said.as_ref(), &args.partitioning)?;
    let spec = judged_by(&loaded, args, said);
    let mut problems = loaded.live_problems.clone();
    match &spec {
        Some(spec) => {
            problems.extend(find_problems(&loaded.facts, spec));
            problems.extend(placement_problems(&mut client, &loaded.facts, spec)?);
        }
        None => problems.push(Problem::blocker(
            format!(
                "{} has no column of a time, and no primary key of whole numbers or uuids",
                name.plain()
            ),
            "name another key: --key, with --strategy list or hash",
        )),
    }
    problems.sort_by_key(|p| p.severity);
    let candidates = judge(&mut client, &loaded, args)?;
    let blocked = problems.iter().any(|p| p.severity == Severity::Blocker);
    let proposal = spec.as_ref().map(|spec| proposal(&loaded.facts, spec));
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&Report {
            format: 1,
            table: &loaded.facts.table,
            measures: &loaded.measures,
            candidates: &candidates,
            proposal,
            blocked,
            problems: &problems,
        })?,
        Format::Text => text(&loaded, &candidates, proposal.as_ref(), &problems),
    };
    println!("{text}");
    if blocked { Err(Failure::blocked()) } else { Ok(()) }
}

/// What the flags say, or the likeliest key; with a proposed interval where none is said.
fn judged_by(loaded: &Loaded, args: &InspectArgs, said: Option<TableSpec>) -> Option<TableSpec> {
    match said {
        Some(spec) => Some(with_interval(&loaded.facts, spec)),
        None => {
            let likeliest = loaded.candidates.first()?.column.as_str();
            Some(with_interval(
                &loaded.facts,
                spec_for(likeliest, &loaded.facts, args),
            ))
        }
    }
}

fn spec_for(key: &str, facts: &Facts, args: &InspectArgs) -> TableSpec {
    let plain = TableSpec::new(facts.table.name.typed(), PartitionKey::of(key));
    args.partitioning
        .over(Some(plain.clone()), plain.name.clone())
        .unwrap_or(plain)
}

fn with_interval(facts: &Facts, mut spec: TableSpec) -> TableSpec {
    if spec.strategy == Strategy::Range && spec.interval.is_none() {
        spec.interval = Some(propose(facts, &spec));
    }
    spec
}

/// An interval and a partition count for each candidate whose range an index gives.
fn judge(client: &mut Client, loaded: &Loaded, args: &InspectArgs) -> Result<Vec<Judged>, Failure> {
    let table = &loaded.facts.table;
    let mut judged = Vec::new();
    for candidate in &loaded.candidates {
        let mut proposal = None;
        // Of uuids the index knows no smallest of version 7.
        let is_uuid = table
            .columns
            .iter()
            .any(|c| c.name == candidate.column && c.base_type == "uuid");
        if candidate.leads_an_index && !(is_uuid && loaded.measures.blocks > UUID_BLOCKS) {
            let spec = TableSpec {
                time_zone: args.partitioning.time_zone.unwrap_or(chrono_tz::UTC),
                premake: args.partitioning.premake.unwrap_or(DEFAULT_PREMAKE),
                ..TableSpec::new(table.name.typed(), PartitionKey::of(candidate.column.as_str()))
            };
            let facts = load(client, &table.name, Some(&spec), &args.partitioning)?.facts;
            proposal = Some(self::proposal(&facts, &with_interval(&facts, spec)));
        }
        judged.push(Judged {
            candidate: candidate.clone(),
            proposal,
        });
    }
    Ok(judged)
}

/// The interval that suits the key's range.
pub fn propose(facts: &Facts, spec: &TableSpec) -> Interval {
    let mut columns = facts.table.columns.iter();
    let key = columns.find(|c| c.name.as_str() == spec.key.first());
    let key_type = key.and_then(|c| bounds::KeyType::from_type_name(&c.base_type));
    match key_type {
        Some(key_type) => bounds::propose_interval(key_type, &facts.key_range, facts.as_of),
        None => Interval::Monthly,
    }
}

fn proposal(facts: &Facts, spec: &TableSpec) -> Proposal {
    let partitions = partition_names(facts, spec).len();
    Proposal {
        key: spec.key.to_string(),
        strategy: spec.strategy,
        interval: spec.interval,
        time_zone: spec.time_zone.name().to_owned(),
        partitions: (partitions > 0).then_some(partitions),
        key_range: facts.key_range.clone(),
    }
}

fn text(loaded: &Loaded, candidates: &[Judged], proposal: Option<&Proposal>, problems: &[Problem]) -> String {
    let mut out = String::new();
    // Writing into a String can't fail.
    let _ = describe(&mut out, loaded, candidates, proposal);
    let _ = describe_problems(&mut out, problems);
    out.trim_end().to_owned()
}

fn describe(
    out: &mut String,
    loaded: &Loaded,
    candidates: &[Judged],
    proposal: Option<&Proposal>,
) -> std::fmt::Result {
    let (table, measures) = (&loaded.facts.table, &loaded.measures);
    let bytes = |n: i64| HumanBytes(n.unsigned_abs()).to_string();
    writeln!(
        out,
        "{} ({}, owner {})",
        table.name.plain(),
        table.kind.label(),
        table.owner.as_str()
    )?;
    writeln!(
        out,
        "size: {} table, {} indexes, {}",
        bytes(measures.table_bytes),
        bytes(measures.index_bytes),
        rows(measures)
    )?;
    section(out, "columns", table.columns.iter().map(column_line))?;
    section(
        out,
        "primary key",
        table
            .primary_key
            .iter()
            .map(|k| format!("{}: {}", k.name.as_str(), k.definition)),
    )?;
    let keys = table
        .unique_keys
        .iter()
        .map(|k| format!("{}: {}", k.name.as_str(), k.definition));
    section(out, "unique constraints and indexes", keys)?;
    section(
        out,
        "checks",
        table
            .checks
            .iter()
            .map(|c| format!("{}: {}", c.name.as_str(), c.definition)),
    )?;
    let indexes = table
        .indexes
        .iter()
        .map(|i| format!("{} ({})", i.definition, bytes(i.bytes)));
    section(out, "indexes", indexes)?;
    let keys_out = table
        .foreign_keys_out
        .iter()
        .map(|k| format!("{}: {}", k.name.as_str(), k.definition));
    section(out, "foreign keys out", keys_out)?;
    let keys_in = table.foreign_keys_in.iter();
    let keys_in = keys_in.map(|k| format!("{} of {}: {}", k.name.as_str(), k.table.plain(), k.definition));
    section(out, "foreign keys in", keys_in)?;
    section(
        out,
        "triggers",
        table.triggers.iter().map(|t| t.definition.to_string()),
    )?;
    section(out, "views", table.views.iter().map(|v| v.name.plain()))?;
    section(
        out,
        "candidates for the key",
        candidates.iter().map(candidate_line),
    )?;
    if let Some(proposal) = proposal {
        section(out, "proposal", proposal_lines(proposal))?;
    }
    Ok(())
}

/// The planner's estimate in words.
pub fn rows(measures: &Measures) -> String {
    if measures.estimated_rows < 0.0 {
        return "rows unknown (never analysed)".to_owned();
    }
    format!("about {:.0} rows", measures.estimated_rows)
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) -> std::fmt::Result {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    lines.try_for_each(|line| writeln!(out, "  {line}"))
}

fn column_line(column: &crate::model::Column) -> String {
    let mut line = format!("{} {}", column.name.as_str(), column.type_sql);
    if column.not_null {
        line.push_str(" NOT NULL");
    }
    if let Some(default) = &column.default {
        line.push_str(&format!(" DEFAULT {default}"));
    }
    if let Some(identity) = &column.identity {
        line.push_str(if identity.always {
            " IDENTITY ALWAYS"
        } else {
            " IDENTITY BY DEFAULT"
        });
    }
    if let Some(generated) = &column.generated {
        line.push_str(&format!(" GENERATED AS ({})", generated.expression));
    }
    line
}

fn candidate_line(judged: &Judged) -> String {
    let candidate = &judged.candidate;
    let mut facts = vec![candidate.type_sql.clone()];
    facts.push(
        if candidate.not_null {
            "NOT NULL"
        } else {
            "may be NULL"
        }
        .to_owned(),
    );
    facts.push(
        if candidate.in_primary_key {
            "in the primary key"
        } else {
            "not in the primary key"
        }
        .to_owned(),
    );
    facts.push(match &judged.proposal {
        Some(proposal) => format!("{}: {}", interval(proposal), partition_count(proposal)),
        None => "range not read, as that would take a scan of the table".to_owned(),
    });
    if judged
        .proposal
        .as_ref()
        .is_some_and(|p| p.key_range.is_mostly_stray)
    {
        facts.push("its values aren't uuids of version 7".to_owned());
    }
    facts.push(changes(candidate));
    format!("{}: {}", candidate.column.as_str(), facts.join(", "))
}

/// What the choice of this key costs, by name.
fn changes(candidate: &Candidate) -> String {
    let list = |what: &str, names: &[String]| match names {
        [] => None,
        names => Some(format!("{what} {}", names.join(", "))),
    };
    let keys = list("has to be added to", &candidate.keys_to_change);
    let incoming = list(
        "foreign keys that would need another form:",
        &candidate.incoming_to_change,
    );
    let said: Vec<String> = keys.into_iter().chain(incoming).collect();
    if said.is_empty() {
        return "keeps every key and every incoming foreign key as it is".to_owned();
    }
    said.join("; ")
}

fn interval(proposal: &Proposal) -> String {
    match proposal.interval {
        Some(Interval::Every(step)) => format!("every {step}"),
        Some(calendar) => calendar.to_string(),
        None => proposal.strategy.name().to_owned(),
    }
}

fn partition_count(proposal: &Proposal) -> String {
    let count = proposal
        .partitions
        .map_or("too many".to_owned(), |n| n.to_string());
    format!("{count} partitions with the default partition")
}

fn proposal_lines(proposal: &Proposal) -> impl Iterator<Item = String> {
    let range = &proposal.key_range;
    let ends = match (&range.first, &range.last) {
        (Some(first), Some(last)) => format!("from {first} to {last} ({})", proposal.time_zone),
        _ => "no values yet".to_owned(),
    };
    let holds = |what: &str, is: bool| format!("{}{what}", if is { "holds " } else { "no " });
    [
        format!(
            "partition by {} ({}){}: {}",
            proposal.strategy.name(),
            proposal.key,
            proposal
                .interval
                .map_or(String::new(), |interval| format!(", {interval}")),
            partition_count(proposal)
        ),
        format!(
            "key {ends}; {}, {}",
            holds("NULL", range.has_null),
            holds("infinity", range.has_infinity)
        ),
    ]
    .into_iter()
}

/// Blockers, warnings and notes, each with its remedy.
pub fn describe_problems(out: &mut String, problems: &[Problem]) -> std::fmt::Result {
    for (severity, title) in [
        (Severity::Blocker, "blockers"),
        (Severity::Warning, "warnings"),
        (Severity::Note, "notes"),
    ] {
        let lines = problems.iter().filter(|p| p.severity == severity);
        section(
            out,
            title,
            lines.map(|p| format!("- {}\n    {}", p.cause, p.remedy)),
        )?;
    }
    Ok(())
}
