//! Messages of a conversation.

use wheelwork::chat;

use crate::convert::mirror;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said. An answer of the model holds its reasoning too, as the model wrote it.
    pub text: String,
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

impl From<Message> for chat::Message {
    fn from(Message { role, text }: Message) -> Self {
        match role {
            Role::System => Self::system(text),
            Role::User => Self::user(text),
            Role::Assistant => Self::assistant(text),
            Role::Tool => Self::tool(text),
        }
    }
}

impl From<&chat::Message> for Message {
    fn from(message: &chat::Message) -> Self {
        let chat::Message { role, content, tool_calls: _, tool_call_id: _, name: _ } = message;
        Self { role: (*role).into(), text: content.clone().unwrap_or_default() }
    }
}
