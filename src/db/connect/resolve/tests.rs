use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

/// Resolves in an environment of these variables; HOME is a place with nothing in it unless given.
fn resolve(url: Option<&str>, variables: &[(&str, &str)]) -> Result<Target, ConnectError> {
    let env = |name: &str| {
        let given = variables
            .iter()
            .find(|(variable, _)| *variable == name)
            .map(|(_, value)| (*value).to_owned());
        given.or_else(|| (name == "HOME").then(|| "/nonexistent".to_owned()))
    };
    Target::resolve(url, &env)
}

fn describe(url: Option<&str>, variables: &[(&str, &str)]) -> String {
    resolve(url, variables).unwrap().describe()
}

fn refusal(url: &str) -> String {
    let error = resolve(Some(url), &[]).unwrap_err();
    assert!(error.hint().is_some());
    error.to_string()
}

#[test]
fn command_line_goes_before_database_url_before_variables() {
    let url = ("DATABASE_URL", "postgres://b@two/beta");
    let host = ("PGHOST", "three");
    assert_eq!(
        describe(Some("postgres://a@one/alpha"), &[url, host]),
        "alpha at one:5432 as a"
    );
    assert_eq!(describe(None, &[url, host]), "beta at two:5432 as b");
    assert_eq!(
        describe(None, &[host, ("PGUSER", "c"), ("PGPORT", "6000")]),
        "c at three:6000 as c"
    );
}

#[test]
fn open_parameters_come_from_the_service_and_then_from_variables() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("services");
    fs::write(&file, "[shop]\nhost=db.shop\nport=5433\nuser=svc\n").unwrap();
    let file = ("PGSERVICEFILE", file.to_str().unwrap());
    let variables = [
        file,
        ("PGPORT", "6000"),
        ("PGDATABASE", "app"),
        ("PGSERVICE", "shop"),
    ];
    assert_eq!(
        describe(Some("postgres://ann@/"), &variables),
        "app at db.shop:5433 as ann"
    );
    assert_eq!(
        describe(Some("service=shop dbname=x"), &variables[..3]),
        "x at db.shop:5433 as svc"
    );
    assert_eq!(
        describe(Some("postgres:///x?service=shop"), &variables[..3]),
        "x at db.shop:5433 as svc"
    );
}

#[test]
fn url_is_read_as_libpq_reads_it() {
    let cases = [
        (
            "postgresql://u%40x:p%2Fw@[::1]:5433/a%2Fb",
            "a/b at [::1]:5433 as u@x",
        ),
        ("postgres://u@one:1,two:2/d", "d at one:1, two:2 as u"),
        ("postgres://u@one,two/d?port=7", "d at one:7, two:7 as u"),
        ("postgres://u@%2Frun%2Fpg/d", "d at /run/pg:5432 as u"),
        ("postgres:///d?host=/run/pg&user=u", "d at /run/pg:5432 as u"),
        (
            "host = 'a b' user=u dbname=it\\'s password='x \\' y'",
            "it's at a b:5432 as u",
        ),
        ("hostaddr=127.0.0.1 user=u", "u at 127.0.0.1:5432 as u"),
        ("postgres://u@h/d?", "d at h:5432 as u"),
        ("postgres://u@h/d?port=7&", "d at h:7 as u"),
    ];
    for (text, wanted) in cases {
        assert_eq!(describe(Some(text), &[]), wanted, "{text}");
    }
    let target = resolve(Some("host = h user=u password='x \\' y'"), &[]).unwrap();
    assert_eq!(target.places[0].password.as_deref(), Some("x ' y"));
}

