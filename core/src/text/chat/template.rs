//! The chat template: the checkpoint's own Jinja, rendered with limits.
//!
//! A template comes with the checkpoint and is a program. It gets messages and two token texts, no files and no
//! clock. Its fuel bounds both its steps and the memory that it can ask for (64 bytes a unit), and it may not write
//! more than can be encoded.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use minijinja::value::Serde;
use minijinja::{ErrorKind, Value, context};
use wheelwork_package::budget::TEMPLATE_STEPS;

use super::functions::{self, REFUSED};
use super::guard::Guard;
use super::source::{self, R1_TOKENS};
use super::{ChatError, Message, Prompt, Role, ToolCall};
use crate::text::reasoning::OPEN_TAG;
use crate::text::tokenizer::{TEXT_BYTES_LIMIT, Tokenizer, TokenizerError};
use crate::text::tools::{Tool, ToolSyntax};

/// A template with the texts that it needs; its syntax is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatTemplate {
    source: String,
    bos_token: String,
    eos_token: String,
    is_ours: bool,
}

impl ChatTemplate {
    /// The template of a model folder: `chat_template.jinja`, else `tokenizer_config.json`, else R1's newer one.
    ///
    /// # Errors
    /// [`ChatError::Config`] or [`ChatError::Template`].
    pub fn from_folder(folder: &Path) -> Result<Self, ChatError> {
        let found = source::read(folder)?;
        let bos_token = found.bos_token.unwrap_or_default();
        let eos_token = found.eos_token.unwrap_or_default();
        match found.source {
            Some(source) => Self::new(source, bos_token, eos_token),
            None => Self::new(String::new(), bos_token, eos_token)?.r1_newer(),
        }
    }

    /// A template with the texts of the tokens that begin and end a sequence.
    ///
    /// # Errors
    /// [`ChatError::Template`].
    pub fn new(source: String, bos_token: String, eos_token: String) -> Result<Self, ChatError> {
        let invalid = |error| ChatError::Template { detail: describe(&error) };
        functions::environment(&source, TEMPLATE_STEPS.number)
            .map_err(invalid)?
            .template_from_str(&source)
            .map_err(invalid)?;
        Ok(Self { source, bos_token, eos_token, is_ours: false })
    }

    /// The same token texts with another template.
    ///
    /// # Errors
    /// [`ChatError::Template`].
    pub fn with_source(&self, source: String) -> Result<Self, ChatError> {
        Self::new(source, self.bos_token.clone(), self.eos_token.clone())
    }

    /// R1's conversation as checkpoints had it before February 2025: the model opens its reasoning itself, or
    /// leaves it out.
    ///
    /// # Errors
    /// None in practice: the template is ours.
    pub fn r1_older(&self) -> Result<Self, ChatError> {
        self.r1(false)
    }

    /// R1's conversation since February 2025: the prompt opens the reasoning.
    ///
    /// # Errors
    /// None in practice: the template is ours.
    pub fn r1_newer(&self) -> Result<Self, ChatError> {
        self.r1(true)
    }

    fn r1(&self, opens_reasoning: bool) -> Result<Self, ChatError> {
        Ok(Self { is_ours: true, ..self.with_source(source::r1(opens_reasoning))? })
    }

    /// The prompt for the assistant's next message.
    ///
    /// # Errors
    /// [`ChatError`]; [`ChatError::Config`] never.
    pub fn prompt(&self, tokenizer: &Tokenizer, messages: &[Message]) -> Result<Prompt, ChatError> {
        self.prompt_with_tools(tokenizer, messages, &[])
    }

    /// The prompt for the assistant's next message, which may call these tools. A template that has no place for them,
    /// R1's for one, gets them as system text: [`ToolSyntax::describe`].
    ///
    /// # Errors
    /// As [`ChatTemplate::prompt`].
    pub fn prompt_with_tools(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        tools: &[Tool],
    ) -> Result<Prompt, ChatError> {
        let (instructed, tools) = if tools.is_empty() || self.takes_tools() {
            (Cow::Borrowed(messages), tools)
        } else {
            (Cow::Owned(self.tool_syntax().instruct(messages, tools)), &[][..])
        };
        let messages: &[Message] = &instructed;
        if self.is_ours
            && let Some(missing) =
                R1_TOKENS.into_iter().find(|token| tokenizer.added_token_id(token).is_none())
        {
            return Err(ChatError::NoTemplate { missing });
        }
        check_contents(messages)?;
        let guard = Guard::new(tokenizer, &self.source, messages, tools)?;
        let (bytes, limit) = (guard.text_bytes(), TEXT_BYTES_LIMIT);
        if bytes > limit {
            return Err(TokenizerError::TextTooLong { bytes, limit }.into());
        }
        let rendered =
            self.render(&guard.messages(), &guard.tools(), TEMPLATE_STEPS.plus(bytes as u64).number)?;
        Ok(Prompt::from_guarded(&rendered, &guard, tokenizer)?)
    }

