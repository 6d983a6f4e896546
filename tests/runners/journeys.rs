//! Each runner goes the whole way on what pgcleave writes for it, while others write to the table:
//! to the verified copy and back, to the cutover and back, and all of it in one run, to the end.

mod by_hand;
mod made;
mod report;
mod shop;
mod writers;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::report::Report;
use self::writers::Writers;
use crate::driver::{Driver, Own, Project, ok};
use crate::drivers::{
    alembic::Alembic, dbmate::Dbmate, diesel::Diesel, django::Django, graphile_migrate::GraphileMigrate,
    knex::Knex, liquibase::Liquibase, node_pg_migrate::NodePgMigrate, psql::Psql, psql::psql, rails::Rails,
    refinery::Refinery, sqitch::Sqitch, sqlx::Sqlx,
};
use crate::support::Said;

/// What a migration of the team's own can see of the session's settings.
const SETTINGS: &str = "concat_ws(', ', current_setting('search_path'), current_setting('lock_timeout'), \
    current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'), \
    current_setting('row_security'), current_setting('client_min_messages'), current_setting('transaction_isolation'))";

/// A runner under way.
struct Journey {
    // Dropped first: they write to the project's database.
    writers: Writers,
    driver: &'static dyn Driver,
    project: Project,
}

fn goes_the_whole_way(driver: &'static dyn Driver) {
    let mut report = Report::begin(driver.name());
    let mut journey = Journey::begin(driver);
    let (structure, start) = (journey.structure(), journey.history().len());

    let said = journey.generate("verify_copy", &shop::PARTITIONING);
    driver.heed(&journey.project, &said.stderr);
    journey.add("later");
    journey.up("verify_copy");
    journey.assert_no_setting_leaked_into("later");
    journey.assert_the_way_back_is_the_runners();
    report.reached("up");

    journey.down_to(start);
    assert_eq!(journey.structure(), structure);
    report.reached("down");

    journey.up("verify_copy");
    report.reached("up");

    let copied = journey.history().len();
    journey.add("between");
    journey.generate("verify_cutover", &[]);
    journey.up("verify_cutover");
    report.reached("cutover");

    // The cutover and its verification.
    journey.down_to(journey.history().len() - 2);
    assert_eq!(journey.history().len(), copied + 1);
    // The second cutover wants new ones of what was built and verified for the first.
    journey.assert_done_through("add_foreign_keys");
    report.reached("rollback");

    // The runner takes them for run, so that pgcleave makes them, and the runner cuts over again.
    journey.make_again();
    journey.assert_done_through("verify_copy");
    journey.up("verify_cutover");
    report.reached("cutover");

    journey.down_to(start);
    assert_eq!(journey.structure(), structure);
    report.reached("down");

    journey.up("verify_cutover");
    journey.assert_no_setting_leaked_into("between");
    report.reached("up");

    journey.generate("drop_retired_table", &[]);
    journey.up("drop_retired_table");
    journey.assert_nothing_is_left();
    report.reached("end");
}

impl Journey {
    fn begin(driver: &'static dyn Driver) -> Self {
        let project = Project::new();
        shop::set_up(&project.database);
        driver.prepare(&project);
        let up = sees_settings("first");
        let (name, up, down) = ("first", up.as_str(), "DROP TABLE first;\n");
        driver.add(&project, &Own { name, up, down });
        ok(driver.up(&project));
        shop::load(&project.database);
        Self {
            writers: Writers::start(&project.database),
            driver,
            project,
        }
    }

    fn is_plain(&self) -> bool {
        self.driver.name() == "plain"
    }

    fn history(&self) -> Vec<String> {
        self.driver.history(&self.project)
    }

    fn structure(&self) -> String {
        shop::structure(&self.project.database)
    }

    fn pgcleave(&self, arguments: &[&str]) -> Said {
        self.project.pgcleave.ok(arguments)
    }

    fn status(&self) -> Value {
        let said = self.pgcleave(&["status", shop::TABLE, "--format", "json"]);
        serde_json::from_str(&said.stdout).unwrap()
    }

