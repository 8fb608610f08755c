//! The chat template: the checkpoint's own Jinja, rendered with limits.
//!
//! A template comes with the checkpoint and is a program. It gets messages, tools, the texts of special tokens and the
//! date, no files. [`wheelwork_jinja`] renders what transformers renders, within a budget of steps, memory, depth and
//! output; see the table in SECURITY.md.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use wheelwork_jinja::{Failure, Template, TemplateError};
use wheelwork_package::budget::{Exhausted, TEMPLATE_OUTPUT};

use super::clock;
use super::guard::Guard;
use super::source::{self, R1_TOKENS};
use super::{ChatError, Message, Prompt, Role, ToolCall, size};
use crate::control::CancelToken;
use crate::text::reasoning::{CLOSE_TAG, OPEN_TAG};
use crate::text::tokenizer::{TEXT_BYTES_LIMIT, Tokenizer, TokenizerError};
use crate::text::tools::{Tool, ToolSyntax};

/// A value of messages or tools is granted as much of a template's budget as so many bytes of text.
const BYTES_A_VALUE: usize = 16;

/// A template with the texts that it needs; its syntax is checked.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    source: String,
    template: Arc<Template>,
    /// The texts of special tokens by the names that templates know them by: `bos_token` and its like.
    tokens: Vec<(&'static str, String)>,
    is_ours: bool,
}

impl ChatTemplate {
    /// The template of a model folder: `chat_template.jinja`, else `tokenizer_config.json`, else R1's newer one.
    ///
    /// # Errors
    /// [`ChatError::Config`] or [`ChatError::Template`].
    pub fn from_folder(folder: &Path) -> Result<Self, ChatError> {
        let found = source::read(folder)?;
        match found.source {
            Some(source) => Self::with_tokens(source, found.tokens),
            None => Self::with_tokens(String::new(), found.tokens)?.r1_newer(),
        }
    }

    /// A template with the texts of the tokens that begin and end a sequence.
    ///
    /// # Errors
    /// [`ChatError::Template`].
    pub fn new(source: String, bos_token: String, eos_token: String) -> Result<Self, ChatError> {
        Self::with_tokens(source, vec![("bos_token", bos_token), ("eos_token", eos_token)])
    }

