//! The password file: `hostname:port:database:username:password`, one line per server.
//!
//! Manual: <https://www.postgresql.org/docs/current/libpq-pgpass.html>.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The lines of a password file. It has no `Debug`: they hold passwords.
pub(super) struct Passfile(String);

impl Passfile {
    /// Reads the file; none if there is no such file.
    ///
    /// A file that others may read is ignored with a warning, as libpq does: a secret in it is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, String> {
        let Ok(facts) = fs::metadata(path) else {
            return Ok(None);
        };
        let name = path.display();
        if !facts.is_file() {
            return Err(format!("password file {name} is ignored: it is not a plain file"));
        }
        if facts.permissions().mode() & 0o077 != 0 {
            return Err(format!(
                "password file {name} is ignored: others have access to it; run chmod 0600 {name}"
            ));
        }
        match fs::read(path) {
            Ok(bytes) => Ok(Some(Self(String::from_utf8_lossy(&bytes).into_owned()))),
            Err(error) => Err(format!("password file {name} is ignored: {}", error.kind())),
        }
    }

    /// The password of the first line that fits.
    ///
    /// `hosts` are the names under which the same server may stand: a socket directory is also `localhost`.
    pub(super) fn find(&self, hosts: &[&str], port: u16, dbname: &str, user: &str) -> Option<String> {
        let port = port.to_string();
        self.0
            .lines()
            .filter(|line| !line.starts_with('#'))
            .find_map(|line| {
                let rest = hosts.iter().find_map(|host| strip_field(line, host))?;
                let rest = strip_field(rest, &port)?;
                let rest = strip_field(rest, dbname)?;
                let rest = strip_field(rest, user)?;
                Some(unescape(rest)).filter(|password| !password.is_empty())
            })
    }
}

/// What follows the field and its colon, if the field is `*` or `wanted`.
fn strip_field<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let mut letters = line.char_indices();
    let mut wanted = wanted.chars();
    loop {
        let (at, letter) = letters.next()?;
        let letter = match letter {
            ':' => return wanted.next().is_none().then(|| &line[at + 1..]),
            '\\' => letters.next()?.1,
            _ => letter,
        };
        if wanted.next() != Some(letter) {
            return None;
        }
    }
}

/// The password up to the first bare colon, with `\:` and `\\` resolved.
fn unescape(text: &str) -> String {
    let mut password = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ':' => break,
            '\\' => password.push(letters.next().unwrap_or('\\')),
            _ => password.push(letter),
        }
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, dbname: &str, user: &str) -> Option<String> {
        Passfile(text.to_owned()).find(&["db.example"], 5432, dbname, user)
    }

    #[test]
    fn first_line_that_fits_wins() {
        let text = "db.example:5432:app:bob:no\r\ndb.example:5432:app:ann:first\r\n*:*:*:*:second\r\n";
        assert_eq!(find(text, "app", "ann").as_deref(), Some("first"));
        assert_eq!(find(text, "app", "cid").as_deref(), Some("second"));
    }

    #[test]
    fn wildcard_stands_for_a_whole_field_only() {
        assert_eq!(find("db.*:*:*:*:x", "app", "ann"), None);
        assert_eq!(find("*:*:app:ann:x", "application", "ann"), None);
        assert_eq!(find("*:5433:*:*:x", "app", "ann"), None);
    }

    #[test]
    fn escapes_are_resolved_in_fields_and_password() {
        assert_eq!(
            find(r"*:*:a\:b:c\\d:p\:q\\r:rest", "a:b", r"c\d").as_deref(),
            Some(r"p:q\r")
        );
    }

    #[test]
    fn comments_and_short_lines_are_passed_over() {
        assert_eq!(
            find("#*:*:*:*:x\n*:*:*\n\n*:*:*:*:\n*:*:*:*:y", "app", "ann").as_deref(),
            Some("y")
        );
    }

    #[test]
    fn socket_directory_goes_by_either_name() {
        let file = Passfile("localhost:*:*:*:x".to_owned());
        assert_eq!(
            file.find(&["/tmp", "localhost"], 5432, "app", "ann").as_deref(),
            Some("x")
        );
    }

    #[test]
    fn file_that_others_may_read_is_ignored_with_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pass");
        assert!(Passfile::read(&path).unwrap().is_none());
        fs::write(&path, "*:*:*:*:hunter2").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let warning = Passfile::read(&path).err().unwrap();
        assert!(
            warning.contains("chmod 0600") && !warning.contains("hunter2"),
            "{warning}"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Passfile::read(&path).unwrap().is_some());
        assert!(Passfile::read(dir.path()).is_err());
    }
}
