//! The chat template: the checkpoint's own Jinja, rendered with limits.
//!
//! A template comes with the checkpoint and is a program. It gets messages and two token texts, no files and no
//! clock; it runs on [`FUEL`] and may write [`OUTPUT_BYTES_LIMIT`]. White space and helpers are set as
//! `transformers` sets them (`trim_blocks`, `lstrip_blocks`, `raise_exception`, Python's string methods).

use std::io;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, context};
use serde::Deserialize;
use serde_json::Value;
use wheelwork_package::files::names;
use wheelwork_package::json;

use super::guard::Guard;
use super::{ChatError, Message, Prompt};
use crate::tokenizer::Tokenizer;

/// Steps of a template: R1's takes about 60 a message, so this is 100,000 messages and more.
pub(super) const FUEL: u64 = 10_000_000;
/// Bytes that a template may write: 16 million tokens and more.
pub(super) const OUTPUT_BYTES_LIMIT: usize = 64 << 20;

/// The file that newer checkpoints keep the template in.
const TEMPLATE_FILE: &str = "chat_template.jinja";
/// The name by which the engine knows the template.
const NAME: &str = "chat_template";

/// R1's conversation in our words; `REASONING` is what the prompt for an answer ends with.
const R1: &str = "{{ bos_token }}\
{%- for message in messages if message.role == 'system' %}\
{%- if loop.last %}{{ message.content }}{% endif %}{% endfor -%}\
{%- for message in messages -%}\
{%- if message.role == 'user' %}{{ '<｜User｜>' + message.content }}\
{%- elif message.role == 'assistant' and message.content is not none %}\
{{ '<｜Assistant｜>' + message.content.split('</think>')[-1] + eos_token }}\
{%- endif -%}{%- endfor -%}\
{%- if add_generation_prompt %}{{ '<｜Assistant｜>REASONING' }}{% endif %}";

/// A parsed template with the texts that it needs.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    bos_token: String,
    eos_token: String,
}

/// What of `tokenizer_config.json` matters here.
#[derive(Debug, Default, Deserialize)]
struct TokenizerConfig {
    #[serde(default)]
    bos_token: Option<TokenText>,
    #[serde(default)]
    eos_token: Option<TokenText>,
    #[serde(default)]
    chat_template: Option<Value>,
}

/// A token as plain text or as a description.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum TokenText {
    Plain(String),
    Described { content: String },
}

impl TokenText {
    fn into_text(self) -> String {
        match self {
            Self::Plain(text) | Self::Described { content: text } => text,
        }
    }
}

impl ChatTemplate {
    /// The template of a model folder: `chat_template.jinja`, else `tokenizer_config.json`, else R1's newer one.
    ///
    /// # Errors
    /// [`ChatError::Config`] or [`ChatError::Template`].
    pub fn from_folder(folder: &Path) -> Result<Self, ChatError> {
        let config: TokenizerConfig = json::read(&folder.join(names::TOKENIZER_CONFIG))?;
        let file = folder.join(TEMPLATE_FILE);
        let source = if file.is_file() {
            let bytes = json::read_bytes(&file, json::JSON_BYTES_LIMIT)?;
            let invalid = |_| ChatError::Template { detail: "it is not UTF-8".to_owned() };
            Some(String::from_utf8(bytes).map_err(invalid)?)
        } else {
            config.chat_template.as_ref().map(template_text).transpose()?
        };
        let text = |token: Option<TokenText>| token.map(TokenText::into_text).unwrap_or_default();
        let source = source.unwrap_or_else(|| r1_source("<think>\n"));
        Self::new(source, text(config.bos_token), text(config.eos_token))
    }

