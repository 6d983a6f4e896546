//! Operation under load: how a copy is shared, paced, throttled and paused, while it runs.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pgcleave::server::{Programs, Server};
use postgres::{Client, NoTls};
use serde_json::Value;

use crate::support::{Database, Pgcleave, Said, wait_until};

const BIG: &str = "CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
    INSERT INTO events SELECT i, repeat('x', 500), '2026-01-05 00:00+00'::timestamptz + i * interval '1 minute'
    FROM generate_series(1, 60000) i";

/// Ready to copy 4,000 blocks.
fn prepare(pgcleave: &Pgcleave) {
    pgcleave.generate_monthly(&["--premake", "1", "--batch-size", "1"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "create_batch_copy_procedure"]);
}

fn prepared() -> (Database, Pgcleave) {
    let database = Database::new();
    database.run_sql(BIG);
    let pgcleave = Pgcleave::new(&database);
    prepare(&pgcleave);
    (database, pgcleave)
}

fn copy(pgcleave: &Pgcleave, flags: &[&str]) -> Child {
    let mut command = pgcleave.command(&["apply", "--yes", "--through", "run_batch_copy"]);
    command.args(flags);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn ends_well(child: Child) {
    let said = Said::of(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 0, "{}", said.stderr);
}

fn waiting_for(pgcleave: &Pgcleave) -> String {
    let said = pgcleave.ok(&["status", "events", "--format", "json"]);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    report["waiting_for"].as_str().unwrap_or_default().to_owned()
}

fn wait_for_reason(pgcleave: &Pgcleave, words: &str) {
    wait_until(words, || waiting_for(pgcleave).contains(words));
}

fn batches(database: &Database) -> i64 {
    let sql = "SELECT count(DISTINCT xmin::text)::text FROM events_pgcleave_copy";
    database.lines(sql)[0].parse().unwrap()
}

#[test]
fn batches_grow_and_shrink_to_take_the_time_that_was_asked_for() {
    let (database, pgcleave) = prepared();
    ends_well(copy(&pgcleave, &[]));
    let with_half_a_second = batches(&database);
    // A batch ends with its segment, of which there are 16 and more.
    assert!((16..1000).contains(&with_half_a_second), "{with_half_a_second}");
    pgcleave.ok(&["-q", "rollback", "--yes", "--to", "create_batch_copy_procedure"]);
    ends_well(copy(&pgcleave, &["--batch-target", "1ms"]));
    let with_a_millisecond = batches(&database);
    assert!(
        with_a_millisecond > with_half_a_second,
        "{with_a_millisecond} {with_half_a_second}"
    );
}

#[test]
fn several_sessions_share_the_copy_and_their_number_may_change_while_they_run() {
    let (database, pgcleave) = prepared();
    let sessions = || {
        let sql = "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'
            AND query LIKE '%CALL %copy_batches%' AND pid <> pg_backend_pid() AND application_name = 'pgcleave'";
        database.lines(sql)[0].parse::<i64>().unwrap()
    };
    let child = copy(
        &pgcleave,
        &["--jobs", "3", "--sleep", "50ms", "--batch-target", "1ms"],
    );
    wait_until("three sessions", || sessions() == 3);
    pgcleave.ok(&["throttle", "events", "--jobs", "1"]);
    wait_until("one session", || sessions() == 1);
    database.run_sql(
        "UPDATE events SET note = 'changed' WHERE id % 100 = 0; DELETE FROM events WHERE id % 100 = 1",
    );
    let said = pgcleave.ok(&["throttle", "events", "--jobs", "4", "--sleep", "1ms"]);
    assert!(said.stdout.contains("jobs                 4"), "{}", said.stdout);
    wait_until("four sessions", || sessions() == 4);
    ends_well(child);
    pgcleave.ok(&["-q", "apply", "--yes"]);
    assert_eq!(
        database
            .lines("SELECT count(*)::text FROM (TABLE events EXCEPT ALL TABLE events_pgcleave_retired) d"),
        ["0"]
    );
    pgcleave.ok(&["verify"]);
}

#[test]
fn limits_may_be_far_beyond_what_anybody_needs() {
    let (_database, pgcleave) = prepared();
    pgcleave.ok(&[
        "throttle",
        "events",
        "--sleep",
        "60d",
        "--max-active-sessions",
        "4000000000",
    ]);
    let said = pgcleave.ok(&["throttle", "events"]);
    for figure in ["5184000000 ms", "4000000000"] {
        assert!(said.stdout.contains(figure), "{}", said.stdout);
    }
}

#[test]
fn a_session_that_dies_in_a_shared_copy_loses_nothing() {
    let (database, pgcleave) = prepared();
    let child = copy(
        &pgcleave,
        &["--jobs", "3", "--sleep", "20ms", "--batch-target", "2ms"],
    );
    let kill = "SELECT count(*)::text FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%CALL %copy_batches%'
        ORDER BY backend_start DESC LIMIT 1) k";
    for _ in 0..2 {
        wait_until("the copy to be under way", || {
            database.lines("SELECT count(*)::text FROM events_pgcleave_copy") != ["0"]
        });
        database.lines(kill);
        std::thread::sleep(Duration::from_millis(400));
    }
    let said = Said::of(&child.wait_with_output().unwrap());
    if said.code != 0 {
        // The session that answers for the step was the one killed.
        assert!(said.stderr.contains("pgcleave apply"), "{}", said.stderr);
    }
    pgcleave.ok(&["-q", "apply", "--yes", "--sleep", "0s", "--batch-target", "1s"]);
    pgcleave.ok(&["verify"]);
}

