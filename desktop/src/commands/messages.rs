//! A file with a list of messages.

use std::path::Path;

use wheelwork::chat::Message;

use crate::failure::Failure;
use crate::input_file;

/// Reads `[{"role": "user", "content": "..."}, ...]`.
pub(super) fn read(path: &Path) -> Result<Vec<Message>, Failure> {
    // serde_json's words name the position and the expected type; they do not repeat the text.
    serde_json::from_str(&input_file::read(path)?).map_err(|error| Failure::input_file(path, error))
}
