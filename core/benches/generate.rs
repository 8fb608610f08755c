//! What a token costs outside ONNX Runtime: sampling, detokenising, splitting, events.
//!
//! The decoder is scripted: it copies random logits of R1-Distill-Qwen-1.5B's vocabulary size (151,936) into
//! place, which costs it one pass over 608 kB that the real one does not make. Divide the time of an iteration
//! by [`TOKENS`] and compare with a decode step (about 26 ms for the 1.5B at int4 on two cores).
//!
//! The vocabulary's texts are R1-Distill-Qwen's where `R1_DISTILL_DIR` names its folder, else those of tiny-r1, which
//! are few: then the figures of forms say nothing of a large model.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use wheelwork::chat::Prompt;
use wheelwork::tokenizer::Tokenizer;
use wheelwork::{ModelFacts, Options, OutputFormat, Session};
use wheelwork_package::card::ControlTokens;
use wheelwork_testing::{ScriptedDecoder, Step, placement};

const VOCAB: usize = 151_936;
const TOKENS: usize = 32;
const CONTEXT: usize = 1 << 20;

/// Logits with a spread like a model's: the sum of twelve uniform numbers, times 2.
fn logits(random: &mut ChaCha8Rng) -> Vec<f32> {
    let uniform = |random: &mut ChaCha8Rng| f64::from(random.next_u32()) / f64::from(u32::MAX);
    (0..VOCAB).map(|_| (2.0 * ((0..12).map(|_| uniform(random)).sum::<f64>() - 6.0)) as f32).collect()
}

fn session() -> Session {
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tiny-r1");
    let texts = std::env::var_os("R1_DISTILL_DIR").map_or_else(|| tiny.clone(), PathBuf::from);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let steps = (0..8).map(|_| Step::Logits(logits(&mut random))).collect();
    let facts = ModelFacts {
        tokenizer: Tokenizer::load(&texts.join("tokenizer.json")).unwrap(),
        tokens: ControlTokens::default(),
        ..wheelwork_testing::facts(CONTEXT)
    };
    let decoder = Box::new(ScriptedDecoder::new(VOCAB, CONTEXT, steps));
    Session::with_decoder(Arc::new(facts), placement(), decoder)
}

fn overhead(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("32 tokens outside ONNX Runtime");
    let greedy = Options { temperature: Some(0.0), ..Options::default() };
    let advised = Options { temperature: Some(0.6), top_p: Some(0.95), seed: Some(1), ..Options::default() };
    for (name, mut options) in [("greedy", greedy), ("temperature 0.6, top-p 0.95", advised)] {
        options.max_tokens = Some(TOKENS);
        let mut session = session();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let prompt = Prompt::from_ids(vec![1, 2, 3], &session.facts().tokenizer);
                session.generate(prompt, &options).unwrap().count()
            });
        });
    }
    // The scripted decoder's own pass, to be subtracted.
    let source = logits(&mut ChaCha8Rng::seed_from_u64(2));
    let mut target = source.clone();
    group.bench_function("of which the script's copy", |bencher| {
        bencher.iter(|| {
            for _ in 0..TOKENS {
                std::hint::black_box(&mut target).clone_from(std::hint::black_box(&source));
            }
        });
    });
    group.finish();
}

/// The same where the answer must have a form: the mask comes on top, and the form is compiled once a turn.
fn forms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("32 tokens in a form");
    let schema = r#"{"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"},
        "size": {"type": "number"}}, "required": ["name", "size"], "additionalProperties": false}, "minItems": 9}"#;
    let forms = [
        ("JSON schema", OutputFormat::JsonSchema(serde_json::from_str(schema).unwrap())),
        ("regex", OutputFormat::Regex("([a-z]+ [0-9]{3}, ){40}".into())),
    ];
    let mut session = session();
    for (name, form) in forms {
        let options = Options {
            output: Some(form.clone()),
            temperature: Some(0.6),
            top_p: Some(0.95),
            seed: Some(1),
            max_tokens: Some(TOKENS),
            ..Options::default()
        };
        let facts = Arc::clone(session.facts());
        // The first look at a vocabulary sorts its texts; later ones find that done.
        let start = Instant::now();
        wheelwork::output::check(&form, &facts.tokenizer).unwrap();
        println!("{name}: compiled in {:.1} ms the first time", start.elapsed().as_secs_f64() * 1e3);
        group.bench_function(format!("{name}, compiled"), |bencher| {
            bencher.iter(|| wheelwork::output::check(&form, &facts.tokenizer).unwrap());
        });
        group.bench_function(format!("{name}, compiled and 32 tokens"), |bencher| {
            bencher.iter(|| {
                // Empty reasoning stands before the answer, so that every token is of the form.
                let prompt = Prompt::from_ids(vec![1, 2, 3], &facts.tokenizer);
                session.generate(prompt, &options).unwrap().count()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, overhead, forms);
criterion_main!(benches);
