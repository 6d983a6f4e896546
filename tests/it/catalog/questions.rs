//! The other questions, and tables of other kinds.

use super::*;

pub fn sees_prepared_transactions(client: &mut Client) {
    client
        .batch_execute("BEGIN; DELETE FROM \"App\".\"Events\"; PREPARE TRANSACTION 'stray'")
        .unwrap();
    let table = load(client, "App", "Events");
    client.batch_execute("ROLLBACK PREPARED 'stray'").unwrap();
    let stray = Dependent {
        kind: DependentKind::PreparedTransaction,
        name: "stray".to_owned(),
    };
    assert!(table.dependents.contains(&stray));
}

pub fn finds_tables_by_name(client: &mut Client) {
    let found = catalog::find_table(client, None, &ident("Events")).unwrap();
    assert_eq!(found, name("App", "Events"));
    assert!(
        catalog::find_table(client, Some(&ident("App")), &ident("calm")).is_ok(),
        "a view is found too"
    );
    let missing = catalog::find_table(client, None, &ident("event")).unwrap_err();
    assert_eq!(missing.to_string(), "there is no table event");
    assert_eq!(missing.hint().unwrap(), "did you mean App.Events?");
    let wrong_schema = catalog::find_table(client, Some(&ident("public")), &ident("Events")).unwrap_err();
    assert_eq!(wrong_schema.to_string(), "there is no table public.Events");
    assert_eq!(wrong_schema.hint().unwrap(), "did you mean App.Events?");
    let several = catalog::find_table(client, None, &ident("days")).unwrap_err();
    assert_eq!(
        several.to_string(),
        "the name days stands for several tables: App.days, public.days"
    );
    assert!(several.hint().unwrap().ends_with("App.days"));
}

pub fn finds_a_table_of_another_program_as_its_sessions_do(client: &mut Client) {
    let mut found = |schema, name| catalog::find_others_table(client, schema, name).unwrap();
    assert_eq!(found(None, "days"), Some(name("public", "days")), "on the path");
    assert_eq!(found(Some("App"), "days"), Some(name("App", "days")));
    assert_eq!(found(None, "Events"), Some(name("App", "Events")), "the only one");
    assert_eq!(found(None, "calm"), None, "a view");
    client
        .batch_execute("CREATE SCHEMA other; CREATE TABLE other.\"Events\" ()")
        .unwrap();
    let found = catalog::find_others_table(client, None, "Events").unwrap();
    client.batch_execute("DROP SCHEMA other CASCADE").unwrap();
    assert_eq!(found, None, "one of two that are not on the path");
}

pub fn lists_tables(client: &mut Client) {
    let mut tx = catalog::snapshot(client).unwrap();
    let tables = catalog::list_tables(&mut tx).unwrap();
    let found = tables.iter().map(|entry| entry.name.plain()).collect::<Vec<_>>();
    let expected = [
        "App.Events",
        "App.archive",
        "App.children",
        "App.customers",
        "App.days",
        "App.named",
        "public.days",
    ];
    assert_eq!(found[..7], expected);
    assert_eq!(found[7..], ["public.plain_days"]);
    assert!(tables[0].table_bytes > 0 && tables[0].estimated_rows == 3.0);
}

