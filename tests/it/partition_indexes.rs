//! The indexes of partitions: whoever builds them, and however often somebody is stopped at it, they are the same.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Database, Pgcleave, Said, wait_until};
use crate::versions::on_each_version;

/// Two indexes of one name but for a number, which sessions at the same partition would fight for.
const SCHEMA: &str = "
    CREATE TABLE events (id bigint PRIMARY KEY, note text, kind int NOT NULL, at timestamptz NOT NULL);
    CREATE INDEX ON events (note) WHERE kind > 3;
    CREATE INDEX ON events (note);
    CREATE INDEX ON events (lower(note)) INCLUDE (kind) WITH (fillfactor = 70);
    CREATE INDEX ON events USING brin (at);
    CREATE INDEX ON events (note) WHERE note LIKE '100%';
    INSERT INTO events SELECT i, 'n' || i, i % 7, date_trunc('month', now()) - i * interval '1 hour' FROM generate_series(1, 6000) i";

const INDEXES: &str = "SELECT i.indrelid::regclass || ' ' || pg_get_indexdef(i.indexrelid) || ' part of ' || p.inhparent::regclass
    FROM pg_partition_tree('events_pgcleave_copy') t JOIN pg_index i ON i.indrelid = t.relid
    JOIN pg_inherits p ON p.inhrelid = i.indexrelid WHERE t.isleaf ORDER BY 1";

fn copied(database: &Database) -> Pgcleave {
    database.run_sql(SCHEMA);
    let pgcleave = Pgcleave::new(database);
    pgcleave.generate_monthly(&["--premake", "1"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "run_batch_copy"]);
    pgcleave
}

fn built(database: &Database) -> i64 {
    let sum = "SELECT coalesce(sum(built), 0)::text FROM events_pgcleave_index_builds";
    database.lines(sum)[0].parse().unwrap()
}

/// One index a transaction, and a while between them.
fn slowly(pgcleave: &Pgcleave, jobs: &str) -> Child {
    let mut command = pgcleave.command(&["apply", "--yes", "--through", "build_indexes", "--jobs", jobs]);
    command.args(["--batch-target", "1ms", "--sleep", "100ms"]);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn are_the_same_whether_one_session_several_or_none_build_them_beforehand() {
    on_each_version(|version, database| {
        let pgcleave = copied(&database);
        let mut found = Vec::new();
        for jobs in ["1", "4"] {
            pgcleave.ok(&[
                "-q",
                "apply",
                "--yes",
                "--jobs",
                jobs,
                "--through",
                "build_partition_indexes",
            ]);
            assert_eq!(
                database.lines(INDEXES),
                Vec::<String>::new(),
                "no part of anything yet"
            );
            pgcleave.ok(&["-q", "apply", "--yes", "--through", "build_indexes"]);
            found.push(database.lines(INDEXES));
            pgcleave.ok(&["-q", "rollback", "--yes", "--to", "run_batch_copy"]);
            let left = "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_partition_tree('events_pgcleave_copy') ON relid = indrelid";
            assert_eq!(database.lines(left), Vec::<String>::new());
        }
        let without = std::fs::read_to_string(&pgcleave.files("_build_indexes.up.sql")[0]).unwrap();
        database.run_sql(&without);
        found.push(database.lines(INDEXES));
        let partitions = database
            .lines("SELECT relid::text FROM pg_partition_tree('events_pgcleave_copy') WHERE isleaf")
            .len();
        assert_eq!(found[0].len(), 6 * partitions);
        assert_eq!(
            found[0], found[1],
            "PostgreSQL {}: one session, several",
            version.major
        );
        assert_eq!(
            found[0], found[2],
            "PostgreSQL {}: before, at once",
            version.major
        );
        pgcleave.ok(&["-q", "apply", "--yes"]);
    });
}

#[test]
fn several_sessions_share_the_work_and_it_goes_on_after_kill_9() {
    let database = Database::new();
    let pgcleave = copied(&database);
    let mut child = slowly(&pgcleave, "3");
    let sessions = "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database()
        AND query LIKE '%CALL %build_partition_indexes%' AND state <> 'idle' AND pid <> pg_backend_pid()";
    wait_until("three sessions", || database.lines(sessions) == ["3"]);
    wait_until("some indexes", || built(&database) >= 6);
    let status = pgcleave.ok(&["status", "events"]).stdout;
    assert!(status.contains("indexes of partitions: "), "{status}");
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    database.run_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pgcleave'");
    wait_until("the sessions to end", || database.lines(sessions) == ["0"]);
    let (before, total) = (
        built(&database),
        "SELECT sum(indexes)::text FROM events_pgcleave_index_builds",
    );
    assert!(before.to_string() != database.lines(total)[0]);
    pgcleave.ok(&["-q", "apply", "--yes", "--sleep", "0ms"]);
    pgcleave.ok(&["verify", "--checksum"]);
}

#[test]
fn ctrl_c_loses_the_index_under_way_and_a_rollback_takes_the_others() {
    let database = Database::new();
    let pgcleave = copied(&database);
    let child = slowly(&pgcleave, "2");
    wait_until("some indexes", || built(&database) >= 4);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let said = Said::of(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 130, "{}", said.stderr);
    let kept = built(&database);
    assert!(kept >= 4);
    pgcleave.ok(&["-q", "rollback", "--yes", "--to", "run_batch_copy"]);
    let left = "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_partition_tree('events_pgcleave_copy') ON relid = indrelid";
    assert_eq!(database.lines(left), Vec::<String>::new());
    pgcleave.ok(&["-q", "apply", "--yes", "--sleep", "0ms"]);
    pgcleave.ok(&["verify", "--checksum"]);
}

#[test]
fn are_not_begun_before_the_copy_is_complete() {
    let database = Database::new();
    database.run_sql(SCHEMA);
    let pgcleave = Pgcleave::new(&database);
    pgcleave.generate_monthly(&["--premake", "1"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "create_batch_copy_procedure"]);
    let call = database
        .client()
        .batch_execute("CALL events_pgcleave_build_partition_indexes()");
    let said = call.unwrap_err().as_db_error().unwrap().message().to_owned();
    assert_eq!(said, "the batch copy is not complete");
}
