//! Several steps in a row, each of which runs even when an earlier one failed, so that one run shows all there
//! is to mend; a table of results and times ends it.

use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::report;
use crate::task_error::TaskError;

/// Runs the steps that were asked for; all, where none was. `task` is the command that repeats some of them, as in `cargo xtask ci`.
pub(crate) fn run_each<S: ValueEnum>(
    task: &str,
    asked: &[S],
    run: impl Fn(&S) -> Result<(), TaskError>,
) -> Result<(), TaskError> {
    let mut outcomes = Vec::new();
    for step in if asked.is_empty() { S::value_variants() } else { asked } {
        let name = name(step);
        report::step(&name);
        let start = Instant::now();
        let result = run(step);
        if let Err(error) = &result {
            report::error(error);
        }
        outcomes.push(Outcome { name, took: start.elapsed(), passed: result.is_ok() });
    }
    summarise(task, &outcomes)
}

struct Outcome {
    name: String,
    took: Duration,
    passed: bool,
}

fn summarise(task: &str, outcomes: &[Outcome]) -> Result<(), TaskError> {
    report::step("summary");
    for Outcome { name, took, passed } in outcomes {
        let line = format!("{name:<10}{:>6.1} s", took.as_secs_f64());
        if *passed { report::pass(&line) } else { report::fail(&line) }
    }
    let failed: Vec<_> =
        outcomes.iter().filter(|outcome| !outcome.passed).map(|outcome| outcome.name.as_str()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(TaskError::new(format!("{} of {} steps failed", failed.len(), outcomes.len()))
        .remedy(format!("mend what stands above and repeat with `{task} {}`", failed.join(" "))))
}

/// The step's name on the command line.
pub(crate) fn name(step: &impl ValueEnum) -> String {
    step.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
    enum Step {
        First,
        Second,
        Third,
    }

    #[test]
    fn a_failed_step_stops_no_other_and_is_named_in_the_remedy() {
        let ran = RefCell::new(Vec::new());
        let error = run_each("cargo xtask x", Step::value_variants(), |step| {
            ran.borrow_mut().push(*step);
            if *step == Step::Second { Err(TaskError::new("no")) } else { Ok(()) }
        })
        .unwrap_err();
        assert_eq!(ran.into_inner(), [Step::First, Step::Second, Step::Third]);
        assert_eq!(error.to_string(), "1 of 3 steps failed");
        assert!(error.remedy_text().unwrap().contains("`cargo xtask x second`"));
    }
}
