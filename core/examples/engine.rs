//! Two conversations at once on one model, one of them in the background, on a device that gets hot in between.
//!
//! `cargo run --release --example engine -- tiny-r1.ortpackage`, with `ORT_DYLIB_PATH` as `cargo xtask fetch` prints it.
#![allow(clippy::print_stdout)]

use std::thread;

use wheelwork::engine::pace::Thermal;
use wheelwork::engine::{Conditions, Engine, EngineOptions, Priority, Turn};
use wheelwork::{Error, Event, Model, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let package = std::env::args().nth(1).ok_or("usage: engine PACKAGE")?;
    let engine = Engine::new(Model::open(package)?, EngineOptions::default())?;

    let title = engine.session()?.ask("478 + 256 = ?", &Options::default(), Priority::Background)?;
    let title = thread::spawn(move || answer(title));

    let chat = engine.session()?;
    let mut turn = chat.ask("What is 4823 + 3987?", &Options::default(), Priority::Interactive)?;
    let first = turn.next().transpose()?;
    println!("{first:?}");
    engine.set_conditions(&Conditions { thermal: Thermal::Fair, ..Conditions::default() });
    println!("in the foreground: {}", answer(turn)?);

    let title = title.join().map_err(|_| "the reader panicked")?;
    println!("in the background: {}", title?);
    Ok(())
}

/// Reads a turn to its end.
fn answer(turn: Turn) -> Result<String, Error> {
    let mut answer = String::new();
    for event in turn {
        match event? {
            Event::AnswerDelta { text } => answer += &text,
            Event::PaceChanged { pace } => println!("pace: {pace:?}"),
            _ => {}
        }
    }
    Ok(answer)
}
