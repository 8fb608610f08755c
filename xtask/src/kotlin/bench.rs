//! `cargo xtask kotlin --bench`: tokens per second through Kotlin beside the same engine in Rust, in one run.
//!
//! Both programs ask the same question of the same model with the same native code; they take turns, so that what else
//! the machine does falls on both. A figure is the median of all turns but the first of each program.

use std::path::Path;
use std::process::Command;

use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report, test};

/// How often each program runs.
const ROUNDS: usize = 5;

/// Questions in a round.
const TURNS: &str = "12";

/// Runs both by turns and shows the medians. `kotlin` is a JVM that lacks only its arguments.
pub(super) fn run(
    workspace: &Workspace,
    model: &Path,
    kotlin: impl Fn() -> Result<Command, TaskError>,
) -> Result<(), TaskError> {
    let rust = workspace
        .target
        .join("debug")
        .join("examples")
        .join(format!("speed{}", std::env::consts::EXE_SUFFIX));
    let (mut in_rust, mut in_kotlin) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        in_rust.extend(rates(workspace, Command::new(&rust), model)?);
        in_kotlin.extend(rates(workspace, kotlin()?, model)?);
    }
    let (rust, kotlin) = (median(in_rust), median(in_kotlin));
    report::pass(&format!(
        "tokens per second: {rust:.0} in Rust, {kotlin:.0} through Kotlin, {:+.1} %",
        (kotlin / rust - 1.0) * 100.0
    ));
    Ok(())
}

/// Tokens per second of each turn but the first.
fn rates(workspace: &Workspace, mut program: Command, model: &Path) -> Result<Vec<f64>, TaskError> {
    test::prepare(&mut program, workspace)?;
    let said = command::capture(program.arg(model).arg(TURNS))?;
    Ok(said.lines().skip(1).filter_map(rate).collect())
}

/// Of a line `TOKENS SECONDS`.
fn rate(line: &str) -> Option<f64> {
    let (tokens, seconds) = line.split_once(' ')?;
    Some(tokens.parse::<f64>().ok()? / seconds.parse::<f64>().ok()?)
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_tokens_over_seconds_and_the_median_stands_in_the_middle() {
        assert_eq!(rate("300 0.5"), Some(600.0));
        assert_eq!(rate("no line"), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
