//! The service file: `[name]` sections of connection parameters.
//!
//! Manual: <https://www.postgresql.org/docs/current/libpq-pgservice.html>.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::connect::{ConnectError, Conninfo, Env};

/// Where the packages of Debian and Red Hat and a build from source look when `PGSYSCONFDIR` is not set.
const SYSTEM_DIRS: [&str; 3] = [
    "/etc/postgresql-common",
    "/etc/sysconfig/pgsql",
    "/usr/local/pgsql/etc",
];

/// Fills what the connection string leaves open from the named service.
///
/// The user's file goes before the system's; a service in both is read from the first only.
pub(super) fn fill_from_service(
    info: &mut Conninfo,
    env: Env,
    home: Option<&Path>,
) -> Result<(), ConnectError> {
    let Some(service) = info
        .value("service")
        .map(str::to_owned)
        .or_else(|| env("PGSERVICE"))
    else {
        return Ok(());
    };
    if service.is_empty() {
        return Ok(());
    }
    for path in candidates(info.value("servicefile"), env, home) {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(failure(format!(
                    "service file {} cannot be read: {}",
                    path.display(),
                    error.kind()
                )));
            }
        };
        if fill_from_section(info, &String::from_utf8_lossy(&bytes), &service, &path)? {
            return Ok(());
        }
    }
    Err(failure(format!(
        "service \"{service}\" is defined in no service file"
    )))
}

fn candidates(given: Option<&str>, env: Env, home: Option<&Path>) -> Vec<PathBuf> {
    let given = given
        .map(str::to_owned)
        .or_else(|| env("PGSERVICEFILE"))
        .map(PathBuf::from);
    let user = given.or_else(|| home.map(|home| home.join(".pg_service.conf")));
    let system = match env("PGSYSCONFDIR") {
        Some(dir) => vec![PathBuf::from(dir)],
        None => SYSTEM_DIRS.map(PathBuf::from).to_vec(),
    };
    user.into_iter()
        .chain(system.into_iter().map(|dir| dir.join("pg_service.conf")))
        .collect()
}

/// Returns whether the section was there. Errors name file and line, never the line's text: it may be a password.
fn fill_from_section(
    info: &mut Conninfo,
    text: &str,
    service: &str,
    path: &Path,
) -> Result<bool, ConnectError> {
    let mut found = false;
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            if found {
                break;
            }
            found = section.split(']').next() == Some(service);
            continue;
        }
        if !found {
            continue;
        }
        let at = || format!("service file {}, line {number}", path.display());
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| failure(format!("{}: an = is missing", at())))?;
        if name == "service" || name == "servicefile" {
            return Err(failure(format!("{}: a service cannot name another", at())));
        }
        if !info.fill(name, value) {
            return Err(failure(format!("{}: not a connection parameter of libpq", at())));
        }
    }
    Ok(found)
}

fn failure(cause: String) -> ConnectError {
    ConnectError::Service { cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# all of them\n[first]\nhost=one\n\n [second]  \n host=two\nport=5433\nhost=later\n[second]\nuser=x\n";

    fn read(text: &str, info: &mut Conninfo, service: &str) -> Result<bool, ConnectError> {
        fill_from_section(info, text, service, Path::new("f"))
    }

    #[test]
    fn fills_only_what_is_open_from_the_first_section_of_that_name() {
        let mut info = Conninfo::parse("port=6000").unwrap();
        assert!(read(FILE, &mut info, "second").unwrap());
        assert_eq!(info.value("host"), Some("two"));
        assert_eq!(info.value("port"), Some("6000"));
        assert_eq!(info.value("user"), None);
        assert!(!read(FILE, &mut info, "third").unwrap());
    }

    #[test]
    fn errors_name_the_line_and_not_its_text() {
        for bad in ["[s]\n\nhunter2", "[s]\n\nhunter2=1", "[s]\n\nservice=hunter2"] {
            let error = read(bad, &mut Conninfo::default(), "s").unwrap_err().to_string();
            assert!(
                error.starts_with("service file f, line 3: ") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn system_file_is_asked_when_the_users_file_lacks_the_service() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".pg_service.conf"), "[mine]\nhost=one\n").unwrap();
        fs::write(dir.path().join("pg_service.conf"), "[ours]\nhost=two\n").unwrap();
        let system = dir.path().to_str().unwrap().to_owned();
        let env = |name: &str| (name == "PGSYSCONFDIR").then(|| system.clone());
        let fill = |text: &str| {
            let mut info = Conninfo::parse(text).unwrap();
            fill_from_service(&mut info, &env, Some(dir.path()))
                .map(|()| info.value("host").map(str::to_owned))
        };
        assert_eq!(fill("service=mine").unwrap().as_deref(), Some("one"));
        assert_eq!(fill("service=ours").unwrap().as_deref(), Some("two"));
        assert_eq!(
            fill("service=none").unwrap_err().to_string(),
            "service \"none\" is defined in no service file"
        );
    }
}
