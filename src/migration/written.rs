//! What was written, by checksum: an edit by hand is told from files of an earlier spec or of another version.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checksum;

/// Name of the file in a table's folder.
pub const WRITTEN: &str = "written.json";

/// Checksums of a table's files as they were written last; `written.json` holds them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Version of the file's shape: 1.
    format: u32,
    /// sha256 by path: within the table's folder, or for a runner's files from the project's.
    files: BTreeMap<String, String>,
}

impl Written {
    /// Whether a file is as it was written; `folder` is the table's.
    pub fn holds(&self, folder: &Path, path: &Path, text: &str) -> bool {
        let noted = self.files.get(&name(folder, path));
        noted.is_some_and(|noted| *noted == checksum(text))
    }

    /// Takes these files' checksums in place of all that were noted, but for those of `kept`, which aren't written.
    pub fn note<'a>(
        &mut self,
        folder: &Path,
        written: impl Iterator<Item = (&'a Path, &'a str)>,
        kept: &[PathBuf],
    ) {
        let kept: Vec<String> = kept.iter().map(|path| name(folder, path)).collect();
        self.format = 1;
        self.files.retain(|name, _| kept.contains(name));
        self.files
            .extend(written.map(|(path, text)| (name(folder, path), checksum(text))));
    }

    /// The file's text.
    ///
    /// # Errors
    /// Never: there is nothing in it that JSON can't hold.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }
}

fn name(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_was_written_last() {
        let folder = Path::new("out/public.events");
        let (own, other) = (folder.join("0001_a.up.sql"), PathBuf::from("db/1_a.sql"));
        let mut written = Written::default();
        written.note(
            folder,
            [(own.as_path(), "A"), (other.as_path(), "B")].into_iter(),
            &[],
        );
        assert!(written.holds(folder, &own, "A") && written.holds(folder, &other, "B"));
        assert!(!written.holds(folder, &own, "B") && !written.holds(folder, Path::new("x"), "A"));
        assert!(
            written
                .to_text()
                .unwrap()
                .contains("\"0001_a.up.sql\": \"559aead0")
        );
        // What is kept is noted still, and what is no longer written isn't.
        written.note(folder, std::iter::empty(), std::slice::from_ref(&own));
        assert!(written.holds(folder, &own, "A") && !written.holds(folder, &other, "B"));
    }
}
