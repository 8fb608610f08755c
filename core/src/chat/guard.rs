//! Breaking control tokens in message text, so that a rendered template holds the template's own alone.
//!
//! A sentinel, a character that stands in no message and no template, is put after the first character of
//! every control token in the text. A token could also come together across an edge, half of it text and half
//! template: so a text that begins with the tail of a token, or ends with its head, gets a sentinel there.
//! [`crate::chat::Prompt`] takes the sentinels out before encoding, so what the model reads is the text as it
//! was.

use super::message::{FunctionCall, Message, Role, ToolCall};
use crate::model::{REASONING_CLOSE, REASONING_OPEN};

/// Noncharacters of Unicode's last plane and private characters: text has no reason to hold one.
const SENTINELS: std::ops::RangeInclusive<char> = '\u{10_f000}'..='\u{10_ffff}';

/// Breaks tokens in text.
pub(super) struct Guard<'a> {
    /// Control tokens by their text.
    tokens: Vec<&'a str>,
    sentinel: char,
}

impl<'a> Guard<'a> {
    /// `None` if every sentinel stands in some text, which takes 4,096 different ones.
    pub(super) fn new(tokens: Vec<&'a str>, texts: &[&str]) -> Option<Self> {
        let sentinel = SENTINELS.into_iter().find(|&sentinel| texts.iter().all(|text| !text.contains(sentinel)))?;
        Some(Self { tokens, sentinel })
    }

    pub(super) fn sentinel(&self) -> char {
        self.sentinel
    }

    /// The message with all its text broken. In the model's own words the reasoning tags stay whole, because
    /// templates find the end of the earlier reasoning by them.
    pub(super) fn message(&self, message: &Message) -> Message {
        let tags = [REASONING_OPEN, REASONING_CLOSE];
        let kept: &[&str] = if message.role == Role::Assistant { &tags } else { &[] };
        Message {
            role: message.role,
            content: message.content.as_deref().map(|text| self.text(text, kept)),
            tool_calls: message.tool_calls.iter().map(|call| self.tool_call(call)).collect(),
        }
    }

    fn tool_call(&self, call: &ToolCall) -> ToolCall {
        ToolCall {
            kind: self.text(&call.kind, &[]),
            function: FunctionCall {
                name: self.text(&call.function.name, &[]),
                arguments: self.text(&call.function.arguments, &[]),
            },
        }
    }

    /// The text with a sentinel in every token except `kept`.
    fn text(&self, text: &str, kept: &[&str]) -> String {
        let tokens = || self.tokens.iter().copied().filter(|token| !kept.contains(token));
        let mut broken = String::with_capacity(text.len() + 8);
        if tokens().any(|token| proper_ends(token).any(|(_, tail)| text.starts_with(tail))) {
            broken.push(self.sentinel);
        }
        for (position, char) in text.char_indices() {
            broken.push(char);
            // Every token in the text is hit, also where two overlap.
            let rest = text.get(position..).unwrap_or_default();
            if tokens().any(|token| rest.starts_with(token)) {
                broken.push(self.sentinel);
            }
        }
        if tokens().any(|token| proper_ends(token).any(|(head, _)| text.ends_with(head))) {
            broken.push(self.sentinel);
        }
        broken
    }
}

/// Every way to cut a token into a head and a tail, neither empty.
fn proper_ends(token: &str) -> impl Iterator<Item = (&str, &str)> {
    token.char_indices().skip(1).map(|(position, _)| token.split_at(position))
}
