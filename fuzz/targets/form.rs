//! Forms that answers are held to: any text as a schema, an expression or a grammar is refused, or a turn of random
//! logits is held to it. The first byte says which of the three, the second is the draws' seed.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use wheelwork::chat::Prompt;
use wheelwork::{ModelFacts, Options, OutputFormat, Session, Thinking};
use wheelwork_package::card::ControlTokens;
use wheelwork_testing::{ScriptedDecoder, Step, placement};

const VOCABULARY: usize = 2048;
const CONTEXT_TOKENS: usize = 64;

static FACTS: LazyLock<Arc<ModelFacts>> = LazyLock::new(|| {
    let tokens = ControlTokens { eos: vec![0], ..ControlTokens::default() };
    Arc::new(ModelFacts { tokens, ..wheelwork_testing::facts(CONTEXT_TOKENS) })
});

/// Every token as likely as any other: the form alone says what is written.
static LOGITS: LazyLock<Vec<Step>> = LazyLock::new(|| vec![Step::Logits(vec![0.0; VOCABULARY])]);

fuzz_target!(|bytes: &[u8]| {
    let Some(([kind, seed], text)) = bytes.split_first_chunk() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let form = match kind % 3 {
        0 => OutputFormat::json_schema(text),
        1 => Ok(OutputFormat::Regex(text.to_owned())),
        _ => Ok(OutputFormat::Lark(text.to_owned())),
    };
    let Ok(form) = form else { return };
    if wheelwork::output::check(&form, &FACTS.tokenizer).is_err() {
        return;
    }
    let options = Options {
        output: Some(form),
        thinking: Thinking::Off,
        temperature: Some(1.0),
        seed: Some(u64::from(*seed)),
        max_tokens: Some(24),
        ..Options::default()
    };
    let decoder = Box::new(ScriptedDecoder::new(VOCABULARY, CONTEXT_TOKENS, LOGITS.clone()));
    let mut session = Session::with_decoder(Arc::clone(&FACTS), placement(), decoder);
    let turn = session.generate(Prompt::from_ids(vec![1], &FACTS.tokenizer), &options);
    // An error ends it: an answer never goes on without its form.
    if let Ok(turn) = turn {
        turn.for_each(drop);
    }
});
