//! Telling reasoning from answer, token by token.
//!
//! 1. [`Splitter::new`] starts inside the reasoning where the prompt ended with an open tag, as R1's newer
//!    templates do. No opening tag comes then and none is waited for. Otherwise the text is the answer, unless
//!    an opening tag is the first thing of it.
//! 2. [`Splitter::push`] takes each token with its text and gives [`Segment`]s.
//!    A closing tag that comes without an opening one makes reasoning of what was shown as answer.
//! 3. [`Splitter::finish`] at the end, or [`Splitter::close`] where the runtime ends the reasoning itself.
//!
//! With tag ids the ids alone count: the same tag spelled in ordinary tokens is a quotation, in reasoning too.
//! Without ids (a tokenizer that has no such tokens) the tags are found in the text, cut as they may be.
//!
//! The edges are clean: whitespace around the reasoning and before the answer is not shown if there is
//! reasoning, and tags with ids are never shown. All else is passed on as it is: an answer without reasoning
//! keeps its whitespace, and so does the end of every answer. What waits is whitespace at the end of the
//! reasoning and, without ids, the part of a tag.
//!
//! The text works character by character, so any cut of it into pieces gives the same segments when joined.

use serde::{Deserialize, Serialize};

/// The text of the tag that opens reasoning in R1's format.
pub const OPEN_TAG: &str = "<think>";
/// The text of the tag that closes reasoning in R1's format.
pub const CLOSE_TAG: &str = "</think>";

