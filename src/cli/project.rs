//! The folder that pgcleave was started in, as the runners look at it.

use std::fs;
use std::path::Path;

use crate::runner::Project;

/// The working folder.
pub struct Folder;

impl Project for Folder {
    fn read(&self, path: &Path) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    fn entries(&self, folder: &Path) -> Vec<String> {
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }
}
