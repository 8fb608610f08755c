//! Holding the answer to its output constraint, and the answer alone: where in the tokens it begins.
//!
//! ```text
//! older prompt         the first token decides: the opening tag, or the answer
//! reasoning            any token
//! closing tag          the model's own or put in
//! empty line           put in: R1 writes "\n\n" there, and so does the reasoning closer
//! answer               what the constraint allows
//! ```
//!
//! So the answer begins at the start of a token, whichever way the reasoning ends, and what stands before it is what the
//! model was trained with. Where the tags are plain text, a token may hold the end of the tag and more: it is put in
//! again without that ([`AnswerConstraint::cut`]).
//!
//! All of it follows from the tokens, so a turn from a file comes to the same place.

use crate::error::Error;
use crate::facts::ModelFacts;
use crate::options::Options;
use crate::text::detokenizer::Detokenizer;
use crate::text::output::{Matcher, OutputError};
use crate::text::reasoning::Splitter;
use crate::text::tools::{self, ToolChoice, ToolsError};

/// An output constraint and where the turn stands in it.
pub(super) struct AnswerConstraint {
    matcher: Matcher,
    place: Place,
    /// The tag that opens the reasoning, where the prompt leaves that to the model.
    open: Option<u32>,
    /// Between reasoning and answer.
    empty_line: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first token, which may open the reasoning.
    Start,
    Reasoning,
    /// So many tokens before the answer.
    Before(usize),
    Answer,
}

impl AnswerConstraint {
    /// `None` where any answer will do.
    pub(super) fn new(
        facts: &ModelFacts,
        options: &Options,
        opens_reasoning: bool,
    ) -> Result<Option<Self>, Error> {
        let Some(matcher) = matcher(facts, options)? else { return Ok(None) };
        let open = facts.tokens.reasoning_open.filter(|_| facts.tokens.reasoning_close.is_some());
        let place = match open {
            _ if opens_reasoning => Place::Reasoning,
            Some(_) if !options.thinking.is_off() => Place::Start,
            _ => Place::Answer,
        };
        Ok(Some(Self { matcher, place, open, empty_line: facts.tokenizer.encode_plain("\n\n")? }))
    }

    /// Rules out what may not come next.
    pub(super) fn restrict(&mut self, logits: &mut [f32], eos: &[u32]) -> Result<(), OutputError> {
        match self.place {
            Place::Start => self.matcher.restrict(logits, eos, self.open),
            Place::Answer => self.matcher.restrict(logits, eos, None),
            Place::Reasoning | Place::Before(_) => Ok(()),
        }
    }

    /// Takes note of a token before its text is split. Not of one that ends the turn.
    pub(super) fn meet(&mut self, token: u32, splitter: &mut Splitter) -> Result<(), OutputError> {
        if self.place == Place::Start {
            self.place = if Some(token) == self.open { Place::Reasoning } else { Place::Answer };
        }
        if self.place == Place::Answer {
            splitter.begin_answer();
            self.matcher.accept(token)?;
        }
        Ok(())
    }

    /// Takes note of a token after its text was split; gives what must be put in now, unless it is already.
    pub(super) fn pass(&mut self, splitter: &Splitter) -> &[u32] {
        match self.place {
            Place::Reasoning if !splitter.is_reasoning() => {
                self.place = self.before(self.empty_line.len());
                return &self.empty_line;
            }
            Place::Before(left) => self.place = self.before(left.saturating_sub(1)),
            _ => {}
        }
        &[]
    }

    fn before(&self, tokens: usize) -> Place {
        if tokens == 0 { Place::Answer } else { Place::Before(tokens) }
    }

    /// The tokens that take the place of one that would end the reasoning and begin the answer at once.
    pub(super) fn cut(
        &self,
        facts: &ModelFacts,
        token: u32,
        detokenizer: &Detokenizer,
        splitter: &Splitter,
    ) -> Result<Option<Vec<u32>>, Error> {
        let mut text = String::new();
        detokenizer.clone().push(facts.tokenizer.token_bytes(token), &mut text);
        match splitter.end_in(&text) {
            Some(end) if end < text.len() => Ok(Some(facts.tokenizer.encode_plain(&text[..end])?)),
            _ => Ok(None),
        }
    }

    /// Whether the answer is whole and nothing can be added to it.
    pub(super) fn is_complete(&self) -> bool {
        self.place == Place::Answer && self.matcher.is_complete()
    }
}

/// What the answer must be: of a form, a tool call, or anything.
fn matcher(facts: &ModelFacts, options: &Options) -> Result<Option<Matcher>, Error> {
    tools::check(&options.tools)?;
    Ok(match (&options.output, options.tool_choice) {
        (Some(_), ToolChoice::Required) => return Err(ToolsError::TwoForms.into()),
        (None, ToolChoice::Required) if options.tools.is_empty() => {
            return Err(ToolsError::NothingToCall.into());
        }
        (None, ToolChoice::Required) => {
            Some(Matcher::for_calls(&facts.tokenizer, facts.template.tool_syntax(), &options.tools)?)
        }
        (Some(format), ToolChoice::Auto) => Some(Matcher::new(&facts.tokenizer, format)?),
        (None, ToolChoice::Auto) => None,
    })
}
