//! Tools: functions of the app that the model may call.
//!
//! 1. The app describes its functions ([`Tool`], OpenAI's JSON form) in [`crate::Options::tools`]. Templates that know
//!    tools render them; for the others, R1's among them, they become system text ([`ToolSyntax::describe`]).
//! 2. What the model writes is searched for calls ([`ToolCalls`]): each becomes [`crate::Event::ToolCall`]; what looks like
//!    one and is none is answer text, and [`crate::Event::ToolCallRejected`] says why.
//! 3. The app runs the function, adds the result ([`crate::chat::Message::tool`]) and has the session respond.
//!
//! The R1 distils were not trained to call tools, so this is best effort. [`ToolChoice::Required`] holds the answer to
//! calls of these very functions with arguments of their schemas, whatever the model would rather write.

mod calls;
mod error;
mod fault;
mod syntax;
mod tool;

pub use calls::{Said, ToolCalls};
pub use error::ToolsError;
pub use fault::ToolFault;
pub use syntax::ToolSyntax;
pub use tool::{NAME_BYTES_LIMIT, TOOLS_LIMIT, Tool, ToolChoice, check};

#[cfg(test)]
mod tests;
