//! What quantising costs in right answers: the shipped model on held-out problems, int4 beside float32.
//!
//! Every twentieth of the 2,000 problems, ten of each task. All of them are the business of
//! `core/examples/exact_match.rs`; its figures stand in the model card: 98.45 % in float32, 98.35 % in int4.

// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{TemporaryPackage, testdata};
use serde::Deserialize;
use wheelwork::{Event, Model, Options};
use wheelwork_quantize::Recipe;
use wheelwork_quantize::recipe::{BALANCED, FLOAT};

#[derive(Deserialize)]
struct Problem {
    prompt: String,
    answer: String,
}

fn problems() -> Vec<Problem> {
    let list = std::fs::read_to_string(testdata("tiny-r1/heldout.jsonl")).unwrap();
    list.lines().step_by(20).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Problems answered to the character, greedily.
fn right_answers(recipe: Recipe, problems: &[Problem]) -> usize {
    let package = TemporaryPackage::of("tiny-r1", recipe);
    let mut session = Model::open(package.path()).unwrap().session().unwrap();
    let options = Options { temperature: Some(0.0), max_tokens: Some(256), ..Options::default() };
    let mut answers = |problem: &&Problem| {
        session.clear();
        let events = session.ask(&problem.prompt, &options).unwrap();
        let texts = events.filter_map(|event| match event.unwrap() {
            Event::AnswerDelta { text } => Some(text),
            _ => None,
        });
        texts.collect::<String>() == problem.answer
    };
    problems.iter().filter(|problem| answers(problem)).count()
}

#[test]
fn int4_stays_within_three_points_of_float32() {
    let problems = problems();
    assert_eq!(problems.len(), 100);
    let (float, int4) = (right_answers(FLOAT, &problems), right_answers(BALANCED, &problems));
    assert!(float >= 95, "float32 answers {float} of 100");
    assert!(int4 + 3 >= float, "int4 answers {int4} of 100, float32 {float}");
}
