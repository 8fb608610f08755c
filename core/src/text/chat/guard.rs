//! Breaking control tokens in message text, so that a rendered template holds the template's own alone.
//!
//! A *stand-in* is a private-use character that occurs in no message and not in the template. It takes the place
//! of one character in every control token of the text, and gives it back when the prompt is cut
//! ([`Guard::restore`]): the template sees a text of the same length, and the model reads it as it was.
//!
//! A token could also come together across an edge, from a text and its neighbour. So a text that ends with the
//! head of a token, begins with the tail of one or is the middle of one gets a stand-in there too; so does one
//! that does so without the whitespace around it, because templates strip that.
//!
//! In the model's own words `<think>` and `</think>` stay whole up to the last `</think>`: by them templates find
//! the earlier reasoning and drop it. What a template leaves of them was reasoning of the model, tags and all.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use super::message::each_text_of;
use super::{ChatError, Message, Role};
use crate::text::reasoning::{CLOSE_TAG, OPEN_TAG};
use crate::text::tokenizer::{ControlTexts, Tokenizer};
use crate::text::tools::{Tool, ToolSyntax};

/// Breaks the control tokens of some messages and mends them again.
pub(super) struct Guard {
    /// The texts to break: control tokens, and R1's tags even where they are no tokens.
    control: Arc<ControlTexts>,
    tag_matcher: AhoCorasick,
    /// Each character of a token with its stand-in.
    stand_ins: HashMap<char, char>,
    originals: HashMap<char, char>,
    messages: Vec<Message>,
    tools: Vec<Value>,
    text_bytes: usize,
}

impl Guard {
    /// `source` is the template's text.
    pub(super) fn new(
        tokenizer: &Tokenizer,
        source: &str,
        messages: &[Message],
        tools: &[Tool],
    ) -> Result<Self, ChatError> {
        let tags: Vec<&str> = ToolSyntax::every_tag().collect();
        let control = tokenizer.control_texts(source, &tags);
        let mut messages = messages.to_vec();
        let mut taken: HashSet<char> = control.chars().chain(source.chars()).collect();
        let mut tools: Vec<Value> =
            tools.iter().map(|tool| serde_json::to_value(tool).expect("a tool is JSON")).collect();
        let mut text_bytes = 0_usize;
        let mut see = |text: &mut String| {
            taken.extend(text.chars().filter(|char| is_private(*char)));
            text_bytes = text_bytes.saturating_add(text.len());
        };
        messages.iter_mut().for_each(|message| message.each_text(&mut |text, _| see(text)));
        tools.iter_mut().for_each(|tool| each_text_of(tool, &mut see));
        let replaceable: BTreeSet<char> = control.chars().collect();
        let free = PRIVATE.into_iter().flatten().filter(|char| !taken.contains(char));
        let originals: HashMap<char, char> = free.zip(replaceable.iter().copied()).collect();
        if originals.len() < replaceable.len() {
            return Err(ChatError::NoStandIn);
        }
        let stand_ins = originals.iter().map(|(stand_in, original)| (*original, *stand_in)).collect();
        let tag_matcher = matcher(&[OPEN_TAG, CLOSE_TAG])?;
        Ok(Self { control, tag_matcher, stand_ins, originals, messages, tools, text_bytes })
    }

    /// The size of all text in messages and tools, in bytes.
    pub(super) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// The messages with their tokens broken.
    pub(super) fn messages(&self) -> Vec<Message> {
        let mut messages = self.messages.clone();
        for message in &mut messages {
            let speaks = message.role == Role::Assistant;
            message.each_text(&mut |text, is_content| {
                *text = if is_content && speaks { self.break_answer(text) } else { self.break_tokens(text) };
            });
        }
        messages
    }

    /// The definitions of tools with their tokens broken, in OpenAI's form.
    pub(super) fn tools(&self) -> Vec<Value> {
        let mut tools = self.tools.clone();
        tools.iter_mut().for_each(|tool| each_text_of(tool, &mut |text| *text = self.break_tokens(text)));
        tools
    }

    /// The text as it was before tokens were broken.
    pub(super) fn restore<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if text.contains(is_private) {
            text.chars().map(|char| self.originals.get(&char).copied().unwrap_or(char)).collect()
        } else {
            text.into()
        }
    }

    /// Leaves the tags of finished reasoning whole.
    fn break_answer(&self, text: &str) -> String {
        let end = text.rfind(CLOSE_TAG).map_or(0, |start| start + CLOSE_TAG.len());
        let (reasoning, answer) = text.split_at(end);
        let mut broken = String::with_capacity(text.len());
        let mut rest = 0;
        for tag in self.tag_matcher.find_iter(reasoning) {
            broken += &self.break_tokens(&reasoning[rest..tag.start()]);
            broken += &reasoning[tag.range()];
            rest = tag.end();
        }
        // The reasoning ends with a tag, so nothing of it is left.
        broken + &self.break_tokens(answer)
    }

    fn break_tokens(&self, text: &str) -> String {
        let stripped = text.trim();
        let offset = text.len() - text.trim_start().len();
        let mut places: BTreeSet<usize> = self.control.starts_in(text).into_iter().collect();
        places.extend(self.control.edges_of(text));
        places.extend(self.control.edges_of(stripped).into_iter().map(|place| offset + place));
        let stand_in = |char| self.stand_ins.get(&char).copied().unwrap_or(char);
        text.char_indices()
            .map(|(place, char)| if places.contains(&place) { stand_in(char) } else { char })
            .collect()
    }
}

/// The two planes of private use; their last two characters are none.
const PRIVATE: [std::ops::RangeInclusive<char>; 2] =
    ['\u{f_0000}'..='\u{f_fffd}', '\u{10_0000}'..='\u{10_fffd}'];

fn is_private(char: char) -> bool {
    PRIVATE.iter().any(|plane| plane.contains(&char))
}

fn matcher(texts: &[&str]) -> Result<AhoCorasick, ChatError> {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build(texts)
        .map_err(|error| ChatError::Template { detail: error.to_string() })
}
