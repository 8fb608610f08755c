//! A model of tiny-r1's tokenizer and a script, and what a turn of it tells.

use std::sync::Arc;

use wheelwork::{Error, Event, FinishReason, ModelFacts, Options, ReasoningEnd, Session};
use wheelwork_testing::{ScriptedDecoder, Step, placement};

pub(crate) const VOCAB: usize = 2048;

/// tiny-r1 without its weights.
pub(crate) fn facts(context_length: usize) -> Arc<ModelFacts> {
    let closing_phrase = "So I answer.".into();
    Arc::new(ModelFacts { closing_phrase, ..wheelwork_testing::facts(context_length) })
}

/// The tokens of a text in which tags are control tokens.
pub(crate) fn tokens(facts: &ModelFacts, text: &str) -> Vec<u32> {
    wheelwork::chat::Prompt::from_raw_text(text, &facts.tokenizer).unwrap().ids
}

pub(crate) fn script(facts: &ModelFacts, text: &str) -> Vec<Step> {
    tokens(facts, text).into_iter().map(Step::Token).collect()
}

pub(crate) fn session(facts: &Arc<ModelFacts>, decoder: ScriptedDecoder) -> Session {
    Session::with_decoder(Arc::clone(facts), placement(), Box::new(decoder))
}

/// A session whose model writes `text`, whatever it is asked.
pub(crate) fn writes(text: &str) -> Session {
    let facts = facts(1024);
    let decoder = ScriptedDecoder::new(VOCAB, 1024, script(&facts, text));
    session(&facts, decoder)
}

/// Reasoning, answer, the end of reasoning and the end of a turn.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) reasoning: String,
    pub(crate) answer: String,
    pub(crate) reasoning_ended: Vec<(usize, ReasoningEnd)>,
    pub(crate) finished: Option<(FinishReason, wheelwork::Usage, Vec<u32>)>,
}

pub(crate) fn collect(events: impl Iterator<Item = Result<Event, Error>>) -> Result<Outcome, Error> {
    let mut outcome = Outcome::default();
    for event in events {
        match event? {
            Event::ReasoningDelta { text } => outcome.reasoning.push_str(&text),
            Event::AnswerDelta { text } => outcome.answer.push_str(&text),
            Event::ReasoningEnded { tokens, cause, .. } => outcome.reasoning_ended.push((tokens, cause)),
            Event::Finished { reason, usage, token_ids, .. } => {
                assert!(outcome.finished.is_none(), "a turn finishes once");
                outcome.finished = Some((reason, usage, token_ids));
            }
            _ => {}
        }
    }
    Ok(outcome)
}

pub(crate) fn ask(session: &mut Session, options: &Options) -> Outcome {
    collect(session.ask("2 + 2 = ?", options).unwrap()).unwrap()
}

/// A whole turn as tiny-r1 writes it.
pub(crate) const TURN: &str = "2+2=4\n</think>\n\n4<｜end▁of▁sentence｜>";