#[test]
fn pauses_by_the_verb_and_by_a_file_and_says_so() {
    let (database, pgcleave) = prepared();
    let file = pgcleave.folder.path().join("stop here");
    let child = copy(
        &pgcleave,
        &[
            "--sleep",
            "20ms",
            "--batch-target",
            "1ms",
            "--pause-file",
            file.to_str().unwrap(),
        ],
    );
    wait_until("the copy to be under way", || {
        database.lines("SELECT count(*)::text FROM events_pgcleave_copy") != ["0"]
    });
    pgcleave.ok(&["pause", "events"]);
    wait_for_reason(&pgcleave, "paused; go on with: pgcleave resume");
    let rows = || database.lines("SELECT count(*)::text FROM events_pgcleave_copy");
    let then = rows();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(rows(), then);
    std::fs::write(&file, "").unwrap();
    pgcleave.ok(&["resume", "events"]);
    wait_for_reason(&pgcleave, "the pause file is there");
    assert!(
        pgcleave
            .ok(&["status"])
            .stdout
            .contains("WAITING: the pause file is there")
    );
    std::fs::remove_file(&file).unwrap();
    ends_well(child);
}

#[test]
fn waits_for_a_query_for_active_sessions_and_for_a_replication_slot() {
    let (database, pgcleave) = prepared();
    let mut client = database.client();
    client
        .batch_execute("CREATE TABLE public.busy (now boolean); INSERT INTO public.busy VALUES (true)")
        .unwrap();
    let child = copy(
        &pgcleave,
        &[
            "--sleep",
            "10ms",
            "--batch-target",
            "1ms",
            "--throttle-query",
            "SELECT now FROM public.busy",
        ],
    );
    wait_for_reason(&pgcleave, "the query SELECT now FROM public.busy says so");
    pgcleave.ok(&[
        "throttle",
        "events",
        "--throttle-query",
        "none",
        "--max-active-sessions",
        "0",
    ]);
    let mut busy = database.client();
    let token = busy.cancel_token();
    let sleeper = std::thread::spawn(move || busy.batch_execute("SELECT pg_sleep(60)"));
    wait_for_reason(&pgcleave, "sessions are active, over 0");
    let slot = format!("{}_slot", database.name);
    client
        .execute(
            "SELECT pg_create_physical_replication_slot($1::text::name, true)",
            &[&slot],
        )
        .unwrap();
    pgcleave.ok(&[
        "throttle",
        "events",
        "--max-active-sessions",
        "none",
        "--max-retained-wal",
        "1kB",
    ]);
    client
        .batch_execute("INSERT INTO public.busy SELECT true FROM generate_series(1, 1000)")
        .unwrap();
    wait_for_reason(&pgcleave, "of WAL, over");
    client
        .execute("SELECT pg_drop_replication_slot($1::text::name)", &[&slot])
        .unwrap();
    token.cancel_query(NoTls).unwrap();
    assert!(sleeper.join().unwrap().is_err());
    // Other tests' slots may be there too.
    pgcleave.ok(&["throttle", "events", "--max-retained-wal", "none"]);
    ends_well(child);
}