pub fn reads_key_ranges(client: &mut Client, events: &Table) {
    let days = load(client, "public", "plain_days");
    let mut tx = catalog::snapshot(client).unwrap();
    let range = |table: &Table, key: &str, zone: &str, tx: &mut postgres::Transaction<'_>| {
        let range = catalog::load_key_range(tx, table, &ident(key), zone).unwrap();
        (
            range.first.unwrap(),
            range.last.unwrap(),
            range.has_null,
            range.has_infinity,
        )
    };
    let text = str::to_owned;
    let created = range(events, "Created At", "UTC", &mut tx);
    assert_eq!(
        created,
        (
            text("0044-03-15T12:00:00 BC"),
            text("12024-05-06T07:08:09"),
            false,
            false
        )
    );
    let day = range(&days, "day", "UTC", &mut tx);
    assert_eq!(
        day,
        (
            text("2020-01-01T00:00:00"),
            text("2024-02-29T00:00:00"),
            true,
            true
        )
    );
    let at = range(&days, "at", "Asia/Kolkata", &mut tx);
    assert_eq!(
        at,
        (
            text("2023-12-31T23:59:59"),
            text("2024-06-01T00:00:00"),
            true,
            true
        )
    );
    let parted = catalog::load_table(&mut tx, &name("public", "parted")).unwrap();
    let zoned = range(&parted, "at", "Europe/Berlin", &mut tx);
    assert_eq!(zoned.0, "2024-05-05T02:00:00");
    let empty = catalog::load_table(&mut tx, &name("public", "days")).unwrap();
    let not_a_date = catalog::load_key_range(&mut tx, &days, &ident("note"), "UTC").unwrap_err();
    assert!(matches!(not_a_date, CatalogError::NoRange { .. }));
    let no_column = catalog::load_key_range(&mut tx, &empty, &ident("at"), "UTC").unwrap_err();
    assert_eq!(no_column.to_string(), "public.days has no column at");
}

pub fn reads_measures(client: &mut Client) {
    let mut tx = catalog::snapshot(client).unwrap();
    let events = catalog::load_measures(&mut tx, &name("App", "Events")).unwrap();
    assert_eq!((events.blocks, events.estimated_rows), (1, 3.0));
    assert!(events.table_bytes >= 8192 && events.index_bytes > 8 * 8192);
    let parted = catalog::load_measures(&mut tx, &name("public", "parted")).unwrap();
    assert_eq!((parted.blocks, parted.estimated_rows), (1, 1.0));
    let never_analysed = catalog::load_measures(&mut tx, &name("public", "days")).unwrap();
    assert_eq!((never_analysed.blocks, never_analysed.estimated_rows), (0, -1.0));
}

pub fn reads_privileges(client: &mut Client, table: &Table) {
    let mut privileges = |role: &str| {
        let mut tx = catalog::snapshot(client).unwrap();
        tx.batch_execute(&format!("SET LOCAL ROLE {role}")).unwrap();
        let privileges = catalog::load_privileges(&mut tx, table).unwrap();
        assert!(
            catalog::load_table(&mut tx, &table.name).is_ok(),
            "{role} can read the catalog"
        );
        privileges
    };
    let postgres = privileges("postgres");
    assert!(postgres.superuser && postgres.owner_member && postgres.history && postgres.read_all_stats);
    let owner = privileges("app_owner");
    assert!(owner.owner_member && owner.create_on_schema && !owner.superuser);
    assert!(!owner.history && !owner.read_all_stats);
    let reader = privileges("app_reader");
    assert!(!reader.owner_member && !reader.create_on_schema);
    let mut tx = catalog::snapshot(client).unwrap();
    assert!(catalog::lock_table_capacity(&mut tx).unwrap() >= 64 * 23);
}

pub fn reads_names_in_use(client: &mut Client) {
    let mut tx = catalog::snapshot(client).unwrap();
    let relations = catalog::names_in_use(&mut tx, &ident("App")).unwrap();
    for taken in ["Events", "Events_pkey", "Events_id_seq", "calm", "mood", "moment"] {
        assert!(relations.contains(&ident(taken)), "{taken}");
    }
    assert!(!relations.contains(&ident("_Events")) && !relations.contains(&ident("on_event")));
    assert!(
        catalog::function_names_in_use(&mut tx, &ident("App"))
            .unwrap()
            .contains(&ident("on_event"))
    );
}