    fn placement(&self) -> Value {
        let path = self
            .project
            .folder()
            .join("migrations_out/public.events/placement.json");
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Writes the files; a second time there is nothing to write.
    fn generate(&self, through: &str, arguments: &[&str]) -> Said {
        let mut generate = vec!["generate", shop::TABLE];
        generate.extend(arguments);
        if !self.is_plain() {
            generate.extend(["--runner", "auto"]);
            let is_usual = through == "verify_copy" && self.driver.name() != "refinery";
            generate.extend(["--through", through].iter().filter(|_| !is_usual));
        }
        let said = self.pgcleave(&generate);
        self.driver.adopt(&self.project, through);
        let written = files(self.project.folder());
        self.pgcleave(&generate);
        assert_eq!(changed(&written, &files(self.project.folder())), NOTHING);
        said
    }

    /// A migration of the team's own.
    fn add(&self, name: &str) {
        let (up, down) = (sees_settings(name), format!("DROP TABLE {name};\n"));
        let (up, down) = (up.as_str(), down.as_str());
        self.driver.add(&self.project, &Own { name, up, down });
    }

    /// Runs everything that is pending; where it is the runner's turn, pgcleave says so and does nothing.
    fn up(&mut self, through: &str) {
        self.assert_pgcleave_leaves_it_to_the_runner();
        if self.driver.goes_back() {
            ok(self.driver.up(&self.project));
        } else {
            by_hand::run(self, through);
        }
        self.assert_done_through(through);
    }

    /// What a rollback of the cutover has used up.
    fn make_again(&self) {
        if !self.is_plain() {
            self.pgcleave(&["apply", shop::TABLE, "--yes"]);
            return;
        }
        for file in self.project.pgcleave.files(".up.sql") {
            let file = file.to_str().unwrap();
            if file.contains("build_materialized_views") || file.contains("verify_copy") {
                ok(psql(&self.project, file));
            }
        }
    }

    /// Undoes the newest until the history is as long as it was.
    fn down_to(&mut self, length: usize) {
        let steps = self.history().len() - length;
        match self.driver.down(&self.project, steps) {
            Some(said) => drop(ok(said)),
            None => by_hand::undo_to(self, length),
        }
        assert_eq!(self.history().len(), length);
        self.writers.check(&self.project.database);
    }

    /// By pgcleave's word and the catalog; and the table holds what was written to it.
    fn assert_done_through(&mut self, step: &str) {
        let status = self.status();
        let steps = status["steps"].as_array().unwrap();
        let place = steps.iter().position(|s| s["step"] == step).unwrap();
        for (at, one) in steps.iter().enumerate() {
            assert_eq!(one["done"], at <= place, "{}", one["step"]);
        }
        let is_cut_over = steps[..=place].iter().any(|s| s["step"] == "cut_over");
        assert_eq!(shop::is_partitioned(&self.project.database), is_cut_over);
        made::assert_as_by_pgcleave(&self.project.database, step);
        self.writers.check(&self.project.database);
    }

    fn assert_pgcleave_leaves_it_to_the_runner(&self) {
        if self.is_plain() {
            return;
        }
        let before = self.structure();
        let said = self.pgcleave(&["apply", shop::TABLE, "--yes"]);
        assert!(said.stderr.contains("next: "), "{}", said.stderr);
        assert_eq!(said.stdout, "");
        assert_eq!(self.structure(), before);
    }

    fn assert_the_way_back_is_the_runners(&mut self) {
        if self.is_plain() || !self.driver.goes_back() {
            return;
        }
        let said = self.project.pgcleave.run(&["rollback", shop::TABLE, "--yes"]);
        assert_eq!(said.code, 4, "{}\n{}", said.stdout, said.stderr);
        self.assert_done_through("verify_copy");
    }

    /// It sees what the one saw that ran before any of ours.
    fn assert_no_setting_leaked_into(&self, own: &str) {
        let seen = format!("SELECT settings FROM first UNION ALL SELECT settings FROM {own}");
        let seen = self.project.database.lines(&seen);
        assert_eq!(seen[1], seen[0]);
    }

    fn assert_nothing_is_left(&self) {
        assert_eq!(self.status()["stage"], "completed");
        assert_eq!(shop::leftovers(&self.project.database), Vec::<String>::new());
    }
}

/// Makes a table of this name in the schema that is the first to look in, and notes in it which settings there are.
fn sees_settings(table: &str) -> String {
    format!(
        "CREATE TABLE {table} (n int PRIMARY KEY, settings text);\n\
         INSERT INTO {table} SELECT 1, {SETTINGS};\n"
    )
}

const NOTHING: [PathBuf; 0] = [];

/// What is in a folder, but for what was installed into it and for Python's and Ruby's own.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

fn changed(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<PathBuf> {
    let paths = before.keys().chain(after.keys());
    let mut changed: Vec<PathBuf> = paths
        .filter(|path| before.get(*path) != after.get(*path))
        .cloned()
        .collect();
    changed.dedup();
    changed
}

/// A test of its own for each runner.
macro_rules! journeys {
    ($($test:ident: $driver:expr;)*) => {
        $(
            #[test]
            fn $test() {
                goes_the_whole_way(&$driver);
            }
        )*
    };
}

journeys! {
    alembic_goes_the_whole_way: Alembic;
    dbmate_goes_the_whole_way: Dbmate;
    diesel_goes_the_whole_way: Diesel;
    django_goes_the_whole_way: Django;
    graphile_migrate_goes_the_whole_way: GraphileMigrate;
    knex_goes_the_whole_way: Knex;
    liquibase_goes_the_whole_way: Liquibase;
    node_pg_migrate_goes_the_whole_way: NodePgMigrate;
    psql_goes_the_whole_way: Psql;
    rails_goes_the_whole_way: Rails;
    refinery_goes_the_whole_way: Refinery;
    sqitch_goes_the_whole_way: Sqitch;
    sqlx_goes_the_whole_way: Sqlx;
}
