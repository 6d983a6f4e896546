//! Connection parameters in libpq's two notations, and where else they come from.
//!
//! They are parsed here and not by tokio-postgres, because its parser knows neither `sslrootcert` nor half of the
//! `sslmode`s, and because what it does not understand must not be dropped in silence.
//! Manual: <https://www.postgresql.org/docs/current/libpq-connect.html>.

use std::collections::BTreeMap;

use super::{ConnectError, Env};

/// What becomes of a parameter.
#[derive(Clone, Copy)]
enum Use {
    /// pgcleave acts on it.
    Kept,
    /// It cannot change what pgcleave does or how safe that is.
    Ignored,
    /// It is a safeguard that pgcleave does not have: only these values, which ask for nothing, are let through.
    Guard(&'static [&'static str]),
}

/// Every parameter of libpq: its name, its variable (or nothing), its use.
const PARAMETERS: &[(&str, &str, Use)] = &[
    ("application_name", "PGAPPNAME", Use::Kept),
    ("channel_binding", "PGCHANNELBINDING", Use::Kept),
    ("client_encoding", "PGCLIENTENCODING", Use::Ignored),
    ("connect_timeout", "PGCONNECT_TIMEOUT", Use::Kept),
    ("dbname", "PGDATABASE", Use::Kept),
    ("fallback_application_name", "", Use::Kept),
    ("gssdelegation", "PGGSSDELEGATION", Use::Ignored),
    (
        "gssencmode",
        "PGGSSENCMODE",
        Use::Guard(&["", "disable", "prefer"]),
    ),
    ("gsslib", "PGGSSLIB", Use::Ignored),
    ("host", "PGHOST", Use::Kept),
    ("hostaddr", "PGHOSTADDR", Use::Kept),
    ("keepalives", "", Use::Kept),
    ("keepalives_count", "", Use::Kept),
    ("keepalives_idle", "", Use::Kept),
    ("keepalives_interval", "", Use::Kept),
    ("krbsrvname", "PGKRBSRVNAME", Use::Ignored),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS", Use::Ignored),
    ("max_protocol_version", "PGMAXPROTOCOLVERSION", Use::Ignored),
    ("min_protocol_version", "PGMINPROTOCOLVERSION", Use::Ignored),
    ("options", "PGOPTIONS", Use::Kept),
    ("passfile", "PGPASSFILE", Use::Kept),
    ("password", "PGPASSWORD", Use::Kept),
    ("port", "PGPORT", Use::Kept),
    ("replication", "", Use::Guard(&["", "false", "off", "no", "0"])),
    ("require_auth", "PGREQUIREAUTH", Use::Guard(&[""])),
    ("requirepeer", "PGREQUIREPEER", Use::Guard(&[""])),
    ("service", "PGSERVICE", Use::Kept),
    ("servicefile", "PGSERVICEFILE", Use::Kept),
    (
        "ssl_max_protocol_version",
        "PGSSLMAXPROTOCOLVERSION",
        Use::Ignored,
    ),
    // rustls speaks nothing older than TLS 1.2.
    (
        "ssl_min_protocol_version",
        "PGSSLMINPROTOCOLVERSION",
        Use::Guard(&["", "TLSv1", "TLSv1.1", "TLSv1.2"]),
    ),
    ("sslcert", "PGSSLCERT", Use::Kept),
    ("sslcertmode", "PGSSLCERTMODE", Use::Guard(&["", "allow"])),
    ("sslcompression", "PGSSLCOMPRESSION", Use::Ignored),
    ("sslcrl", "PGSSLCRL", Use::Guard(&[""])),
    ("sslcrldir", "PGSSLCRLDIR", Use::Guard(&[""])),
    ("sslkey", "PGSSLKEY", Use::Kept),
    ("sslmode", "PGSSLMODE", Use::Kept),
    ("sslnegotiation", "PGSSLNEGOTIATION", Use::Kept),
    ("sslpassword", "", Use::Guard(&[""])),
    ("sslrootcert", "PGSSLROOTCERT", Use::Kept),
    ("sslsni", "PGSSLSNI", Use::Ignored),
    ("target_session_attrs", "PGTARGETSESSIONATTRS", Use::Kept),
    ("tcp_user_timeout", "", Use::Kept),
    ("user", "PGUSER", Use::Kept),
];

