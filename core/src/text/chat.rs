//! Messages to token ids, exactly as the checkpoint's template and tokenizer would, with one difference: text in
//! a message can't become a control token.
//!
//! 1. `guard` replaces a character of every control token in message text by a stand-in;
//! 2. `template` renders the checkpoint's Jinja template within a budget;
//! 3. `prompt` cuts the result at control tokens, which are the template's own now, puts the characters back in
//!    the text between them and encodes it plain.
//!
//! Text between two control tokens is encoded as one piece, template words and message words together, as the
//! reference does. So the ids are equal wherever messages hold no control token; `chat-golden.json` judges that.
//!
//! Not guarded against is a template that cuts message text in the middle and puts the half of a control token
//! beside it: no template does so by accident, and a checkpoint's author needs no such detour.

mod clock;
mod error;
mod guard;
mod message;
mod probe;
mod prompt;
mod size;
mod source;
mod template;

pub use error::ChatError;
pub use message::{FunctionCall, Message, Role, ToolCall};
pub use prompt::Prompt;
pub use template::ChatTemplate;

#[cfg(test)]
mod tests;
