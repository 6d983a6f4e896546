//! What a runner's real program is driven by.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use chrono::NaiveDateTime;

use crate::support::{Database, Pgcleave, Said, Shared, programs};

/// Where `scripts/ensure-runners` puts them.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/runners");

/// One server for all runners, on TCP too: not every runner's library knows Unix sockets.
static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

/// A migration runner's real program.
pub trait Driver: Sync {
    /// As `--runner` names it.
    fn name(&self) -> &'static str;
    /// Makes the project, with the marks that the runner is told by and a migration of
    /// the project's own, which has run already: it made the table `own`.
    fn prepare(&self, project: &Project);
    /// Runs everything that is pending.
    fn up(&self, project: &Project) -> Said;
    /// Undoes the last `steps` migrations, newest first. None: the runner knows no way back.
    fn down(&self, project: &Project, steps: usize) -> Option<Said>;
    /// Which migrations have run, by the runner's own history, the oldest first.
    fn history(&self, project: &Project) -> Vec<String>;
    /// Writes a migration of the project's own, in a transaction, behind all that are there.
    fn add(&self, project: &Project, migration: &Own);
    /// Does what pgcleave says that the project needs before it runs the files.
    fn heed(&self, _: &Project, _said: &str) {}
    /// Takes pgcleave's plain files up to this step for pending ones: only psql reads them.
    fn adopt(&self, _: &Project, _through: &str) {}
    /// Whether it knows the way back.
    fn goes_back(&self) -> bool {
        true
    }
    /// Makes its history forget the last migration, which somebody has undone for it.
    fn forget_last(&self, _: &Project) {
        unreachable!("{} goes back itself", self.name());
    }
}

/// A migration that a person could have written.
pub struct Own<'a> {
    pub name: &'a str,
    pub up: &'a str,
    pub down: &'a str,
}

/// A project folder and a database of its own.
pub struct Project {
    pub database: Database,
    /// Its folder is the project's.
    pub pgcleave: Pgcleave,
    url: String,
}

struct Server {
    shared: &'static Shared,
    port: String,
}

impl Server {
    fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let port = free.port().to_string();
        let settings = [("listen_addresses", "127.0.0.1"), ("port", &port)];
        let shared = Shared::start_with(&programs(), &settings);
        Self {
            shared: Box::leak(Box::new(shared)),
            port,
        }
    }
}

impl Project {
    pub fn new() -> Self {
        let database = Database::at(SERVER.shared);
        let url = format!(
            "postgresql://postgres@127.0.0.1:{}/{}",
            SERVER.port, database.name
        );
        Self {
            database,
            pgcleave: Pgcleave::at(url.clone()),
            url,
        }
    }
    pub fn folder(&self) -> &Path {
        self.pgcleave.folder.path()
    }
    pub fn url(&self) -> &str {
        &self.url
    }
    /// For runners that want it apart.
    pub fn port(&self) -> &str {
        &SERVER.port
    }
    /// Writes a file below the project's folder.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    /// The names of what is in a folder of the project's, sorted.
    pub fn names_in(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.folder().join(path)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
    /// A program in the project's folder. It sees nothing of whoever runs the tests:
    /// neither their settings nor their environment.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder())
            .env("LC_ALL", "C.UTF-8")
            .env("DATABASE_URL", &self.url)
            .stdin(Stdio::null());
        command
    }
}

/// The time stamp after the last one that a name in the folder begins with, a minute later.
pub fn time_stamp_after(names: &[String]) -> String {
    let stamp = |name: &String| {
        let digits: String = name.chars().filter(char::is_ascii_digit).take(14).collect();
        NaiveDateTime::parse_from_str(&digits, "%Y%m%d%H%M%S").ok()
    };
    let last = names.iter().filter_map(stamp).max().unwrap();
    (last + Duration::from_secs(60))
        .format("%Y%m%d%H%M%S")
        .to_string()
}

/// The number after the highest one that stands in the names behind this prefix.
pub fn number_after(names: &[String], prefix: &str) -> u64 {
    let number = |name: &String| {
        let rest = name.strip_prefix(prefix)?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok()
    };
    names.iter().filter_map(number).max().unwrap() + 1
}

/// A file that `scripts/ensure-runners` has put below `target/runners`.
pub fn installed(path: &str) -> PathBuf {
    let path = Path::new(FOLDER).join(path);
    assert!(
        path.exists(),
        "no {}; hint: make test-runners puts it there",
        path.display()
    );
    path
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Said {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    Said::of(&output)
}

/// The same, when it has to succeed.
pub fn ok(said: Said) -> Said {
    assert_eq!(said.code, 0, "{}\n{}", said.stdout, said.stderr);
    said
}

/// Undoes one at a time, until one fails.
pub fn one_by_one(steps: usize, mut undo: impl FnMut() -> Said) -> Said {
    for _ in 1..steps {
        let said = undo();
        if said.code != 0 {
            return said;
        }
    }
    undo()
}
