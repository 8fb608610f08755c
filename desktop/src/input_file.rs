//! Files that the user names on the command line: texts of a size that a person would give.

use std::path::Path;

use wheelwork_package::budget::NAMED_TEXT;
use wheelwork_package::vfs::{DiskError, FileError, FileFault, Links, open_file, read_text};

use crate::failure::Failure;

/// Reads a text, without the mark that some editors put before UTF-8. What is made of it has limits of its own.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let text = read_text(path, NAMED_TEXT.number)?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
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
            FileFault::Exposed { mode } => Self::Exposed { path, mode },
            fault => Self::InputFile { path, detail: fault.to_string() },
        }
    }
}
