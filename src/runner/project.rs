//! What a runner may ask about the project that its files are for.

use std::path::Path;

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
