//! Killing anything anywhere, then running again, goes on.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pgcleave::server::{Programs, Server, Stop};
use postgres::{Client, NoTls};

use crate::fixtures::Fixture;
use crate::support::{Database, Pgcleave, Said, wait_until};

const BIG: &str = "CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
    INSERT INTO events SELECT i, repeat('x', 500), '2026-01-05 00:00+00'::timestamptz + i * interval '1 minute'
    FROM generate_series(1, 60000) i";

/// A table of some thousand blocks, to be copied one at a time.
fn prepare(pgcleave: &Pgcleave) {
    pgcleave.generate_monthly(&["--premake", "1", "--batch-size", "1"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "create_batch_copy_procedure"]);
}

fn start(pgcleave: &Pgcleave) -> Child {
    let mut command = pgcleave.command(&[
        "-q",
        "apply",
        "--yes",
        "--through",
        "run_batch_copy",
        "--batch-target",
        "1ms",
        "--sleep",
        "60ms",
    ]);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn blocks_done(client: &mut Client) -> i64 {
    client
        .query_one(
            "SELECT coalesce(sum(next_block - first_block), 0)::bigint FROM events_pgcleave_segments",
            &[],
        )
        .unwrap()
        .get(0)
}

fn wait_for_blocks(client: &mut Client, blocks: i64) {
    wait_until("the copy to be under way", || blocks_done(client) >= blocks);
}

fn finish_and_compare(pgcleave: &Pgcleave, client: &mut Client) {
    let before = blocks_done(client);
    assert!(before > 0, "it must go on, not begin again");
    pgcleave.ok(&["-q", "apply", "--yes", "--sleep", "0s", "--batch-target", "500ms"]);
    pgcleave.ok(&["verify"]);
    let same = "SELECT count(*) FROM (TABLE events EXCEPT ALL TABLE events_pgcleave_retired) d";
    assert_eq!(client.query_one(same, &[]).unwrap().get::<_, i64>(0), 0);
    assert_eq!(
        client
            .query_one("SELECT count(*) FROM events", &[])
            .unwrap()
            .get::<_, i64>(0),
        60000
    );
}

#[test]
fn goes_on_after_kill_9_in_mid_copy() {
    let database = Database::new();
    database.run_sql(BIG);
    let pgcleave = Pgcleave::new(&database);
    prepare(&pgcleave);
    let mut client = database.client();
    let mut child = start(&pgcleave);
    wait_for_blocks(&mut client, 50);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    // The server's side of the killed run ends with its batch, or when it finds the client gone.
    database.run_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pgcleave'");
    finish_and_compare(&pgcleave, &mut client);
}

#[test]
fn stops_at_ctrl_c_after_a_batch_and_goes_on() {
    let database = Database::new();
    database.run_sql(BIG);
    let pgcleave = Pgcleave::new(&database);
    prepare(&pgcleave);
    let mut client = database.client();
    let child = start(&pgcleave);
    wait_for_blocks(&mut client, 50);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let said = Said::of(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 130, "{}", said.stderr);
    assert!(said.stderr.contains("pgcleave apply"), "{}", said.stderr);
    let done = blocks_done(&mut client);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(
        blocks_done(&mut client),
        done,
        "it must have stopped on the server too"
    );
    finish_and_compare(&pgcleave, &mut client);
}

#[test]
fn refuses_a_second_run_while_one_is_under_way() {
    let database = Database::new();
    database.run_sql(BIG);
    let pgcleave = Pgcleave::new(&database);
    prepare(&pgcleave);
    let mut client = database.client();
    let mut child = start(&pgcleave);
    wait_for_blocks(&mut client, 5);
    for verb in ["apply", "rollback"] {
        let said = pgcleave.run(&[verb, "--yes"]);
        assert_eq!(said.code, 6, "{}", said.stderr);
        assert!(
            said.stderr.contains("another run is under way"),
            "{}",
            said.stderr
        );
    }
    assert!(pgcleave.ok(&["status"]).stdout.contains("copying"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn goes_on_after_the_server_was_gone_in_mid_copy() {
    let programs = Programs::find().unwrap();
    let server = Server::start(&programs, &[]).unwrap();
    let url = server.url("postgres");
    let mut client = Client::connect(&url, NoTls).unwrap();
    client.batch_execute(BIG).unwrap();
    let pgcleave = Pgcleave::at(url.clone());
    prepare(&pgcleave);
    let child = start(&pgcleave);
    wait_for_blocks(&mut client, 50);
    server.stop(Stop::Immediate).unwrap();
    server.restart().unwrap();
    let said = Said::of(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(
        said.stderr.contains("connection was lost") && said.stderr.contains("pgcleave apply"),
        "{}",
        said.stderr
    );
    let mut client = Client::connect(&url, NoTls).unwrap();
    finish_and_compare(&pgcleave, &mut client);
}

#[test]
fn every_step_can_be_a_run_of_its_own_and_be_undone_from_there() {
    let steps = [
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "add_foreign_keys",
        "verify_copy",
        "cut_over",
        "move_incoming_foreign_keys",
    ];
    for last in steps {
        let fixture = Fixture::load("foreign_keys_both_ways");
        let dump = fixture.database.dump();
        fixture.generate();
        fixture.pgcleave.ok(&["-q", "apply", "--yes", "--through", last]);
        fixture.pgcleave.ok(&["-q", "rollback", "--yes"]);
        assert_eq!(fixture.database.dump(), dump, "{last}");
        assert_eq!(fixture.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn a_lock_holder_makes_the_cutover_give_way_and_nothing_is_half_done() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    let mut reader = fixture.database.client();
    let mut reading = reader.transaction().unwrap();
    // A simple query: an open portal would keep a snapshot, which is another test's matter.
    reading.batch_execute("SELECT * FROM events LIMIT 1").unwrap();
    let mut command = fixture.pgcleave.command(&["apply", "--yes"]);
    let output = command
        .env("PGOPTIONS", "-c pgcleave.lock_tries=3")
        .output()
        .unwrap();
    let said = Said::of(&output);
    assert_eq!(said.code, 6, "{}", said.stderr);
    assert!(
        said.stderr.contains("held by: pid") && said.stderr.contains("nothing has changed"),
        "{}",
        said.stderr
    );
    assert_eq!(
        fixture
            .database
            .lines("SELECT relkind::text FROM pg_class WHERE relname = 'events'"),
        ["r"]
    );
    reading.commit().unwrap();
    fixture.pgcleave.ok(&["-q", "apply", "--yes"]);
}

#[test]
fn waits_for_a_snapshot_older_than_the_switch() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--through", "catch_up"]);
    let mut reader = fixture.database.client();
    let mut old = reader
        .build_transaction()
        .isolation_level(postgres::IsolationLevel::RepeatableRead)
        .start()
        .unwrap();
    old.query("SELECT 1", &[]).unwrap();
    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    let mut command = fixture.pgcleave.command(&["apply", "--yes"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(
        fixture
            .database
            .lines("SELECT relkind::text FROM pg_class WHERE relname = 'events'"),
        ["r"]
    );
    old.commit().unwrap();
    let said = Said::of(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr
            .contains("waiting for snapshots older than the switch"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_transaction_that_straddles_the_switch_is_told_to_retry() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--through", "catch_up"]);
    let mut writer = fixture.database.client();
    let mut old = writer
        .build_transaction()
        .isolation_level(postgres::IsolationLevel::RepeatableRead)
        .start()
        .unwrap();
    old.query("SELECT 1", &[]).unwrap();
    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--through", "keep_in_step"]);
    let error = old
        .execute("UPDATE events SET note = 'late' WHERE id = 3", &[])
        .unwrap_err();
    assert_eq!(
        error.code(),
        Some(&postgres::error::SqlState::T_R_SERIALIZATION_FAILURE)
    );
    old.rollback().unwrap();
    writer
        .execute("UPDATE events SET note = 'late' WHERE id = 3", &[])
        .unwrap();
    fixture.pgcleave.ok(&["verify"]);
}

#[test]
fn stops_at_ctrl_c_in_steps_that_have_no_batches_and_goes_on() {
    let database = Database::new();
    database.run_sql(
        "CREATE TABLE accounts (id int PRIMARY KEY);
         CREATE TABLE events (id bigint PRIMARY KEY, account int REFERENCES accounts, at timestamptz NOT NULL);
         CREATE TABLE notes (event bigint CONSTRAINT of_event REFERENCES events);
         INSERT INTO events SELECT i, NULL, '2026-01-05 00:00+00'::timestamptz + i * interval '1 hour' FROM generate_series(1, 500) i;
         INSERT INTO notes SELECT generate_series(1, 100)",
    );
    let pgcleave = Pgcleave::new(&database);
    pgcleave.generate_monthly(&["--incoming", "of_event=guard"]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "keep_in_step"]);
    for (step, in_the_way) in [
        ("add_foreign_keys", "accounts"),
        ("move_incoming_foreign_keys", "notes"),
    ] {
        let mut holder = database.client();
        holder
            .batch_execute(&format!("BEGIN; LOCK TABLE {in_the_way} IN ROW EXCLUSIVE MODE"))
            .unwrap();
        let mut command =
            pgcleave.command(&["-q", "apply", "--yes", "--lock-tries", "1000", "--through", step]);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_until("the step to wait for its lock", || {
            !database
                .lines(&format!(
                    "SELECT 'waits' FROM pg_locks WHERE relation = '{in_the_way}'::regclass AND NOT granted"
                ))
                .is_empty()
        });
        kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
        // Ended by now, with the lock still held.
        let ended = std::sync::mpsc::channel();
        std::thread::spawn(move || ended.0.send(Said::of(&child.wait_with_output().unwrap())));
        let said = ended.1.recv_timeout(std::time::Duration::from_secs(20));
        let said = said.unwrap_or_else(|_| panic!("{step} went on after Ctrl-C"));
        assert_eq!(said.code, 130, "{step}: {}", said.stderr);
        holder.batch_execute("COMMIT").unwrap();
        pgcleave.ok(&["-q", "apply", "--yes", "--through", step]);
    }
    pgcleave.ok(&["-q", "apply", "--yes", "--through", "drop_retired_table"]);
}
