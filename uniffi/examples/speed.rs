//! Tokens per second of an engine in Rust, as its reader sees them: the other side of `cargo xtask kotlin --bench`.
//!
//! `speed MODEL` asks the same question at each line of stdin and answers with a line: tokens, seconds from the first event
//! to the last.
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::error::Error;
use std::io;
use std::time::Instant;

use wheelwork::engine::{Engine, EngineOptions, Priority};
use wheelwork::{Event, Model, OnLoop, Options, OutputFormat};

/// The question and the answer of `Speed.kt`: the same tokens on both sides.
const QUESTION: &str = "478 + 256 = ?";
const ANSWER: &str = "(734){100}";

fn main() -> Result<(), Box<dyn Error>> {
    let model = std::env::args().nth(1).ok_or("a model is missing")?;
    let engine = Engine::new(Model::open(model)?, EngineOptions::default())?;
    let options = Options {
        temperature: Some(0.0),
        on_loop: OnLoop::Ignore,
        output: Some(OutputFormat::Regex(ANSWER.to_owned())),
        ..Options::default()
    };
    for line in io::stdin().lines() {
        line?;
        let chat = engine.session()?;
        let mut start = None;
        for event in chat.ask(QUESTION, &options, Priority::Interactive)? {
            let event = event?;
            let start = start.get_or_insert_with(Instant::now);
            if let Event::Finished { token_ids, .. } = event {
                println!("{} {}", token_ids.len(), start.elapsed().as_secs_f64());
            }
        }
    }
    Ok(())
}
