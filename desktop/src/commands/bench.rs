//! `wheelwork bench`: prefill and decode rates of a model on this machine.
//!
//! Each figure is taken `--repeat` times; the best and the median are told, because a shared machine has slow
//! moments. Tokens are pseudo-random: the rates do not depend on what they say.

mod session;

use std::time::Instant;

use serde_json::json;
use wheelwork::decoder::Decoder;
use wheelwork::{Error, Model};

use crate::arguments::BenchArguments;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::machine::{memory, processor};
use crate::{model_source, output};

pub(crate) fn run(arguments: &BenchArguments, json: bool) -> Result<(), Failure> {
    let cancel = Interrupt::install()?.token();
    let start = Instant::now();
    let model = model_source::open(&arguments.model, cancel.clone())?;
    let load_ms = start.elapsed().as_secs_f64() * 1e3;
    let machine = json!({
        "model": model.facts().name, "load_ms": load_ms, "placement": model.placement(),
        "processor": processor(), "onnxruntime": model.runtime_info(),
        "version": env!("CARGO_PKG_VERSION"), "memory_after_load": memory(),
    });
    output::tell(json, &machine, || {
        tell_machine(&model, load_ms);
        anstream::println!("{:<8} {:>7} {:>7}  {:>12} {:>12}", "phase", "tokens", "after", "best", "median");
    })?;
    let prefill = arguments.prompt.iter().map(|&tokens| ("prefill", 0, tokens));
    let decode = arguments.depth.iter().map(|&context| ("decode", context, arguments.decode));
    for (phase, context, tokens) in prefill.chain(decode) {
        let mut rates = Vec::new();
        for _ in 0..arguments.repeat {
            if cancel.is_cancelled() {
                return Err(Failure::Interrupted);
            }
            let mut decoder = model.decoder()?;
            decoder.make_room(context + tokens);
            feed(decoder.as_mut(), context)?;
            let start = Instant::now();
            match phase {
                "prefill" => feed(decoder.as_mut(), tokens)?,
                _ => step(decoder.as_mut(), tokens)?,
            }
            rates.push(tokens as f64 / start.elapsed().as_secs_f64());
        }
        let (best, median) = (rates.iter().copied().fold(0.0, f64::max), median(rates.iter().copied()));
        let row = json!({
            "phase": phase, "context": context, "tokens": tokens, "best_tokens_per_s": best,
            "median_tokens_per_s": median, "takes": rates.len(),
        });
        output::tell(json, &row, || {
            anstream::println!("{phase:<8} {tokens:>7} {context:>7}  {best:>8.1} t/s {median:>8.1} t/s");
        })?;
    }
    if let Some(tokens) = arguments.session {
        session::run(&model, tokens, arguments.decode, arguments.repeat, cancel, json)?;
    }
    output::tell(json, &json!({ "memory_at_end": memory() }), || {
        let kv_bytes = model.kv_shape().bytes(1);
        anstream::println!(
            "\ncache      {kv_bytes} bytes a token\nmemory     {} at the end",
            memory_in_words()
        );
    })
}

/// What was measured on.
fn tell_machine(model: &Model, load_ms: f64) {
    let rows = [
        ("model", model.facts().name.clone()),
        ("device", output::describe(model.placement())),
        ("processor", processor().unwrap_or_else(|| "unknown".to_owned())),
        ("runtime", model.runtime_info().to_owned()),
        ("wheelwork", env!("CARGO_PKG_VERSION").to_owned()),
        ("loaded in", format!("{load_ms:.0} ms")),
        ("memory", format!("{} after load", memory_in_words())),
    ];
    for (what, value) in rows {
        anstream::println!("{what:<10} {value}");
    }
    anstream::println!();
}

/// This process's memory, where the system tells it.
fn memory_in_words() -> String {
    let memory = memory();
    let megabytes = |field: &str| memory.get(field)?.as_f64().map(|kilobytes| kilobytes * 1.024 / 1e3);
    match (megabytes("resident_kb"), megabytes("anonymous_kb")) {
        (Some(resident), Some(own)) => format!("{resident:.0} MB, {own:.0} MB of them its own"),
        _ => "not told by this system".to_owned(),
    }
}

/// Computes `tokens` tokens as a prompt.
fn feed(decoder: &mut dyn Decoder, tokens: usize) -> Result<(), Error> {
    let ids: Vec<u32> = (0..tokens).map(pseudo_random_token).collect();
    for chunk in ids.chunks(decoder.chunk_tokens()) {
        decoder.prefill(chunk)?;
    }
    Ok(())
}

/// Computes `tokens` tokens one by one.
fn step(decoder: &mut dyn Decoder, tokens: usize) -> Result<(), Error> {
    for index in 0..tokens {
        decoder.decode(pseudo_random_token(index))?;
    }
    Ok(())
}

/// Below 256, which every vocabulary has.
#[allow(clippy::cast_possible_truncation)]
fn pseudo_random_token(index: usize) -> u32 {
    (index.wrapping_mul(2_654_435_761) >> 7) as u32 % 256
}

/// The middle one, the upper of two; 0 of none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
