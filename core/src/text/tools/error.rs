//! Why tools can't be offered.

use std::borrow::Cow;

use wheelwork_package::{Class, Diagnostic};

/// Why tools can't be offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ToolsError {
    /// More than a prompt should hold.
    #[error("there are {tools} tools, expected at most {limit}")]
    TooMany {
        /// How many.
        tools: usize,
        /// The most accepted.
        limit: usize,
    },
    /// A name that is empty, too long or has other characters than letters, digits, `_`, `-` and `.`.
    #[error("tool {index} has no usable name: expected 1 to 64 letters, digits, `_`, `-` and `.`")]
    Name {
        /// Position in the list, from 0.
        index: usize,
    },
    /// Two tools of one name.
    #[error("the tool `{name}` is there twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// Parameters that are not a schema of an object.
    #[error("the parameters of the tool `{name}` are not the schema of an object")]
    Parameters {
        /// The tool.
        name: String,
    },
    /// A call is required, and there is nothing to call.
    #[error("a tool call is required, and there are no tools")]
    NothingToCall,
    /// A call and another form are required at once.
    #[error("the answer can't be a tool call and have a form of its own")]
    TwoForms,
}

impl Diagnostic for ToolsError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "tools_too_many",
            Self::Name { .. } => "tool_name",
            Self::Twice { .. } => "tool_twice",
            Self::Parameters { .. } => "tool_parameters",
            Self::NothingToCall => "tools_nothing_to_call",
            Self::TwoForms => "tools_two_forms",
        }
    }

    fn class(&self) -> Class {
        Class::Retry
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::TooMany { .. } => "offer the tools that this question needs".into(),
            Self::Name { .. } => "rename the tool".into(),
            Self::Twice { .. } => "leave one of them out".into(),
            Self::Parameters { .. } => "give a schema with `\"type\": \"object\"`".into(),
            Self::NothingToCall => "give tools, or let the model choose".into(),
            Self::TwoForms => "leave out one of the two".into(),
        }
    }
}
