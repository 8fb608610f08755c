//! What quantising costs in right answers: the shipped model on held-out problems, int4 and int8 beside float32.
//!
//! Every tenth of the 2,000 problems, twenty of each task. All of them are the business of `wheelwork evaluate --tasks`;
//! its figures stand in the model card: 98.45 % in float32 and int8, 98.35 % in int4.

// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{TemporaryPackage, testdata};
use serde::Deserialize;
use wheelwork::{Model, Options};
use wheelwork_quantize::Recipe;
use wheelwork_quantize::recipe::{BALANCED, FLOAT, INT8_THROUGHOUT};
use wheelwork_testing::Outcome;

#[derive(Deserialize)]
struct Problem {
    prompt: String,
    answer: String,
}

fn problems() -> Vec<Problem> {
    let list = std::fs::read_to_string(testdata("tiny-r1/heldout.jsonl")).unwrap();
    list.lines().step_by(10).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Problems answered to the character, greedily.
fn right_answers(recipe: Recipe, problems: &[Problem]) -> usize {
    let package = TemporaryPackage::of("tiny-r1", recipe);
    let mut session = Model::open(package.path()).unwrap().session().unwrap();
    let options = Options { temperature: Some(0.0), max_tokens: Some(256), ..Options::default() };
    let mut answers = |problem: &&Problem| {
        session.clear();
        Outcome::of(session.ask(&problem.prompt, &options).unwrap()).unwrap().answer == problem.answer
    };
    problems.iter().filter(|problem| answers(problem)).count()
}

#[test]
fn int4_stays_within_three_points_of_float32_and_int8_within_half_a_point() {
    let problems = problems();
    assert_eq!(problems.len(), 200);
    let [float, int4, int8] =
        [FLOAT, BALANCED, INT8_THROUGHOUT].map(|recipe| right_answers(recipe, &problems));
    assert!(float >= 190, "float32 answers {float} of 200");
    assert!(int4 + 6 >= float, "int4 answers {int4} of 200, float32 {float}");
    assert!(int8 + 1 >= float, "int8 answers {int8} of 200, float32 {float}");
}
