//! The grants that suffice, each needed: docs/PRIVILEGES.md.

use crate::support::{Database, NOTES_GUARDED, Pgcleave, Said};

/// A table of `owner`, in another's schema, with a foreign key, a view, a trigger and a child of others'.
struct House {
    database: Database,
    owner: String,
    other: String,
}

/// One grant that the conversion needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    CreateOnSchema,
    History,
    ReferencesOnTarget,
    SeesSnapshots,
    ExecuteOnTriggerFunction,
}

const ALL: [Grant; 5] = [
    Grant::CreateOnSchema,
    Grant::History,
    Grant::ReferencesOnTarget,
    Grant::SeesSnapshots,
    Grant::ExecuteOnTriggerFunction,
];

impl House {
    fn new(more: &str) -> Self {
        let database = Database::new();
        let (owner, other) = (
            format!("owner_in_{}", database.name),
            format!("other_in_{}", database.name),
        );
        database.run_sql(&format!(
            "CREATE ROLE {owner} LOGIN; CREATE ROLE {other} LOGIN; CREATE SCHEMA app AUTHORIZATION {other};
             GRANT USAGE ON SCHEMA app TO {owner};
             CREATE TABLE app.accounts (id int PRIMARY KEY); INSERT INTO app.accounts VALUES (1);
             ALTER TABLE app.accounts OWNER TO {other};
             CREATE TABLE app.events (id bigserial PRIMARY KEY, account int REFERENCES app.accounts, note text, at timestamptz NOT NULL);
             CREATE TABLE app.notes (event bigint REFERENCES app.events); ALTER TABLE app.notes OWNER TO {other};
             CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
             REVOKE ALL ON FUNCTION app.touch() FROM PUBLIC; ALTER FUNCTION app.touch() OWNER TO {other};
             CREATE TRIGGER touch BEFORE UPDATE ON app.events FOR EACH ROW EXECUTE FUNCTION app.touch();
             INSERT INTO app.events (account, at) SELECT 1, now() - i * interval '1 day' FROM generate_series(1, 90) i;
             INSERT INTO app.notes VALUES (7); ALTER TABLE app.events OWNER TO {owner};
             {}",
            more.replace("OWNER_ROLE", &owner).replace("OTHER_ROLE", &other)
        ));
        Self {
            database,
            owner,
            other,
        }
    }

    fn grant(&self, grant: Grant) {
        let (owner, name) = (&self.owner, &self.database.name);
        self.database.run_sql(&match grant {
            Grant::CreateOnSchema => format!("GRANT CREATE ON SCHEMA app TO {owner}"),
            Grant::History => format!(
                "CREATE SCHEMA pgcleave AUTHORIZATION {owner}; GRANT CONNECT ON DATABASE {name} TO {owner}"
            ),
            Grant::ReferencesOnTarget => format!("GRANT REFERENCES ON app.accounts TO {owner}"),
            Grant::SeesSnapshots => format!("GRANT pg_read_all_stats TO {owner}"),
            Grant::ExecuteOnTriggerFunction => format!("GRANT EXECUTE ON FUNCTION app.touch() TO {owner}"),
        });
    }

    fn pgcleave_as(&self, role: &str) -> Pgcleave {
        Pgcleave::at(
            self.database
                .url()
                .replacen("://postgres@", &format!("://{role}@"), 1),
        )
    }

    fn is_partitioned(&self) -> bool {
        self.database
            .lines("SELECT relkind::text FROM pg_class WHERE oid = 'app.events'::regclass")
            == ["p"]
    }
}

fn generate(pgcleave: &Pgcleave) -> Said {
    let monthly = [
        "generate",
        "app.events",
        "--key",
        "at",
        "--interval",
        "monthly",
        "--premake",
        "1",
    ];
    pgcleave.run(&[&monthly[..], &NOTES_GUARDED].concat())
}

fn with_all_but(lacking: Option<Grant>) -> (House, Pgcleave) {
    let house = House::new("");
    ALL.into_iter()
        .filter(|grant| Some(*grant) != lacking)
        .for_each(|grant| house.grant(grant));
    let pgcleave = house.pgcleave_as(&house.owner);
    (house, pgcleave)
}

#[test]
fn the_documented_grants_suffice_for_the_whole_way_and_back() {
    let (house, pgcleave) = with_all_but(None);
    let dump = house.database.dump();
    assert_eq!(generate(&pgcleave).code, 0);
    pgcleave.ok(&["apply", "--yes"]);
    assert!(house.is_partitioned());
    pgcleave.ok(&["verify"]);
    pgcleave.ok(&["status"]);
    pgcleave.ok(&["rollback", "--yes"]);
    // The last one to go takes the history's schema with it; here it was made beforehand.
    let owner = &house.owner;
    house.database.run_sql(&format!(
        "CREATE SCHEMA IF NOT EXISTS pgcleave AUTHORIZATION {owner}"
    ));
    assert_eq!(house.database.dump(), dump);
    pgcleave.ok(&["apply", "--yes"]);
    // Only who may alter the other table can move its foreign key; nothing is half done without that.
    let drop = ["apply", "--yes", "--through", "drop_retired_table"];
    let said = pgcleave.run(&drop);
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(
        said.stderr.contains("permission denied for table notes"),
        "{}",
        said.stderr
    );
    pgcleave.ok(&["verify"]);
    house
        .database
        .run_sql(&format!("GRANT {} TO {owner}", house.other));
    pgcleave.ok(&drop);
    let keys = "SELECT concat(confrelid::regclass, ' ', convalidated) FROM pg_constraint WHERE conname = 'notes_event_fkey'";
    assert_eq!(house.database.lines(keys), ["app.events_pkey_guard t"]);
}

