//! Django's `migrate`, in a project with one app.

use std::process::Command;

use crate::driver::{Driver, Own, Project, installed, number_after, ok, run};
use crate::own_migrations::{EMPTY, FILL, MAKE, UNMAKE, prove};
use crate::support::Said;

/// A `manage.py` and the app `shop`.
pub struct Django;

const MANAGE: &str = "\
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')
execute_from_command_line(sys.argv)
";
const MODELS: &str = "\
from django.db import models


class Own(models.Model):
    n = models.IntegerField(primary_key=True)

    class Meta:
        db_table = 'own'
";
const FIRST: &str = "\
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name='Own',
            fields=[('n', models.IntegerField(primary_key=True, serialize=False))],
            options={'db_table': 'own'},
        ),
    ]
";
const HISTORY: &str = "SELECT name::text FROM django_migrations WHERE app = 'shop' ORDER BY id";

impl Driver for Django {
    fn name(&self) -> &'static str {
        "django"
    }
    fn prepare(&self, project: &Project) {
        project.write("manage.py", MANAGE);
        project.write("site_settings.py", &settings(project));
        project.write("shop/__init__.py", "");
        project.write("shop/models.py", MODELS);
        project.write("shop/migrations/__init__.py", "");
        project.write("shop/migrations/0001_initial.py", FIRST);
        ok(self.up(project));
    }
    fn up(&self, project: &Project) -> Said {
        run(migrate(project).arg("shop"))
    }
    /// It wants to know which migration is to be the last one.
    fn down(&self, project: &Project, steps: usize) -> Option<Said> {
        let done = self.history(project);
        let left = done.len().checked_sub(steps).unwrap();
        let last = left.checked_sub(1).map_or("zero", |last| &done[last]);
        Some(run(migrate(project).args(["shop", last])))
    }
    fn history(&self, project: &Project) -> Vec<String> {
        project.database.lines(HISTORY)
    }
    fn add(&self, project: &Project, migration: &Own) {
        let names = project.names_in("shop/migrations");
        let mut before = names.iter().filter_map(|name| name.strip_suffix(".py"));
        let before = before.rfind(|name| *name != "__init__").unwrap();
        let name = format!("{:04}_{}", number_after(&names, ""), migration.name);
        write(project, [&name, before], true, [migration.up, migration.down]);
    }
}

fn migrate(project: &Project) -> Command {
    let mut command = project.command(installed("python/bin/python"));
    command.args(["manage.py", "migrate"]);
    command
}

fn settings(project: &Project) -> String {
    format!(
        "SECRET_KEY = 'of the tests'\nUSE_TZ = True\nINSTALLED_APPS = ['shop']\n\
         DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\n\
         DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'HOST': '127.0.0.1', \
         'PORT': {}, 'USER': 'postgres', 'NAME': '{}'}}}}\n",
        project.port(),
        project.database.name
    )
}

/// A migration by its name and the one before it.
fn write(project: &Project, [name, before]: [&str; 2], atomic: bool, [up, down]: [&str; 2]) {
    let marker = if atomic { "" } else { "    atomic = False\n" };
    let text = format!(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n{marker}    \
         dependencies = [('shop', '{before}')]\n    operations = [\n        \
         migrations.RunSQL(sql=[r'''{up}'''], reverse_sql=[r'''{down}''']),\n    ]\n"
    );
    project.write(&format!("shop/migrations/{name}.py"), &text);
}

#[test]
fn django_runs_its_own_migrations() {
    prove(&Django, |project| {
        write(project, ["0002_make", "0001_initial"], true, [MAKE, UNMAKE]);
        write(project, ["0003_fill", "0002_make"], false, [FILL, EMPTY]);
    });
}
