//! The Kotlin of `docs/android.md`, as files to compile: what a reader copies is what compiles.

use std::path::{Path, PathBuf};

use crate::task_error::TaskError;

/// Writes each block of the guide into a file and a package of its own.
pub(super) fn write(guide: &Path, folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    if folder.exists() {
        fs_err::remove_dir_all(folder)?;
    }
    fs_err::create_dir_all(folder)?;
    let text = fs_err::read_to_string(guide)?;
    let mut files = Vec::new();
    for (index, block) in blocks(&text).enumerate() {
        let file = folder.join(format!("Snippet{index}.kt"));
        fs_err::write(&file, format!("package snippet{index}\n\n{block}"))?;
        files.push(file);
    }
    if files.is_empty() {
        return Err(TaskError::new(format!("find a Kotlin example in {}", guide.display())));
    }
    Ok(files)
}

/// What stands between the fences of Kotlin.
fn blocks(markdown: &str) -> impl Iterator<Item = &str> {
    markdown.split("```kotlin\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_kotlin_are_found_and_others_are_not() {
        let text = "a\n```kotlin\nval a = 1\n```\n```kts\nx\n```\n```kotlin\nval b = 2\n```\n";
        assert_eq!(blocks(text).collect::<Vec<_>>(), ["val a = 1\n", "val b = 2\n"]);
    }
}
