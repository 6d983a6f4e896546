//! The schema comes into a database of its own, as far as this server can take it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use pgcleave::server::Server;
use pgcleave::sql::Ident;
use postgres::{Client, NoTls};

use crate::command;

/// The database that each table's own is made from.
pub const TEMPLATE: &str = "sweep_template";

/// Loads it with psql; roles that it names and that are missing are made, other errors are said.
pub fn load(server: &Server, schema: &Path) -> Result<()> {
    let mut errors = try_load(server, schema)?;
    let roles = missing_roles(&errors);
    if !roles.is_empty() {
        let mut client = Client::connect(&server.url("postgres"), NoTls)?;
        for role in roles {
            client.batch_execute(&format!("CREATE ROLE {}", Ident::new(role)?))?;
        }
        client.batch_execute(&format!("DROP DATABASE {TEMPLATE}"))?;
        drop(client);
        errors = try_load(server, schema)?;
    }
    for error in &errors {
        println!("not loaded: {error}");
    }
    Ok(())
}

fn try_load(server: &Server, schema: &Path) -> Result<Vec<String>> {
    server.create_database(TEMPLATE)?;
    let mut psql = Command::new(command::client(server, "psql"));
    let said = command::run(
        psql.args(["-X", "-q", "-d"])
            .arg(server.url(TEMPLATE))
            .arg("-f")
            .arg(schema),
    )?;
    let errors = said
        .stderr
        .lines()
        .filter(|line| line.contains("ERROR:") || line.contains("error:"));
    Ok(errors.map(str::to_owned).collect())
}

fn missing_roles(errors: &[String]) -> BTreeSet<String> {
    let name = |line: &String| {
        let (_, rest) = line.split_once("role \"")?;
        let (name, _) = rest.split_once("\" does not exist")?;
        Some(name.to_owned())
    };
    errors.iter().filter_map(name).collect()
}
