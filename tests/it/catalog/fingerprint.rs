//! The fingerprint follows the structure and nothing else.

use super::*;

pub fn same_facts_give_the_same_bytes(client: &mut Client, table: &Table) {
    client
        .batch_execute("SET TimeZone = 'America/New_York'; SET DateStyle = 'German'")
        .unwrap();
    client
        .batch_execute("SET quote_all_identifiers = on; SET search_path = \"App\"")
        .unwrap();
    assert_eq!(load(client, "App", "Events"), *table);
    client.batch_execute("RESET ALL").unwrap();
}

pub fn fingerprint_is_the_same_in_a_function(client: &mut Client, table: &Table) {
    let settings = catalog::PRINT_SETTINGS
        .map(|(name, value)| format!("SET {name} = {value}"))
        .join(" ");
    let body = catalog::FINGERPRINT_SQL;
    let create = "CREATE FUNCTION public.fingerprint_of(regclass) RETURNS text LANGUAGE sql STABLE";
    client
        .batch_execute(&format!(
            "{create} {settings} AS $fingerprint${body}$fingerprint$"
        ))
        .unwrap();
    client.batch_execute("SET TimeZone = 'Asia/Kolkata'").unwrap();
    let row = client
        .query_one("SELECT public.fingerprint_of('\"App\".\"Events\"')", &[])
        .unwrap();
    assert_eq!(row.get::<_, String>(0), table.fingerprint);
    client
        .batch_execute("DROP FUNCTION public.fingerprint_of; RESET ALL")
        .unwrap();
}

pub fn fingerprint_follows_the_structure_only(client: &mut Client) {
    let events = name("App", "Events");
    let mut fingerprint = |change: &str| {
        client.batch_execute(change).unwrap();
        let mut tx = catalog::snapshot(client).unwrap();
        catalog::load_fingerprint(&mut tx, &events).unwrap()
    };
    let before = fingerprint("");
    let harmless = [
        "ANALYZE \"App\".\"Events\"",
        "CREATE TRIGGER \"RI_pgcleave_reverse\" AFTER DELETE ON \"App\".\"Events\" FOR EACH ROW EXECUTE FUNCTION \"App\".on_event()",
        "DROP TRIGGER \"RI_pgcleave_reverse\" ON \"App\".\"Events\"",
        "COMMENT ON TABLE \"App\".\"Events\" IS 'it''s all here'",
        "CREATE TABLE \"App\".more (id bigint REFERENCES \"App\".\"Events\" (id)); DROP TABLE \"App\".more",
    ];
    for change in harmless {
        assert_eq!(fingerprint(change), before, "{change}");
    }
    let changes = [
        (
            "ALTER TABLE \"App\".\"Events\" ADD extra int",
            "ALTER TABLE \"App\".\"Events\" DROP extra",
        ),
        (
            "ALTER TABLE \"App\".\"Events\" ALTER mood SET DEFAULT 'cross'",
            "ALTER TABLE \"App\".\"Events\" ALTER mood SET DEFAULT 'calm'",
        ),
        (
            "ALTER TABLE \"App\".\"Events\" DISABLE TRIGGER on_insert",
            "ALTER TABLE \"App\".\"Events\" ENABLE ALWAYS TRIGGER on_insert",
        ),
        (
            "CREATE INDEX extra ON \"App\".\"Events\" (region)",
            "DROP INDEX \"App\".extra",
        ),
        (
            "ALTER POLICY own_rows ON \"App\".\"Events\" USING (true)",
            "ALTER POLICY own_rows ON \"App\".\"Events\" USING (region = 1)",
        ),
        (
            "CREATE VIEW \"App\".extra AS SELECT id FROM \"App\".\"Events\"",
            "DROP VIEW \"App\".extra",
        ),
        (
            "ALTER TABLE \"App\".\"Events\" REPLICA IDENTITY FULL",
            "ALTER TABLE \"App\".\"Events\" REPLICA IDENTITY DEFAULT",
        ),
    ];
    for (change, undo) in changes {
        assert_ne!(fingerprint(change), before, "{change}");
        assert_eq!(fingerprint(undo), before, "{undo}");
    }
}
