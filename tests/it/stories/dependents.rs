//! What refers to the table: foreign keys, views, code, publications.

use postgres::error::SqlState;

use super::{Busy, EVENTS, Story};
use crate::support::{Database, NOTES_GUARDED, Pgcleave};

#[test]
fn story_07_children_are_inserted_all_the_while_and_referenced_rows_stay_protected() {
    let schema = format!(
        "{EVENTS} CREATE TABLE notes (id bigserial PRIMARY KEY, event bigint NOT NULL REFERENCES events);
         INSERT INTO notes (event) SELECT generate_series(1, 50);"
    );
    let story = Story::begin_with(&schema, &NOTES_GUARDED);
    story.through("verify_copy");
    let parents: Vec<Busy> = (0..2i64)
        .map(|number| {
            Busy::start(&story.database, move |client, round| {
                // An old parent, and one of its own making.
                let new = 1000 + 2 * round + number;
                client.batch_execute(&format!(
                    "INSERT INTO notes (event) VALUES (1 + {round} % 600);
                     BEGIN; INSERT INTO events VALUES ({new}, 'p', 0, now() - {round} % 90 * interval '1 day');
                     INSERT INTO notes (event) VALUES ({new}); COMMIT"
                ))
            })
        })
        .collect();
    let protected = |when: &str| {
        let mut client = story.database.client();
        let error = client
            .batch_execute("DELETE FROM events WHERE id = 7")
            .unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::FOREIGN_KEY_VIOLATION), "{when}");
        let error = client
            .batch_execute("INSERT INTO notes (event) VALUES (-1)")
            .unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::FOREIGN_KEY_VIOLATION), "{when}");
        client
            .batch_execute("UPDATE events SET at = at - interval '40 days' WHERE id = 7")
            .unwrap();
    };
    for when in ["cut over", "rolled back", "cut over again", "moved"] {
        match when {
            "rolled back" => story.go_back(),
            "moved" => story.through("move_incoming_foreign_keys"),
            _ => story.finish(),
        }
        protected(when);
        parents.iter().for_each(|busy| busy.wait_for_rounds(30));
    }
    for busy in parents {
        busy.finish_without_error();
    }
    story.assert_equal();
    let orphans =
        "SELECT count(*)::text FROM notes n WHERE NOT EXISTS (SELECT FROM events e WHERE e.id = n.event)";
    assert_eq!(story.database.lines(orphans), ["0"]);
}

#[test]
fn story_08_views_of_two_schemas_and_views_on_views_read_the_new_table() {
    let story = Story::begin(&format!(
        "{EVENTS} CREATE SCHEMA \"Reports\";
         CREATE VIEW recent WITH (security_barrier = true) AS SELECT id, note, at FROM events WHERE note <> 'hidden' WITH CASCADED CHECK OPTION;
         CREATE VIEW \"Reports\".top AS SELECT id, upper(note) AS \"NOTE\" FROM recent;
         CREATE VIEW \"Reports\".direct WITH (check_option = local) AS SELECT * FROM public.events WHERE n < 100;
         CREATE VIEW \"Reports\".counted AS SELECT count(*) AS rows FROM public.events e JOIN \"Reports\".top t USING (id);
         GRANT SELECT ON recent TO PUBLIC; COMMENT ON VIEW \"Reports\".top IS 'the top';"
    ));
    let definitions = "SELECT concat_ws(' ', oid::regclass, reloptions, relacl, obj_description(oid), pg_get_viewdef(oid)) FROM pg_class
        WHERE relkind = 'v' AND relnamespace IN ('public'::regnamespace, '\"Reports\"'::regnamespace) ORDER BY 1";
    let before = story.database.lines(definitions);
    assert_eq!(before.len(), 4);
    let reader = Busy::start(&story.database, |client, round| {
        client.batch_execute(&format!(
            "INSERT INTO recent VALUES (1000 + {round}, 'through the view', now());
             SELECT 1 / count(*) FROM \"Reports\".top WHERE id = 1000 + {round};
             SELECT * FROM \"Reports\".counted"
        ))
    });
    for (verb, id) in [("forth", -1), ("back", -2), ("forth", -3)] {
        if verb == "forth" {
            story.finish();
        } else {
            story.go_back();
        }
        assert_eq!(story.database.lines(definitions), before, "{verb}");
        story.database.run_sql(&format!(
            "INSERT INTO recent VALUES ({id}, 'seen', now()); SELECT 1 / count(*) FROM \"Reports\".top WHERE id = {id} AND \"NOTE\" = 'SEEN';
             INSERT INTO \"Reports\".direct VALUES ({id} - 100, 'seen', 1, now()); SELECT 1 / count(*) FROM events WHERE id = {id} - 100"
        ));
        for refused in [
            "INSERT INTO recent VALUES (-50, 'hidden', now())",
            "INSERT INTO \"Reports\".direct VALUES (-51, 'x', 100, now())",
        ] {
            let error = story.database.client().batch_execute(refused).unwrap_err();
            assert_eq!(
                error.code(),
                Some(&SqlState::WITH_CHECK_OPTION_VIOLATION),
                "{verb}: {refused}"
            );
        }
        reader.wait_for_rounds(10);
    }
    reader.finish_without_error();
    story.assert_equal();
}

