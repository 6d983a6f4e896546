//! Connections to real servers: TLS, passwords, sockets.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use pgcleave::db::connect::ConnectError;
use postgres::Client;
use postgres::error::SqlState;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

use site::{PASSWORD, Site, authority};

mod chain;
pub mod site;

#[track_caller]
fn uses_tls(opened: Result<Client, ConnectError>) -> bool {
    let mut client = opened.unwrap_or_else(|error| panic!("{error}; {:?}", error.hint()));
    client
        .query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[])
        .unwrap()
        .get(0)
}

/// The refusal, with its hint, after a look that the password is in neither.
#[track_caller]
fn refusal(opened: Result<Client, ConnectError>) -> String {
    let error = opened.err().expect("a connection that must be refused");
    let text = format!("{error}; {}", error.hint().unwrap_or_default());
    assert!(!format!("{text} {error:?}").contains("s3cret"), "{text}");
    text
}

fn root_parameter(mode: &str, root: &Path) -> String {
    format!("sslmode={mode}&sslrootcert={}", root.display())
}

#[test]
fn certificate_is_verified_as_far_as_sslmode_asks() {
    let (site, right) = Site::start_with_tls();
    let wrong = site.home.path().join("wrong.crt");
    fs::write(&wrong, authority("wrong").pem()).unwrap();

    assert!(uses_tls(
        site.open("localhost", &root_parameter("verify-full", &right))
    ));
    assert!(uses_tls(
        site.open("other.example", &root_parameter("verify-ca", &right))
    ));
    assert!(uses_tls(site.open("other.example", "sslmode=require")));
    assert!(uses_tls(site.open("other.example", "")));
    let told = refusal(site.open("other.example", &root_parameter("verify-full", &right)));
    assert!(
        told.contains("not valid for name \"other.example\"") && told.contains("verify-ca"),
        "{told}"
    );
    let told = refusal(site.open("127.0.0.1", &root_parameter("verify-full", &right)));
    assert!(told.contains("not valid for name"), "{told}");
    for mode in ["verify-full", "verify-ca", "require"] {
        let told = refusal(site.open("localhost", &root_parameter(mode, &wrong)));
        assert!(
            told.contains("UnknownIssuer") && told.contains("sslrootcert"),
            "{mode}: {told}"
        );
    }
    let told = refusal(site.open("localhost", "sslmode=verify-full&sslrootcert=system"));
    assert!(told.contains("sslrootcert"), "{told}");
    let told = refusal(site.open("localhost", "sslmode=verify-ca"));
    assert!(told.contains("no root certificate is given"), "{told}");
    let told = refusal(site.open("localhost", "sslmode=disable"));
    assert!(
        told.contains("no encryption") && told.contains("pg_hba.conf"),
        "{told}"
    );

    // The root file of the home counts for require, too.
    fs::create_dir(site.home.path().join(".postgresql")).unwrap();
    let default = site.home.path().join(".postgresql/root.crt");
    fs::copy(&right, &default).unwrap();
    assert!(uses_tls(site.open("localhost", "sslmode=verify-full")));
    assert!(uses_tls(site.open("other.example", "sslmode=require")));
    fs::copy(&wrong, &default).unwrap();
    refusal(site.open("localhost", "sslmode=require"));
    assert!(uses_tls(site.open("localhost", "sslmode=prefer")));
}

#[test]
fn self_signed_certificate_can_be_trusted_by_itself() {
    let site = Site::start();
    let root = site.home.path().join("self.crt");
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let use_it = |params: &CertificateParams| {
        let certificate = params.self_signed(&key).unwrap().pem();
        fs::write(&root, &certificate).unwrap();
        site.use_certificate(&certificate, &key);
    };
    use_it(&params);
    assert!(uses_tls(
        site.open("localhost", &root_parameter("verify-full", &root))
    ));
    refusal(site.open("other.example", &root_parameter("verify-full", &root)));

    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(2020, 1, 1);
    use_it(&params);
    let told = refusal(site.open("localhost", &root_parameter("verify-full", &root)));
    assert!(told.contains("expired"), "{told}");
    assert!(uses_tls(site.open("localhost", "sslmode=require")));
}

#[test]
fn prefer_goes_on_without_tls_where_the_server_wants_or_has_none() {
    let site = Site::start();
    let plain = |parameters| {
        site.resolve(&site.url("plain", "localhost", parameters), &[])
            .open()
    };
    assert!(!uses_tls(plain("sslmode=prefer")));
    assert!(!uses_tls(plain("sslmode=allow")));
    let told = refusal(plain("sslmode=require"));
    assert!(told.contains("does not support TLS"), "{told}");

    let (site, _) = Site::start_with_tls();
    let plain = |parameters| {
        site.resolve(&site.url("plain", "localhost", parameters), &[])
            .open()
    };
    assert!(!uses_tls(plain("sslmode=prefer")));
    assert!(refusal(plain("sslmode=require")).contains("pg_hba.conf"));
}

