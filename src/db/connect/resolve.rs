//! From the connection string, the environment and the files to a [`Target`].

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Uid, User};
use postgres::Config;
use postgres::config::{ChannelBinding, SslNegotiation, TargetSessionAttrs};

use super::super::passfile::Passfile;
use super::super::service_file::fill_from_service;
use super::super::tls::TlsSettings;
use super::{ConnectError, Conninfo, Env, Place, Target, expected};

/// Where servers keep their sockets: the packages of the distributions, then PostgreSQL as its authors ship it.
const SOCKET_DIRS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
const DEFAULT_PORT: u16 = 5432;

impl Target {
    /// Resolves `database_url` (from the command line), else `DATABASE_URL`, else the `PG*` variables alone.
    ///
    /// What the string leaves open comes from the service file and the `PG*` variables.
    ///
    /// # Errors
    /// When a parameter is malformed or can't be met, or no user is named.
    pub fn resolve(database_url: Option<&str>, env: Env) -> Result<Self, ConnectError> {
        let text = database_url
            .map(str::to_owned)
            .filter(|text| !text.is_empty())
            .or_else(|| env("DATABASE_URL"));
        let mut info = match text.as_deref().map(str::trim) {
            None | Some("") => Conninfo::default(),
            Some(text) => Conninfo::parse(text)?,
        };
        let home = home(env);
        fill_from_service(&mut info, env, home.as_deref())?;
        info.fill_from_env(env);
        info.refuse_unmet_guards()?;

        let user = info
            .value("user")
            .map(str::to_owned)
            .or_else(system_user)
            .ok_or(ConnectError::NoUser)?;
        let dbname = info.value("dbname").unwrap_or(&user).to_owned();
        if dbname.contains("://") {
            // A URL in PGDATABASE: it would be shown as the database's name, with its password.
            return Err(expected(
                "dbname",
                "a database's name, not a URL; put the URL in DATABASE_URL",
            ));
        }
        let mut places = places(&info)?;
        let warnings = fill_passwords(&mut places, &info, home.as_deref(), &dbname, &user);
        let tls = TlsSettings::from_conninfo(&info, home.as_deref())?;
        let settings = settings(&info, &user, &dbname, tls.direct)?;
        Ok(Self {
            places,
            user,
            dbname,
            settings,
            tls,
            warnings,
        })
    }
}

fn home(env: Env) -> Option<PathBuf> {
    let given = env("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    given.or_else(|| {
        User::from_uid(Uid::effective())
            .ok()
            .flatten()
            .map(|user| user.dir)
    })
}

fn system_user() -> Option<String> {
    User::from_uid(Uid::effective())
        .ok()
        .flatten()
        .map(|user| user.name)
}

/// Pairs the lists `host`, `hostaddr` and `port`.
fn places(info: &Conninfo) -> Result<Vec<Place>, ConnectError> {
    let list = |name| {
        info.value(name)
            .map(|list| list.split(',').map(str::trim).collect::<Vec<_>>())
    };
    let (hosts, addresses) = (list("host"), list("hostaddr"));
    let count = hosts.as_ref().or(addresses.as_ref()).map_or(1, Vec::len);
    let ports = list("port").unwrap_or_else(|| vec![""]);
    if addresses.as_ref().is_some_and(|list| list.len() != count) {
        return Err(expected("hostaddr", "a list as long as host"));
    }
    if ports.len() != 1 && ports.len() != count {
        return Err(expected("port", "one number, or a list as long as host"));
    }
    let entry = |list: &Option<Vec<&str>>, at: usize| list.as_ref().map_or("", |list| list[at]).to_owned();
    (0..count)
        .map(|at| {
            let port = parse_port(ports[if ports.len() == 1 { 0 } else { at }])?;
            place(
                entry(&hosts, at),
                &entry(&addresses, at),
                port,
                info.value("password"),
            )
        })
        .collect()
}

fn parse_port(text: &str) -> Result<u16, ConnectError> {
    match text {
        "" => Ok(DEFAULT_PORT),
        _ => text
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(expected("port", "a number from 1 to 65535")),
    }
}

