//! The sweep on one small schema; `cargo run --example sweep -- --schema FILE.sql` takes any.

use std::process::Command;

const SCHEMA: &str = "
\\restrict abc
CREATE EXTENSION no_such_extension;
CREATE TYPE public.mood AS ENUM ('calm', 'cross');
CREATE DOMAIN public.percent AS numeric(5, 2) CHECK (VALUE BETWEEN 20 AND 80);
CREATE TABLE public.orders (
    id bigserial PRIMARY KEY,
    code varchar(3) NOT NULL UNIQUE,
    status text NOT NULL CHECK (status IN ('new', 'paid')),
    mood public.mood, share public.percent NOT NULL, tags text[],
    placed_at timestamptz NOT NULL
);
ALTER TABLE public.orders OWNER TO a_role_of_their_own;
CREATE TABLE public.lines (order_id bigint NOT NULL REFERENCES public.orders ON DELETE CASCADE, number int, PRIMARY KEY (order_id, number));
CREATE TABLE public.loose (note text, at timestamptz NOT NULL);
\\unrestrict abc
";

#[test]
fn says_of_each_table_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (schema, json) = (
        folder.path().join("schema.sql"),
        folder.path().join("outcomes.json"),
    );
    std::fs::write(&schema, SCHEMA).unwrap();
    let output = Command::new(crate::torture::example("sweep"))
        .args([
            "--program",
            env!("CARGO_BIN_EXE_pgcleave"),
            "--choice",
            "guard",
            "--rows",
            "20",
            "--schema",
        ])
        .arg(&schema)
        .arg("--json")
        .arg(&json)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let line = |beginning: &str| {
        said.lines()
            .find(|line| line.contains(beginning))
            .unwrap_or_else(|| panic!("{said}"))
    };
    assert!(line("not loaded: ").contains("no_such_extension"), "{said}");
    let orders = line("public.orders by placed_at timestamptz (20 rows): converted");
    for choice in [
        "--unique=orders_code_key=guard",
        "--incoming=lines_order_id_fkey=guard",
    ] {
        assert!(orders.contains(choice), "{said}");
    }
    let loose = line("public.loose by at timestamptz (20 rows): refused");
    assert!(loose.contains("no primary key"), "{said}");
    assert_eq!(line("2 tables"), "2 tables: 1 converted, 1 refused, 0 FAILED");
    assert!(
        std::fs::read_to_string(&json)
            .unwrap()
            .contains("\"outcome\": \"converted\"")
    );
}
