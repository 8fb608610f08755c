//! What is known of a model that has no weights.

use std::path::Path;

use wheelwork::ModelFacts;
use wheelwork::chat::ChatTemplate;
use wheelwork::tokenizer::Tokenizer;
use wheelwork_package::GenerationDefaults;
use wheelwork_package::card::ControlTokens;

/// tiny-r1's tokenizer, template and control tokens; greedy, and without a closing phrase.
///
/// # Panics
/// Outside a checkout of the project.
#[must_use]
pub fn facts(context_length: usize) -> ModelFacts {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|above| above.join("testdata/tiny-r1"))
        .find(|folder| folder.is_dir())
        .expect("tiny-r1 is part of the checkout");
    let tokenizer = Tokenizer::load(&folder.join("tokenizer.json")).expect("tiny-r1 has a tokenizer");
    let id = |text: &str| tokenizer.added_token_id(text);
    let tokens = ControlTokens {
        bos: id("<｜begin▁of▁sentence｜>"),
        eos: id("<｜end▁of▁sentence｜>").into_iter().collect(),
        reasoning_open: id("<think>"),
        reasoning_close: id("</think>"),
    };
    ModelFacts {
        name: "scripted".into(),
        tokens,
        tokenizer,
        template: ChatTemplate::from_folder(&folder).expect("tiny-r1 has a template"),
        defaults: GenerationDefaults { do_sample: Some(false), ..GenerationDefaults::default() },
        context_length,
        closing_phrase: String::new(),
        fingerprint: String::new(),
        runtime: String::new(),
    }
}
