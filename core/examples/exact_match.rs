//! How many problems of a list a package answers exactly, greedily.
//!
//! ```sh
//! cargo run --release --example exact_match -- tiny-r1.ortpackage testdata/tiny-r1/heldout.jsonl
//! ```
//!
//! The list has one JSON object a line: `{"task", "prompt", "answer"}`. The table on stdout is JSON: percent a
//! task, and over all.
#![allow(clippy::print_stdout)] // A program, not the library.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};

use serde::Deserialize;
use wheelwork::{Event, Model, Options};

#[derive(Deserialize)]
struct Problem {
    task: String,
    prompt: String,
    answer: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(package), Some(list)) = (arguments.next(), arguments.next()) else {
        return Err("usage: exact_match PACKAGE PROBLEMS.jsonl".into());
    };
    let model = Model::open(package)?;
    let options = Options { temperature: Some(0.0), max_tokens: Some(256), ..Options::default() };
    let mut session = model.session()?;
    // Right and asked, by task.
    let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for line in BufReader::new(std::fs::File::open(list)?).lines() {
        let problem: Problem = serde_json::from_str(&line?)?;
        session.clear();
        let mut answer = String::new();
        for event in session.ask(&problem.prompt, &options)? {
            if let Event::AnswerDelta { text } = event? {
                answer.push_str(&text);
            }
        }
        for task in [problem.task, "all".to_owned()] {
            let (right, asked) = counts.entry(task).or_default();
            *right += u32::from(answer == problem.answer);
            *asked += 1;
        }
    }
    let percent = |(right, asked): (u32, u32)| (f64::from(right) * 1e4 / f64::from(asked)).round() / 1e2;
    let table: BTreeMap<_, _> = counts.into_iter().map(|(task, count)| (task, percent(count))).collect();
    println!("{}", serde_json::to_string(&table)?);
    Ok(())
}
