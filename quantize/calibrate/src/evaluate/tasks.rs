//! Problems with known answers: exact match, steps of the reasoning, and flips against a baseline.
//!
//! A list has one JSON object a line: `{"prompt", "answer"}`, and if wanted `"steps"` (a list, or one text with a step a
//! line; also read as `"chain"`) and `"task"` (a kind, for a table). Answers are greedy and count when they are equal
//! to the character, blanks at the ends aside. A step counts when its line of the reasoning is the expected one.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use wheelwork::{CancelToken, Event, Model, Options};
use wheelwork_package::card::{TaskScore, Tasks};

use super::EvaluateError;
use super::statistics::{Mean, mcnemar, ratio};

/// Problems in a list; more take days on the machines that this is for.
const PROBLEMS_LIMIT: usize = 100_000;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Problem {
    prompt: String,
    answer: String,
    #[serde(default)]
    task: Option<String>,
    #[serde(default, alias = "chain")]
    steps: Steps,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Steps {
    List(Vec<String>),
    Lines(String),
}

impl Default for Steps {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Steps {
    fn lines(&self) -> Vec<&str> {
        match self {
            Self::List(steps) => steps.iter().map(|step| step.trim()).collect(),
            Self::Lines(text) => lines(text),
        }
    }
}

/// What a model made of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    right: bool,
    right_steps: usize,
    tokens: usize,
}

/// Reads a list; an error names the line.
pub(crate) fn read(path: &Path) -> Result<Vec<Problem>, EvaluateError> {
    let fault = |detail: String| EvaluateError::Input { path: path.into(), detail };
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(super::read_text(path)?.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        // serde's message may quote the line; its place is enough.
        let problem = serde_json::from_str(line).map_err(|error| {
            fault(format!(
                "line {number}, column {} is no problem with `prompt` and `answer`",
                error.column()
            ))
        })?;
        problems.push(problem);
        if problems.len() > PROBLEMS_LIMIT {
            return Err(fault(format!("it has more than {PROBLEMS_LIMIT} problems")));
        }
    }
    if problems.is_empty() { Err(fault("it has no problems".into())) } else { Ok(problems) }
}

/// Answers every problem.
pub(crate) fn answer(
    model: &Model,
    problems: &[Problem],
    max_tokens: usize,
    cancel: &CancelToken,
    each: &mut dyn FnMut(usize),
) -> Result<Vec<Outcome>, EvaluateError> {
    let options = Options {
        temperature: Some(0.0),
        max_tokens: Some(max_tokens),
        cancel: cancel.clone(),
        ..Options::default()
    };
    let mut session = model.session()?;
    let mut outcomes = Vec::with_capacity(problems.len());
    for problem in problems {
        session.clear();
        let (mut reasoning, mut answer, mut tokens) = (String::new(), String::new(), 0);
        for event in session.ask(&problem.prompt, &options)? {
            match event? {
                Event::ReasoningDelta { text } => reasoning.push_str(&text),
                Event::AnswerDelta { text } => answer.push_str(&text),
                Event::Finished { usage, .. } => tokens = usage.completion_tokens,
                _ => {}
            }
        }
        if cancel.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        outcomes.push(judge(problem, &reasoning, &answer, tokens));
        each(outcomes.len());
    }
    Ok(outcomes)
}

fn judge(problem: &Problem, reasoning: &str, answer: &str, tokens: usize) -> Outcome {
    let expected = problem.steps.lines();
    let right_steps =
        expected.iter().zip(lines(reasoning)).filter(|(expected, found)| *expected == found).count();
    Outcome { right: answer.trim() == problem.answer.trim(), right_steps, tokens }
}

/// Lines that are not blank.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// The package's answers beside the baseline's.
pub(crate) fn compare(
    baseline_name: &str,
    problems: &[Problem],
    package: &[Outcome],
    baseline: &[Outcome],
) -> Tasks {
    let rows: Vec<_> = problems
        .iter()
        .zip(package.iter().zip(baseline))
        .map(|(problem, (a, b))| (problem, *a, *b))
        .collect();
    let mut kinds: BTreeMap<String, Vec<(&Problem, Outcome, Outcome)>> = BTreeMap::new();
    for row in &rows {
        if let Some(task) = &row.0.task {
            kinds.entry(task.clone()).or_default().push(*row);
        }
    }
    let broken = rows.iter().filter(|(_, package, baseline)| baseline.right && !package.right).count();
    let repaired = rows.iter().filter(|(_, package, baseline)| package.right && !baseline.right).count();
    let tokens = |outcomes: &[Outcome]| outcomes.iter().map(|outcome| outcome.tokens).sum::<usize>();
    Tasks {
        baseline: baseline_name.to_owned(),
        all: score(&rows),
        by_task: kinds.into_iter().map(|(task, rows)| (task, score(&rows))).collect(),
        broken,
        repaired,
        mcnemar_p: mcnemar(broken, repaired),
        length_ratio: ratio(tokens(package), tokens(baseline)).unwrap_or(1.0),
    }
}

fn score(rows: &[(&Problem, Outcome, Outcome)]) -> TaskScore {
    let expected: usize = rows.iter().map(|(problem, ..)| problem.steps.lines().len()).sum();
    let steps = |side: fn(&(&Problem, Outcome, Outcome)) -> Outcome| {
        ratio(rows.iter().map(|row| side(row).right_steps).sum(), expected)
    };
    let right: Mean = rows.iter().map(|(_, package, _)| f64::from(u8::from(package.right))).collect();
    let baseline: Mean = rows.iter().map(|(.., baseline)| f64::from(u8::from(baseline.right))).collect();
    TaskScore {
        problems: rows.len(),
        exact_match: right.estimate(),
        baseline_exact_match: baseline.value(),
        step_accuracy: steps(|row| row.1),
        baseline_step_accuracy: steps(|row| row.2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(line: &str) -> Problem {
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn steps_are_a_list_or_lines() {
        let list = problem(r#"{"prompt": "p", "answer": "a", "steps": ["one", " two"]}"#);
        let chain = problem(r#"{"prompt": "p", "answer": "a", "chain": "one\n\ntwo\n", "more": 1}"#);
        assert_eq!(list.steps.lines(), ["one", "two"]);
        assert_eq!(chain.steps.lines(), ["one", "two"]);
        assert!(problem(r#"{"prompt": "p", "answer": "a"}"#).steps.lines().is_empty());
    }

    #[test]
    fn a_step_counts_in_its_place() {
        let problem = problem(r#"{"prompt": "p", "answer": "42", "steps": ["a", "b", "c"]}"#);
        let outcome = judge(&problem, "a\nx\nc\nd\n", " 42\n", 9);
        assert_eq!(outcome, Outcome { right: true, right_steps: 2, tokens: 9 });
        assert!(!judge(&problem, "", "42.", 1).right);
    }

    #[test]
    fn flips_are_counted_both_ways() {
        let problems: Vec<_> = (0..4)
            .map(|n| {
                problem(&format!(r#"{{"prompt": "p", "answer": "a", "task": "t{}", "steps": ["s"]}}"#, n % 2))
            })
            .collect();
        let outcome = |right, right_steps, tokens| Outcome { right, right_steps, tokens };
        let package =
            [outcome(true, 1, 10), outcome(false, 0, 10), outcome(true, 1, 10), outcome(false, 1, 10)];
        let baseline = [outcome(true, 1, 5), outcome(true, 1, 5), outcome(false, 1, 5), outcome(true, 1, 5)];
        let found = compare("float", &problems, &package, &baseline);
        assert_eq!((found.broken, found.repaired, found.length_ratio), (2, 1, 2.0));
        assert_eq!(found.mcnemar_p, 1.0);
        assert_eq!((found.all.problems, found.all.exact_match.value), (4, 0.5));
        assert_eq!((found.all.baseline_exact_match, found.all.step_accuracy), (0.75, Some(0.75)));
        assert_eq!(found.by_task["t0"].exact_match.value, 1.0);
        assert_eq!(found.by_task["t1"].baseline_step_accuracy, Some(1.0));
    }

    #[test]
    fn a_bad_line_is_named_without_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.jsonl");
        std::fs::write(&path, "{\"prompt\": \"p\", \"answer\": \"a\"}\n\n{\"prompt\": \"secret\"}\n")
            .unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("line 3") && !message.contains("secret"), "{message}");
        std::fs::write(&path, "\n").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("no problems"));
    }
}