    /// A template with the texts of the tokens that begin and end a sequence.
    ///
    /// # Errors
    /// [`ChatError::Template`].
    pub fn new(source: String, bos_token: String, eos_token: String) -> Result<Self, ChatError> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| ChatError::Template { detail: describe(&error) })?);
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |_: String| -> Result<(), minijinja::Error> {
            // The template's own words may repeat a message's text.
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, "the template refuses these messages"))
        });
        environment
            .add_template_owned(NAME, source.clone())
            .map_err(|error| ChatError::Template { detail: describe(&error) })?;
        Ok(Self { environment, source, bos_token, eos_token })
    }

    /// R1's conversation as checkpoints had it before February 2025: the model opens its reasoning itself.
    ///
    /// # Errors
    /// None in practice: the template is ours.
    pub fn r1_older(&self) -> Result<Self, ChatError> {
        self.with_source(r1_source(""))
    }

    /// R1's conversation since February 2025: the prompt opens the reasoning.
    ///
    /// # Errors
    /// None in practice: the template is ours.
    pub fn r1_newer(&self) -> Result<Self, ChatError> {
        self.with_source(r1_source("<think>\n"))
    }

    /// The same token texts with another template.
    ///
    /// # Errors
    /// [`ChatError::Template`].
    pub fn with_source(&self, source: String) -> Result<Self, ChatError> {
        Self::new(source, self.bos_token.clone(), self.eos_token.clone())
    }

    /// The prompt for the assistant's next message.
    ///
    /// # Errors
    /// [`ChatError`].
    pub fn prompt(&self, tokenizer: &Tokenizer, messages: &[Message]) -> Result<Prompt, ChatError> {
        let tokens = tokenizer.added_tokens().iter().map(|token| token.content.as_str()).collect();
        let texts = messages.iter().flat_map(|message| {
            let calls = message.tool_calls.iter().map(|call| &call.function);
            let called = calls.flat_map(|function| [function.name.as_str(), function.arguments.as_str()]);
            message.content.as_deref().into_iter().chain(called)
        });
        let texts: Vec<&str> = texts.chain([self.source.as_str()]).collect();
        let guard = Guard::new(tokens, &texts).ok_or_else(|| ChatError::Render {
            detail: "the messages use every character that could mark their text".to_owned(),
        })?;
        let guarded: Vec<Message> = messages.iter().map(|message| guard.message(message)).collect();
        let rendered = self.render(&guarded)?;
        Ok(Prompt::from_rendered(&rendered, guard.sentinel(), tokenizer)?)
    }

    fn render(&self, messages: &[Message]) -> Result<String, ChatError> {
        let failed = |error: minijinja::Error| match error.kind() {
            ErrorKind::OutOfFuel => ChatError::OutOfFuel { limit: FUEL },
            ErrorKind::WriteFailure => ChatError::TooLong { limit: OUTPUT_BYTES_LIMIT },
            _ => ChatError::Render { detail: describe(&error) },
        };
        let template = self.environment.get_template(NAME).map_err(failed)?;
        let mut output = Capped(Vec::new());
        let variables = context! {
            messages => minijinja::Value::from(Serde(messages)),
            bos_token => self.bos_token.as_str(),
            eos_token => self.eos_token.as_str(),
            add_generation_prompt => true,
        };
        template.render_captured_to(variables, &mut output).map_err(failed)?;
        // The engine writes whole strings, so this is UTF-8.
        String::from_utf8(output.0).map_err(|_| ChatError::Render { detail: "it wrote no UTF-8".to_owned() })
    }
}

fn r1_source(reasoning: &str) -> String {
    R1.replace("REASONING", &reasoning.replace('\n', "\\n"))
}

/// The text of a template, or of the one named `default` in a list.
fn template_text(value: &Value) -> Result<String, ChatError> {
    let named = |name: &str| {
        let entries = value.as_array()?;
        entries.iter().find(|entry| entry.get("name").and_then(Value::as_str) == Some(name))?.get("template")
    };
    value.as_str().or_else(|| named("default")?.as_str()).map(str::to_owned).ok_or_else(|| ChatError::Template {
        detail: "`chat_template` is neither text nor a list with an entry named `default`".to_owned(),
    })
}

/// The kind and the line of an error. Its other words may repeat text of a message.
fn describe(error: &minijinja::Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(" in line {line}"));
    format!("{}{line}", error.kind())
}

/// Takes [`OUTPUT_BYTES_LIMIT`] bytes and refuses more.
struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT_BYTES_LIMIT {
            return Err(io::Error::other("the output limit is reached"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