pub fn reads_a_partitioned_table(client: &mut Client) {
    let table = load(client, "public", "parted");
    assert_eq!(table.kind, RelationKind::PartitionedTable);
    assert_eq!(table.primary_key.unwrap().columns.len(), 2);
    assert_eq!(table.indexes[0].using.as_str(), " USING btree (at)");
    assert_eq!(table.indexes[1].using.as_str(), " USING btree (id)");
    assert!(!table.indexes[1].valid);
    assert!(
        table
            .dependents
            .iter()
            .all(|dependent| dependent.kind == DependentKind::Publication)
    );
    let partition = load(client, "public", "parted_p1");
    let parent = Dependent {
        kind: DependentKind::InheritanceParent,
        name: "public.parted".to_owned(),
    };
    assert!(partition.dependents.contains(&parent));
}

pub fn reads_other_kinds(client: &mut Client) {
    assert_eq!(load(client, "App", "calm").kind, RelationKind::View);
    assert_eq!(load(client, "App", "stored").kind, RelationKind::MaterializedView);
    assert_eq!(load(client, "pg_catalog", "pg_class").kind, RelationKind::Table);
    assert_eq!(load(client, "App", "Events_id_seq").kind, RelationKind::Sequence);
}

pub fn names_whatever_the_plan_refuses(client: &mut Client) {
    client
        .batch_execute(
            "CREATE TYPE public.shape AS (id int);
             CREATE TABLE public.typed OF public.shape;
             CREATE TABLE public.heir () INHERITS (public.days);
             ALTER EXTENSION citext ADD TABLE public.days;
             CREATE CONSTRAINT TRIGGER far AFTER INSERT ON public.heir FROM public.days
                 FOR EACH ROW EXECUTE FUNCTION \"App\".on_event();
             CREATE SUBSCRIPTION in_flow CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false);
             INSERT INTO pg_catalog.pg_subscription_rel
             SELECT s.oid, 'public.days'::regclass, 'r', '0/0' FROM pg_catalog.pg_subscription s",
        )
        .unwrap();
    let mut found = |table: &str| {
        let table = load(client, "public", table);
        let kept = table
            .dependents
            .into_iter()
            .filter(|dependent| dependent.kind != DependentKind::Publication);
        kept.map(|dependent| (dependent.kind, dependent.name))
            .collect::<Vec<_>>()
    };
    let text = str::to_owned;
    assert_eq!(
        found("typed"),
        [(DependentKind::TypedTable, text("public.shape"))]
    );
    assert_eq!(
        found("heir"),
        [(DependentKind::InheritanceParent, text("public.days"))]
    );
    let days = [
        (DependentKind::Subscription, text("in_flow")),
        (DependentKind::InheritanceChild, text("public.heir")),
        (DependentKind::Extension, text("citext")),
        (DependentKind::Other, text("trigger far on public.heir")),
    ];
    assert_eq!(found("days"), days);
    assert!(catalog::list_tables(&mut catalog::snapshot(client).unwrap()).is_ok());
}

pub fn reads_what_newer_servers_have(client: &mut Client) {
    let version = load(client, "public", "plain_days").server_version;
    if version >= 150_000 {
        client
            .batch_execute("CREATE PUBLICATION schema_out FOR TABLES IN SCHEMA public")
            .unwrap();
        let name = "schema_out (FOR TABLES IN SCHEMA)".to_owned();
        let publication = Dependent {
            kind: DependentKind::Publication,
            name,
        };
        assert!(
            load(client, "public", "plain_days")
                .dependents
                .contains(&publication)
        );
    }
    if version >= 180_000 {
        client
            .batch_execute(
                "CREATE EXTENSION btree_gist SCHEMA public;
                 CREATE TABLE public.new (
                     id int, day date, during daterange, twice int GENERATED ALWAYS AS (id * 2),
                     PRIMARY KEY (id, during WITHOUT OVERLAPS));
                 ALTER TABLE public.new ADD CONSTRAINT day_there NOT NULL day NOT VALID",
            )
            .unwrap();
        let new = load(client, "public", "new");
        assert!(!column(&new, "day").not_null, "NULLs may be there");
        assert!(column(&new, "id").not_null && !column(&new, "twice").generated.as_ref().unwrap().stored);
        assert_eq!(
            (new.primary_key, new.exclusions[0].name.as_str()),
            (None, "new_pkey")
        );
    }
}
