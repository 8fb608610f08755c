//! What an answer may be held to: a form, or calls of tools.

use wheelwork::Error;
use wheelwork::tools::{self, ToolsError};

use crate::convert::mirror;

/// What an answer must look like; the reasoning is not touched. A turn that ends otherwise than by `Stop` leaves the
/// answer unfinished.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum OutputFormat {
    /// JSON text that a schema describes.
    JsonSchema {
        /// The schema (draft 2020-12 and earlier) as JSON text. Keywords that can't be held are an error.
        schema: String,
    },
    /// Text that a regular expression matches as a whole.
    Regex {
        /// In Rust's syntax, without anchors and look-around.
        pattern: String,
    },
    /// Text of a grammar.
    Lark {
        /// In llguidance's dialect of Lark; it begins with the rule `start`.
        grammar: String,
    },
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Tool {
    /// Letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// What it does and when to call it, for the model.
    pub description: String,
    /// A JSON schema of an object, as text: the arguments.
    pub parameters: String,
}

mirror! {
    /// Whether the answer must call a tool.
    ToolChoice = tools::ToolChoice {
        /// As the model likes.
        Auto,
        /// The answer is one or more calls and nothing else.
        Required,
    }
    /// Why something that looks like a tool call is none.
    ToolFault = tools::ToolFault {
        /// It names no function.
        NoName,
        /// It has no arguments.
        NoArguments,
        /// Its arguments are not a JSON object.
        NotJson,
        /// It was not written to its end.
        Unfinished,
    }
}

impl TryFrom<OutputFormat> for wheelwork::OutputFormat {
    type Error = Error;

    fn try_from(form: OutputFormat) -> Result<Self, Error> {
        Ok(match form {
            OutputFormat::JsonSchema { schema } => Self::json_schema(&schema)?,
            OutputFormat::Regex { pattern } => Self::Regex(pattern),
            OutputFormat::Lark { grammar } => Self::Lark(grammar),
        })
    }
}

impl TryFrom<Tool> for tools::Tool {
    type Error = Error;

    fn try_from(Tool { name, description, parameters }: Tool) -> Result<Self, Error> {
        let Ok(parameters) = serde_json::from_str(&parameters) else {
            return Err(ToolsError::Parameters { name }.into());
        };
        Ok(Self { name, description, parameters })
    }
}

#[cfg(test)]
mod tests {
    use wheelwork::Diagnostic;

    use super::*;

    #[test]
    fn text_that_is_no_json_is_refused_where_it_stands() {
        let form = OutputFormat::JsonSchema { schema: "{\n\"type\": }".into() };
        assert_eq!(
            wheelwork::OutputFormat::try_from(form).unwrap_err().to_string(),
            "the schema is not JSON: it breaks off in line 2, column 9"
        );
        let tool = Tool { name: "add".into(), description: String::new(), parameters: "{".into() };
        assert_eq!(tools::Tool::try_from(tool).unwrap_err().code(), "tool_parameters");
    }
}