/// A standby of the server's that replays with a delay.
struct Standby {
    programs: Programs,
    folder: tempfile::TempDir,
}

impl Standby {
    fn of(server: &Server) -> Self {
        let programs = server.programs().clone();
        let folder = tempfile::Builder::new()
            .prefix("pgcleave-standby-")
            .tempdir()
            .unwrap();
        let standby = Self { programs, folder };
        standby.run("chown", &[server.user(), "."], false);
        let (socket, port) = (server.socket_dir().to_str().unwrap(), server.port().to_string());
        let data = standby.data();
        standby.run(
            "pg_basebackup",
            &[
                "-h",
                socket,
                "-p",
                &port,
                "-U",
                server.user(),
                "-D",
                &data,
                "-R",
                "-c",
                "fast",
                "-X",
                "stream",
            ],
            true,
        );
        let config = std::path::Path::new(&data).join("postgresql.auto.conf");
        let text = std::fs::read_to_string(&config).unwrap();
        let own = format!(
            "{text}\nunix_socket_directories = '{}'\nrecovery_min_apply_delay = '1h'\nhot_standby = on\nwal_receiver_status_interval = '1s'\n",
            standby.folder.path().display()
        );
        std::fs::write(&config, own).unwrap();
        let log = format!("{data}.log");
        standby.run("pg_ctl", &["start", "-w", "-D", &data, "-l", &log], true);
        standby
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// As the server's own user where we are root, which PostgreSQL's programs refuse.
    fn run(&self, program: &str, arguments: &[&str], as_server: bool) {
        let path = self.programs.program(program);
        let root = nix::unistd::Uid::effective().is_root();
        let mut command = if root && as_server {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        if !root && program == "chown" {
            return;
        }
        let status = command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{program} {arguments:?}");
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let data = self.data();
        self.run("pg_ctl", &["stop", "-m", "immediate", "-D", &data], true);
    }
}

#[test]
fn waits_while_a_replica_lags() {
    let programs = Programs::find().unwrap();
    let server = Server::start(&programs, &[("wal_level", "replica"), ("max_wal_senders", "5")]).unwrap();
    let url = server.url("postgres");
    let mut client = Client::connect(&url, NoTls).unwrap();
    client.batch_execute(BIG).unwrap();
    let standby = Standby::of(&server);
    let pgcleave = Pgcleave::at(url);
    prepare(&pgcleave);
    let child = copy(
        &pgcleave,
        &[
            "--sleep",
            "10ms",
            "--batch-target",
            "1ms",
            "--max-replica-lag",
            "1s",
        ],
    );
    wait_for_reason(&pgcleave, "lags by");
    pgcleave.ok(&["throttle", "events", "--max-replica-lag", "none"]);
    ends_well(child);
    drop(standby);
}

#[test]
fn wrong_limits_are_refused_before_anything_happens() {
    let (_database, pgcleave) = prepared();
    for flags in [
        &["--batch-target", "0s"][..],
        &["--jobs", "0"],
        &["--sleep", "much"],
        &["--max-retained-wal", "10 gigs"],
        &["--lock-tries", "0"],
    ] {
        let said = pgcleave.run(&[&["apply", "--yes"], flags].concat());
        assert_eq!(said.code, 2, "{flags:?} {}", said.stderr);
    }
    let database = Database::new();
    database.run_sql(BIG);
    let other = Pgcleave::new(&database);
    other.generate_monthly(&[]);
    for verb in ["pause", "resume", "throttle"] {
        let said = other.run(&[verb, "events"]);
        assert_eq!(said.code, 1, "{}", said.stderr);
        assert!(
            said.stderr
                .contains("no conversion of public.events is under way"),
            "{}",
            said.stderr
        );
    }
}
