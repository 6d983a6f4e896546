//! What `load_table` says about the table with everything on it.

use super::*;

pub fn reads_the_relation(table: &Table) {
    assert!(table.server_version >= 140_000);
    assert_eq!(
        (table.kind, table.persistence),
        (RelationKind::Table, Persistence::Permanent)
    );
    assert_eq!(table.owner.as_str(), "app_owner");
    assert_eq!(table.comment.as_deref(), Some("it's all here"));
    let expected = [
        parameter("fillfactor", "80"),
        parameter("toast.autovacuum_enabled", "false"),
    ];
    assert_eq!(table.storage_parameters, expected);
    assert_eq!((&table.tablespace, &table.access_method), (&None, &None));
    assert_eq!(table.replica_identity, ReplicaIdentity::Default);
    assert!(table.row_security.enabled && !table.row_security.forced);
    assert_eq!(
        names(table.rules.iter().map(|rule| &rule.name)),
        ["no_truncate", "elsewhere"]
    );
    assert!(
        table.rules[0]
            .definition
            .as_str()
            .starts_with("RULE no_truncate AS")
    );
    let [policy] = &table.row_security.policies[..] else {
        unreachable!()
    };
    assert_eq!(
        (policy.name.as_str(), policy.command.as_str()),
        ("own_rows", "ALL")
    );
    assert_eq!(policy.roles, [Some(ident("app_reader"))]);
    assert_eq!(policy.using.as_ref().unwrap().as_str(), "(region = 1)");
    assert_eq!(table.foreign_policies[0].table, name("App", "children"));
    assert_eq!(table.statistics.len(), 1);
    assert!(
        table.statistics[0]
            .definition
            .as_str()
            .starts_with("CREATE STATISTICS \"App\".correlated")
    );
}

pub fn reads_columns(table: &Table) {
    assert_eq!(table.columns.len(), 17);
    let id = column(table, "id").identity.as_ref().unwrap();
    assert_eq!(
        (id.always, id.sequence.plain()),
        (true, "App.Events_id_seq".to_owned())
    );
    assert!(column(table, "id").owned_sequences.is_empty());
    let created = column(table, "Created At");
    assert_eq!(created.type_sql.as_str(), "\"App\".late_moment");
    assert_eq!(
        (created.base_type.as_str(), created.btree, created.not_null),
        ("timestamptz", true, true)
    );
    assert_eq!(created.default.as_ref().unwrap().as_str(), "now()");
    let counter = column(table, "counter");
    assert_eq!(counter.owned_sequences[0].plain(), "App.Events_counter_seq");
    assert_eq!(column(table, "mood").base_type, "\"App\".mood");
    assert_eq!(
        column(table, "mood").default.as_ref().unwrap().as_str(),
        "'calm'::\"App\".mood"
    );
    assert_eq!(column(table, "mood").comment.as_deref(), Some("how they felt"));
    assert_eq!(column(table, "email").base_type, "public.citext");
    assert!(column(table, "email").btree && column(table, "tags").btree && column(table, "span").btree);
    assert!(column(table, "name").btree && !column(table, "raw").btree && column(table, "mood").btree);
    assert_eq!(
        column(table, "name").collation.as_ref().unwrap().as_str(),
        "pg_catalog.\"C\""
    );
    assert_eq!(
        column(table, "label").collation.as_ref().unwrap().as_str(),
        "\"App\".unordered"
    );
    assert_eq!(column(table, "tags").collation, None);
    assert!(
        table.columns.iter().all(|column| column.sends),
        "no type without a send function"
    );
    let doubled = column(table, "doubled");
    assert!(doubled.default.is_none() && doubled.generated.as_ref().unwrap().stored);
    let region = column(table, "region");
    assert_eq!(
        (region.statistics_target, &region.options),
        (Some(500), &vec![parameter("n_distinct", "-0.5")])
    );
    assert_eq!(column(table, "id").statistics_target, None);
    assert_eq!(column(table, "quo\"te").name.to_string(), "\"quo\"\"te\"");
}

