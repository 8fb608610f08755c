//! What stands in a folder, to compare two of them. The crate's own tests include this file too.

use std::path::Path;

/// Names and bytes of all files of a folder.
pub(crate) fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.push((path.display().to_string(), fs_err::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}
