//! How a model writes a call, and how it learns to.
//!
//! ```text
//! DeepSeek   <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME
//!            ```json
//!            {ARGUMENTS}
//!            ```<｜tool▁call▁end｜>
//!            <｜tool▁call▁begin｜>.. <｜tool▁calls▁end｜>
//! Hermes     <tool_call>
//!            {"name": NAME, "arguments": {ARGUMENTS}}
//!            </tool_call>
//! ```
//!
//! The first is what R1's template writes for calls in the history; the second is Qwen's. Read leniently: the end tags may
//! be missing behind whole arguments, the fence too, and DeepSeek's later `NAME<｜tool▁sep｜>{ARGUMENTS}` is understood.

use llguidance::api::TopLevelGrammar;
use serde_json::{Value, json};

use super::fault::ToolFault;
use super::tool::Tool;
use crate::text::chat::{Message, Role};
use crate::text::output::with_options;

/// The most calls of one answer, where calls are required.
const CALLS_LIMIT: usize = 8;

/// How a model writes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolSyntax {
    /// R1's.
    DeepSeek,
    /// Qwen's, after the Hermes models.
    Hermes,
}

/// A tag of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    CallsBegin,
    CallBegin,
    Separator,
    CallEnd,
    CallsEnd,
}

impl ToolSyntax {
    /// What a template writes; R1's where it knows no calls.
    #[must_use]
    pub fn of_template(source: &str) -> Self {
        let writes = |tag: &str| source.contains(tag);
        if !writes("<｜tool▁call▁begin｜>") && writes("<tool_call>") {
            Self::Hermes
        } else {
            Self::DeepSeek
        }
    }

    /// The tags.
    pub(super) fn tags(self) -> &'static [(Mark, &'static str)] {
        match self {
            Self::DeepSeek => &[
                (Mark::CallsBegin, "<｜tool▁calls▁begin｜>"),
                (Mark::CallBegin, "<｜tool▁call▁begin｜>"),
                (Mark::Separator, "<｜tool▁sep｜>"),
                (Mark::CallEnd, "<｜tool▁call▁end｜>"),
                (Mark::CallsEnd, "<｜tool▁calls▁end｜>"),
            ],
            Self::Hermes => &[(Mark::CallBegin, "<tool_call>"), (Mark::CallEnd, "</tool_call>")],
        }
    }

    /// The tags of every syntax.
    pub(crate) fn every_tag() -> impl Iterator<Item = &'static str> {
        [Self::DeepSeek, Self::Hermes].into_iter().flat_map(Self::tags).map(|(_, tag)| *tag)
    }

    /// System text that tells a model of tools whose template can't.
    #[must_use]
    pub fn describe(self, tools: &[Tool]) -> String {
        let functions: Vec<String> = tools.iter().map(|tool| function_json(tool).to_string()).collect();
        let example = self.call("NAME", "{\"ARGUMENT\": VALUE}");
        format!(
            "You can call these functions:\n{}\n\nTo call one, write this and nothing else, the arguments as JSON:\n\
            {example}\nThe result is then given to you. Where no function helps, answer as usual.",
            functions.join("\n")
        )
    }

    /// The messages with [`ToolSyntax::describe`] behind the last system message, or before all others.
    pub(crate) fn instruct(self, messages: &[Message], tools: &[Tool]) -> Vec<Message> {
        let mut messages = messages.to_vec();
        let text = self.describe(tools);
        match messages.iter_mut().rfind(|message| message.role == Role::System) {
            Some(Message { content: Some(content), .. }) if !content.is_empty() => {
                content.push_str("\n\n");
                content.push_str(&text);
            }
            Some(message) => message.content = Some(text),
            None => messages.insert(0, Message::system(text)),
        }
        messages
    }

    /// A whole answer of one call.
    fn call(self, name: &str, arguments: &str) -> String {
        let [before, between, after] = self.frame(name);
        let (open, close) = self.wrapper();
        format!("{open}{before}{between}{arguments}{after}{close}")
    }

    /// What stands around all calls.
    fn wrapper(self) -> (&'static str, &'static str) {
        match self {
            Self::DeepSeek => ("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
            Self::Hermes => ("", ""),
        }
    }

    /// What stands before the name, with it, before the arguments and behind them.
    fn frame(self, name: &str) -> [String; 3] {
        match self {
            Self::DeepSeek => [
                format!("<｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}"),
                "\n```json\n".to_owned(),
                "\n```<｜tool▁call▁end｜>".to_owned(),
            ],
            Self::Hermes => [
                format!("<tool_call>\n{{\"name\": \"{name}\""),
                ", \"arguments\": ".to_owned(),
                "}\n</tool_call>".to_owned(),
            ],
        }
    }

    /// Answers that are calls of these tools and nothing else.
    pub(crate) fn grammar(self, tools: &[Tool]) -> TopLevelGrammar {
        let literal = |text: &str| Value::from(text).to_string();
        let (open, close) = self.wrapper();
        let wrapped = |calls: &str| match open {
            "" => calls.to_owned(),
            _ => format!("{} {calls} {}", literal(open), literal(close)),
        };
        let mut lark =
            format!("start: {}\n", wrapped(&format!("call (\"\\n\" call){{0,{}}}", CALLS_LIMIT - 1)));
        let names: Vec<String> = (0..tools.len()).map(|index| format!("call{index}")).collect();
        lark += &format!("call: {}\n", names.join(" | "));
        for (name, tool) in names.iter().zip(tools) {
            let [before, between, after] = self.frame(&tool.name);
            let schema = with_options(&tool.parameters);
            lark +=
                &format!("{name}: {} %json {schema} {}\n", literal(&(before + &between)), literal(&after));
        }
        TopLevelGrammar::from_lark(lark)
    }

    /// Name and arguments of a call: `parts` is its text, cut at the separator.
    pub(super) fn parse(self, parts: &[String]) -> Result<(String, String), ToolFault> {
        match (self, parts) {
            (Self::DeepSeek, [kind, call]) if call.trim_start().starts_with('{') => named(kind, call),
            (Self::DeepSeek, [_, call]) => {
                let call = call.trim();
                let (name, arguments) = call.split_once('\n').ok_or(ToolFault::NoArguments)?;
                named(name, unfenced(arguments))
            }
            (Self::Hermes, [call]) => {
                let call: Value = serde_json::from_str(call.trim()).map_err(|_| ToolFault::NotJson)?;
                let name = call.get("name").and_then(Value::as_str).unwrap_or_default();
                match call.get("arguments").ok_or(ToolFault::NoArguments)? {
                    Value::String(text) => named(name, text),
                    arguments => named(name, &arguments.to_string()),
                }
            }
            _ => Err(ToolFault::NoName),
        }
    }
}

fn function_json(tool: &Tool) -> Value {
    json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters})
}

/// The text within a Markdown fence, or all of it.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("```json").or(text.strip_prefix("```")).unwrap_or(text);
    inner.strip_suffix("```").unwrap_or(inner)
}

fn named(name: &str, arguments: &str) -> Result<(String, String), ToolFault> {
    let (name, arguments) = (name.trim(), arguments.trim());
    if name.is_empty() {
        return Err(ToolFault::NoName);
    }
    match serde_json::from_str(arguments) {
        Ok(Value::Object(_)) => Ok((name.to_owned(), arguments.to_owned())),
        _ => Err(ToolFault::NotJson),
    }
}
