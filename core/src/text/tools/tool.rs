//! A tool as an app describes it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::ToolsError;

/// The most tools of a turn.
pub const TOOLS_LIMIT: usize = 64;
/// The longest name, in bytes.
pub const NAME_BYTES_LIMIT: usize = 64;

/// A function that the model may call. As JSON `{"type": "function", "function": {"name": ..}}`, or the inner object alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Given", into = "Wrapped")]
pub struct Tool {
    /// Letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// What it does and when to call it, for the model.
    pub description: String,
    /// A JSON schema of an object: the arguments.
    pub parameters: Value,
}

/// Whether the answer must call a tool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As the model likes.
    #[default]
    Auto,
    /// The answer is one or more calls and nothing else; [`crate::output`] sees to it.
    Required,
}

/// Whether these tools can be offered.
///
/// # Errors
/// [`ToolsError`].
pub fn check(tools: &[Tool]) -> Result<(), ToolsError> {
    let limit = TOOLS_LIMIT;
    if tools.len() > limit {
        return Err(ToolsError::TooMany { tools: tools.len(), limit });
    }
    for (index, tool) in tools.iter().enumerate() {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if tool.name.is_empty() || tool.name.len() > NAME_BYTES_LIMIT || !tool.name.bytes().all(legal) {
            return Err(ToolsError::Name { index });
        }
        if tools.iter().take(index).any(|earlier| earlier.name == tool.name) {
            return Err(ToolsError::Twice { name: tool.name.clone() });
        }
        if tool.parameters.get("type").is_some_and(|kind| kind != "object") || !tool.parameters.is_object() {
            return Err(ToolsError::Parameters { name: tool.name.clone() });
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    Wrapped { function: Function },
    Bare(Function),
}

#[derive(Serialize)]
struct Wrapped {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function,
}

#[derive(Serialize, Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default = "no_parameters")]
    parameters: Value,
}

fn no_parameters() -> Value {
    json!({"type": "object", "properties": {}, "additionalProperties": false})
}

impl From<Given> for Tool {
    fn from(given: Given) -> Self {
        let (Given::Wrapped { function } | Given::Bare(function)) = given;
        Self { name: function.name, description: function.description, parameters: function.parameters }
    }
}

impl From<Tool> for Wrapped {
    fn from(tool: Tool) -> Self {
        let Tool { name, description, parameters } = tool;
        Self { kind: "function", function: Function { name, description, parameters } }
    }
}
