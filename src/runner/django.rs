//! Django: a Python file for each migration of an app, which names the one before it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{
    Down, Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment,
    has_carriage_return, python, something_as_one,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;
use crate::sql::statements;

pub struct Django;

const APP: &str = "app";
/// Of the package django-linear-migrations: the name of the app's last migration.
const LAST: &str = "max_migration.txt";

impl Runner for Django {
    fn name(&self) -> RunnerName {
        RunnerName::Django
    }

    fn usual_directory(&self) -> &'static str {
        ""
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        project.first_of(&["manage.py"])?;
        let mut apps = apps(project);
        // With several, `style` asks for one.
        let only = if apps.len() == 1 {
            apps.remove(0)
        } else {
            PathBuf::new()
        };
        Some(Found {
            directory: only,
            mark: "manage.py".to_owned(),
        })
    }

    fn style(&self, project: &dyn Project, directory: &Path) -> Result<BTreeMap<String, String>, PlaceError> {
        let app = directory
            .parent()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str())
            .filter(|_| directory.ends_with("migrations"));
        let Some(app) = app else {
            let apps: Vec<String> = apps(project)
                .iter()
                .map(|app| app.display().to_string())
                .collect();
            return Err(PlaceError {
                cause: "which app do the migrations belong to?".to_owned(),
                remedy: format!(
                    "name its folder: --directory APP/migrations; there are: {}",
                    apps.join(", ")
                ),
            });
        };
        Ok(BTreeMap::from([(APP.to_owned(), app.to_owned())]))
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let mut before = leaf(site)?;
        let numbers = site.entries();
        let numbers = numbers
            .iter()
            .filter_map(|file| file.get(..4)?.parse::<u32>().ok());
        let last = numbers.max().unwrap_or(0);
        let mut places = Vec::new();
        for (position, step) in steps.iter().enumerate() {
            let name = format!("{:04}_{}", last + 1 + position as u32, site.name(*step));
            places.push(Place {
                step: step.stem().to_owned(),
                version: name.clone(),
                after: before.replace(name.clone()),
                name,
            });
        }
        Ok(places)
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let name = format!("{}.py", place.name);
        let dependency = place.after.as_ref().map_or_else(String::new, |after| {
            format!("('{}', '{after}')", placement.style(APP))
        });
        let atomic = match migration.up.mode {
            Mode::Transaction => "",
            Mode::SingleStatement => "    atomic = False\n",
        };
        let reverse = match migration.down {
            Down::Nothing => "migrations.RunSQL.noop".to_owned(),
            Down::Script(_) | Down::Impossible(_) => list(&something_as_one(migration)),
        };
        let text = format!(
            "{}\nfrom django.db import migrations\n\n\nclass Migration(migrations.Migration):\n{atomic}    dependencies = [{dependency}]\n    operations = [\n        migrations.RunSQL(\n            sql={},\n            reverse_sql={reverse},\n        ),\n    ]\n",
            comment("#", &name, self, migration),
            list(&migration.up.in_runners_transaction()),
        );
        vec![Output {
            path: placement.directory.join(&name),
            text,
        }]
    }

    fn register(
        &self,
        project: &dyn Project,
        placement: &Placement,
        _outputs: &[Output],
    ) -> Result<Vec<Output>, PlaceError> {
        let (Some(last), Some(placed)) = (Last::read(project, placement), placement.steps.last()) else {
            return Ok(Vec::new());
        };
        // Others may have come behind ours since: only what was last when ours were written is replaced.
        let is_before = |place: &Place| place.after.as_deref() == Some(last.name());
        let is_ours = |place: &Place| place.name == last.name();
        if !placement
            .steps
            .iter()
            .any(|place| is_ours(place) || is_before(place))
        {
            return Ok(Vec::new());
        }
        Ok(vec![last.renamed(&placed.name)])
    }

    fn unregister(&self, project: &dyn Project, gone: &Placement) -> Result<Vec<Output>, PlaceError> {
        let Some(last) = Last::read(project, gone) else {
            return Ok(Vec::new());
        };
        let mut name = last.name();
        while let Some(place) = gone.steps.iter().find(|place| place.name == name) {
            name = place.after.as_deref().unwrap_or_default();
        }
        Ok(vec![last.renamed(name)])
    }

    fn listens_to(&self, line: &str) -> bool {
        has_carriage_return(line)
    }

    fn undo(&self) -> Undo {
        Undo::Runner("python manage.py migrate APP NAME, with the migration before it")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "takes no lock: let one process run the migrations, once",
            "a model of the table keeps its primary key as it is; only the database's becomes longer",
        ]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some(("SELECT name::text FROM {}", "django_migrations"))
    }

    fn command(&self) -> &'static str {
        "python manage.py migrate"
    }
}

