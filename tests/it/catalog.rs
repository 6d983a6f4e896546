//! Reads tables with everything on them from a real server.

use pgcleave::catalog::{self, CatalogError};
use pgcleave::model::{
    Column, Dependent, DependentKind, Key, Persistence, RelationKind, ReplicaIdentity, StorageParameter,
    Table, TriggerEnabled,
};
use pgcleave::server::{Programs, Server};
use pgcleave::sql::{Ident, QualifiedName};
use postgres::{Client, NoTls};

mod fingerprint;
mod questions;
mod table;

const SCHEMA: &str = include_str!("catalog/schema.sql");

/// The server stays for as long as its client is used.
struct Fixture {
    _server: Server,
    client: Client,
}

fn fixture() -> Fixture {
    let programs = Programs::find().unwrap();
    let settings = [
        ("max_prepared_transactions", "3"),
        ("max_connections", "20"),
        ("wal_level", "logical"),
    ];
    let server = Server::start(&programs, &settings).unwrap();
    server.create_database("catalog").unwrap();
    let mut client = Client::connect(&server.url("catalog"), NoTls).unwrap();
    client.batch_execute(SCHEMA).unwrap();
    Fixture {
        _server: server,
        client,
    }
}

fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

fn name(schema: &str, table: &str) -> QualifiedName {
    QualifiedName::new(ident(schema), ident(table))
}

fn load(client: &mut Client, schema: &str, table: &str) -> Table {
    let mut tx = catalog::snapshot(client).unwrap();
    catalog::load_table(&mut tx, &name(schema, table)).unwrap()
}

fn column<'a>(table: &'a Table, name: &str) -> &'a Column {
    table
        .columns
        .iter()
        .find(|column| column.name.as_str() == name)
        .unwrap()
}

fn key<'a>(table: &'a Table, name: &str) -> &'a Key {
    table
        .unique_keys
        .iter()
        .find(|key| key.name.as_str() == name)
        .unwrap()
}

fn names<'a>(idents: impl IntoIterator<Item = &'a Ident>) -> Vec<&'a str> {
    idents.into_iter().map(Ident::as_str).collect()
}

fn parameter(name: &str, value: &str) -> StorageParameter {
    StorageParameter {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

#[test]
fn reads_a_table_with_everything_on_it() {
    let mut fixture = fixture();
    let client = &mut fixture.client;
    let table = load(client, "App", "Events");
    table::reads_the_relation(&table);
    table::reads_columns(&table);
    table::reads_keys(&table);
    table::reads_indexes(&table);
    table::reads_constraints(&table);
    table::reads_triggers(&table);
    table::reads_views(&table);
    table::reads_materialized_views(&table);
    table::reads_routines(&table);
    table::reads_grants(&table);
    table::reads_dependents(&table);
    fingerprint::same_facts_give_the_same_bytes(client, &table);
    fingerprint::fingerprint_is_the_same_in_a_function(client, &table);
    fingerprint::fingerprint_follows_the_structure_only(client);
    questions::sees_prepared_transactions(client);
    questions::finds_tables_by_name(client);
    questions::finds_a_table_of_another_program_as_its_sessions_do(client);
    questions::lists_tables(client);
    questions::reads_key_ranges(client, &table);
    questions::reads_measures(client);
    questions::reads_privileges(client, &table);
    questions::reads_names_in_use(client);
    questions::reads_a_partitioned_table(client);
    questions::reads_other_kinds(client);
    questions::names_whatever_the_plan_refuses(client);
    questions::reads_what_newer_servers_have(client);
}
