//! Every name and text of a table is SQL that would drop another one, and a
//! command of psql's that would write a file.

use std::path::{Path, PathBuf};

use crate::support::{Database, Pgcleave};

const CANARY: &str = "CREATE TABLE public.canary (id int); INSERT INTO public.canary VALUES (1);";

/// A name that ends every quotation and comment there is; 63 bytes at most.
fn hostile(of: &str) -> String {
    format!("{of}\"'; DROP TABLE public.canary; --\n\\! touch pwned\n:x %s $1")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The canary is there, and nothing was run that writes beside the migrations.
#[track_caller]
fn assert_unharmed(database: &Database, pgcleave: &Pgcleave, when: &str) {
    assert_eq!(
        database.lines("SELECT count(*)::text FROM public.canary"),
        ["1"],
        "{when}"
    );
    assert!(!pgcleave.folder.path().join("pwned").exists(), "{when}");
}

/// With these names for a schema, a table, a role and the rest; returns the table as SQL writes it.
fn build(database: &Database) -> String {
    let [schema, table, column, key, index, primary] =
        ["s", "t", "c", "k", "i", "p"].map(|of| quoted(&hostile(of)));
    let [sequence, trigger, function, view, check, foreign, other] =
        ["q", "g", "f", "v", "h", "r", "o"].map(|of| quoted(&hostile(of)));
    let [owner, reader] =
        ["owner", "reader"].map(|of| quoted(&format!("{of} {}\"'; --\n\\! touch pwned\n", database.name)));
    let text =
        literal("it's \\ \"x\"; DROP TABLE public.canary; -- \n\\! touch pwned\n$$ $body$ $1 %s :x /* ");
    database.run_sql(&format!(
        "{CANARY} CREATE ROLE {owner}; CREATE ROLE {reader}; CREATE SCHEMA {schema};
         GRANT ALL ON SCHEMA {schema} TO {owner};
         CREATE TABLE {schema}.{other} ({column} int PRIMARY KEY); INSERT INTO {schema}.{other} VALUES (1);
         GRANT REFERENCES, SELECT ON {schema}.{other} TO {owner};
         CREATE TABLE {schema}.{table} (id bigserial CONSTRAINT {primary} PRIMARY KEY, {column} text DEFAULT {text} CONSTRAINT {check} CHECK ({column} <> {text} || 'x'),
             other int DEFAULT 1 CONSTRAINT {foreign} REFERENCES {schema}.{other}, {key} timestamptz NOT NULL);
         INSERT INTO {schema}.{table} ({key}) SELECT now() - i * interval '1 day' FROM generate_series(1, 90) i;
         CREATE INDEX {index} ON {schema}.{table} ({column}, ({column} || {text})) WHERE {column} <> {text} || 'y';
         CREATE FUNCTION {schema}.{function}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
         CREATE TRIGGER {trigger} BEFORE UPDATE OF {column} ON {schema}.{table} FOR EACH ROW EXECUTE FUNCTION {schema}.{function}({text});
         CREATE VIEW {schema}.{view} AS SELECT id AS {column}, {text}::text AS {index} FROM {schema}.{table} WHERE {column} <> {text} || 'z';
         COMMENT ON TABLE {schema}.{table} IS {text}; COMMENT ON COLUMN {schema}.{table}.{column} IS {text};
         COMMENT ON INDEX {schema}.{index} IS {text}; COMMENT ON TRIGGER {trigger} ON {schema}.{table} IS {text};
         COMMENT ON CONSTRAINT {check} ON {schema}.{table} IS {text}; COMMENT ON VIEW {schema}.{view} IS {text};
         GRANT SELECT, UPDATE ({column}) ON {schema}.{table} TO {reader} WITH GRANT OPTION;
         ALTER SEQUENCE {schema}.{} RENAME TO {sequence}; ALTER TABLE {schema}.{table} OWNER TO {owner}",
        database_sequence(&hostile("t"))
    ));
    format!("{schema}.{table}")
}

/// The name that `bigserial` gives: cut to fit.
fn database_sequence(table: &str) -> String {
    let fits = 63 - "_id_seq".len();
    quoted(&format!("{}_id_seq", &table[..table.len().min(fits)]))
}

fn psql(database: &Database, pgcleave: &Pgcleave, suffix: &str) {
    let mut files = pgcleave.files(suffix);
    files.retain(|path| !path.to_str().unwrap().contains("drop_retired_table"));
    if suffix == ".down.sql" {
        files.reverse();
    }
    for file in files {
        run_psql(database, pgcleave, &file);
        let verify = PathBuf::from(file.to_str().unwrap().replace(".up.sql", ".verify.sql"));
        if verify != file && verify.exists() {
            run_psql(database, pgcleave, &verify);
        }
    }
}

fn run_psql(database: &Database, pgcleave: &Pgcleave, file: &Path) {
    let mut command = database.program("psql");
    let variable = "x=; DROP TABLE public.canary; --";
    let output = command
        .current_dir(pgcleave.folder.path())
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", variable, "-f"])
        .arg(file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", file.display());
    assert_unharmed(database, pgcleave, file.to_str().unwrap());
}

#[test]
fn names_and_texts_that_are_sql_are_never_run() {
    let database = Database::new();
    let table = build(&database);
    let dump = database.dump();
    let pgcleave = Pgcleave::new(&database);
    let key = hostile("k");
    pgcleave.ok(&["inspect", &table, "--key", &key]);
    pgcleave.ok(&[
        "-v",
        "generate",
        &table,
        "--key",
        &key,
        "--interval",
        "monthly",
        "--premake",
        "1",
    ]);
    assert_unharmed(&database, &pgcleave, "generate");
    psql(&database, &pgcleave, ".up.sql");
    pgcleave.ok(&["verify", &table]);
    psql(&database, &pgcleave, ".down.sql");
    assert_eq!(database.dump(), dump);
    pgcleave.ok(&["-v", "apply", &table, "--yes"]);
    let write = format!(
        "INSERT INTO {table} ({key}) VALUES (now()); UPDATE {table} SET {key} = {key} - interval '40 days' WHERE id % 3 = 0; DELETE FROM {table} WHERE id = 5",
        key = quoted(&key)
    );
    database.run_sql(&write);
    pgcleave.ok(&["verify", &table]);
    pgcleave.ok(&["status", &table]);
    assert_unharmed(&database, &pgcleave, "apply");
    pgcleave.ok(&["-v", "rollback", &table, "--yes"]);
    assert_unharmed(&database, &pgcleave, "rollback");
    assert_eq!(
        database.lines(&format!("SELECT count(*)::text FROM {table}")),
        ["90"]
    );
    pgcleave.ok(&["-q", "apply", &table, "--yes"]);
    pgcleave.ok(&["-q", "apply", &table, "--yes", "--through", "drop_retired_table"]);
    assert_unharmed(&database, &pgcleave, "drop_retired_table");
}

#[test]
fn our_own_quotation_mark_is_refused_or_harmless_in_every_position() {
    let mark = "$pgcleave$; DROP TABLE public.canary; --";
    let (name, text) = (quoted(mark), literal(mark));
    let base = "CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL); CREATE TABLE other (id int PRIMARY KEY);";
    let positions = [
        format!("ALTER TABLE events RENAME note TO {name}"),
        format!("ALTER TABLE events ALTER note SET DEFAULT {text}"),
        format!("ALTER TABLE events ADD CHECK (note <> {text})"),
        format!("ALTER TABLE events ADD CONSTRAINT {name} CHECK (note <> '')"),
        format!("CREATE INDEX {name} ON events (note)"),
        format!("CREATE INDEX ON events (note) WHERE note <> {text}"),
        format!("COMMENT ON TABLE events IS {text}"),
        format!("CREATE VIEW {name} AS SELECT * FROM events"),
        format!("CREATE VIEW v AS SELECT {text}::text AS a FROM events"),
        format!("ALTER TABLE events ADD CONSTRAINT {name} FOREIGN KEY (o) REFERENCES other"),
        format!(
            "ALTER TABLE other RENAME TO {name}; ALTER TABLE events ADD FOREIGN KEY (o) REFERENCES {name}"
        ),
        format!("CREATE TABLE {name} (e bigint REFERENCES events)"),
        format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER a BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION {name}()"
        ),
        format!("CREATE STATISTICS {name} ON id, note FROM events"),
        format!(
            "CREATE SEQUENCE {name} OWNED BY events.id; ALTER TABLE events ALTER id SET DEFAULT nextval({})",
            literal(&name)
        ),
        format!("CREATE COLLATION {name} FROM \"C\"; ALTER TABLE events ALTER note TYPE text COLLATE {name}"),
    ];
    for position in positions {
        let database = Database::new();
        database.run_sql(&format!(
            "{CANARY} {base} ALTER TABLE events ADD o int; {position}"
        ));
        database.run_sql("INSERT INTO events SELECT i, 'n', now() FROM generate_series(1, 9) i");
        let pgcleave = Pgcleave::new(&database);
        let said = pgcleave.run(&[
            "generate",
            "events",
            "--key",
            "at",
            "--interval",
            "yearly",
            "--premake",
            "0",
        ]);
        if said.code == 4 {
            assert!(
                said.stderr.contains("our own quotation mark"),
                "{position}: {}",
                said.stderr
            );
        } else {
            assert_eq!(said.code, 0, "{position}: {}", said.stderr);
            pgcleave.ok(&["-q", "apply", "--yes"]);
            pgcleave.ok(&["verify"]);
            pgcleave.ok(&["-q", "rollback", "--yes"]);
        }
        assert_unharmed(&database, &pgcleave, &position);
    }
}

#[test]
fn a_table_s_name_leads_to_no_other_folder() {
    let database = Database::new();
    for name in ["../../../outside", "..", "/etc/outside", "a/../../b", "\\outside"] {
        let table = format!("public.{}", quoted(name));
        database.run_sql(&format!(
            "CREATE TABLE {table} (id bigint PRIMARY KEY, at timestamptz NOT NULL)"
        ));
        let pgcleave = Pgcleave::new(&database);
        let arguments = [
            "generate",
            &table,
            "--key",
            "at",
            "--interval",
            "monthly",
            "--out",
            "inner/out",
        ];
        pgcleave.ok(&arguments);
        let inside = |folder: &str| -> Vec<String> {
            let entries = std::fs::read_dir(pgcleave.folder.path().join(folder)).unwrap();
            let mut names: Vec<String> = entries
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(inside(""), ["inner", "pgcleave.toml"], "{name}");
        assert_eq!(inside("inner"), ["out"], "{name}");
        assert_eq!(inside("inner/out").len(), 1, "{name}");
    }
}