/// Folders of migrations, up to two levels deep.
fn apps(project: &dyn Project) -> Vec<PathBuf> {
    let here = project.entries(Path::new("."));
    let deeper = here.iter().flat_map(|folder| {
        let inner = project.entries(Path::new(folder));
        inner.into_iter().map(move |name| format!("{folder}/{name}"))
    });
    let folders: Vec<String> = here.iter().cloned().chain(deeper).collect();
    let mut apps: Vec<PathBuf> = folders
        .iter()
        .map(|folder| Path::new(folder).join("migrations"))
        .filter(|folder| project.read(&folder.join("__init__.py")).is_some())
        .collect();
    apps.retain(|app| {
        !app.components()
            .any(|part| part.as_os_str().to_string_lossy().starts_with('.'))
    });
    apps.sort();
    apps
}

/// The app's `max_migration.txt`.
struct Last {
    path: PathBuf,
    text: String,
}

impl Last {
    /// `None` where the app has none.
    fn read(project: &dyn Project, placement: &Placement) -> Option<Self> {
        let path = placement.directory.join(LAST);
        let text = project.read(&path)?;
        Some(Self { path, text })
    }

    fn name(&self) -> &str {
        self.text.trim()
    }

    fn renamed(&self, name: &str) -> Output {
        Output {
            path: self.path.clone(),
            text: self.text.replacen(self.name(), name, 1),
        }
    }
}

/// The migration that no other one of the app depends on; `None` in an empty folder.
fn leaf(site: &Site<'_>) -> Result<Option<String>, PlaceError> {
    let app = site.style.get(APP).map_or("", String::as_str);
    let files = site.entries();
    let names: Vec<&str> = files
        .iter()
        .filter(|file| !file.starts_with('_'))
        .filter_map(|file| file.strip_suffix(".py"))
        .collect();
    let read = |name: &&str| {
        let path = site.directory.join(format!("{name}.py"));
        let source = site.project.read(&path).unwrap_or_default();
        Migrated {
            depends_on: named_in(&source, "dependencies", app),
            replaces: named_in(&source, "replaces", app),
            name: (*name).to_owned(),
        }
    };
    let migrated: Vec<Migrated> = names.iter().map(read).collect();
    let mut depended_on: Vec<&String> = migrated.iter().flat_map(|m| &m.depends_on).collect();
    for squashed in &migrated {
        // Whoever depends on one that it replaces depends on it.
        let is_replaced = |name: &String| squashed.replaces.contains(name);
        let mut others = migrated.iter().filter(|m| !is_replaced(&m.name));
        if others.any(|m| m.depends_on.iter().any(is_replaced)) {
            depended_on.push(&squashed.name);
        }
        depended_on.extend(&squashed.replaces);
    }
    let leaves: Vec<&str> = names
        .into_iter()
        .filter(|name| !depended_on.iter().any(|d| d.as_str() == *name))
        .collect();
    match leaves.as_slice() {
        [] => Ok(None),
        [leaf] => Ok(Some((*leaf).to_owned())),
        [..] => Err(PlaceError {
            cause: format!("the migrations of {app} end in several: {}", leaves.join(", ")),
            remedy: "merge them first: python manage.py makemigrations --merge".to_owned(),
        }),
    }
}

/// What a file says of the order.
struct Migrated {
    name: String,
    depends_on: Vec<String>,
    /// It was squashed from these.
    replaces: Vec<String>,
}

/// Names of the app's own migrations in a list, `dependencies = [('app', 'name'), …]`.
fn named_in(source: &str, list: &str, app: &str) -> Vec<String> {
    let Some((_, rest)) = source.split_once(&format!("{list} = ")) else {
        return Vec::new();
    };
    let list = rest.split_once(']').map_or(rest, |(list, _)| list);
    let words: Vec<String> = list.lines().flat_map(python::quoted).collect();
    words
        .chunks(2)
        .filter(|pair| pair[0] == app)
        .filter_map(|pair| pair.get(1).cloned())
        .collect()
}

/// A list of statements, which Django sends one by one.
fn list(sql: &str) -> String {
    let items: String = statements(sql)
        .iter()
        .map(|statement| format!("                {},\n", python::string(statement)))
        .collect();
    format!("[\n{items}            ]")
}

#[cfg(test)]
mod tests {
    use super::named_in;

    #[test]
    fn reads_dependencies_of_the_app_alone() {
        let source = "class M:\n    dependencies = [\n        ('auth', '0001_x'),  # 'shop'\n        (\"shop\", \"0002_y\"),\n    ]\n    operations = ['shop', 'z']\n";
        assert_eq!(named_in(source, "dependencies", "shop"), ["0002_y"]);
        assert!(named_in(source, "replaces", "shop").is_empty());
    }
}