pub fn reads_keys(table: &Table) {
    let primary = table.primary_key.as_ref().unwrap();
    assert_eq!(primary.name.as_str(), "Events_pkey");
    assert_eq!(names(primary.columns.iter().map(|column| &column.name)), ["id"]);
    assert_eq!(primary.columns[0].equal.to_string(), "OPERATOR(\"pg_catalog\".=)");
    assert!(primary.columns[0].bitwise && primary.constraint && primary.valid && primary.bytes > 0);
    let unique = names(table.unique_keys.iter().map(|key| &key.name));
    assert_eq!(unique, ["counter_once", "email_once", "label_once", "lower_once"]);
    let counter = key(table, "counter_once");
    assert_eq!(
        (counter.constraint, counter.deferrable, counter.initially_deferred),
        (true, true, true)
    );
    assert_eq!(names(&counter.include), ["region"]);
    assert_eq!(
        counter.columns.iter().map(|c| c.bitwise).collect::<Vec<_>>(),
        [true, false]
    );
    let email = key(table, "email_once");
    assert!(email.partial_or_expression && !email.constraint);
    assert_eq!(email.columns[0].equal.to_string(), "OPERATOR(\"public\".=)");
    assert!(!key(table, "label_once").columns[0].bitwise);
    assert!(key(table, "lower_once").columns.is_empty());
}

pub fn reads_indexes(table: &Table) {
    let found = names(table.indexes.iter().map(|index| &index.name));
    assert_eq!(found, ["By Time", "by_expression", "by_pattern", "by_payload"]);
    for index in &table.indexes {
        assert!(index.using.as_str().starts_with(" USING "), "{}", index.using);
        assert!(index.definition.as_str().ends_with(index.using.as_str()));
        assert!(index.valid);
    }
    assert_eq!(table.indexes[0].comment.as_deref(), Some("the time index"));
    assert_eq!(table.indexes[1].statistics_targets, [(1, 300)]);
    let pattern = table.indexes[2].using.as_str();
    assert!(pattern.contains("'2024-01-01 00:00:00+00'"), "{pattern}");
}

