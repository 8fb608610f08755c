//! How accuracy depends on the budget of reasoning tokens, with a closing phrase and without.
//!
//! ```sh
//! cargo run --release --example budget_curve -- tiny-r1.ortpackage testdata/tiny-r1/heldout.jsonl 500 > curve.json
//! ```
//!
//! Takes every n-th problem of the list, so that a given number of them is asked, greedily. JSON on stdout: one
//! object a line, `{"closing", "budget", "problems", "exact_percent", "closed_percent", "reasoning_tokens"}`, the last
//! a mean; a budget of `null` is none.
#![allow(clippy::print_stdout)] // A program, not the library.

use serde::Deserialize;
use serde_json::json;
use wheelwork::{Model, Options, ReasoningEnd, Session, Thinking};
use wheelwork_testing::Outcome;

/// Budgets in tokens; tiny-r1's reasoning has 10 to 150.
const BUDGETS: [usize; 12] = [0, 5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 150];

/// A sentence that tiny-r1 has never seen.
const CLOSING_PHRASE: &str = "I have to stop thinking here and answer with what I have.";

#[derive(Deserialize)]
struct Problem {
    prompt: String,
    answer: String,
}

/// Sums over problems.
#[derive(Default)]
struct Score {
    problems: u32,
    exact: u32,
    closed: u32,
    reasoning_tokens: u32,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [package, list, count] = &arguments[..] else {
        return Err("usage: budget_curve PACKAGE PROBLEMS.jsonl COUNT".into());
    };
    let list = std::fs::read_to_string(list)?;
    let problems: Vec<Problem> = list.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let every = (problems.len() / count.parse::<usize>()?.max(1)).max(1);
    let problems: Vec<&Problem> = problems.iter().step_by(every).collect();

    let mut session = Model::open(package)?.session()?;
    let without = Options::default();
    print(&mut session, &problems, "none", None, &without)?;
    for (name, phrase) in [("soft", CLOSING_PHRASE), ("hard", "")] {
        for budget in BUDGETS {
            let closing_phrase = Some(phrase.to_owned());
            let options =
                Options { thinking: Thinking::tokens(budget), closing_phrase, ..Options::default() };
            print(&mut session, &problems, name, Some(budget), &options)?;
        }
    }
    Ok(())
}

fn print(
    session: &mut Session,
    problems: &[&Problem],
    closing: &str,
    budget: Option<usize>,
    options: &Options,
) -> Result<(), wheelwork::Error> {
    let options = Options { temperature: Some(0.0), max_tokens: Some(256), ..options.clone() };
    let mut score = Score::default();
    for problem in problems {
        session.clear();
        let outcome = Outcome::of(session.ask(&problem.prompt, &options)?)?;
        let is_by_budget = |(_, cause): &(usize, ReasoningEnd)| *cause == ReasoningEnd::Budget;
        score.problems += 1;
        score.exact += u32::from(outcome.answer.trim() == problem.answer);
        score.closed += u32::from(outcome.reasoning_ended.iter().any(is_by_budget));
        score.reasoning_tokens += u32::try_from(outcome.usage().reasoning_tokens).unwrap_or(u32::MAX);
    }
    let share = |part: u32, digits: f64| (f64::from(part) / f64::from(score.problems) * digits).round() / 1e2;
    println!(
        "{}",
        json!({
            "closing": closing, "budget": budget, "problems": score.problems,
            "exact_percent": share(score.exact, 1e4), "closed_percent": share(score.closed, 1e4),
            "reasoning_tokens": share(score.reasoning_tokens, 1e2),
        })
    );
    Ok(())
}