fn place(host: String, address: &str, port: u16, password: Option<&str>) -> Result<Place, ConnectError> {
    // A piece of a badly escaped password, or an abstract socket, which tokio-postgres cannot reach.
    if host.contains('@') {
        return Err(expected(
            "host",
            "a host name, an address or an absolute directory",
        ));
    }
    let address: Option<IpAddr> = match address {
        "" => None,
        _ => Some(
            address
                .parse()
                .map_err(|_| expected("hostaddr", "an IP address"))?,
        ),
    };
    let host = match (host.is_empty(), address) {
        (false, _) => host,
        (true, Some(address)) => address.to_string(),
        (true, None) => default_host(port, &SOCKET_DIRS.map(Path::new)),
    };
    Ok(Place {
        host,
        address,
        port,
        password: password.map(str::to_owned),
    })
}

/// The first directory with the port's socket in it, else `localhost`.
fn default_host(port: u16, dirs: &[&Path]) -> String {
    let socket = format!(".s.PGSQL.{port}");
    let found = dirs.iter().find(|dir| dir.join(&socket).exists());
    found.map_or_else(|| "localhost".to_owned(), |dir| dir.display().to_string())
}

/// Looks missing passwords up in the password file; returns why the file was not used.
fn fill_passwords(
    places: &mut [Place],
    info: &Conninfo,
    home: Option<&Path>,
    dbname: &str,
    user: &str,
) -> Vec<String> {
    if places.iter().all(|place| place.password.is_some()) {
        return Vec::new();
    }
    let path = info
        .value("passfile")
        .map(PathBuf::from)
        .or_else(|| home.map(|home| home.join(".pgpass")));
    let file = match path.map_or(Ok(None), |path| Passfile::read(&path)) {
        Ok(Some(file)) => file,
        Ok(None) => return Vec::new(),
        Err(warning) => return vec![warning],
    };
    for place in places {
        let mut names = vec![place.host.as_str()];
        if SOCKET_DIRS.contains(&place.host.as_str()) {
            names.push("localhost");
        }
        place.password = file.find(&names, place.port, dbname, user);
    }
    Vec::new()
}

fn settings(info: &Conninfo, user: &str, dbname: &str, direct: bool) -> Result<Config, ConnectError> {
    let mut config = Config::new();
    let name = info
        .value("application_name")
        .or_else(|| info.value("fallback_application_name"));
    config
        .user(user)
        .dbname(dbname)
        .application_name(name.unwrap_or("pgcleave"));
    if let Some(options) = info.value("options") {
        config.options(options);
    }
    if direct {
        config.ssl_negotiation(SslNegotiation::Direct);
    }
    config.channel_binding(match info.value("channel_binding") {
        None | Some("prefer") => ChannelBinding::Prefer,
        Some("disable") => ChannelBinding::Disable,
        Some("require") => ChannelBinding::Require,
        Some(_) => return Err(expected("channel_binding", "disable, prefer or require")),
    });
    config.target_session_attrs(match info.value("target_session_attrs") {
        None | Some("any" | "prefer-standby") => TargetSessionAttrs::Any,
        Some("read-write" | "primary") => TargetSessionAttrs::ReadWrite,
        Some("read-only" | "standby") => TargetSessionAttrs::ReadOnly,
        Some(_) => {
            return Err(expected(
                "target_session_attrs",
                "one of libpq's, such as read-write",
            ));
        }
    });
    set_times(&mut config, info)?;
    Ok(config)
}

/// Time limits and keepalives; 0 is "the system's default" everywhere.
fn set_times(config: &mut Config, info: &Conninfo) -> Result<(), ConnectError> {
    let number = |name| {
        info.number(name)
            .map(|number| number.filter(|number| *number > 0))
    };
    let seconds = |name| number(name).map(|number| number.map(|number| Duration::from_secs(number.into())));
    if let Some(limit) = seconds("connect_timeout")? {
        // libpq waits two seconds at least: one may be over at once by rounding.
        config.connect_timeout(limit.max(Duration::from_secs(2)));
    }
    if info.number("keepalives")? == Some(0) {
        config.keepalives(false);
    }
    if let Some(idle) = seconds("keepalives_idle")? {
        config.keepalives_idle(idle);
    }
    if let Some(interval) = seconds("keepalives_interval")? {
        config.keepalives_interval(interval);
    }
    if let Some(count) = number("keepalives_count")? {
        config.keepalives_retries(count);
    }
    if let Some(limit) = number("tcp_user_timeout")? {
        config.tcp_user_timeout(Duration::from_millis(limit.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
