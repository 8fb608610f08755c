//! Files that the user names on the command line: texts of a size that a person would give.

use std::path::Path;

use serde::de::DeserializeOwned;
use wheelwork_package::budget::{MESSAGE_VALUES, NAMED_TEXT};
use wheelwork_package::json::check_values;
use wheelwork_package::vfs::{DiskError, FileError, FileFault, Links, open_file, read_text};

use crate::failure::Failure;

/// Reads a text, without the mark that some editors put before UTF-8. What is made of it has limits of its own.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let text = read_text(path, NAMED_TEXT.number)?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Reads messages or definitions of tools.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = read(path)?;
    check_values(text.as_bytes(), MESSAGE_VALUES).map_err(|error| Failure::input_file(path, error))?;
    // serde_json's words name the position and the expected type; they do not repeat the text.
    serde_json::from_str(&text).map_err(|error| Failure::input_file(path, error))
}

/// Opens a file of any size.
pub(crate) fn open(path: &Path) -> Result<fs_err::File, Failure> {
    Ok(open_file(path, Links::Followed)?)
}

impl From<DiskError> for Failure {
    fn from(error: DiskError) -> Self {
        if error.is_not_ours() {
            Self::InputFile { path: error.path.clone(), detail: error.to_string() }
        } else {
            Self::Output(error.into())
        }
    }
}

impl From<FileError> for Failure {
    fn from(FileError { path, fault }: FileError) -> Self {
        match fault {
            FileFault::Exposed { permissions } => Self::Exposed { path, permissions },
            fault => Self::InputFile { path, detail: fault.to_string() },
        }
    }
}
