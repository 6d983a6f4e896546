//! Plain SQL files for psql and for `pgcleave apply`.

use super::{header, settings};
use crate::migration::{FileName, MigrationFile, Mode, Part};
use crate::plan::Plan;
use crate::render::render;

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
            let mut text = format!("-- {name}: {}\n", header::title(*step, part));
            for line in header::lines(plan, *step, part) {
                text.push_str(&format!("-- {line}\n"));
            }
            text.push('\n');
            text.push_str(&match header::mode(*step, part) {
                Mode::Transaction => settings::in_own_transaction(&sql),
                Mode::SingleStatement => format!("{}\n", sql.trim()),
            });
            files.push(MigrationFile { name, text });
        }
    }
    Ok(files)
}
