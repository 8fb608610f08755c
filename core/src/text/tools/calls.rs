//! Finding calls in an answer, token by token.
//!
//! [`ToolCalls::push`] takes each token's text, [`ToolCalls::finish`] ends the answer. Where a tag is a token, its id
//! alone counts and the same text in ordinary tokens is a quotation; where it is none, and in an answer that is held to a
//! form, it is found in the text, cut as that may be. A call comes as a whole; until it does its text waits.
//!
//! Nothing is lost: what turns out to be no call is text again.

use super::fault::ToolFault;
use super::syntax::{Mark, ToolSyntax};
use super::tool::Tool;
use crate::text::tokenizer::Tokenizer;

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Text, and no call.
    Text(String),
    /// A call.
    Call {
        /// As the model wrote it.
        name: String,
        /// A JSON object, as the model wrote it.
        arguments: String,
        /// Whether a tool of this name was offered.
        known: bool,
    },
    /// What came last as text looked like a call.
    Rejected(ToolFault),
}

/// The state between two tokens.
pub struct ToolCalls {
    syntax: ToolSyntax,
    /// Each tag with its id; without one it is found in the text.
    tags: Vec<(Mark, &'static str, Option<u32>)>,
    names: Vec<String>,
    /// The end of the text, which may be the start of a tag.
    held: String,
    place: Place,
    /// What waits, tags included.
    raw: String,
    /// The call under way, cut at its separator.
    parts: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    /// Behind the tag that begins a list of calls.
    Opened,
    /// Behind a call.
    Behind,
    Call,
}

impl ToolCalls {
    /// `as_text` has tags found in text, even where they are tokens.
    #[must_use]
    pub fn new(syntax: ToolSyntax, tokenizer: &Tokenizer, tools: &[Tool], as_text: bool) -> Self {
        let id = |tag: &str| tokenizer.added_token_id(tag).filter(|_| !as_text);
        Self {
            syntax,
            tags: syntax.tags().iter().map(|(mark, tag)| (*mark, *tag, id(tag))).collect(),
            names: tools.iter().map(|tool| tool.name.clone()).collect(),
            held: String::new(),
            place: Place::Text,
            raw: String::new(),
            parts: Vec::new(),
        }
    }

    /// Takes a token with the text of it and gives what is certain.
    pub fn push(&mut self, token: u32, text: &str, said: &mut dyn FnMut(Said)) {
        let tag = self.tags.iter().find(|(_, _, id)| *id == Some(token)).copied();
        match tag {
            Some((mark, tag, _)) => {
                self.feed(text.strip_suffix(tag).unwrap_or(text), said);
                self.release(said);
                self.meet(mark, tag, said);
            }
            None => self.feed(text, said),
        }
    }

    /// Ends the answer: whole calls count without their end tags.
    pub fn finish(&mut self, said: &mut dyn FnMut(Said)) {
        self.release(said);
        match self.place {
            Place::Call => match self.syntax.parse(&self.parts) {
                Ok(_) => self.end_call(said),
                Err(_) => self.reject(ToolFault::Unfinished, said),
            },
            Place::Opened => self.give_back(said),
            Place::Text | Place::Behind => {}
        }
        self.place = Place::Text;
    }

    fn feed(&mut self, text: &str, said: &mut dyn FnMut(Said)) {
        self.held.push_str(text);
        while let Some((start, mark, tag)) = self.first_tag() {
            let before: String = self.held.drain(..start).collect();
            self.held.drain(..tag.len());
            self.text(&before, said);
            self.meet(mark, tag, said);
        }
        let certain = self.held.len() - self.longest_start();
        let text: String = self.held.drain(..certain).collect();
        self.text(&text, said);
    }

    /// What was held is no tag.
    fn release(&mut self, said: &mut dyn FnMut(Said)) {
        let text = std::mem::take(&mut self.held);
        self.text(&text, said);
    }

    fn first_tag(&self) -> Option<(usize, Mark, &'static str)> {
        let found = self.text_tags().filter_map(|(mark, tag)| Some((self.held.find(tag)?, mark, tag)));
        found.min_by_key(|(start, _, tag)| (*start, usize::MAX - tag.len()))
    }

    /// How many bytes at the end are the start of a tag.
    fn longest_start(&self) -> usize {
        let start_of = |tag: &'static str| {
            let mut ends = tag.char_indices().rev().map(|(end, _)| end);
            ends.find(|end| self.held.ends_with(&tag[..*end]))
        };
        self.text_tags().filter_map(|(_, tag)| start_of(tag)).max().unwrap_or(0)
    }

    fn text_tags(&self) -> impl Iterator<Item = (Mark, &'static str)> {
        self.tags.iter().filter(|(_, _, id)| id.is_none()).map(|(mark, tag, _)| (*mark, *tag))
    }

    fn text(&mut self, text: &str, said: &mut dyn FnMut(Said)) {
        if text.is_empty() {
            return;
        }
        match self.place {
            Place::Text => said(Said::Text(text.to_owned())),
            Place::Opened | Place::Behind => {
                self.raw.push_str(text);
                if !text.trim().is_empty() {
                    self.give_back(said);
                }
            }
            Place::Call => {
                self.raw.push_str(text);
                if let Some(part) = self.parts.last_mut() {
                    part.push_str(text);
                }
            }
        }
    }

    fn meet(&mut self, mark: Mark, tag: &str, said: &mut dyn FnMut(Said)) {
        if self.place == Place::Call && mark == Mark::CallBegin {
            self.reject(ToolFault::Unfinished, said);
        }
        self.raw.push_str(tag);
        match (self.place, mark) {
            (Place::Text, Mark::CallsBegin) => self.place = Place::Opened,
            (Place::Text | Place::Opened | Place::Behind, Mark::CallBegin) => {
                self.place = Place::Call;
                self.parts = vec![String::new()];
            }
            (Place::Behind, Mark::CallsEnd) => {
                self.raw.clear();
                self.place = Place::Text;
            }
            (Place::Call, Mark::Separator) => self.parts.push(String::new()),
            (Place::Call, Mark::CallEnd) => self.end_call(said),
            (Place::Call, Mark::CallsEnd) => {
                self.end_call(said);
                self.place = Place::Text;
            }
            (Place::Call, _) => {}
            _ => self.give_back(said),
        }
    }

    fn end_call(&mut self, said: &mut dyn FnMut(Said)) {
        match self.syntax.parse(&self.parts) {
            Ok((name, arguments)) => {
                self.raw.clear();
                self.place = Place::Behind;
                let known = self.names.contains(&name);
                said(Said::Call { name, arguments, known });
            }
            Err(fault) => self.reject(fault, said),
        }
    }

    fn reject(&mut self, fault: ToolFault, said: &mut dyn FnMut(Said)) {
        self.give_back(said);
        said(Said::Rejected(fault));
    }

    fn give_back(&mut self, said: &mut dyn FnMut(Said)) {
        self.place = Place::Text;
        if !self.raw.is_empty() {
            said(Said::Text(std::mem::take(&mut self.raw)));
        }
    }
}
