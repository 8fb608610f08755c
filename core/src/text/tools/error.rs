//! Why tools can't be offered.

use wheelwork_diagnostic::{Diagnosis, Diagnostic, correct, give, leave_out, retry, shorten};

/// Why tools can't be offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum ToolsError {
    /// More than a prompt should hold.
    #[error("there are {tools} tools, expected at most {limit}")]
    TooMany { tools: usize, limit: usize },
    /// A name that is empty, too long or has other characters than letters, digits, `_`, `-` and `.`; counted from 0.
    #[error("tool {index} has no usable name: expected 1 to 64 letters, digits, `_`, `-` and `.`")]
    Name { index: usize },
    /// Two tools of one name.
    #[error("the tool `{name}` is there twice")]
    Twice { name: String },
    /// Parameters that are not a schema of an object.
    #[error("the parameters of the tool `{name}` are not the schema of an object")]
    Parameters { name: String },
    /// A call is required, and there is nothing to call.
    #[error("a tool call is required, and there are no tools")]
    NothingToCall,
    /// A call and another form are required at once.
    #[error("the answer can't be a tool call and have a form of its own")]
    TwoForms,
}

impl Diagnostic for ToolsError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::TooMany { .. } => {
                retry("tools_too_many", shorten("the list to the tools that this question needs"))
            }
            Self::Name { .. } => retry("tool_name", correct("the tool's name")),
            Self::Twice { .. } => retry("tool_twice", leave_out("one of the two")),
            Self::Parameters { .. } => retry("tool_parameters", give("a schema with `\"type\": \"object\"`")),
            Self::NothingToCall => retry("tools_nothing_to_call", give("tools, or let the model choose")),
            Self::TwoForms => retry("tools_two_forms", leave_out("one of the two")),
        }
    }
}