#[test]
fn password_comes_from_variable_or_password_file() {
    let site = Site::start();
    let url = format!("postgres://ann@127.0.0.1:{}/plain", site.server.port());
    assert!(site.resolve(&url, &[("PGPASSWORD", PASSWORD)]).open().is_ok());
    let told = refusal(site.resolve(&url, &[]).open());
    assert!(
        told.contains("asks for a password") && told.contains("PGPASSWORD"),
        "{told}"
    );
    let told = refusal(site.resolve(&url, &[("PGPASSWORD", "not s3cret")]).open());
    assert!(
        told.contains("password authentication failed for user \"ann\""),
        "{told}"
    );

    let file = site.home.path().join("passwords");
    fs::write(
        &file,
        format!("*:1:*:*:other\n127.0.0.1:*:plain:ann:{PASSWORD}\n"),
    )
    .unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let variables = [("PGPASSFILE", file.to_str().unwrap())];
    assert!(site.resolve(&url, &variables).open().is_ok());
    fs::copy(&file, site.home.path().join(".pgpass")).unwrap();
    assert!(site.resolve(&url, &[]).open().is_ok());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
    let target = site.resolve(&url, &variables);
    assert!(target.warnings()[0].contains("chmod 0600"));
    refusal(target.open());
}

#[test]
fn session_over_a_socket_has_the_settings_it_needs() {
    let site = Site::start();
    site.admin()
        .batch_execute("ALTER ROLE ann SET search_path = public; ALTER ROLE ann SET statement_timeout = 1")
        .unwrap();
    let folder = site.server.socket_dir().to_str().unwrap().to_owned();
    let port = site.server.port().to_string();
    let variables = [
        ("PGHOST", folder.as_str()),
        ("PGPORT", &port),
        ("PGUSER", "ann"),
        ("PGDATABASE", "app"),
    ];
    // The mode of TLS does not matter on a socket.
    let target = site.resolve("", &[&variables[..], &[("PGSSLMODE", "verify-full")]].concat());
    assert_eq!(target.describe(), format!("app at {folder}:{port} as ann"));
    let mut client = target.open().unwrap();
    let settings = [
        ("application_name", "pgcleave"),
        ("search_path", "pg_catalog, pg_temp"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("lock_timeout", "2s"),
        ("statement_timeout", "0"),
        ("DateStyle", "ISO, YMD"),
        ("IntervalStyle", "postgres"),
        ("TimeZone", "UTC"),
        ("extra_float_digits", "1"),
    ];
    for (name, wanted) in settings {
        let value: String = client
            .query_one("SELECT current_setting($1)", &[&name])
            .unwrap()
            .get(0);
        assert_eq!(value, wanted, "{name}");
    }
    let absent = site.resolve("dbname=absent", &variables).open();
    assert!(refusal(absent).contains("database \"absent\" does not exist; `psql -l`"));
    let nobody = site.resolve("port=1", &variables).open();
    assert!(refusal(nobody).starts_with(&format!(
        "cannot connect to {folder}:1: no such file or directory;"
    )));
}

#[test]
fn next_host_is_tried_when_one_does_not_answer_but_not_when_one_refuses() {
    let site = Site::start();
    let (dead, live) = (
        TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port(),
        site.server.port(),
    );
    let url = |ports: String, dbname| {
        format!("host=127.0.0.1,127.0.0.1 port={ports} user=ann dbname={dbname} password='{PASSWORD}'")
    };
    assert!(
        site.resolve(&url(format!("{dead},{live}"), "plain"), &[])
            .open()
            .is_ok()
    );
    let told = refusal(site.resolve(&url(format!("{live},{dead}"), "absent"), &[]).open());
    assert!(told.contains("pg_hba.conf"), "{told}");
}

#[test]
fn running_query_is_cancelled_over_tls() {
    let (site, root) = Site::start_with_tls();
    let target = site.resolve(
        &site.url("app", "localhost", &root_parameter("verify-full", &root)),
        &[],
    );
    let mut client = target.open().unwrap();
    let token = client.cancel_token();
    let start = Instant::now();
    let canceller = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        target.cancel(&token)
    });
    let error = client.batch_execute("SELECT pg_sleep(30)").unwrap_err();
    canceller.join().unwrap().unwrap();
    assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED));
    assert!(start.elapsed() < Duration::from_secs(20));
}
