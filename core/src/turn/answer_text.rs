//! The answer's text on its way to events: tool calls are taken out of it, then stop texts are watched for.
//!
//! A stop text counts in what is said, not in a call's arguments, and not across a call.

use std::collections::VecDeque;

use crate::event::Event;
use crate::facts::ModelFacts;
use crate::options::Options;
use crate::text::chat::{FunctionCall, ToolCall};
use crate::text::stop::StopStrings;
use crate::text::tools::{Said, ToolCalls, ToolChoice};

/// The id of text that is held back until the turn's end.
pub(super) const NO_TOKEN: u32 = u32::MAX;

pub(super) struct AnswerText {
    /// `None` where no tool is offered.
    calls: Option<ToolCalls>,
    stop: StopStrings,
    made: Vec<ToolCall>,
    /// More than white space was said.
    speaks: bool,
    finished: bool,
}

impl AnswerText {
    pub(super) fn new(facts: &ModelFacts, options: &Options) -> Self {
        // An answer that is held to a form spells its tags.
        let spelled = options.tool_choice == ToolChoice::Required;
        let calls =
            || ToolCalls::new(facts.template.tool_syntax(), &facts.tokenizer, &options.tools, spelled);
        Self {
            calls: (!options.tools.is_empty()).then(calls),
            stop: StopStrings::new(&options.stop),
            made: Vec::new(),
            speaks: false,
            finished: false,
        }
    }

    /// Takes the text of one token; of [`NO_TOKEN`], text of none.
    pub(super) fn push(&mut self, token: u32, text: &str, events: &mut VecDeque<Event>) {
        self.with_calls(text, events, |calls, said| calls.push(token, text, said));
    }

    /// Ends the answer: what waited in vain is shown.
    pub(super) fn finish(&mut self, events: &mut VecDeque<Event>) {
        self.with_calls("", events, |calls, said| calls.finish(said));
        self.release(events);
        self.finished = true;
    }

    /// What was said so far was no answer; what waited of it is shown first.
    pub(super) fn restart(&mut self, events: &mut VecDeque<Event>) {
        self.with_calls("", events, |calls, said| calls.finish(said));
        self.release(events);
        self.speaks = false;
    }

    /// Whether a stop text was met.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.matched()
    }

    /// The calls of a finished answer, if it was nothing else.
    pub(super) fn only_calls(&self) -> Option<&[ToolCall]> {
        (self.finished && !self.speaks && !self.made.is_empty()).then_some(&self.made)
    }

    fn with_calls(
        &mut self,
        text: &str,
        events: &mut VecDeque<Event>,
        run: impl FnOnce(&mut ToolCalls, &mut dyn FnMut(Said)),
    ) {
        let Some(mut calls) = self.calls.take() else { return self.show(text, events) };
        run(&mut calls, &mut |said| self.say(said, events));
        self.calls = Some(calls);
    }

    fn say(&mut self, said: Said, events: &mut VecDeque<Event>) {
        if self.is_stopped() {
            return;
        }
        match said {
            Said::Text(text) => self.show(&text, events),
            Said::Call { name, arguments, known } => {
                self.release(events);
                events.push_back(Event::ToolCall {
                    index: self.made.len(),
                    name: name.clone(),
                    arguments: arguments.clone(),
                    known,
                });
                let function = FunctionCall { name, arguments: arguments.into() };
                self.made.push(ToolCall { id: None, kind: "function".to_owned(), function });
            }
            Said::Rejected(fault) => {
                self.release(events);
                events.push_back(Event::ToolCallRejected { fault });
            }
        }
    }

    fn show(&mut self, text: &str, events: &mut VecDeque<Event>) {
        self.speaks |= !text.trim().is_empty();
        let mut shown = String::new();
        self.stop.push(text, &mut shown);
        push(shown, events);
    }

    /// What might have become a stop text does not.
    fn release(&mut self, events: &mut VecDeque<Event>) {
        let mut rest = String::new();
        self.stop.finish(&mut rest);
        push(rest, events);
    }
}

fn push(text: String, events: &mut VecDeque<Event>) {
    if !text.is_empty() {
        events.push_back(Event::AnswerDelta { text });
    }
}
