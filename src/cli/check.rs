//! `pgcleave check`: the files against the spec and the recorded catalog, and that catalog against the server.

mod after_cutover;
mod file_report;
mod github;
mod live;
mod markdown;
mod report;
mod text;
mod unwritten;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use self::file_report::FileReport;
use self::live::Ran;
use self::report::{Finding, TableReport};
use super::existing::{self, CATALOG, PLACEMENT, Rendered};
use super::{Cli, Failure, SpecPath, connect, source};
use crate::catalog;
use crate::migration::WRITTEN;
use crate::spec::TableSpec;
use crate::sql::QualifiedName;

/// What `--help` ends with.
pub const HELP: &str = "\
Examples:
  pgcleave check
  pgcleave check public.events --live --format markdown

Renders again from pgcleave.toml and catalog.json; needs no database without --live. Exit code 3 on any difference.

Files of another version of pgcleave are no difference as long as they are as it wrote them (written.json holds \
checksums): a conversion that is under way need not be written again.

--live compares the table with the recorded one until the cutover, and the partitioned table with it until the retired \
table is dropped; and the files with what was run. A role that may read what pgcleave has made is enough (pg_read_all_data).";

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Table; without it, every table of the spec.
    pub table: Option<String>,
    /// Compare the recorded table with the server's, too.
    #[arg(long)]
    pub live: bool,
    #[arg(long, default_value = "text")]
    pub format: CheckFormat,
    #[command(flatten)]
    pub spec: SpecPath,
}

/// How `check` reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// Unified diffs, then a line per table.
    Text,
    /// A review comment.
    Markdown,
    /// For programs.
    Json,
    /// Annotations, as GitHub Actions reads them.
    Github,
}

pub fn run(cli: &Cli, args: &CheckArgs) -> Result<(), Failure> {
    let tables = match &args.table {
        Some(table) => vec![source::spec_of(&args.spec.path, Some(table))?],
        None => source::specs_of(&args.spec.path, None)?,
    };
    let reports = if args.live {
        with_server(cli, &args.spec.path, tables)?
    } else {
        let check = |(table, spec)| Checked::read(table, spec, &args.spec.path).report(None);
        tables.into_iter().map(check).collect::<Result<Vec<_>, _>>()?
    };
    match args.format {
        CheckFormat::Text => print!("{}", text::text(&reports)),
        CheckFormat::Markdown => print!("{}", markdown::markdown(&reports)),
        CheckFormat::Json => println!("{}", report::json(&reports)?),
        CheckFormat::Github => print!("{}", github::commands(&reports, &args.spec.path)),
    }
    if reports.iter().any(TableReport::is_different) {
        return Err(Failure::differences());
    }
    Ok(())
}

/// Everything that is asked of the server is asked in one snapshot.
fn with_server(
    cli: &Cli,
    spec_path: &Path,
    tables: Vec<(QualifiedName, TableSpec)>,
) -> Result<Vec<TableReport>, Failure> {
    let mut client = connect::target(cli)?.open()?;
    let mut snapshot = catalog::snapshot(&mut client)?;
    let mut reports = Vec::new();
    for (table, spec) in tables {
        let checked = Checked::read(table, spec, spec_path);
        let ran = Ran::read(&mut snapshot, &checked.table)?;
        let mut report = checked.report(Some(&ran))?;
        report.live = live::compare(&mut snapshot, &checked, &ran)?;
        if report.live.is_none() {
            report
                .notes
                .push("not compared with the server, as long as that is so".to_owned());
        }
        reports.push(report);
    }
    Ok(reports)
}

/// A table's files, rendered again.
struct Checked {
    table: QualifiedName,
    spec: TableSpec,
    spec_path: PathBuf,
    folder: PathBuf,
    rendered: Result<Rendered, Finding>,
}

impl Checked {
    fn read(table: QualifiedName, spec: TableSpec, spec_path: &Path) -> Self {
        let folder = spec.folder(&table);
        Self {
            rendered: render(&folder, &spec, spec_path),
            table,
            spec,
            spec_path: spec_path.to_owned(),
            folder,
        }
    }

    /// What was found without a server, and what its history says of the files.
    fn report(&self, ran: Option<&Ran>) -> Result<TableReport, Failure> {
        let mut report = TableReport::new(&self.table, &self.spec, &self.folder);
        let rendered = match &self.rendered {
            Ok(rendered) => rendered,
            Err(finding) => {
                report.findings.push(finding.clone());
                return Ok(report);
            }
        };
        report.files = rendered.outputs.len() + rendered.registered.len();
        report.note_versions(&rendered.other_versions);
        report
            .findings
            .extend(unwritten::finding(&self.spec, rendered, &self.spec_path));
        let written = existing::read_written(&self.folder)?;
        for difference in rendered.differences(&self.folder)? {
            let mut file = FileReport::of(&difference);
            let found = difference.found.as_deref();
            file.edited = found.is_some_and(|found| !written.holds(&self.folder, &difference.path, found));
            report.differences.push(file);
        }
        if let Some(ran) = ran {
            report.findings.extend(ran.changed_since(&self.folder));
        }
        Ok(report)
    }
}

/// Whatever stands in the way of rendering is a difference: the files can't be what pgcleave would write.
fn render(folder: &Path, spec: &TableSpec, spec_path: &Path) -> Result<Rendered, Finding> {
    let at = |path: PathBuf| move |failure: Failure| Finding::of(path, failure);
    let facts = existing::read_facts(folder).map_err(at(folder.join(CATALOG)))?;
    let placement = existing::read_placement(folder).map_err(at(folder.join(PLACEMENT)))?;
    existing::read_written(folder).map_err(at(folder.join(WRITTEN)))?;
    existing::render(facts, placement, folder, spec).map_err(at(spec_path.to_owned()))
}
