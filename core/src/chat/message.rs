//! Messages, in the JSON form of Hugging Face's templates and of OpenAI's API.

use serde::{Deserialize, Serialize};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions; R1's authors advise against them.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said; absent where the model only calls tools.
    #[serde(default)]
    pub content: Option<String>,
    /// Tools that the model calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// `function`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is called.
    pub function: FunctionCall,
}

/// A function with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionCall {
    /// The function's name.
    pub name: String,
    /// JSON as text.
    pub arguments: String,
}

impl Message {
    /// A system message.
    #[must_use]
    pub fn system(text: impl Into<String>) -> Self {
        Self::of(Role::System, text)
    }

    /// A user's message.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self::of(Role::User, text)
    }

    /// An answer of the model, with its reasoning or without.
    #[must_use]
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::of(Role::Assistant, text)
    }

    /// The result of a tool call.
    #[must_use]
    pub fn tool(text: impl Into<String>) -> Self {
        Self::of(Role::Tool, text)
    }

    fn of(role: Role, text: impl Into<String>) -> Self {
        Self { role, content: Some(text.into()), tool_calls: Vec::new() }
    }
}