#[test]
fn a_missing_grant_stops_the_conversion_and_once_given_it_goes_on() {
    for (lacking, code, words) in [
        (Grant::CreateOnSchema, 5, "GRANT CREATE ON SCHEMA"),
        (Grant::History, 5, "CREATE SCHEMA pgcleave AUTHORIZATION"),
        (Grant::SeesSnapshots, 4, "GRANT pg_read_all_stats"),
        (
            Grant::ReferencesOnTarget,
            5,
            "GRANT REFERENCES ON TABLE app.accounts",
        ),
        (Grant::ExecuteOnTriggerFunction, 5, "GRANT EXECUTE ON FUNCTION"),
    ] {
        let (house, pgcleave) = with_all_but(Some(lacking));
        let content = "SELECT md5(string_agg(e::text, ',' ORDER BY id)) FROM app.events e";
        let before = house.database.lines(content);
        let written = generate(&pgcleave);
        let was_written = written.code == 0;
        let said = if was_written {
            pgcleave.run(&["apply", "--yes"])
        } else {
            written
        };
        assert_eq!(said.code, code, "{lacking:?}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{lacking:?}: {}", said.stderr);
        assert!(!house.is_partitioned(), "{lacking:?}");
        assert_eq!(house.database.lines(content), before, "{lacking:?}");
        house.grant(lacking);
        assert!(was_written || generate(&pgcleave).code == 0, "{lacking:?}");
        pgcleave.ok(&["apply", "--yes"]);
        assert!(house.is_partitioned(), "{lacking:?}");
    }
}

#[test]
fn the_document_s_example_of_a_member_of_the_owner_converts_and_goes_back() {
    let house =
        House::new("CREATE VIEW app.v AS SELECT * FROM app.events; ALTER VIEW app.v OWNER TO OWNER_ROLE");
    let (owner, partitioner) = (&house.owner, format!("partitioner_in_{}", house.database.name));
    house.grant(Grant::ExecuteOnTriggerFunction);
    house.database.run_sql(&format!(
        "CREATE ROLE {partitioner} LOGIN IN ROLE {owner};
         GRANT pg_read_all_stats TO {partitioner};
         GRANT USAGE, CREATE ON SCHEMA app TO {partitioner}, {owner};
         GRANT REFERENCES ON app.accounts TO {owner};
         CREATE SCHEMA pgcleave AUTHORIZATION {partitioner}"
    ));
    let pgcleave = house.pgcleave_as(&partitioner);
    assert_eq!(generate(&pgcleave).code, 0);
    pgcleave.ok(&["apply", "--yes"]);
    assert!(house.is_partitioned());
    pgcleave.ok(&["rollback", "--yes"]);
    assert!(!house.is_partitioned());
}

#[test]
fn without_a_sight_of_snapshots_the_user_s_word_is_enough() {
    let (house, pgcleave) = with_all_but(Some(Grant::SeesSnapshots));
    assert_eq!(generate(&pgcleave).code, 0);
    pgcleave.ok(&["apply", "--yes", "--allow", "unseen_snapshots"]);
    assert!(house.is_partitioned());
}

#[test]
fn every_missing_grant_is_named_before_anything_is_done() {
    for lacking in ALL {
        let (_house, pgcleave) = with_all_but(Some(lacking));
        let said = pgcleave.run(&["inspect", "app.events", "--key", "at"]);
        assert!(said.stdout.contains("GRANT "), "{lacking:?}: {}", said.stdout);
        assert!(
            said.stdout
                .contains("the table app.notes refers to this one and belongs to"),
            "{}",
            said.stdout
        );
    }
    let more = [
        "CREATE VIEW app.v AS SELECT * FROM app.events; ALTER VIEW app.v OWNER TO OTHER_ROLE; GRANT SELECT ON app.events TO OTHER_ROLE",
    ];
    for more in more {
        let house = House::new(more);
        ALL.into_iter().for_each(|grant| house.grant(grant));
        let said = house
            .pgcleave_as(&house.owner)
            .run(&["inspect", "app.events", "--key", "at"]);
        assert_eq!(said.code, 4, "{more}: {}", said.stdout);
    }
}

#[test]
fn a_view_of_another_s_is_refused_beforehand() {
    let house = House::new(
        "CREATE VIEW app.v AS SELECT * FROM app.events; ALTER VIEW app.v OWNER TO OTHER_ROLE; GRANT SELECT ON app.events TO OTHER_ROLE",
    );
    ALL.into_iter().for_each(|grant| house.grant(grant));
    let pgcleave = house.pgcleave_as(&house.owner);
    let said = generate(&pgcleave);
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(
        said.stderr.contains("the view app.v reads the table"),
        "{}",
        said.stderr
    );
    let (owner, other) = (&house.owner, &house.other);
    house.database.run_sql(&format!("GRANT {other} TO {owner}"));
    assert_eq!(generate(&pgcleave).code, 0);
    pgcleave.ok(&["apply", "--yes"]);
    assert!(house.is_partitioned());
    let owners = "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = 'app.v'::regclass";
    assert_eq!(house.database.lines(owners), [other.as_str()]);
    pgcleave.ok(&["rollback", "--yes"]);
}
