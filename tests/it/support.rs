//! The throwaway server, databases on it, and pgcleave in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use pgcleave::server::{Programs, Server};
use postgres::{Client, NoTls};
use tempfile::TempDir;

/// One server for the whole test process; [`crate::versions`] has those of other versions.
static SERVER: LazyLock<Shared> = LazyLock::new(|| Shared::start(&programs()));
static COUNTER: AtomicUsize = AtomicUsize::new(0);

/// A server that lasts as long as this process.
pub struct Shared {
    url: String,
    programs: Programs,
}

/// Where the programs of the server for most tests are.
pub fn programs() -> Programs {
    Programs::find().unwrap_or_else(|e| panic!("{e}; hint: {:?}", e.hint()))
}

impl Shared {
    /// The server that most tests use.
    pub fn usual() -> &'static Self {
        &SERVER
    }
    pub fn start(programs: &Programs) -> Self {
        Self::start_with(programs, &[])
    }
    /// With settings beside the usual ones.
    pub fn start_with(programs: &Programs, settings: &[(&str, &str)]) -> Self {
        let usual = [
            ("max_connections", "500"),
            ("max_prepared_transactions", "10"),
            ("wal_level", "logical"),
        ];
        let settings = [&usual[..], settings].concat();
        let server =
            Server::start(programs, &settings).unwrap_or_else(|e| panic!("{e}; hint: {:?}", e.hint()));
        let url = server.url("DATABASE");
        let stop = server.stop_command();
        let folder = server.keep();
        stop_after_this_process(&format!("{stop}; rm -rf '{}'", folder.display()));
        let programs = programs.clone();
        let shared = Self { url, programs };
        shared.make_tablespace();
        shared
    }
    /// The tablespace `elsewhere`, for fixtures that need one.
    fn make_tablespace(&self) {
        let mut client = self.connect("postgres");
        client
            .batch_execute("SET allow_in_place_tablespaces = on")
            .unwrap();
        client
            .batch_execute("CREATE TABLESPACE elsewhere LOCATION ''")
            .unwrap();
    }
    fn connect(&self, database: &str) -> Client {
        Client::connect(&self.url.replace("DATABASE", database), NoTls).unwrap()
    }
}

/// Statics are not dropped: a shell in the background waits for this process to end.
fn stop_after_this_process(stop: &str) {
    let id = std::process::id();
    let wait =
        format!("(while kill -0 {id} 2>/dev/null; do sleep 0.5; done; {stop}) </dev/null >/dev/null 2>&1 &");
    assert!(Command::new("sh").args(["-c", &wait]).status().unwrap().success());
}

/// A database of a test's own, dropped at its end.
pub struct Database {
    pub name: String,
    server: &'static Shared,
}

impl Database {
    pub fn new() -> Self {
        Self::at(&SERVER)
    }
    /// On another server than most tests use.
    pub fn at(server: &'static Shared) -> Self {
        Self::create(server, "")
    }
    /// Of another encoding than the server's.
    pub fn in_encoding(encoding: &str) -> Self {
        let options = format!("ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
        Self::create(&SERVER, &options)
    }
    fn create(server: &'static Shared, options: &str) -> Self {
        let name = format!("t{}", COUNTER.fetch_add(1, Ordering::Relaxed));
        server
            .connect("postgres")
            .batch_execute(&format!("CREATE DATABASE {name} {options}"))
            .unwrap();
        Self { name, server }
    }
    pub fn url(&self) -> String {
        self.server.url.replace("DATABASE", &self.name)
    }
    pub fn client(&self) -> Client {
        self.server.connect(&self.name)
    }
    pub fn run_sql(&self, sql: &str) {
        self.client()
            .batch_execute(sql)
            .unwrap_or_else(|e| panic!("{e:?}\n{sql}"));
    }
    /// The first column of a query, a line per row.
    pub fn lines(&self, sql: &str) -> Vec<String> {
        let rows = self
            .client()
            .query(sql, &[])
            .unwrap_or_else(|e| panic!("{e:?}\n{sql}"));
        rows.iter()
            .map(|row| row.get::<_, Option<String>>(0).unwrap_or_default())
            .collect()
    }
    /// The server's own psql or pg_dump, else the newest there is, connected to this database.
    pub fn program(&self, name: &str) -> Command {
        let own = self.server.programs.bin().join(name);
        let mut command = Command::new(if own.is_file() { own } else { client(name) });
        command.arg("--dbname").arg(self.url()).stdin(Stdio::null());
        command
    }
    /// Everything in the database as pg_dump writes it, but for its random key.
    pub fn dump(&self) -> String {
        let output = self.program("pg_dump").output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text
            .lines()
            .filter(|l| !l.starts_with("\\restrict") && !l.starts_with("\\unrestrict"));
        lines.map(|line| format!("{line}\n")).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = self.server.connect("postgres").batch_execute(&drop);
    }
}

/// pgcleave in a folder of its own, on one database.
pub struct Pgcleave {
    pub folder: TempDir,
    url: String,
}

/// What a run of pgcleave said.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Pgcleave {
    pub fn new(database: &Database) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            url: database.url(),
        }
    }
    pub fn at(url: String) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            url,
        }
    }
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgcleave"));
        command
            .current_dir(self.folder.path())
            .env("DATABASE_URL", &self.url)
            .args(arguments)
            .stdin(Stdio::null());
        command
    }
    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::of(&self.command(arguments).output().unwrap())
    }
    pub fn ok(&self, arguments: &[&str]) -> Said {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}\n{}\n{}", said.stdout, said.stderr);
        said
    }
    /// Writes the migrations of the table `events` with the key `at`.
    pub fn generate_monthly(&self, flags: &[&str]) -> Said {
        let generate = ["-q", "generate", "events", "--key", "at", "--interval", "monthly"];
        self.ok(&[&generate[..], flags].concat())
    }
    pub fn files(&self, suffix: &str) -> Vec<PathBuf> {
        let mut folders = std::fs::read_dir(self.folder.path().join("migrations_out")).unwrap();
        let entries = std::fs::read_dir(folders.next().unwrap().unwrap().path()).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
        files.retain(|path| path.to_str().unwrap().ends_with(suffix));
        files.sort();
        files
    }
}

impl Said {
    pub fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// One of the programs that `scripts/ensure-postgres-versions` puts beside the servers.
fn client(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/postgres/client/bin")
        .join(name);
    assert!(
        program.is_file(),
        "no {}; hint: make test puts it there",
        program.display()
    );
    program
}

pub fn tests_folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

/// A flag of `generate`: the foreign key of `notes` at `events` is to refer to a guard.
pub const NOTES_GUARDED: [&str; 2] = ["--incoming", "notes_event_fkey=guard"];

/// Waits up to a minute for something to become true.
pub fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if is_true() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("waited in vain for {what}");
}