/// A piece of what the model wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment<'a> {
    /// More reasoning; never empty.
    Reasoning(&'a str),
    /// The reasoning is over. Comes once, after the last reasoning and before any answer, and not at all where
    /// there was no reasoning or it was still going on at the end.
    ReasoningEnded,
    /// What came as answer so far was reasoning, and it is over: the model closed what it had not opened. Comes once at
    /// most, and where there was no reasoning before.
    AnswerWasReasoning,
    /// More of the answer; never empty.
    Answer(&'a str),
}

/// The state between two tokens; can be stored and read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splitter {
    tags: Tags,
    phase: Phase,
    /// Whitespace that waits for what follows it.
    spaces: String,
    /// Bytes of a tag at the end of the text so far, without ids.
    tag_bytes: usize,
    /// A closing tag may come without an opening one.
    closes_unopened: bool,
    /// Text of the current phase that goes out at the end of the call.
    #[serde(skip)]
    out: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Tags {
    Ids { open: Option<u32>, close: u32 },
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// Nothing but whitespace yet: an opening tag may come.
    Start,
    /// Before the first character of reasoning that is shown.
    ReasoningEdge,
    Reasoning,
    /// Before the first character of an answer after reasoning.
    AnswerEdge,
    Answer,
}

impl Splitter {
    /// `inside` says whether the prompt ends in an open tag; the ids are those of the tags, where they are tokens.
    #[must_use]
    pub fn new(inside: bool, open: Option<u32>, close: Option<u32>) -> Self {
        Self {
            tags: close.map_or(Tags::Text, |close| Tags::Ids { open, close }),
            phase: if inside { Phase::ReasoningEdge } else { Phase::Start },
            spaces: String::new(),
            tag_bytes: 0,
            closes_unopened: false,
            out: String::new(),
        }
    }

    /// The same, where the model may reason without an opening tag. Works for tags with ids alone: in text a closing tag
    /// may be a quotation.
    #[must_use]
    pub fn closing_unopened(self) -> Self {
        Self { closes_unopened: !self.is_reasoning(), ..self }
    }

    /// Whether the reasoning is going on.
    #[must_use]
    pub fn is_reasoning(&self) -> bool {
        matches!(self.phase, Phase::ReasoningEdge | Phase::Reasoning)
    }

    /// Takes all that follows as the answer, character by character: no tag and no whitespace before it is looked for.
    /// Does nothing within the reasoning.
    pub fn begin_answer(&mut self) {
        if !self.is_reasoning() {
            self.phase = Phase::Answer;
            self.closes_unopened = false;
        }
    }

    /// Where the reasoning would end in the next text, in bytes from its start; `None` where it would not. Always that
    /// where the tags have ids.
    #[must_use]
    pub fn end_in(&self, text: &str) -> Option<usize> {
        if !self.is_reasoning() || self.tags != Tags::Text {
            return None;
        }
        let mut ahead = self.clone();
        text.char_indices().find_map(|(start, char)| {
            ahead.step(char, &mut |_| {});
            (!ahead.is_reasoning()).then_some(start + char.len_utf8())
        })
    }

    /// Takes a token and the text that it completed, and gives what can be shown.
    pub fn push(&mut self, id: u32, text: &str, show: &mut dyn FnMut(Segment<'_>)) {
        match self.tags {
            Tags::Ids { close, .. } if id == close => {
                self.feed(text.strip_suffix(CLOSE_TAG).unwrap_or(text), show);
                self.meet_close(show);
            }
            Tags::Ids { open, .. } if Some(id) == open => {
                self.feed(text.strip_suffix(OPEN_TAG).unwrap_or(text), show);
                self.meet_open();
            }
            _ => self.feed(text, show),
        }
        self.flush(show);
    }

    /// Ends the reasoning from outside, for instance because its budget is used up. Does nothing after its end.
    pub fn close(&mut self, show: &mut dyn FnMut(Segment<'_>)) {
        if self.is_reasoning() {
            self.release_tag();
            self.meet_close(show);
        }
    }

    /// Takes the last text, which may have waited for a token that never came, and gives all that can be shown.
    pub fn finish(&mut self, text: &str, show: &mut dyn FnMut(Segment<'_>)) {
        self.feed(text, show);
        self.release_tag();
        if self.phase == Phase::Start {
            self.out.push_str(&self.spaces);
        }
        self.spaces.clear();
        self.flush(show);
    }

    fn feed(&mut self, text: &str, show: &mut dyn FnMut(Segment<'_>)) {
        for char in text.chars() {
            self.step(char, show);
        }
    }

    fn step(&mut self, char: char, show: &mut dyn FnMut(Segment<'_>)) {
        if self.continues_tag(char) {
            self.tag_bytes += 1;
            return self.meet_whole_tag(show);
        }
        if self.tag_bytes > 0 {
            self.release_tag();
            // The character may be the start of another tag, unless the release made this the answer.
            return self.step(char, show);
        }
        self.accept(char);
    }

    fn continues_tag(&self, char: char) -> bool {
        let next = self.awaited_tag().and_then(|tag| tag.as_bytes().get(self.tag_bytes));
        next.is_some_and(|byte| char::from(*byte) == char)
    }

    fn meet_whole_tag(&mut self, show: &mut dyn FnMut(Segment<'_>)) {
        if self.awaited_tag().is_some_and(|tag| tag.len() == self.tag_bytes) {
            self.tag_bytes = 0;
            if self.is_reasoning() { self.meet_close(show) } else { self.meet_open() }
        }
    }

    /// The tag that text is compared with.
    fn awaited_tag(&self) -> Option<&'static str> {
        match (self.tags, self.phase) {
            (Tags::Text, Phase::Start) => Some(OPEN_TAG),
            (Tags::Text, Phase::ReasoningEdge | Phase::Reasoning) => Some(CLOSE_TAG),
            _ => None,
        }
    }

    /// What looked like a tag is text. No end of it can start another tag: `<` stands at their start only.
    fn release_tag(&mut self) {
        let Some(tag) = self.awaited_tag() else { return };
        let bytes = std::mem::take(&mut self.tag_bytes);
        for char in tag[..bytes].chars() {
            self.accept(char);
        }
    }

    /// A character that is text and no tag.
    fn accept(&mut self, char: char) {
        let space = char.is_whitespace();
        match self.phase {
            Phase::ReasoningEdge | Phase::AnswerEdge if space => return,
            Phase::Start | Phase::Reasoning if space => {
                self.spaces.push(char);
                return;
            }
            Phase::Start | Phase::AnswerEdge => self.phase = Phase::Answer,
            Phase::ReasoningEdge => self.phase = Phase::Reasoning,
            Phase::Reasoning | Phase::Answer => {}
        }
        self.out.push_str(&self.spaces);
        self.spaces.clear();
        self.out.push(char);
    }

    fn meet_open(&mut self) {
        if self.phase == Phase::Start {
            self.spaces.clear();
            self.phase = Phase::ReasoningEdge;
            self.closes_unopened = false;
        }
    }

    fn meet_close(&mut self, show: &mut dyn FnMut(Segment<'_>)) {
        let end = if self.is_reasoning() {
            Segment::ReasoningEnded
        } else if self.closes_unopened {
            Segment::AnswerWasReasoning
        } else {
            return;
        };
        self.flush(show);
        self.spaces.clear();
        self.phase = Phase::AnswerEdge;
        self.closes_unopened = false;
        show(end);
    }

    fn flush(&mut self, show: &mut dyn FnMut(Segment<'_>)) {
        if !self.out.is_empty() {
            show(if self.is_reasoning() {
                Segment::Reasoning(&self.out)
            } else {
                Segment::Answer(&self.out)
            });
            self.out.clear();
        }
    }
}

/// Takes what a model has written apart, reasoning and answer. A closing tag without an opening one ends reasoning that the
/// prompt opened. Reasoning is `None` where there is none.
#[must_use]
pub fn apart(content: &str) -> (Option<String>, String) {
    let inside = !content.trim_start().starts_with(OPEN_TAG) && content.contains(CLOSE_TAG);
    let (mut reasoning, mut answer) = (String::new(), String::new());
    let mut splitter = Splitter::new(inside, None, None);
    splitter.finish(content, &mut |segment| match segment {
        Segment::Reasoning(text) => reasoning.push_str(text),
        Segment::Answer(text) => answer.push_str(text),
        Segment::ReasoningEnded | Segment::AnswerWasReasoning => {}
    });
    ((!reasoning.is_empty()).then_some(reasoning), answer)
}

#[cfg(test)]
mod tests;