#[test]
fn no_error_shows_a_piece_of_the_password() {
    let cases = [
        "postgres://u:hunter2@hunter2@h/d",
        "postgres://u:hunter2/hunter2@h/d",
        "postgres://u:1/hunter2@h/d",
        "postgres://u:1?hunter2@h/d",
        "postgres://u:1?hunter2=2@h/d",
        "postgres://u:hunter2%zz@h/d",
        "postgres://u:hunter2@h:port/d",
        "postgres://u:hunter2@[::1/d",
        "host=h password=a hunter2=b",
        "host=h password='hunter2",
        "hunter2",
        "user=u password=hunter2 sslmode=hunter2",
        "user=u dbname=postgres://u:hunter2@h/d",
        "user=u service=absent password=hunter2",
    ];
    for text in cases {
        let error = resolve(Some(text), &[]).unwrap_err();
        assert!(
            !format!("{error} {error:?} {:?}", error.hint()).contains("hunter2"),
            "{text}: {error}"
        );
    }
    let target = resolve(Some("postgres://u:hunter2@h/d"), &[]).unwrap();
    assert!(!format!("{target:?} {target:#?} {}", target.describe()).contains("hunter2"));
}

#[test]
fn unknown_parameters_and_unmet_guards_are_refused() {
    assert!(refusal("postgres://u@h/d?sslmod=require").ends_with("a parameter that libpq does not know"));
    assert!(refusal("postgres://u@h/d?sslmode=full").contains("verify-full"));
    assert!(refusal("postgres://u@h/d?sslcrl=crl.pem").starts_with("connection parameter sslcrl asks"));
    assert!(refusal("postgres://u@h/d?gssencmode=require").contains("gssencmode"));
    assert!(refusal("postgres://u@h/d?sslrootcert=system&sslmode=require").contains("verify-full"));
    assert!(refusal("host=a,b,c port=1,2 user=u").contains("port"));
    assert!(refusal("host=a,b hostaddr=127.0.0.1 user=u").contains("hostaddr"));
    assert!(refusal("host=a port=70000 user=u").contains("port"));
    let harmless =
        "postgres://u@h/d?gssencmode=prefer&client_encoding=utf8&sslcompression=0&connect_timeout=-1";
    assert!(resolve(Some(harmless), &[]).is_ok());
}

#[test]
fn missing_host_is_the_socket_that_is_there_else_localhost() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = [Path::new("/nonexistent"), dir.path()];
    assert_eq!(default_host(5999, &dirs), "localhost");
    fs::write(dir.path().join(".s.PGSQL.5999"), "").unwrap();
    assert_eq!(Path::new(&default_host(5999, &dirs)), dir.path());
    assert_eq!(default_host(5998, &dirs), "localhost");
}

#[test]
fn missing_user_is_the_one_of_the_operating_system() {
    let user = system_user().unwrap();
    assert_eq!(
        describe(Some("host=h"), &[]),
        format!("{user} at h:5432 as {user}")
    );
}

#[test]
fn application_name_is_pgcleave_unless_told_otherwise() {
    let name = |url, variables: &[(&str, &str)]| {
        resolve(Some(url), variables)
            .unwrap()
            .settings
            .get_application_name()
            .map(str::to_owned)
            .unwrap()
    };
    assert_eq!(name("user=u", &[]), "pgcleave");
    assert_eq!(name("user=u fallback_application_name=f", &[]), "f");
    assert_eq!(name("user=u", &[("PGAPPNAME", "env")]), "env");
    assert_eq!(
        name("user=u application_name=url", &[("PGAPPNAME", "env")]),
        "url"
    );
}

#[test]
fn password_file_gives_each_host_its_own_password() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(".pgpass");
    fs::write(&file, "one:*:*:*:first\ntwo:*:*:*:second\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let home = [("HOME", dir.path().to_str().unwrap())];
    let passwords = |url: &str, variables: &[(&str, &str)]| {
        let target = resolve(Some(url), variables).unwrap();
        assert!(target.warnings().is_empty());
        target
            .places
            .into_iter()
            .map(|place| place.password.unwrap_or_default())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        passwords("host=one,two,six user=u", &home),
        ["first", "second", ""]
    );
    assert_eq!(
        passwords("host=one user=u", &[home[0], ("PGPASSWORD", "env")]),
        ["env"]
    );
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let target = resolve(Some("host=one user=u"), &home).unwrap();
    assert!(target.places[0].password.is_none() && target.warnings()[0].contains("chmod 0600"));
}
