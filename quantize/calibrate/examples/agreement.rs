//! Static graphs on an NPU, or on its simulator, beside the same graphs on ONNX Runtime's CPU provider, over
//! greedy tokens. One line of JSON: [`Agreement`](wheelwork_calibrate::agreement::Agreement) with times.
//!
//! ```sh
//! cargo run -p wheelwork-calibrate --example agreement -- PACKAGE VARIANT [TOKENS]
//! ```
#![allow(clippy::print_stdout)] // A program, not the library.

use std::path::Path;
use std::time::Instant;

use serde_json::json;
use wheelwork::chat::Message;
use wheelwork::{DevicePreference, Model, OpenOptions};
use wheelwork_calibrate::agreement;

const QUESTION: &str = "What is 12 + 30?";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [package, variant, rest @ ..] = arguments.as_slice() else {
        return Err("usage: agreement PACKAGE VARIANT [TOKENS]".into());
    };
    let tokens = rest.first().map_or(Ok(16), |tokens| tokens.parse())?;
    let package = Path::new(package);
    let start = Instant::now();
    let strict = OpenOptions { device: DevicePreference::Npu, strict: true, ..OpenOptions::default() };
    let model = Model::open_with(package, &strict)?;
    let open_s = start.elapsed().as_secs_f64();
    let prompt = model.facts().template.prompt(&model.facts().tokenizer, &[Message::user(QUESTION)])?.ids;
    let mut found = model.decoder()?;
    let mut expected = Model::static_reference(package, variant)?;
    let start = Instant::now();
    let agreement = agreement::greedy(found.as_mut(), expected.as_mut(), &prompt, tokens)?;
    println!(
        "{}",
        json!({
            "tokens": tokens, "same": agreement.same(), "relative_rms": agreement.relative_rms,
            "prompt_tokens": prompt.len(), "positions": agreement.positions,
            "open_s": open_s, "both_s": start.elapsed().as_secs_f64(), "placement": model.placement(),
        })
    );
    Ok(())
}