/// Parameters by name. It has no `Debug`: one of them is the password.
#[derive(Default)]
pub(in crate::db) struct Conninfo(BTreeMap<&'static str, String>);

impl Conninfo {
    /// Reads a URL or a `key=value` string.
    pub(in crate::db) fn parse(text: &str) -> Result<Self, ConnectError> {
        match text
            .strip_prefix("postgresql://")
            .or_else(|| text.strip_prefix("postgres://"))
        {
            Some(rest) => parse_url(rest),
            None => parse_pairs(text),
        }
    }

    /// The value, if there is one and it is not empty; libpq takes an empty one for "the default".
    pub(in crate::db) fn value(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The value as a number; a negative one means 0, "the default", as in libpq.
    pub(in crate::db) fn number(&self, name: &'static str) -> Result<Option<u32>, ConnectError> {
        let read = |value: &str| {
            value
                .trim()
                .parse::<i32>()
                .map_err(|_| expected(name, "a whole number"))
        };
        Ok(self
            .value(name)
            .map(read)
            .transpose()?
            .map(|number| u32::try_from(number).unwrap_or(0)))
    }

    /// Sets the parameter if nothing has yet; `false` if libpq has no such parameter.
    pub(in crate::db) fn fill(&mut self, name: &str, value: &str) -> bool {
        let Some(name) = known(name) else { return false };
        self.0.entry(name).or_insert_with(|| value.to_owned());
        true
    }

    /// Fills what is still missing from the `PG*` variables.
    pub(in crate::db) fn fill_from_env(&mut self, env: Env) {
        for (name, variable, _) in PARAMETERS.iter().filter(|(_, variable, _)| !variable.is_empty()) {
            if let Some(value) = env(variable) {
                self.fill(name, &value);
            }
        }
    }

    /// Refuses to connect with less protection than was asked for.
    pub(in crate::db) fn refuse_unmet_guards(&self) -> Result<(), ConnectError> {
        for (name, _, usage) in PARAMETERS {
            if let Use::Guard(harmless) = usage
                && self
                    .0
                    .get(name)
                    .is_some_and(|value| !harmless.contains(&value.as_str()))
            {
                return Err(ConnectError::Unsupported(name));
            }
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), ConnectError> {
        // The name is not shown: it may be a piece of a password with an unescaped `?` or blank in it.
        let name = known(name).ok_or(ConnectError::Malformed(
            "it names a parameter that libpq does not know",
        ))?;
        self.0.insert(name, value);
        Ok(())
    }

    fn set_decoded(&mut self, name: &str, value: &str) -> Result<(), ConnectError> {
        if value.is_empty() {
            Ok(())
        } else {
            self.set(name, decode(value)?)
        }
    }
}

pub(in crate::db) fn expected(name: &'static str, expected: &'static str) -> ConnectError {
    ConnectError::Value { name, expected }
}

fn known(name: &str) -> Option<&'static str> {
    PARAMETERS
        .iter()
        .map(|(known, _, _)| *known)
        .find(|known| *known == name)
}

/// Reads what follows `postgres://`. Stricter than libpq where its reading would put a piece of a badly escaped
/// password into the host or the database's name, which messages show.
fn parse_url(rest: &str) -> Result<Conninfo, ConnectError> {
    let mut info = Conninfo::default();
    let (place, query) = rest
        .split_once('?')
        .map_or((rest, None), |(place, query)| (place, Some(query)));
    let (authority, dbname) = place.split_once('/').unwrap_or((place, ""));
    let (login, hosts) = match authority.split_once('@') {
        Some((login, hosts)) => (Some(login), hosts),
        None => (None, authority),
    };
    if hosts.contains('@') || dbname.contains(['@', '/']) {
        return Err(ConnectError::Malformed(
            "it has an @ or a / at a place where only %40 or %2F can stand",
        ));
    }
    if let Some(login) = login {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        info.set_decoded("user", user)?;
        info.set_decoded("password", password)?;
    }
    parse_hosts(&mut info, hosts)?;
    info.set_decoded("dbname", dbname)?;
    for pair in query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let (name, value) = pair
            .split_once('=')
            .ok_or(ConnectError::Malformed("a parameter has no ="))?;
        match (name, value) {
            ("ssl", "true") => info.set("sslmode", "require".to_owned())?,
            _ => info.set(&decode(name)?, decode(value)?)?,
        }
    }
    Ok(info)
}

/// Reads `host:port,[::1]:port,…` into the lists `host` and `port`.
fn parse_hosts(info: &mut Conninfo, text: &str) -> Result<(), ConnectError> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for entry in text.split(',') {
        let (host, port) = match entry.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest
                    .split_once(']')
                    .ok_or(ConnectError::Malformed("a [ has no matching ]"))?;
                let port = after.strip_prefix(':').or_else(|| after.is_empty().then_some(""));
                (
                    host,
                    port.ok_or(ConnectError::Malformed("something other than a port follows a ]"))?,
                )
            }
            None => entry.split_once(':').unwrap_or((entry, "")),
        };
        hosts.push(host);
        ports.push(port);
    }
    info.set_decoded("host", &hosts.join(","))?;
    info.set_decoded("port", &ports.join(","))
}

fn decode(text: &str) -> Result<String, ConnectError> {
    const BAD: ConnectError = ConnectError::Malformed("a % is not followed by two hexadecimal digits");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            rest.next()
                .and_then(|digit| char::from(digit).to_digit(16))
                .ok_or(BAD)
        };
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).ok().filter(|value| *value != 0).ok_or(BAD)?);
    }
    String::from_utf8(bytes).map_err(|_| ConnectError::Malformed("it is not UTF-8 once decoded"))
}

/// Reads `key = 'value' …`.
fn parse_pairs(text: &str) -> Result<Conninfo, ConnectError> {
    let mut info = Conninfo::default();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').ok_or(ConnectError::Malformed(
            "it is neither a postgres:// URL nor a list of key=value",
        ))?;
        let (value, after) = parse_value(value.trim_start())?;
        info.set(name.trim_end(), value)?;
        rest = after.trim_start();
    }
    Ok(info)
}

/// Reads one value, in quotes or up to a blank; returns it and what follows.
fn parse_value(text: &str) -> Result<(String, &str), ConnectError> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut letters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            _ if !quoted && letter.is_ascii_whitespace() => return Ok((value, &text[at..])),
            _ => value.push(letter),
        }
    }
    if quoted {
        Err(ConnectError::Malformed("a quote is not closed"))
    } else {
        Ok((value, ""))
    }
}