/// Refused by `inspect` and `generate` with all these words, and nothing is changed.
fn refused(schema: &str, words: &[&str]) {
    let database = Database::new();
    database.run_sql(schema);
    let dump = database.dump();
    let pgcleave = Pgcleave::new(&database);
    let inspect = pgcleave.run(&["inspect", "events", "--key", "at"]);
    let generate = pgcleave.run(&["generate", "events", "--key", "at", "--interval", "monthly"]);
    assert_eq!((inspect.code, generate.code), (4, 4), "{}", generate.stderr);
    for word in words {
        assert!(inspect.stdout.contains(word), "{word}: {}", inspect.stdout);
        assert!(generate.stderr.contains(word), "{word}: {}", generate.stderr);
    }
    assert_eq!(database.dump(), dump);
}

#[test]
fn story_08_materialized_view_rule_and_functions_go_over_to_the_new_table() {
    let story = Story::begin(&format!(
        "{EVENTS} CREATE SCHEMA reports;
         CREATE MATERIALIZED VIEW reports.totals AS SELECT count(*) FROM events;
         CREATE RULE quiet AS ON DELETE TO events DO INSTEAD NOTHING;
         CREATE FUNCTION reports.shown(e events) RETURNS text LANGUAGE sql AS 'SELECT $1.note';
         CREATE FUNCTION reports.atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM events; END;"
    ));
    for verb in ["forth", "back", "forth"] {
        if verb == "forth" {
            story.finish();
        } else {
            story.go_back();
        }
        story.database.run_sql(
            "INSERT INTO events SELECT max(id) + 1, 'new', 0, now() FROM events;
             DELETE FROM events; REFRESH MATERIALIZED VIEW reports.totals",
        );
        let counts = "SELECT concat_ws(' ', count(*) = reports.atomic(), count(*) = (SELECT count FROM reports.totals), max(reports.shown(e)) = max(note), count(*) > 600) FROM events e";
        assert_eq!(story.database.lines(counts), ["t t t t"], "{verb}");
    }
    story.assert_equal();
}

#[test]
fn story_11_a_publication_that_would_send_the_copy_is_refused_beforehand() {
    let in_schema = "CREATE PUBLICATION changes FOR TABLES IN SCHEMA public";
    let mut publications = vec!["CREATE PUBLICATION changes FOR ALL TABLES"];
    if Database::new().lines("SHOW server_version_num")[0].as_str() >= "150000" {
        publications.push(in_schema);
    }
    for publication in publications {
        refused(&format!("{EVENTS} {publication}"), &["changes", "published by"]);
    }
}
