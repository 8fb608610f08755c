//! Why what looks like a call is none.

use serde::Serialize;

/// Why something is no call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolFault {
    /// It names no function.
    NoName,
    /// It has no arguments.
    NoArguments,
    /// Its arguments are not a JSON object.
    NotJson,
    /// It was not written to its end.
    Unfinished,
}
