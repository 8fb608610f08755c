//! Messages to token ids, exactly as the checkpoint's template and tokenizer would, with one difference: text in
//! a message can't become a control token.
//!
//! 1. [`guard`] breaks every control token in message text with a sentinel character;
//! 2. [`template`] renders the checkpoint's Jinja template with fuel and an output limit;
//! 3. [`prompt`] cuts the result at control tokens, which are the template's own, takes the sentinels out of
//!    the text between them and encodes it plain.
//!
//! Text between two control tokens is encoded as one piece, template words and message words together, as the
//! reference does, so the ids are equal wherever messages hold no control token. `chat-golden.json` judges that.

mod error;
mod guard;
mod message;
mod prompt;
mod template;

pub use error::ChatError;
pub use message::{FunctionCall, Message, Role, ToolCall};
pub use prompt::Prompt;
pub use template::ChatTemplate;

#[cfg(test)]
mod tests;