    /// How calls of tools are written in this template.
    #[must_use]
    pub fn tool_syntax(&self) -> ToolSyntax {
        ToolSyntax::of_template(&self.source)
    }

    /// Whether the template has a place for definitions of tools.
    #[must_use]
    pub fn takes_tools(&self) -> bool {
        let environment = functions::environment(&self.source, TEMPLATE_STEPS.number).ok();
        let template = environment.as_ref().and_then(|it| it.template_from_str(&self.source).ok());
        template.is_some_and(|template| template.undeclared_variables(false).contains("tools"))
    }

    /// An answer that is nothing but calls. The arguments are text as R1's template wants it; templates that take
    /// definitions of tools want an object.
    pub(crate) fn calling(&self, mut calls: Vec<ToolCall>) -> Message {
        if self.takes_tools() {
            for arguments in calls.iter_mut().map(|call| &mut call.function.arguments) {
                let object = arguments.as_str().and_then(|text| serde_json::from_str(text).ok());
                *arguments = object.unwrap_or_else(|| arguments.take());
            }
        }
        Message::calling(calls)
    }

    /// Whether this is R1's template of before February 2025, as old copies of checkpoints have it: the model then
    /// skips its reasoning now and then. Worth a warning; [`ChatTemplate::r1_newer`] is the cure.
    #[must_use]
    pub fn is_older_r1(&self, tokenizer: &Tokenizer) -> bool {
        let prompt = self.prompt(tokenizer, &[Message::user("")]);
        tokenizer.added_token_id(OPEN_TAG).is_some()
            && prompt.is_ok_and(|prompt| prompt.text.ends_with("<｜User｜><｜Assistant｜>"))
    }

    fn render(
        &self,
        messages: &[Message],
        tools: &[serde_json::Value],
        fuel: u64,
    ) -> Result<String, ChatError> {
        let failed = |error: minijinja::Error| match (error.kind(), error.detail()) {
            (ErrorKind::OutOfFuel, _) => ChatError::OutOfFuel { limit: fuel },
            (ErrorKind::WriteFailure, _) => ChatError::TooLong { limit: TEXT_BYTES_LIMIT },
            (_, Some(detail)) if detail.starts_with(REFUSED) => {
                ChatError::Refused { reason: detail.trim_start_matches(REFUSED).to_owned() }
            }
            _ => ChatError::Render { detail: describe(&error) },
        };
        let environment = functions::environment(&self.source, fuel).map_err(failed)?;
        let template = environment.template_from_str(&self.source).map_err(failed)?;
        let variables = context! {
            messages => Value::from(Serde(messages)),
            bos_token => self.bos_token.as_str(),
            eos_token => self.eos_token.as_str(),
            add_generation_prompt => true,
        };
        // Templates ask whether there are tools by asking whether there is the variable.
        let variables = match tools {
            [] => variables,
            tools => context! { tools => Value::from(Serde(tools)), ..variables },
        };
        let mut output = Capped(Vec::new());
        template.render_captured_to(variables, &mut output).map_err(failed)?;
        // The engine writes whole strings, so this is UTF-8.
        String::from_utf8(output.0).map_err(|_| ChatError::Render { detail: "it wrote no UTF-8".to_owned() })
    }
}

fn check_contents(messages: &[Message]) -> Result<(), ChatError> {
    let calls_tools = |message: &Message| message.role == Role::Assistant && !message.tool_calls.is_empty();
    let empty = |message: &Message| message.content.is_none() && !calls_tools(message);
    match messages.iter().enumerate().find(|(_, message)| empty(message)) {
        Some((index, message)) => Err(ChatError::NoContent { index, role: message.role.as_str() }),
        None => Ok(()),
    }
}

/// The kind and the line of an error. Its other words may repeat text of a message.
fn describe(error: &minijinja::Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(" in line {line}"));
    format!("{}{line}", error.kind())
}

/// Takes [`TEXT_BYTES_LIMIT`] bytes and refuses more.
struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > TEXT_BYTES_LIMIT {
            return Err(io::Error::other("the output limit is reached"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
