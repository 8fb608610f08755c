//! Messages of a conversation.

use serde_json::Value;
use wheelwork::chat;

use crate::convert::mirror;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said. An answer of the model holds its reasoning too, as the model wrote it, so that a conversation can be
    /// handed on as it was. Absent only where the model does nothing but call tools.
    pub text: Option<String>,
    /// Tools that the model calls.
    #[uniffi(default)]
    pub tool_calls: Vec<ToolCall>,
    /// For a tool's result: the id of the call that it answers.
    #[uniffi(default = None)]
    pub tool_call_id: Option<String>,
    /// For a tool's result: the tool's name.
    #[uniffi(default = None)]
    pub name: Option<String>,
    /// Told, never taken: the reasoning in `text`; absent where there is none.
    #[uniffi(default = None)]
    pub reasoning: Option<String>,
    /// Told, never taken: what `text` says without the reasoning.
    #[uniffi(default = "")]
    pub answer: String,
}

/// One call of a tool, in a message.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ToolCall {
    /// Names the call for its result; calls of the model have none.
    #[uniffi(default = None)]
    pub id: Option<String>,
    /// The function's name.
    pub name: String,
    /// A JSON object, as text.
    pub arguments: String,
    /// Whether templates see the arguments as text, as R1's wants them; else as an object, as those want them that take
    /// definitions of tools. An answer of the model says what its template wants.
    #[uniffi(default = true)]
    pub as_text: bool,
}

mirror! {
    /// Who speaks.
    Role = chat::Role {
        /// Instructions; R1's authors advise to put them into the user's message instead.
        System,
        /// The person.
        User,
        /// The model.
        Assistant,
        /// The result of a tool call.
        Tool,
    }
}

/// What kinds of calls there are.
const FUNCTION: &str = "function";

impl From<Message> for chat::Message {
    fn from(message: Message) -> Self {
        let Message { role, text, tool_calls, tool_call_id, name, reasoning: _, answer: _ } = message;
        let tool_calls = tool_calls.into_iter().map(Into::into).collect();
        Self { role: role.into(), content: text, tool_calls, tool_call_id, name }
    }
}

impl From<ToolCall> for chat::ToolCall {
    fn from(ToolCall { id, name, arguments, as_text }: ToolCall) -> Self {
        let object = (!as_text).then(|| serde_json::from_str(&arguments).ok()).flatten();
        let function = chat::FunctionCall { name, arguments: object.unwrap_or(Value::String(arguments)) };
        Self { id, kind: FUNCTION.to_owned(), function }
    }
}

impl Message {
    /// A message of a model that `reasons` or does not.
    pub(crate) fn of(message: &chat::Message, reasons: bool) -> Self {
        let apart =
            if reasons { message.apart() } else { (None, message.content.clone().unwrap_or_default()) };
        let chat::Message { role, content, tool_calls, tool_call_id, name } = message;
        let (reasoning, answer) = apart;
        Self {
            role: (*role).into(),
            text: content.clone(),
            tool_calls: tool_calls.iter().map(Into::into).collect(),
            tool_call_id: tool_call_id.clone(),
            name: name.clone(),
            reasoning,
            answer,
        }
    }
}

impl From<&chat::ToolCall> for ToolCall {
    fn from(call: &chat::ToolCall) -> Self {
        // There is one kind.
        let chat::ToolCall { id, kind: _, function: chat::FunctionCall { name, arguments } } = call;
        let (arguments, as_text) = match arguments {
            Value::String(text) => (text.clone(), true),
            object => (object.to_string(), false),
        };
        Self { id: id.clone(), name: name.clone(), arguments, as_text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(message: &chat::Message) -> chat::Message {
        Message::of(message, true).into()
    }

    #[test]
    fn a_message_keeps_everything_on_its_way_there_and_back() {
        let call = |arguments| chat::ToolCall {
            id: Some("call-1".into()),
            kind: FUNCTION.into(),
            function: chat::FunctionCall { name: "add".into(), arguments },
        };
        let calls = chat::Message::calling(vec![
            call(Value::String("{\"a\": 1}".into())),
            call(serde_json::json!({ "a": 1, "b": [2, null] })),
        ]);
        let result = chat::Message {
            tool_call_id: Some("call-1".into()),
            name: Some("add".into()),
            ..chat::Message::tool("3")
        };
        for message in [
            calls,
            result,
            chat::Message::user("a\0b"),
            chat::Message::assistant("<think>\nx\n</think>\n\ny "),
        ] {
            assert_eq!(through(&message), message);
        }
    }

    #[test]
    fn reasoning_and_answer_are_told_apart_and_only_where_a_model_reasons() {
        let message = chat::Message::assistant("1 + 1 = 2\n</think>\n\nIt is 2.");
        let told = Message::of(&message, true);
        assert_eq!((told.reasoning.as_deref(), told.answer.as_str()), (Some("1 + 1 = 2"), "It is 2."));
        let quoted = chat::Message::assistant("The tag is </think>.");
        let told = Message::of(&quoted, false);
        assert_eq!((told.reasoning, told.answer.as_str()), (None, "The tag is </think>."));
        let asked = Message::of(&chat::Message::user("What is </think>?"), true);
        assert_eq!((asked.reasoning, asked.answer.as_str()), (None, "What is </think>?"));
    }
}
