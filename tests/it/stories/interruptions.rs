//! Killed anywhere, as often as you like; and files that no runner can run wrongly.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use pgcleave::server::{Programs, Server};
use postgres::{Client, NoTls};

use super::{Busy, Story};
use crate::support::{NOTES_GUARDED, Pgcleave, Said, wait_until};

const SCHEMA: &str = "CREATE TABLE accounts (id int PRIMARY KEY); INSERT INTO accounts SELECT generate_series(1, 9);
    CREATE TABLE events (id bigserial PRIMARY KEY, account int NOT NULL REFERENCES accounts, n int NOT NULL DEFAULT 0,
        filler text, at timestamptz NOT NULL);
    CREATE INDEX events_at ON events (at);
    CREATE VIEW recent AS SELECT * FROM events WHERE at > now() - interval '1 month';
    INSERT INTO events (account, filler, at) SELECT 1 + i % 9, repeat('x', 200), now() - i * interval '30 minutes' FROM generate_series(1, 6000) i;";

/// Starts a verb and kills it at some moment; its session may live a little longer.
fn kill_soon(story: &Story, arguments: &[&str], random: &mut fastrand::Rng) {
    let mut command = story.pgcleave.command(arguments);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(random.u64(20..160)));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The session of a killed run ends by itself; until then another run is told so.
fn run_when_free(story: &Story, arguments: &[&str]) {
    let mut said = None;
    wait_until("the killed run's session to end", || {
        let run = story.pgcleave.run(arguments);
        let is_free = run.code != 6 || !run.stderr.contains("another run");
        said = Some(run);
        is_free
    });
    let said: Said = said.unwrap();
    assert_eq!(said.code, 0, "{arguments:?}: {}\n{}", said.stdout, said.stderr);
}

#[test]
fn story_13_kill_9_at_every_step_and_resume_ends_with_equal_content() {
    let story = Story::begin_with(SCHEMA, &["--batch-size", "4"]);
    let mut random = fastrand::Rng::with_seed(13);
    let writer = Busy::start(&story.database, |client, round| {
        client.batch_execute(&format!(
            "UPDATE events SET n = n + 1 WHERE id = 1;
             UPDATE events SET n = n + 1, at = at - interval '31 days' WHERE id = 2 + {round} % 5000;
             INSERT INTO events (account, at) VALUES (1 + {round} % 9, now())"
        ))
    });
    for step in story.steps() {
        for _ in 0..3 {
            kill_soon(&story, &["-q", "apply", "--yes", "--through", &step], &mut random);
        }
        run_when_free(&story, &["-q", "apply", "--yes", "--through", &step]);
    }
    run_when_free(&story, &["-q", "apply", "--yes"]);
    assert!(story.is_partitioned());
    story.assert_equal();
    for _ in 0..3 {
        kill_soon(
            &story,
            &["-q", "rollback", "--yes", "--to", "verify_copy"],
            &mut random,
        );
    }
    run_when_free(&story, &["-q", "rollback", "--yes", "--to", "verify_copy"]);
    assert!(!story.is_partitioned());
    story.assert_equal();
    for _ in 0..6 {
        kill_soon(&story, &["-q", "rollback", "--yes"], &mut random);
    }
    run_when_free(&story, &["-q", "rollback", "--yes"]);
    let report = writer.finish_without_error();
    let counted = "SELECT concat_ws(' ', (SELECT n FROM events WHERE id = 1), count(*) - 6000) FROM events";
    assert_eq!(story.database.lines(counted), [format!("{0} {0}", report.rounds)]);
    let ours = "SELECT relname::text FROM pg_class WHERE relname LIKE '%pgcleave%'
        UNION ALL SELECT proname::text FROM pg_proc WHERE proname LIKE '%pgcleave%'
        UNION ALL SELECT tgname::text FROM pg_trigger WHERE tgname LIKE '%pgcleave%'";
    assert_eq!(story.database.lines(ours), Vec::<String>::new());
}

