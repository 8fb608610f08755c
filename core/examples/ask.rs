//! One question, the reasoning on standard error and the answer on standard output: the whole of what an app needs.
//!
//! `cargo run --release --package wheelwork --example ask -- PACKAGE "12 + 30 = ?"`
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is its purpose")]

use std::error::Error;

use wheelwork::{Event, Model, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(package), Some(question)) = (arguments.next(), arguments.next()) else {
        return Err("expected a package and a question".into());
    };
    let model = Model::open(package)?;
    let mut session = model.session()?;
    for event in session.ask(&question, &Options::default())? {
        match event? {
            Event::ReasoningDelta { text } => eprint!("{text}"),
            Event::AnswerDelta { text } => print!("{text}"),
            _ => {}
        }
    }
    println!();
    Ok(())
}
