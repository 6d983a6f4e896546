//! The password is in no output, no file, no server log and no list of processes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::connect::site::{PASSWORD, Site, URL_PASSWORD};
use crate::support::{Said, wait_until};

/// How a run gets its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    DatabaseUrl,
    Variable,
    PasswordFile,
}

struct Watched {
    site: Site,
    folder: tempfile::TempDir,
}

impl Watched {
    fn start() -> Self {
        let site = Site::start();
        let mut admin = postgres::Client::connect(&site.server.url("plain"), postgres::NoTls).unwrap();
        // ALTER SYSTEM can't be one of several statements.
        for sql in [
            "ALTER SYSTEM SET log_statement = 'all'",
            "ALTER SYSTEM SET log_connections = on",
            "ALTER SYSTEM SET log_min_messages = debug1",
            "SELECT pg_reload_conf()",
        ] {
            admin.batch_execute(sql).unwrap();
        }
        admin
            .batch_execute(
                "GRANT CREATE ON DATABASE plain TO ann; GRANT ALL ON SCHEMA public TO ann; GRANT pg_read_all_stats TO ann;
                 CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL); ALTER TABLE events OWNER TO ann;
                 INSERT INTO events SELECT i, repeat('x', 500), now() - i * interval '1 minute' FROM generate_series(1, 5000) i;
                 CREATE TABLE refused (at timestamptz); ALTER TABLE refused OWNER TO ann",
            )
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { site, folder }
    }

    fn command(&self, way: Way, arguments: &[&str]) -> Command {
        let port = self.site.server.port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgcleave"));
        command
            .current_dir(self.folder.path())
            .env("HOME", self.site.home.path())
            .env_remove("PGPASSWORD")
            .args(arguments)
            .stdin(Stdio::null());
        let with = if way == Way::DatabaseUrl {
            format!(":{URL_PASSWORD}")
        } else {
            String::new()
        };
        command.env(
            "DATABASE_URL",
            format!("postgres://ann{with}@127.0.0.1:{port}/plain"),
        );
        match way {
            Way::DatabaseUrl => {}
            Way::Variable => {
                command.env("PGPASSWORD", PASSWORD);
            }
            Way::PasswordFile => {
                let file = self.site.home.path().join(".pgpass");
                fs::write(&file, format!("127.0.0.1:*:*:ann:{PASSWORD}\n")).unwrap();
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        command
    }

    fn run(&self, way: Way, arguments: &[&str]) -> Said {
        let said = Said::of(&self.command(way, arguments).output().unwrap());
        assert_hidden(&said.stdout, arguments);
        assert_hidden(&said.stderr, arguments);
        said
    }

    fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
        let mut command = self.command(Way::Variable, arguments);
        let said = Said::of(&command.envs(variables.iter().copied()).output().unwrap());
        assert_hidden(&said.stdout, arguments);
        assert_hidden(&said.stderr, arguments);
        said
    }
}

#[track_caller]
fn assert_hidden(text: &str, context: impl std::fmt::Debug) {
    for secret in ["s3cret", PASSWORD, URL_PASSWORD] {
        assert!(!text.contains(secret), "{context:?} shows the password: {text}");
    }
}

fn assert_files_hide_it(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_files_hide_it(&path);
        } else {
            assert_hidden(&String::from_utf8_lossy(&fs::read(&path).unwrap()), path);
        }
    }
}

#[test]
fn the_password_is_never_shown_or_written() {
    let watched = Watched::start();
    let generate = [
        "-v",
        "generate",
        "events",
        "--key",
        "at",
        "--interval",
        "monthly",
        "--batch-size",
        "4",
    ];
    assert_eq!(
        watched
            .run(
                Way::DatabaseUrl,
                &["-v", "inspect", "events", "--key", "at", "--format", "json"]
            )
            .code,
        0
    );
    assert_eq!(watched.run(Way::DatabaseUrl, &generate).code, 0);
    // What fails, in all the ways that we know.
    assert_eq!(
        watched
            .run(
                Way::DatabaseUrl,
                &[
                    "-v",
                    "generate",
                    "refused",
                    "--key",
                    "at",
                    "--interval",
                    "monthly"
                ]
            )
            .code,
        4
    );
    assert_eq!(watched.run(Way::Variable, &["-v", "inspect", "absent"]).code, 1);
    for (variable, value) in [
        ("PGPASSWORD", "wrong s3cret"),
        ("DATABASE_URL", "postgres://ann:wrong-s3cret@127.0.0.1:1/plain"),
        ("DATABASE_URL", "postgres://ann:s3cret@no-such-host.invalid/plain"),
        ("DATABASE_URL", "postgres://ann:s3cret@127.0.0.1:notaport/plain"),
        (
            "DATABASE_URL",
            "postgres://ann:s3cret@127.0.0.1/plain?sslmode=nonsense",
        ),
        ("DATABASE_URL", "host=127.0.0.1 password='s3cret"),
        ("DATABASE_URL", "host=127.0.0.1 pasword=s3cret"),
        ("DATABASE_URL", "s3cret"),
    ] {
        for verb in [&["-v", "inspect", "events"][..], &["-v", "apply", "--yes"]] {
            let said = watched.run_with(&[(variable, value)], verb);
            assert_ne!(said.code, 0, "{variable}={value}");
        }
    }
    let file = watched
        .folder
        .path()
        .join("migrations_out/public.events/0001_create_partitioned_copy.up.sql");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("BEGIN ISOLATION", "BEGIN NONSENSE; BEGIN ISOLATION")
            .replace("CREATE TABLE", "CREATE NONSENSE"),
    )
    .unwrap();
    let said = watched.run(
        Way::Variable,
        &["-v", "apply", "--yes", "--allow", "edited_files"],
    );
    assert_eq!(said.code, 1, "{}", said.stderr);
    fs::write(&file, text).unwrap();

    // While it runs: other sessions, and the list of processes.
    let mut child = watched
        .command(Way::DatabaseUrl, &["-v", "apply", "--yes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut admin = watched.site.admin();
    let mut seen = 0;
    wait_until("the run to end", || {
        let process = format!("/proc/{}/cmdline", child.id());
        assert_hidden(&fs::read_to_string(process).unwrap_or_default(), "cmdline");
        let rows = admin
            .query("SELECT concat_ws(' ', query, application_name, client_hostname) FROM pg_stat_activity WHERE usename = 'ann'", &[])
            .unwrap();
        rows.iter()
            .for_each(|row| assert_hidden(row.get(0), "pg_stat_activity"));
        seen += rows.len();
        child.try_wait().unwrap().is_some()
    });
    let said = Said::of(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(seen > 0, "no session was seen");
    assert_hidden(&said.stdout, "apply");
    assert_hidden(&said.stderr, "apply");
    for verb in [&["verify"][..], &["status"], &["rollback", "--yes"]] {
        assert_eq!(watched.run(Way::PasswordFile, verb).code, 0, "{verb:?}");
    }
    assert_files_hide_it(watched.folder.path());
    let log = watched.site.server.log();
    assert!(log.contains("events_pgcleave"), "statements are logged");
    // The CREATE ROLE with the password came before statements were logged.
    assert_hidden(&log, "the server's log");
}
