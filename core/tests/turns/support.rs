//! A model of tiny-r1's tokenizer and a script.

use std::sync::Arc;

use wheelwork::{ModelFacts, Options, Session};
use wheelwork_testing::{Outcome, ScriptedDecoder, Step, placement};

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

/// A model that writes `text`, in a context of 1024 tokens.
pub(crate) fn decoder(facts: &ModelFacts, text: &str) -> ScriptedDecoder {
    ScriptedDecoder::new(VOCAB, 1024, script(facts, text))
}

/// A session whose model writes `text`, whatever it is asked.
pub(crate) fn writes(text: &str) -> Session {
    let facts = facts(1024);
    session(&facts, decoder(&facts, text))
}

/// The same model behind R1's older template, which leaves it to the model to open the reasoning.
pub(crate) fn older(text: &str) -> Session {
    let newer = facts(1024);
    let template = newer.template.r1_older().unwrap();
    let facts = ModelFacts { template, ..wheelwork_testing::facts(1024) };
    session(&Arc::new(facts), decoder(&newer, text))
}

pub(crate) fn ask(session: &mut Session, options: &Options) -> Outcome {
    Outcome::of(session.ask("2 + 2 = ?", options).unwrap()).unwrap()
}

/// A whole turn as tiny-r1 writes it.
pub(crate) const TURN: &str = "2+2=4\n</think>\n\n4<｜end▁of▁sentence｜>";
