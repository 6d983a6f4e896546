//! The steps as every runner needs them: SQL for up and down, how each runs, and what its header says.

use super::{header, settings};
use crate::migration::{Mode, Part};
use crate::plan::{Plan, Step};
use crate::render::render;
use crate::sql;

/// A step, ready to be written in a runner's form.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Which step.
    pub step: Step,
    /// What the step does, in a sentence.
    pub title: String,
    /// What the file's header says, without comment marks; control characters are taken out.
    pub header: Vec<String>,
    /// Does the step.
    pub up: Script,
    /// Undoes it.
    pub down: Down,
    /// Fails unless the step is done; changes nothing. It is at the end of a transactional `up`, too.
    pub verify: Option<String>,
}

/// How a step is undone.
#[derive(Debug, Clone)]
pub enum Down {
    /// These statements undo it.
    Script(Script),
    /// There is nothing to undo.
    Nothing,
    /// There is no way back; the text says why.
    Impossible(&'static str),
}

/// Statements, and whether they are to run in a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// How it must run.
    pub mode: Mode,
    sql: String,
}

impl Script {
    fn new(mode: Mode, sql: &str) -> Self {
        Self {
            mode,
            sql: sql.trim().to_owned(),
        }
    }

    /// For a runner that opens no transaction: BEGIN and COMMIT are in the text.
    pub fn in_own_transaction(&self) -> String {
        match self.mode {
            Mode::Transaction => settings::in_own_transaction(&self.sql),
            Mode::SingleStatement => format!("{}\n", self.sql),
        }
    }

    /// For a runner that opens a transaction around it, unless told not to.
    pub fn in_runners_transaction(&self) -> String {
        match self.mode {
            Mode::Transaction => settings::in_runners_transaction(&self.sql),
            Mode::SingleStatement => format!("{}\n", self.sql),
        }
    }

    /// For a file that runs outside transactions and may hold but one statement.
    ///
    /// Only the down scripts of steps that commit by themselves can be turned into one.
    pub fn as_one_statement(&self) -> String {
        match self.mode {
            Mode::Transaction => settings::as_one_statement(&self.sql),
            Mode::SingleStatement => format!("{}\n", self.sql),
        }
    }
}

impl Down {
    /// What a runner runs that wants a down in any case; `None` where there is nothing to undo.
    pub fn script(&self) -> Option<Script> {
        match self {
            Self::Script(script) => Some(script.clone()),
            Self::Nothing => None,
            Self::Impossible(why) => {
                let refusal = format!(
                    "DO $pgcleave$\nBEGIN\n    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = {};\nEND\n$pgcleave$;",
                    sql::Literal::new(*why)
                );
                Some(Script::new(Mode::Transaction, &refusal))
            }
        }
    }
}

/// Every step of a plan, in order.
///
/// # Errors
/// Only if a template fails to render.
pub fn migrations(plan: &Plan) -> Result<Vec<Migration>, askama::Error> {
    plan.steps.iter().map(|step| migration(plan, *step)).collect()
}

fn migration(plan: &Plan, step: Step) -> Result<Migration, askama::Error> {
    let sql = |part| render(step, part, &plan.conversion);
    let verify = sql(Part::Verify)?.map(|text| text.trim().to_owned());
    let mode = header::mode(step, Part::Up);
    let mut up = sql(Part::Up)?.unwrap_or_default().trim().to_owned();
    if let (Mode::Transaction, Some(verify)) = (mode, &verify) {
        up = format!("{up}\n\n-- Fails, and undoes all of it, unless the step is done.\n{verify}");
    }
    let down = match sql(Part::Down)? {
        Some(text) => Down::Script(Script::new(header::mode(step, Part::Down), &text)),
        None if step == Step::DropRetiredTable => Down::Impossible(step.undo()),
        None => Down::Nothing,
    };
    Ok(Migration {
        step,
        title: header::title(step, Part::Up),
        header: header::lines(plan, step, Part::Up),
        up: Script::new(mode, &up),
        down,
        verify,
    })
}
