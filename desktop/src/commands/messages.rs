//! A file with a list of messages.

use std::path::Path;

use wheelwork::chat::Message;

use crate::failure::Failure;
use crate::input_file;

/// Reads `[{"role": "user", "content": "..."}, ...]`.
pub(super) fn read(path: &Path) -> Result<Vec<Message>, Failure> {
    input_file::read_json(path)
}