    fn with_tokens(source: String, tokens: Vec<(&'static str, String)>) -> Result<Self, ChatError> {
        let template = Template::new(&source).map_err(|error| refused(error, &source))?;
        Ok(Self { source, template: Arc::new(template), tokens, is_ours: false })
    }

    /// The same token texts with another template.
    ///
    /// # Errors
    /// [`ChatError::Template`].
    pub fn with_source(&self, source: String) -> Result<Self, ChatError> {
        Self::with_tokens(source, self.tokens.clone())
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

    /// A question for measuring and calibrating: in R1's conversation where the tokenizer knows its tokens, else the bare
    /// text behind the token that begins a sequence. Nothing of the checkpoint's own template runs.
    ///
    /// # Errors
    /// [`ChatError::Tokenizer`].
    pub fn own_question(
        &self,
        tokenizer: &Tokenizer,
        text: &str,
        bos: Option<u32>,
    ) -> Result<Prompt, ChatError> {
        match self.r1_newer()?.prompt(tokenizer, &[Message::user(text)]) {
            Err(ChatError::NoTemplate { .. }) => {
                let ids = bos.into_iter().chain(tokenizer.encode_plain(text)?).collect();
                Ok(Prompt::from_ids(ids, tokenizer))
            }
            prompt => prompt,
        }
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
        self.prompt_until(tokenizer, messages, tools, &CancelToken::new())
    }

    /// As [`ChatTemplate::prompt_with_tools`], unless the token ends it.
    pub(crate) fn prompt_until(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        tools: &[Tool],
        cancel: &CancelToken,
    ) -> Result<Prompt, ChatError> {
        let values = size::values(messages, tools)?;
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
        // A short message takes as many steps as a long one.
        let granted = bytes.saturating_add(values.saturating_mul(BYTES_A_VALUE));
        let rendered = self.render(&guard.messages(), &guard.tools(), granted, cancel)?;
        Prompt::from_guarded(&rendered, &guard, tokenizer, cancel).map_err(|error| match error {
            TokenizerError::Exhausted { exhausted: Exhausted::Cancelled, .. } => ChatError::Cancelled,
            error => error.into(),
        })
    }

    /// How calls of tools are written in this template.
    #[must_use]
    pub fn tool_syntax(&self) -> ToolSyntax {
        ToolSyntax::of_template(&self.source)
    }

    /// Whether the template has a place for definitions of tools.
    #[must_use]
    pub fn takes_tools(&self) -> bool {
        self.template.reads("tools")
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
        // Looked up in the text: nothing but a prompt has a template run.
        let writes = |text: &str| self.source.contains(text);
        tokenizer.added_token_id(OPEN_TAG).is_some() && writes(R1_TOKENS[1]) && !writes(OPEN_TAG)
    }

    /// Whether the model reasons: template or tokenizer know the tags. A tokenizer that many models share may have them for
    /// the others, so its word alone counts where it is R1's.
    #[must_use]
    pub fn reasons(&self, tokenizer: &Tokenizer) -> bool {
        let has = |token: &str| tokenizer.added_token_id(token).is_some();
        let is_r1 = R1_TOKENS.into_iter().all(has) && has(CLOSE_TAG);
        is_r1 || [OPEN_TAG, CLOSE_TAG].into_iter().any(|tag| self.source.contains(tag))
    }

    fn render(
        &self,
        messages: &[Message],
        tools: &[Value],
        text_bytes: usize,
        cancel: &CancelToken,
    ) -> Result<String, ChatError> {
        // As transformers has it: what is null is not there. R1's templates ask whether it is null, and fail.
        let mut without_nulls = json!(messages);
        for message in without_nulls.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            message.retain(|_, field| !field.is_null());
        }
        match self.render_messages(without_nulls, tools, text_bytes, cancel) {
            Err(ChatError::Render { .. }) if messages.iter().any(|message| message.content.is_none()) => {
                self.render_messages(json!(messages), tools, text_bytes, cancel)
            }
            rendered => rendered,
        }
    }

    fn render_messages(
        &self,
        messages: Value,
        tools: &[Value],
        text_bytes: usize,
        cancel: &CancelToken,
    ) -> Result<String, ChatError> {
        let token = |(name, text): &(&'static str, String)| (*name, Value::String(text.clone()));
        let mut variables: Vec<_> = self.tokens.iter().map(token).collect();
        variables.extend([
            ("messages", messages),
            // As transformers has it: there is always the variable.
            ("tools", if tools.is_empty() { Value::Null } else { json!(tools) }),
            ("documents", Value::Null),
            ("add_generation_prompt", Value::Bool(true)),
        ]);
        let cancel = cancel.clone();
        let budget = wheelwork_jinja::budget(text_bytes).cancelled_by(move || cancel.request().is_some());
        let rendered = self.template.render(&variables, clock::seconds(), &budget);
        rendered.map_err(|error| refused(error, &self.source))
    }
}

/// Why a template was not read or rendered. Words that it raises and that do not stand in its source may repeat text of a
/// message.
fn refused(TemplateError { line, failure }: TemplateError, source: &str) -> ChatError {
    match failure {
        Failure::Syntax(detail) => ChatError::Template { detail: format!("{detail} (line {line})") },
        Failure::Failed(detail) => ChatError::Render { detail, line },
        Failure::Unsupported(what) => ChatError::Unsupported { what, line },
        Failure::Raised(words) => {
            let is_known = source.contains(&words);
            let reason = if is_known { words } else { "in words that may hold text of a message".to_owned() };
            ChatError::Refused { reason }
        }
        Failure::Exhausted(Exhausted::Cancelled) => ChatError::Cancelled,
        Failure::Exhausted(Exhausted::Limit(limit)) if limit.name == TEMPLATE_OUTPUT.name => {
            ChatError::TooLong { limit: limit.number }
        }
        Failure::Exhausted(Exhausted::Limit(limit)) => {
            ChatError::OverLimit { what: limit.name, limit: limit.number, line }
        }
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
