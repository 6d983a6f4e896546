//! What a runner may ask about the project that its files are for.

use std::path::{Path, PathBuf};

use super::Output;

/// A project's folder; every path is relative to it.
pub trait Project {
    /// A text file; `None` where there is none, or none that can be read as text.
    fn read(&self, path: &Path) -> Option<String>;
    /// Names of the files and folders in a folder, sorted; none where there is no folder.
    fn entries(&self, folder: &Path) -> Vec<String>;
}

impl dyn Project + '_ {
    /// The first of these files that is there.
    pub fn first_of<'a>(&self, files: &[&'a str]) -> Option<&'a str> {
        files
            .iter()
            .copied()
            .find(|file| self.read(Path::new(file)).is_some())
    }

    /// Whether a text file is there and holds the words.
    pub fn says(&self, file: &str, words: &str) -> bool {
        self.read(Path::new(file))
            .is_some_and(|text| text.contains(words))
    }
}

/// A project as it will be, when some files are gone and others have another text.
pub struct Changed<'a> {
    pub before: &'a dyn Project,
    pub gone: &'a [PathBuf],
    pub texts: &'a [Output],
}

impl Project for Changed<'_> {
    fn read(&self, path: &Path) -> Option<String> {
        if self.gone.iter().any(|gone| gone == path) {
            return None;
        }
        let new = self.texts.iter().find(|output| output.path == path);
        new.map_or_else(|| self.before.read(path), |output| Some(output.text.clone()))
    }

    fn entries(&self, folder: &Path) -> Vec<String> {
        let mut names = self.before.entries(folder);
        names.retain(|name| !self.is_gone(&folder.join(name)));
        names
    }
}

impl Changed<'_> {
    /// A folder goes with the last file in it.
    fn is_gone(&self, path: &Path) -> bool {
        let within = |gone: &PathBuf| gone != path && gone.starts_with(path);
        self.gone.iter().any(|gone| gone == path)
            || (self.gone.iter().any(within) && self.entries(path).is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folders;

    impl Project for Folders {
        fn read(&self, path: &Path) -> Option<String> {
            Some(format!("text of {}", path.display()))
        }
        fn entries(&self, folder: &Path) -> Vec<String> {
            let names: &[&str] = match folder.to_str() {
                Some("a") => &["1_x", "2_y", "z.sql"],
                Some("a/1_x" | "a/2_y") => &["down.sql", "up.sql"],
                _ => &[],
            };
            names.iter().map(|name| (*name).to_owned()).collect()
        }
    }

    #[test]
    fn a_folder_goes_with_its_last_file() {
        let gone = ["a/1_x/up.sql", "a/2_y/up.sql", "a/2_y/down.sql"].map(PathBuf::from);
        let texts = [Output {
            path: PathBuf::from("a/z.sql"),
            text: "new".to_owned(),
        }];
        let changed = Changed {
            before: &Folders,
            gone: &gone,
            texts: &texts,
        };
        assert_eq!(changed.entries(Path::new("a")), ["1_x", "z.sql"]);
        assert_eq!(changed.entries(Path::new("a/1_x")), ["down.sql"]);
        assert_eq!(changed.read(Path::new("a/z.sql")).as_deref(), Some("new"));
        assert_eq!(changed.read(Path::new("a/1_x/up.sql")), None);
        assert_eq!(changed.read(Path::new("b")).as_deref(), Some("text of b"));
    }
}
