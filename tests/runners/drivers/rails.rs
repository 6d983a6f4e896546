//! Active Record's migrations, in what looks like a Rails project. Rails itself only adds
//! tasks around them.

use std::process::Command;

use crate::driver::{Driver, Own, Project, ok, run, time_stamp_after};
use crate::own_migrations::{EMPTY, FILL, MAKE, UNMAKE, prove};
use crate::support::Said;

/// Debian's Active Record 6.1.
pub struct Rails;

/// What `rails db:migrate` and `rails db:rollback STEP=n` do with the database.
const MIG: &str = "\
require 'active_record'

ActiveRecord::Base.establish_connection(ENV.fetch('DATABASE_URL'))
migrations = ActiveRecord::MigrationContext.new('db/migrate', ActiveRecord::SchemaMigration)
case ARGV
in ['up'] then migrations.migrate
in ['down', steps] then migrations.rollback(Integer(steps))
end
";
const APPLICATION: &str = "\
require 'rails'
require 'active_record/railtie'

module Shop
  class Application < Rails::Application
    config.load_defaults 6.1
    config.active_record.schema_format = :sql
  end
end
";
const FIRST: &str = "\
class CreateOwn < ActiveRecord::Migration[6.1]
  def change
    create_table :own, id: false do |t|
      t.integer :n, primary_key: true
    end
  end
end
";
const HISTORY: &str = "SELECT version::text FROM schema_migrations ORDER BY version";

impl Driver for Rails {
    fn name(&self) -> &'static str {
        "rails"
    }
    fn prepare(&self, project: &Project) {
        project.write("mig.rb", MIG);
        project.write("config/application.rb", APPLICATION);
        project.write("db/migrate/20260101000001_create_own.rb", FIRST);
        ok(self.up(project));
        project.write("db/structure.sql", &project.database.dump());
    }
    fn up(&self, project: &Project) -> Said {
        run(mig(project).arg("up"))
    }
    fn down(&self, project: &Project, steps: usize) -> Option<Said> {
        Some(run(mig(project).args(["down", &steps.to_string()])))
    }
    fn history(&self, project: &Project) -> Vec<String> {
        project.database.lines(HISTORY)
    }
    fn add(&self, project: &Project, migration: &Own) {
        let version = time_stamp_after(&project.names_in("db/migrate"));
        let stem = format!("{version}_{}", migration.name);
        let class = format!("{}{}", migration.name[..1].to_uppercase(), &migration.name[1..]);
        write(project, [&stem, &class], "", [migration.up, migration.down]);
    }
}

fn mig(project: &Project) -> Command {
    let mut command = project.command("ruby");
    command.arg("mig.rb");
    command
}

/// A migration by its file's stem and its class.
fn write(project: &Project, [stem, class]: [&str; 2], marker: &str, [up, down]: [&str; 2]) {
    let method =
        |name: &str, sql: &str| format!("  def {name}\n    execute(<<~'SQL')\n{sql}    SQL\n  end\n");
    let text = format!(
        "class {class} < ActiveRecord::Migration[6.1]\n{marker}{}\n{}end\n",
        method("up", up),
        method("down", down)
    );
    project.write(&format!("db/migrate/{stem}.rb"), &text);
}

#[test]
fn rails_runs_its_own_migrations() {
    prove(&Rails, |project| {
        write(project, ["20260101000002_make", "Make"], "", [MAKE, UNMAKE]);
        let marker = "  disable_ddl_transaction!\n\n";
        write(project, ["20260101000003_fill", "Fill"], marker, [FILL, EMPTY]);
    });
}
