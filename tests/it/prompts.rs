//! The wizard and the confirmations, on a pseudo-terminal.

use std::process::Command;
use std::time::Duration;

use expectrl::process::unix::WaitStatus;
use expectrl::{Eof, Expect, Session};

use crate::fixtures::Fixture;
use crate::support::Pgcleave;

type Terminal = expectrl::session::OsSession;

fn on_terminal(pgcleave: &Pgcleave, arguments: &[&str]) -> Terminal {
    // `pgcleave.command` has no standard input; here it's the terminal.
    let described = pgcleave.command(arguments);
    let mut command = Command::new(described.get_program());
    command
        .args(described.get_args())
        .current_dir(pgcleave.folder.path());
    command.envs(
        described
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command.env("TERM", "xterm").env("NO_COLOR", "1");
    let mut terminal = Session::spawn(command).unwrap();
    terminal.set_expect_timeout(Some(Duration::from_secs(60)));
    terminal
}

fn see(terminal: &mut Terminal, text: &str) {
    terminal
        .expect(text)
        .unwrap_or_else(|error| panic!("waited for {text:?}: {error}"));
}

fn ends_with(mut terminal: Terminal, code: i32) {
    let _ = terminal.expect(Eof);
    match terminal.get_process().wait().unwrap() {
        WaitStatus::Exited(_, found) => assert_eq!(found, code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_wizard_asks_for_table_key_and_interval_and_shows_the_partitions() {
    let fixture = Fixture::load("views");
    let mut terminal = on_terminal(&fixture.pgcleave, &["generate"]);
    see(&mut terminal, "Table");
    terminal.send("events").unwrap();
    see(&mut terminal, "public.events");
    terminal.send("\r").unwrap();
    see(&mut terminal, "Partition key");
    terminal.send("\r").unwrap();
    see(&mut terminal, "Interval");
    terminal.send("\r").unwrap();
    see(&mut terminal, "partitions of public.events");
    see(&mut terminal, "events_p20");
    see(&mut terminal, "Write the migrations?");
    terminal.send("y").unwrap();
    see(&mut terminal, "pgcleave apply public.events");
    ends_with(terminal, 0);
    assert!(fixture.pgcleave.files(".up.sql").len() >= 10);
}

#[test]
fn a_no_to_the_wizards_preview_writes_nothing() {
    let fixture = Fixture::load("bigint_key");
    let mut terminal = on_terminal(&fixture.pgcleave, &["generate", "events", "--key", "at"]);
    see(&mut terminal, "Interval");
    terminal.send("\r").unwrap();
    see(&mut terminal, "Write the migrations?");
    terminal.send("n").unwrap();
    see(&mut terminal, "nothing was written");
    ends_with(terminal, 0);
    assert!(!fixture.pgcleave.folder.path().join("migrations_out").exists());
    assert!(!fixture.pgcleave.folder.path().join("pgcleave.toml").exists());
}

#[test]
fn apply_asks_before_each_step_and_takes_no_for_an_answer() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    let mut terminal = on_terminal(&fixture.pgcleave, &["apply"]);
    see(&mut terminal, "Create the empty partitioned copy");
    see(&mut terminal, "lock: ");
    see(&mut terminal, "Run this step on public.events?");
    terminal.send_line("what").unwrap();
    see(&mut terminal, "y, n, s or q");
    terminal.send("\u{15}").unwrap();
    terminal.send_line("s").unwrap();
    see(&mut terminal, "PARTITION BY RANGE");
    see(&mut terminal, "Run this step on public.events?");
    terminal.send_line("y").unwrap();
    see(&mut terminal, "done: 0001 create_partitioned_copy");
    see(&mut terminal, "Run this step on public.events?");
    terminal.send_line("n").unwrap();
    see(&mut terminal, "stopped before install_sync_trigger");
    ends_with(terminal, 0);
    let status = fixture.pgcleave.ok(&["status"]).stdout;
    assert!(
        status.contains("[x] create_partitioned_copy") && status.contains("[ ] install_sync_trigger"),
        "{status}"
    );
}

#[test]
fn apply_says_what_the_longer_primary_key_means_and_quits_before_the_cutover() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
    let mut terminal = on_terminal(&fixture.pgcleave, &["apply"]);
    see(&mut terminal, "Cut over");
    see(&mut terminal, "the primary key becomes (id, at)");
    terminal.send_line("q").unwrap();
    see(&mut terminal, "stopped before cut_over");
    ends_with(terminal, 0);
    assert_eq!(
        fixture
            .database
            .lines("SELECT relkind::text FROM pg_class WHERE relname = 'events'"),
        ["r"]
    );
}

#[test]
fn rollback_asks_before_each_step() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture.pgcleave.ok(&["-q", "apply", "--yes"]);
    let mut terminal = on_terminal(&fixture.pgcleave, &["rollback"]);
    see(&mut terminal, "Undo: Cut over");
    terminal.send_line("y").unwrap();
    see(&mut terminal, "undone: 0010 cut_over");
    see(&mut terminal, "Undo this step on public.events?");
    terminal.send_line("q").unwrap();
    see(&mut terminal, "stopped before undoing");
    ends_with(terminal, 0);
    assert_eq!(
        fixture
            .database
            .lines("SELECT relkind::text FROM pg_class WHERE relname = 'events'"),
        ["r"]
    );
}

#[test]
fn the_wizard_asks_what_becomes_of_each_key_and_writes_it_into_the_spec() {
    let fixture = Fixture::load("foreign_keys_both_ways");
    fixture
        .database
        .run_sql("ALTER TABLE events ADD CONSTRAINT one_note UNIQUE (note, id)");
    let arguments = ["generate", "events", "--key", "at", "--interval", "monthly"];
    let mut terminal = on_terminal(&fixture.pgcleave, &arguments);
    see(&mut terminal, "foreign key holds_event_fkey");
    terminal.send("\r").unwrap();
    see(&mut terminal, "foreign key notes_event_fkey");
    terminal.send("\x1b[B\x1b[B\x1b[B\r").unwrap();
    see(&mut terminal, "unique key one_note");
    terminal.send("\x1b[B\r").unwrap();
    see(&mut terminal, "Write the migrations?");
    terminal.send("y").unwrap();
    see(&mut terminal, "pgcleave apply public.events");
    ends_with(terminal, 0);
    let spec = std::fs::read_to_string(fixture.pgcleave.folder.path().join("pgcleave.toml")).unwrap();
    assert!(
        spec.contains("holds_event_fkey = \"guard\", notes_event_fkey = \"drop\"")
            && spec.contains("one_note = \"extend\""),
        "{spec}"
    );
}

#[test]
fn generate_shows_what_was_edited_by_hand_and_takes_no_for_an_answer() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    let file = fixture.pgcleave.files("0004_run_batch_copy.up.sql").remove(0);
    let edited = std::fs::read_to_string(&file).unwrap() + "-- by hand\n";
    std::fs::write(&file, &edited).unwrap();
    for (answer, code) in [("n", 0), ("y", 0)] {
        assert_eq!(std::fs::read_to_string(&file).unwrap(), edited);
        let mut terminal = on_terminal(&fixture.pgcleave, &["generate", "events"]);
        see(&mut terminal, "+-- by hand");
        see(&mut terminal, "overwrite them?");
        terminal.send(answer).unwrap();
        ends_with(terminal, code);
    }
    assert!(!std::fs::read_to_string(&file).unwrap().contains("by hand"));
}
