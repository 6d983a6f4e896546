//! What other tools lost, or made the application wait for, at the cutover.

use std::process::Stdio;
use std::time::Duration;

use super::{Busy, EVENTS, Story};
use crate::support::Said;

#[test]
fn story_12_five_thousand_changes_while_the_cutover_waits_are_not_lost() {
    let story = Story::begin(EVENTS);
    story.through("verify_copy");
    let mut holder = story.database.client();
    let mut holding = holder.transaction().unwrap();
    holding.batch_execute("SELECT FROM events LIMIT 1").unwrap();
    let mut command = story.pgcleave.command(&["apply", "--yes"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Each transaction: 4 inserts, 4 updates of which 2 move to another partition, 2 deletes.
    let writers: Vec<Busy> = (0..2i64)
        .map(|writer| {
            Busy::start(&story.database, move |client, round| {
                if round >= 250 {
                    std::thread::sleep(Duration::from_millis(5));
                    return Ok(());
                }
                let first = 10_000 * (writer + 1) + 4 * round;
                client.batch_execute(&format!(
                    "BEGIN; INSERT INTO events SELECT {first} + i, 'new', 0, now() - i * interval '20 days' FROM generate_series(0, 3) i;
                     UPDATE events SET n = n + 1 WHERE id IN ({first}, 1 + {writer});
                     UPDATE events SET n = n + 1, at = at - interval '31 days' WHERE id IN ({first} + 1, 3 + {writer});
                     DELETE FROM events WHERE id IN ({first} + 2, {first} + 3); COMMIT"
                ))
            })
        })
        .collect();
    writers
        .iter()
        .for_each(|writer| writer.wait_for_rounds(250 - writer.rounds()));
    assert!(!story.is_partitioned(), "the cutover must have waited");
    holding.commit().unwrap();
    let said = Said::of(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("held by: pid"), "{}", said.stderr);
    for writer in writers {
        writer.finish_without_error();
    }
    assert!(story.is_partitioned());
    story.assert_equal();
    let row = "SELECT concat_ws(' ', count(*) FILTER (WHERE id >= 10000), sum(n) FILTER (WHERE id <= 4), sum(n) FILTER (WHERE id > 10)) FROM events";
    assert_eq!(story.database.lines(row), ["1000 1000 1000"]);
}

#[test]
fn story_13_an_idle_reader_makes_the_cutover_give_way_and_the_application_waits_only_a_moment() {
    let story = Story::begin(EVENTS);
    story.through("verify_copy");
    let mut reader = story.database.client();
    let mut reading = reader.transaction().unwrap();
    reading.batch_execute("SELECT FROM events LIMIT 1").unwrap();
    let application: Vec<Busy> = (0..2i64)
        .map(|number| {
            Busy::start(&story.database, move |client, _| {
                client.batch_execute(&format!("UPDATE events SET n = n + 1 WHERE id = {}", 10 + number))?;
                client.query("SELECT FROM events WHERE id = 11", &[]).map(drop)
            })
        })
        .collect();
    let mut command = story.pgcleave.command(&["apply", "--yes"]);
    // The fifth try is the one that outwaits an autovacuum.
    let output = command
        .env("PGOPTIONS", "-c pgcleave.lock_tries=5")
        .output()
        .unwrap();
    let said = Said::of(&output);
    assert_eq!(said.code, 6, "{}", said.stderr);
    assert!(
        said.stderr.contains("nothing has changed") && said.stderr.contains("try 5 of 5"),
        "{}",
        said.stderr
    );
    assert!(!story.is_partitioned());
    story.assert_equal();
    reading.commit().unwrap();
    story.finish();
    application.iter().for_each(|session| session.wait_for_rounds(20));
    let mut rounds = Vec::new();
    for session in application {
        let report = session.finish_without_error();
        assert!(report.slowest < Duration::from_secs(3), "{:?}", report.slowest);
        rounds.push(report.rounds);
    }
    let counted = story
        .database
        .lines("SELECT n::text FROM events WHERE id IN (10, 11) ORDER BY id");
    assert_eq!(counted, [rounds[0].to_string(), rounds[1].to_string()]);
    story.assert_equal();
}
