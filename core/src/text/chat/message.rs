//! Messages, in the JSON form of Hugging Face's templates and of OpenAI's API.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::reasoning::apart;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions; R1's authors advise to put them into the user's message instead.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

impl Role {
    /// The role as it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// One message. An unknown role is an error; unknown fields are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said; absent only where the model does nothing but call tools.
    #[serde(default)]
    pub content: Option<String>,
    /// Tools that the model calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// For a tool's result: which call it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// For a tool's result: the tool's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Names the call for its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `function`; nothing else is in use.
    #[serde(rename = "type", default = "function")]
    pub kind: String,
    /// What is called.
    pub function: FunctionCall,
}

/// A function with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionCall {
    /// The function's name.
    pub name: String,
    /// JSON as text, as OpenAI's API and R1's template have it, or an object, as other templates want it.
    pub arguments: Value,
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

    /// The model does nothing but call tools.
    #[must_use]
    pub fn calling(tool_calls: Vec<ToolCall>) -> Self {
        Self { content: None, tool_calls, ..Self::assistant("") }
    }

    /// The result of a tool call.
    #[must_use]
    pub fn tool(text: impl Into<String>) -> Self {
        Self::of(Role::Tool, text)
    }

    fn of(role: Role, text: impl Into<String>) -> Self {
        Self { role, content: Some(text.into()), tool_calls: Vec::new(), tool_call_id: None, name: None }
    }

    /// What the model said, its reasoning and its answer apart: the first is `None` where it did not reason, or where
    /// somebody else speaks. Neither has white space at its edges where there is reasoning, as in
    /// [`crate::Event`]s. As templates do, it goes by the tags' texts.
    #[must_use]
    pub fn apart(&self) -> (Option<String>, String) {
        let content = self.content.as_deref().unwrap_or_default();
        if self.role == Role::Assistant { apart(content) } else { (None, content.to_owned()) }
    }

    /// Visits every text in the message; the flag tells its content from the rest.
    pub(super) fn each_text(&mut self, visit: &mut dyn FnMut(&mut String, bool)) {
        self.content.iter_mut().for_each(|content| visit(content, true));
        let visit = &mut |text: &mut String| visit(text, false);
        self.tool_call_id.iter_mut().chain(&mut self.name).for_each(&mut *visit);
        for call in &mut self.tool_calls {
            call.id.iter_mut().for_each(&mut *visit);
            visit(&mut call.kind);
            visit(&mut call.function.name);
            each_text_of(&mut call.function.arguments, visit);
        }
    }
}

fn function() -> String {
    "function".to_owned()
}

pub(super) fn each_text_of(value: &mut Value, visit: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text_of(item, visit)),
        Value::Object(fields) => {
            let visited = std::mem::take(fields).into_iter().map(|(mut name, mut field)| {
                visit(&mut name);
                each_text_of(&mut field, visit);
                (name, field)
            });
            *fields = visited.collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
