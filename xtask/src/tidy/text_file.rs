//! The files that the rules read.

use std::process::Command;

use super::finding::Finding;
use crate::command;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// A text file that git tracks or would track.
#[derive(Debug)]
pub(super) struct TextFile {
    /// From the workspace's root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl TextFile {
    pub(super) fn all(workspace: &Workspace) -> Result<Vec<Self>, TaskError> {
        // In CI the clone may belong to another user, which git refuses unless told.
        let listed = command::capture(
            Command::new("git")
                .args(["-c", "safe.directory=*", "ls-files", "-z"])
                .args(["--cached", "--others", "--exclude-standard"])
                .current_dir(&workspace.root),
        )?;
        let mut files = Vec::new();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            let file = workspace.root.join(path);
            // Deleted but still tracked, or a link to elsewhere: nothing to read.
            if !file.is_file() {
                continue;
            }
            if let Ok(text) = String::from_utf8(fs_err::read(file)?) {
                files.push(Self { path: path.to_owned(), text });
            }
        }
        Ok(files)
    }

    pub(super) fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// Lines with their places, `PATH:NUMBER`.
    pub(super) fn lines(&self) -> impl Iterator<Item = (String, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (format!("{}:{}", self.path, index + 1), line))
    }
}

/// What `find` says of each line of the files that `is_read` names.
pub(super) fn in_lines(
    files: &[TextFile],
    is_read: impl Fn(&TextFile) -> bool,
    find: impl Fn(&str) -> Option<String>,
) -> Vec<Finding> {
    let lines = files.iter().filter(|file| is_read(file)).flat_map(TextFile::lines);
    lines.filter_map(|(place, line)| Some(Finding::new(place, find(line)?))).collect()
}
