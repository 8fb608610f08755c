//! `cargo xtask kotlin --bench`: tokens per second through Kotlin beside the same engine in Rust, in one run.
//!
//! Both programs ask the same question of the same model with the same native code. They take a turn each, so that what
//! else the machine does falls on both; what is compared is the two turns of a pair. The first turns are told apart: a JVM
//! begins by interpreting, and compiles meanwhile.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{report, test};

/// Pairs of turns that tell what the first second costs.
const COLD_PAIRS: usize = 12;

/// For so long, and no shorter than these pairs, both warm up.
const WARM_UP: (Duration, usize) = (Duration::from_secs(30), 50);

/// Pairs of turns that are compared.
const PAIRS: usize = 200;

/// Openings that are cancelled.
const CANCELS: usize = 20;

/// Measures `rust` and `kotlin`, programs that lack only the model, and shows the medians.
pub(super) fn run(
    workspace: &Workspace,
    model: &Path,
    rust: Command,
    kotlin: Command,
) -> Result<(), TaskError> {
    let (mut rust, mut kotlin) =
        (Program::start(workspace, rust, model)?, Program::start(workspace, kotlin, model)?);
    let mut pair = || Ok::<_, TaskError>((rust.turn()?, kotlin.turn()?));
    let cold = (0..COLD_PAIRS).map(|_| pair()).collect::<Result<Vec<_>, _>>()?;
    let (start, mut pairs) = (Instant::now(), 0);
    while start.elapsed() < WARM_UP.0 || pairs < WARM_UP.1 {
        pair()?;
        pairs += 1;
    }
    let warm = (0..PAIRS).map(|_| pair()).collect::<Result<Vec<_>, _>>()?;
    report::note(&format!("the first {COLD_PAIRS} turns: {}", Comparison::of(&cold)));
    report::pass(&format!("tokens per second: {}", Comparison::of(&warm)));
    let cancels = (0..CANCELS).map(|_| kotlin.figure("cancel")).collect::<Result<Vec<_>, _>>()?;
    let [_, median, _, slowest] = quarters(cancels).map(|seconds| seconds * 1e3);
    report::pass(&format!("an opening ends {median:.1} ms after its job's cancel, at most {slowest:.1} ms"));
    Ok(())
}

/// A program that measures when it is told to.
struct Program {
    child: Child,
    /// None once it has been told the end.
    wanted: Option<ChildStdin>,
    figures: BufReader<ChildStdout>,
}

/// Of one turn.
#[derive(Debug, Clone, Copy)]
struct Turn {
    tokens_per_s: f64,
    /// Of the program's processor time, where the system tells it.
    cpu_ms_per_token: f64,
}

impl Program {
    fn start(workspace: &Workspace, mut command: Command, model: &Path) -> Result<Self, TaskError> {
        test::prepare(&mut command, workspace)?;
        let mut child = command.arg(model).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let ends = (child.stdin.take(), child.stdout.take());
        let (wanted, Some(figures)) = ends else { return Err(TaskError::new("talk to a program")) };
        Ok(Self { child, wanted, figures: BufReader::new(figures) })
    }

    fn turn(&mut self) -> Result<Turn, TaskError> {
        let before = self.cpu_seconds();
        let line = self.ask("turn")?;
        let cpu_seconds = self.cpu_seconds() - before;
        let figures = line
            .split_once(' ')
            .and_then(|(tokens, seconds)| Some((tokens.parse::<f64>().ok()?, seconds.parse::<f64>().ok()?)));
        let (tokens, seconds) =
            figures.ok_or_else(|| TaskError::new(format!("read `{line}` as tokens and seconds")))?;
        Ok(Turn { tokens_per_s: tokens / seconds, cpu_ms_per_token: cpu_seconds * 1e3 / tokens })
    }

    fn figure(&mut self, wanted: &str) -> Result<f64, TaskError> {
        let line = self.ask(wanted)?;
        line.parse().map_err(|_| TaskError::new(format!("read `{line}` as a number")))
    }

    fn ask(&mut self, wanted: &str) -> Result<String, TaskError> {
        let input = self.wanted.as_mut().ok_or_else(|| TaskError::new("talk to a program that ended"))?;
        writeln!(input, "{wanted}")?;
        let mut line = String::new();
        if self.figures.read_line(&mut line)? == 0 {
            return Err(TaskError::new(format!("measure `{wanted}`: the program ended")));
        }
        Ok(line.trim().to_owned())
    }

