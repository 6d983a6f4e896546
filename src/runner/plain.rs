//! Plain SQL files for psql and for `pgcleave apply`.

use std::fmt::Write;

use crate::migration::{FileName, MigrationFile, Part, TRANSACTION_BEGIN, TRANSACTION_END};
use crate::plan::{Plan, Severity, Step};
use crate::render::{commits_by_itself, render};

/// Limits of a transactional file. Builds and verifications are long, so that
/// there is no statement timeout; a lost client must not keep locks. A policy that
/// would hide rows from us is an error.
const SETTINGS: &str = "SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;";

/// All files of a plan, in order.
///
/// # Errors
/// Only if a template fails to render.
pub fn files(plan: &Plan) -> Result<Vec<MigrationFile>, askama::Error> {
    let mut files = Vec::new();
    for (position, step) in plan.steps.iter().enumerate() {
        for part in Part::ALL {
            let Some(sql) = render(*step, part, &plan.conversion)? else {
                continue;
            };
            let name = FileName {
                number: position as u32 + 1,
                stem: step.stem().to_owned(),
                part,
            };
            let text = format!("{}\n{}", header(plan, *step, &name), wrap(*step, part, &sql));
            files.push(MigrationFile { name, text });
        }
    }
    Ok(files)
}

fn wrap(step: Step, part: Part, sql: &str) -> String {
    let sql = sql.trim();
    if commits_by_itself(step, part) {
        return format!("{sql}\n");
    }
    format!("{TRANSACTION_BEGIN}\n{SETTINGS}\n\n{sql}\n\n{TRANSACTION_END}\n")
}

fn header(plan: &Plan, step: Step, name: &FileName) -> String {
    let table = one_line(&plan.conversion.names.source.plain());
    let mut text = String::new();
    let mut line = |heading: &str, value: &str| {
        // Writing into a String can't fail.
        let _ = writeln!(text, "-- {heading}: {value}");
    };
    line(&name.to_string(), &title(step, name.part));
    line("Table", &table);
    match (name.part, step.lock()) {
        (Part::Verify, _) => line("Lock", "none that others feel; changes nothing"),
        (Part::Up | Part::Down, Some(lock)) => {
            line("Lock", &format!("{} on {}: {}", lock.mode, lock.on, lock.held))
        }
        (Part::Up | Part::Down, None) => line("Lock", "none on the source table"),
    }
    if name.part == Part::Up {
        line("Takes", step.duration());
        line("Undo", step.undo());
        let hazards = step.hazards().iter().map(ToString::to_string).collect::<Vec<_>>();
        line(
            "Hazards",
            if hazards.is_empty() {
                "none".to_owned()
            } else {
                hazards.join(", ")
            }
            .as_str(),
        );
        for remark in remarks(plan, step) {
            line("Mind", &one_line(&remark));
        }
    }
    line(
        "Mode",
        if commits_by_itself(step, name.part) {
            "no transaction, exactly one statement, which commits by itself; run it again to go on where it stopped"
        } else {
            "one transaction: all or nothing"
        },
    );
    line(
        "Made by",
        &format!(
            "pgcleave {}, fingerprint {}",
            env!("CARGO_PKG_VERSION"),
            plan.fingerprint
        ),
    );
    text
}

fn title(step: Step, part: Part) -> String {
    match part {
        Part::Up => step.title().to_owned(),
        Part::Down => format!("Undo: {}", step.title()),
        Part::Verify => format!("Check that this is done: {}", step.title()),
    }
}

/// What the plan's warnings say about this step.
fn remarks(plan: &Plan, step: Step) -> Vec<String> {
    let about = match step {
        Step::BuildIndexes | Step::CutOver | Step::MoveIncomingForeignKeys | Step::DropRetiredTable => {
            Severity::Warning
        }
        Step::CreatePartitionedCopy
        | Step::InstallSyncTrigger
        | Step::CreateBatchCopyProcedure
        | Step::RunBatchCopy
        | Step::CreateGuards
        | Step::CatchUp
        | Step::KeepInStep
        | Step::AddForeignKeys
        | Step::BuildMaterializedViews
        | Step::VerifyCopy
        | Step::VerifyCutover => return Vec::new(),
    };
    let matching = plan.problems.iter().filter(|p| p.severity == about);
    matching.map(|p| format!("{}: {}", p.cause, p.remedy)).collect()
}

/// A comment ends with its line: no name may break out of it.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
