//! Kotlin sources that are compiled: those in the repository, and the example of the documentation.

use std::path::{Path, PathBuf};

use crate::task_error::TaskError;

/// The Kotlin files of a folder, in order.
pub(super) fn kotlin_files(folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "kt") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The first Kotlin example of a Markdown text.
pub(super) fn example(markdown: &str) -> Result<&str, TaskError> {
    let example = markdown.split_once("```kotlin\n").and_then(|(_, rest)| rest.split_once("```"));
    example.map(|(code, _)| code).ok_or_else(|| TaskError::new("find a Kotlin example in uniffi/README.md"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_what_stands_between_the_fences() {
        assert_eq!(example("x\n```kotlin\nfun main() {}\n```\ny").unwrap(), "fun main() {}\n");
        assert!(example("no example").is_err());
    }
}