    /// Processor time of all its threads so far; not a number where the system has no `/proc`.
    fn cpu_seconds(&self) -> f64 {
        let stat = fs_err::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        cpu_ticks(&stat).map_or(f64::NAN, |ticks| ticks / TICKS_PER_SECOND)
    }
}

impl Drop for Program {
    /// The end of its input is its own.
    fn drop(&mut self) {
        drop(self.wanted.take());
        let _ = self.child.wait();
    }
}

/// What Linux tells processor time in, whatever it counts in itself.
const TICKS_PER_SECOND: f64 = 100.0;

/// Time in programs and in the kernel, of a line of `/proc/PID/stat`: the fields 14 and 15. The second is a name in brackets,
/// which may hold anything.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    Some(fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?)
}

/// Pairs of turns, the first in Rust and the second in Kotlin.
struct Comparison {
    rust: f64,
    kotlin: f64,
    /// The quarters of how much faster the second of a pair is, in percent.
    faster: [f64; 4],
    rust_cpu_ms: f64,
    kotlin_cpu_ms: f64,
}

impl Comparison {
    fn of(pairs: &[(Turn, Turn)]) -> Self {
        let median = |figure: fn(&(Turn, Turn)) -> f64| quarters(pairs.iter().map(figure).collect())[1];
        let mean = |figure: fn(&(Turn, Turn)) -> f64| {
            pairs.iter().map(figure).sum::<f64>() / f64::from(u32::try_from(pairs.len()).unwrap_or(u32::MAX))
        };
        let faster = |(rust, kotlin): &(Turn, Turn)| (kotlin.tokens_per_s / rust.tokens_per_s - 1.0) * 100.0;
        Self {
            rust: median(|(rust, _)| rust.tokens_per_s),
            kotlin: median(|(_, kotlin)| kotlin.tokens_per_s),
            faster: quarters(pairs.iter().map(faster).collect()),
            // A turn is a few ticks long: only the sum says something.
            rust_cpu_ms: mean(|(rust, _)| rust.cpu_ms_per_token),
            kotlin_cpu_ms: mean(|(_, kotlin)| kotlin.cpu_ms_per_token),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, middle, high, _] = self.faster;
        write!(
            f,
            "{:.0} in Rust, {:.0} through Kotlin; of a pair {middle:+.1} % (the middle half {low:+.1} to {high:+.1} %); \
             processor time a token {:.3} and {:.3} ms",
            self.rust, self.kotlin, self.rust_cpu_ms, self.kotlin_cpu_ms
        )
    }
}

/// What a quarter, a half, three quarters and all of the figures do not exceed.
fn quarters(mut figures: Vec<f64>) -> [f64; 4] {
    figures.sort_by(f64::total_cmp);
    [1, 2, 3, 4].map(|quarter| {
        let place = (figures.len() * quarter / 4).min(figures.len().saturating_sub(1));
        figures.get(place).copied().unwrap_or(f64::NAN)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_stands_in_the_middle_and_the_last_quarter_at_the_end() {
        assert_eq!(quarters(vec![3.0, 1.0, 2.0]), [1.0, 2.0, 3.0, 3.0]);
        assert_eq!(quarters(vec![5.0, 1.0, 2.0, 4.0, 3.0]), [2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn processor_time_is_told_behind_a_name_that_may_hold_anything() {
        assert_eq!(cpu_ticks("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0"), Some(300.0));
        assert_eq!(cpu_ticks("no line"), None);
    }

    #[test]
    fn two_turns_of_a_pair_are_compared_with_each_other() {
        let turn = |tokens_per_s| Turn { tokens_per_s, cpu_ms_per_token: 1.0 };
        // The machine got slower, for both.
        let pairs = [(turn(100.0), turn(99.0)), (turn(50.0), turn(49.5)), (turn(10.0), turn(9.9))];
        let said = Comparison::of(&pairs).to_string();
        assert!(said.contains("50 in Rust, 50 through Kotlin; of a pair -1.0 %"), "{said}");
    }
}
