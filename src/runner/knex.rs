//! Knex: a JavaScript or TypeScript module for each migration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{
    Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment,
    has_carriage_return, javascript, quoted_after, relative, something_as_one, versions,
    versions_before_underscore,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Knex;

const KNEXFILES: [&str; 4] = ["knexfile.js", "knexfile.ts", "knexfile.cjs", "knexfile.mjs"];
const EXTENSIONS: [&str; 4] = ["js", "ts", "cjs", "mjs"];
const EXTENSION: &str = "extension";
const MODULE: &str = "module";
const ESM: &str = "esm";

impl Runner for Knex {
    fn name(&self) -> RunnerName {
        RunnerName::Knex
    }

    fn usual_directory(&self) -> &'static str {
        "migrations"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let knexfile = project.first_of(&KNEXFILES);
        let mark = match knexfile {
            Some(file) => file,
            None if project.says("package.json", "\"knex\"") => "package.json",
            None => return None,
        };
        let settings = knexfile
            .and_then(|file| project.read(Path::new(file)))
            .unwrap_or_default();
        let directory = quoted_after(&settings, "directory").map(relative);
        Some(Found {
            directory: directory.unwrap_or_else(|| PathBuf::from("migrations")),
            mark: mark.to_owned(),
        })
    }

    fn style(&self, project: &dyn Project, directory: &Path) -> Result<BTreeMap<String, String>, PlaceError> {
        let extension_of = |file: &str| {
            let extension = Path::new(file).extension()?.to_str()?;
            EXTENSIONS.contains(&extension).then(|| extension.to_owned())
        };
        let newest = project
            .entries(directory)
            .into_iter()
            .rfind(|file| extension_of(file).is_some());
        let source = newest
            .as_ref()
            .and_then(|file| project.read(&directory.join(file)));
        let knexfile = project.first_of(&KNEXFILES);
        let like = newest.as_deref().or(knexfile).unwrap_or("knexfile.js");
        let extension = extension_of(like).unwrap_or_else(|| "js".to_owned());
        let is_module = match source {
            Some(source) => source.contains("export "),
            None => {
                extension != "cjs"
                    && (extension != "js" || project.says("package.json", "\"type\": \"module\""))
            }
        };
        let module = if is_module { ESM } else { "commonjs" };
        Ok(BTreeMap::from([
            (EXTENSION.to_owned(), extension),
            (MODULE.to_owned(), module.to_owned()),
        ]))
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let existing = versions_before_underscore(site, "");
        Ok(site.places(steps, versions::next_as_text(&existing, site.now, steps.len())?))
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let extension = placement.style(EXTENSION);
        let is_esm = placement.style(MODULE) == ESM;
        let is_typed = extension == "ts";
        let name = format!("{}_{}.{extension}", place.version, place.name);
        let function = |direction: &str, sql: &str| {
            let call = format!("  await {};\n", raw(sql));
            match (is_esm, is_typed) {
                (true, true) => {
                    format!("export async function {direction}(knex: Knex): Promise<void> {{\n{call}}}\n")
                }
                (true, false) => format!("export async function {direction}(knex) {{\n{call}}}\n"),
                (false, _) => format!("exports.{direction} = async function (knex) {{\n{call}}};\n"),
            }
        };
        let mode = match (migration.up.mode, is_esm) {
            (Mode::Transaction, _) => "",
            (Mode::SingleStatement, true) => "\nexport const config = { transaction: false };\n",
            (Mode::SingleStatement, false) => "\nexports.config = { transaction: false };\n",
        };
        let types = if is_esm && is_typed {
            "import type { Knex } from \"knex\";\n\n"
        } else {
            ""
        };
        let text = format!(
            "{}\n{types}{}\n{}{mode}",
            comment("//", &name, self, migration),
            function("up", &migration.up.in_runners_transaction()),
            function("down", &something_as_one(migration)),
        );
        vec![Output {
            path: placement.directory.join(&name),
            text,
        }]
    }

    fn listens_to(&self, line: &str) -> bool {
        has_carriage_return(line)
    }

    fn undo(&self) -> Undo {
        Undo::Runner("knex migrate:down")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "a run that is killed leaves its lock row behind: knex migrate:unlock",
            "migrate:rollback undoes the whole batch, migrate:down one migration",
        ]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some((
            "SELECT pg_catalog.split_part(name, '_', 1) FROM {}",
            "knex_migrations",
        ))
    }

    fn command(&self) -> &'static str {
        "knex migrate:latest"
    }
}

/// A call that sends the SQL as it is.
///
/// knex takes every question mark for a binding, in strings and function bodies, too, unless a backslash stands before it;
/// and it knows no way to write one of SQL's own backslashes there. The driver's option knows nothing of bindings.
fn raw(sql: &str) -> String {
    if sql.contains("\\?") {
        let text = javascript::template_literal(sql);
        return format!("knex.raw('SELECT').options({{ text: {text} }})");
    }
    let escaped = sql.replace('?', "\\?");
    format!("knex.raw({})", javascript::template_literal(&escaped))
}