pub fn reads_constraints(table: &Table) {
    assert_eq!(
        names(table.checks.iter().map(|check| &check.name)),
        ["amount_positive", "name_short"]
    );
    assert_eq!(
        table
            .checks
            .iter()
            .map(|check| check.validated)
            .collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(table.checks[0].comment.as_deref(), Some("no refunds"));
    assert_eq!(
        names(table.exclusions.iter().map(|exclusion| &exclusion.name)),
        ["no_overlap"]
    );
    let out = &table.foreign_keys_out;
    assert_eq!(
        names(out.iter().map(|key| &key.name)),
        ["customer_fk", "loose_fk", "parent_fk"]
    );
    assert_eq!(names(&out[0].columns), ["region", "customer_id"]);
    assert_eq!(out[0].referenced, name("App", "customers"));
    assert!(!out[1].validated && out[1].definition.as_str().ends_with("ON DELETE SET NULL"));
    let incoming = &table.foreign_keys_in;
    assert_eq!(
        names(incoming.iter().map(|key| &key.name)),
        ["event_fk", "parent_fk"]
    );
    assert_eq!(incoming[0].table, name("App", "children"));
    assert_eq!(incoming[0].equal.len(), incoming[0].columns.len());
    assert_eq!(incoming[0].equal[0].symbol, "=");
    assert!(incoming[0].enforced && !incoming[0].match_full && !incoming[0].deferrable);
    assert!(incoming[0].table_columns.contains(&incoming[0].columns[0]));
    assert_eq!(incoming[0].on_delete_columns, Vec::<Ident>::new());
}

pub fn reads_triggers(table: &Table) {
    assert_eq!(
        names(table.triggers.iter().map(|trigger| &trigger.name)),
        ["On Event", "on_insert"]
    );
    let [on_event, on_insert] = &table.triggers[..] else {
        unreachable!()
    };
    assert!(on_event.row_level && !on_event.transition_tables && on_event.enabled == TriggerEnabled::Origin);
    assert!(!on_insert.row_level && on_insert.transition_tables);
    assert_eq!(on_insert.enabled, TriggerEnabled::Always);
    assert_eq!(on_insert.comment.as_deref(), Some("counts"));
}

pub fn reads_views(table: &Table) {
    let views = table
        .views
        .iter()
        .map(|view| (view.name.plain(), view.depth))
        .collect::<Vec<_>>();
    let expected = [
        ("App.above", 2),
        ("App.calm", 1),
        ("App.grouped", 1),
        ("App.whole", 1),
    ];
    assert_eq!(views, expected.map(|(name, depth)| (name.to_owned(), depth)));
    assert_eq!(table.views[1].options, [parameter("security_barrier", "true")]);
    assert!(
        table.views[1]
            .definition
            .as_str()
            .contains("FROM \"App\".\"Events\"")
    );
    assert!(!table.views[1].definition.as_str().ends_with(';'));
}

pub fn reads_routines(table: &Table) {
    let routines = table.routines.iter().map(|r| (r.signature.as_str(), r.row_type));
    let expected = [
        ("\"App\".all_events()", true),
        ("\"App\".amount_of(\"App\".\"Events\")", true),
        ("\"App\".how_many()", false),
    ];
    assert_eq!(routines.collect::<Vec<_>>(), expected);
    assert!(table.routines.iter().all(|r| r.hindrance.is_none()));
}

pub fn reads_materialized_views(table: &Table) {
    let [view] = &table.materialized_views[..] else {
        unreachable!()
    };
    assert_eq!((view.name.plain(), view.depth), ("App.stored".to_owned(), 1));
    assert!(view.populated && !view.groups_by_key && view.indexes.is_empty());
    assert_eq!(
        names(view.columns.iter().map(|column| &column.name)),
        ["region", "count"]
    );
    let grouped = table.views.iter().filter(|view| view.groups_by_key);
    assert_eq!(names(grouped.map(|view| &view.name.name)), ["grouped"]);
}

pub fn reads_grants(table: &Table) {
    let grants = table.grants.iter().map(|grant| {
        let grantee = grant.grantee.as_ref().map_or("PUBLIC", Ident::as_str);
        let column = grant.column.as_ref().map_or("", Ident::as_str);
        format!("{grantee} {} {column} {}", grant.privilege, grant.grantable)
    });
    let grants = grants.collect::<Vec<_>>();
    assert!(
        grants.contains(&"app_reader SELECT  true".to_owned()),
        "{grants:?}"
    );
    assert!(grants.contains(&"PUBLIC SELECT  false".to_owned()));
    assert!(grants.contains(&"app_reader UPDATE name false".to_owned()));
    assert!(grants.contains(&"app_reader UPDATE region false".to_owned()));
    assert!(
        grants.contains(&"app_owner INSERT  false".to_owned()),
        "a changed owner's rights are listed"
    );
    assert!(!grants.iter().any(|grant| grant.contains("TRUNCATE")));
}

pub fn reads_dependents(table: &Table) {
    let found = table
        .dependents
        .iter()
        .map(|Dependent { kind, name }| (*kind, name.as_str()));
    let expected = [
        (DependentKind::RowTypeColumn, "\"App\".archive.event"),
        (DependentKind::RowTypeColumn, "\"App\".archive.many"),
        (DependentKind::RowTypeColumn, "\"App\".whole.e"),
        (DependentKind::Publication, "all_out (FOR ALL TABLES)"),
        (DependentKind::Other, "default value for \"App\".named.of_table"),
        (DependentKind::Other, "type \"App\".an_event"),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}