#[test]
fn story_19_a_file_is_one_transaction_or_one_statement() {
    // Foreign keys both ways and a serial: every step has something to do.
    let schema = format!("{SCHEMA} CREATE TABLE notes (event bigint REFERENCES events);");
    let story = Story::begin_with(&schema, &NOTES_GUARDED);
    let mut alone = 0;
    for path in story.pgcleave.files(".sql") {
        let text = std::fs::read_to_string(&path).unwrap();
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("--") && !line.trim().is_empty())
            .collect();
        if code[0].starts_with("BEGIN") {
            assert_eq!(code[code.len() - 1], "COMMIT;", "{}", path.display());
        } else {
            assert_eq!(code.len(), 1, "{}", path.display());
            assert!(
                code[0].starts_with("CALL ") && code[0].ends_with(");"),
                "{}",
                code[0]
            );
            alone += 1;
        }
    }
    assert!(alone >= 2, "the copy and the catch-up commit by themselves");
}

const DAYS: &str = "CREATE TABLE accounts (id int PRIMARY KEY); INSERT INTO accounts SELECT generate_series(1, 9);
    CREATE TABLE events (id bigserial PRIMARY KEY, account int NOT NULL REFERENCES accounts, note text, at timestamptz NOT NULL);
    CREATE INDEX ON events (at); CREATE INDEX ON events (account, at); CREATE INDEX ON events (lower(note));
    CREATE TABLE notes (event bigint REFERENCES events);";

/// A server with these settings and a table that reaches so many days back.
fn server_with_days(settings: &[(&str, &str)], days: u32) -> (Server, Pgcleave) {
    let server = Server::start(&Programs::find().unwrap(), settings).unwrap();
    let url = server.url("postgres");
    let rows = format!(
        "INSERT INTO events (account, note, at) SELECT 1 + i % 9, 'n', now() - i * interval '1 day' FROM generate_series(0, {days}) i;"
    );
    let mut client = Client::connect(&url, NoTls).unwrap();
    client.batch_execute(&format!("{DAYS}{rows}")).unwrap();
    (server, Pgcleave::at(url))
}

fn generate_daily(pgcleave: &Pgcleave) -> Said {
    let daily = [
        "generate",
        "events",
        "--key",
        "at",
        "--interval",
        "daily",
        "--premake",
        "0",
    ];
    pgcleave.run(&[&daily[..], &NOTES_GUARDED].concat())
}

#[test]
fn story_19_four_thousand_partitions_on_default_settings_are_refused_with_the_figures() {
    let (_server, pgcleave) = server_with_days(&[], 4000);
    let said = generate_daily(&pgcleave);
    assert_eq!(said.code, 4, "{}", said.stderr);
    for words in [
        "locks would be needed for 4002 partitions",
        "max_locks_per_transaction",
    ] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
}

#[test]
fn story_19_as_many_partitions_as_are_allowed_do_fit_the_lock_table() {
    let settings = [("max_connections", "20"), ("max_locks_per_transaction", "10")];
    let (server, pgcleave) = server_with_days(&settings, 100);
    let mut client = Client::connect(&server.url("postgres"), NoTls).unwrap();
    let said = generate_daily(&pgcleave);
    assert_eq!(said.code, 4, "{}", said.stderr);
    // "… locks would be needed for … partitions; the server's lock table holds …"
    let figures: Vec<i64> = said
        .stderr
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    let [needed, partitions, held] = figures[..3] else {
        panic!("{}", said.stderr)
    };
    let allowed = held * partitions / needed;
    // Today's and the default partition are the two that remain.
    let delete = format!(
        "DELETE FROM events WHERE at < now() - interval '{} days'",
        allowed - 2
    );
    client.batch_execute(&delete).unwrap();
    let said = generate_daily(&pgcleave);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let count = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass";
    pgcleave.ok(&["-q", "apply", "--yes"]);
    let made: i64 = client.query_one(count, &[]).unwrap().get(0);
    assert!(
        made <= allowed && made + 2 > allowed,
        "{made} of {allowed} partitions"
    );
    pgcleave.ok(&["verify"]);
    pgcleave.ok(&["-q", "rollback", "--yes"]);
    pgcleave.ok(&["-q", "apply", "--yes"]);
    client.batch_execute("DROP TABLE notes").unwrap();
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "drop_retired_table"]);
}
