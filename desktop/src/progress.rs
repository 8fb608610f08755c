//! How far a long operation is: a bar on a terminal, lines of JSON beside `--json`, and of what takes hours a line each half
//! minute where there is neither. And its end by Ctrl-C.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use wheelwork::CancelToken;
use wheelwork_calibrate::evaluate::{EvaluateProgress, Stage};
use wheelwork_package::container::{Progress, Step, Watch};

use crate::output;

/// Between two lines of JSON.
const LINE_INTERVAL: Duration = Duration::from_millis(200);

/// Bytes, rate and time left on stderr; hidden where `json` says so.
pub(crate) fn bar(json: bool) -> ProgressBar {
    styled("{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left  {wide_msg}", json)
}

/// Parts done and time left on stderr; hidden where `json` says so.
pub(crate) fn count(json: bool) -> ProgressBar {
    styled("{bar:30} {pos}/{len}  {eta} left  {wide_msg}", json)
}

fn styled(template: &str, json: bool) -> ProgressBar {
    let bar = ProgressBar::no_length();
    if json {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    // The template is ours; a mistake in it would leave the plain bar.
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Runs an operation on a package with its steps shown; `cancel` ends it.
pub(crate) fn shown<T>(json: bool, cancel: &CancelToken, operation: impl FnOnce(&mut Watch<'_>) -> T) -> T {
    let mut reporter = Reporter { bar: bar(json), json, cancel, step: None, last_line: None };
    operation(&mut |progress| reporter.watch(progress))
}

struct Reporter<'c> {
    bar: ProgressBar,
    json: bool,
    cancel: &'c CancelToken,
    step: Option<Step>,
    last_line: Option<Instant>,
}

impl Reporter<'_> {
    fn watch(&mut self, progress: Progress) -> ControlFlow<()> {
        let is_new_step = self.step.replace(progress.step) != Some(progress.step);
        if is_new_step {
            self.bar.reset();
            self.bar.set_length(progress.total_bytes);
            self.bar.set_message(name(progress.step));
        }
        self.bar.set_position(progress.done_bytes);
        let is_due = is_new_step
            || progress.done_bytes == progress.total_bytes
            || self.last_line.is_none_or(|last| last.elapsed() >= LINE_INTERVAL);
        if self.json && is_due {
            self.last_line = Some(Instant::now());
            let line = json!({
                "event": "Progress", "step": progress.step,
                "done_bytes": progress.done_bytes, "total_bytes": progress.total_bytes,
            });
            // Who listens no longer has no use for the rest either.
            if output::json_line(&line).is_err() {
                return ControlFlow::Break(());
            }
        }
        if self.cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Drop for Reporter<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Before the first line of a part where there is no terminal: what is short needs none.
const SPOKEN_AFTER: Duration = Duration::from_secs(10);
/// Between two lines where there is no terminal.
const SPOKEN_INTERVAL: Duration = Duration::from_secs(30);

/// Says how far the parts of a long operation are and how long they take.
pub(crate) struct Spoken {
    /// Lines are printed, because no bar is seen.
    aloud: bool,
    part: Mutex<Part>,
}

/// The part that is under way.
struct Part {
    name: &'static str,
    begun: Instant,
    /// When a line was last printed, if one was.
    told: Option<Instant>,
}

impl Spoken {
    /// Silent beside `--json`, and on a terminal, which has a bar.
    pub(crate) fn new(json: bool) -> Self {
        let aloud = !json && !std::io::stderr().is_terminal();
        Self { aloud, part: Mutex::new(Part { name: "", begun: Instant::now(), told: None }) }
    }

    /// What is said of a part: how far it is, and how long the rest takes if it goes on as before.
    pub(crate) fn part(&self, name: &'static str, done: usize, total: usize) -> String {
        let mut part = self.part.lock().unwrap_or_else(PoisonError::into_inner);
        if part.name != name {
            *part = Part { name, begun: Instant::now(), told: None };
        }
        let took = part.begun.elapsed();
        let text = format!("{name}: {done} of {total}{}", left(took, done, total));
        let is_due = match part.told {
            None => done < total && took >= SPOKEN_AFTER,
            Some(told) => done == total || told.elapsed() >= SPOKEN_INTERVAL,
        };
        if self.aloud && is_due {
            part.told = Some(Instant::now());
            anstream::eprintln!("{text}");
        }
        text
    }
}

/// The rest of a part, as far as that can be said.
fn left(took: Duration, done: usize, total: usize) -> String {
    if done == 0 || done >= total || took < Duration::from_secs(2) {
        return String::new();
    }
    let seconds = took.as_secs_f64() * (total - done) as f64 / done as f64;
    format!(", about {} left", duration(seconds))
}

/// Seconds in the unit that a person would take.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 90.0 => format!("{seconds:.0} s"),
        seconds if seconds < 5400.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

/// Shows the stages of an evaluation or of a cache's self-check; gone when dropped.
pub(crate) struct Stages(ProgressBar);

impl Stages {
    pub(crate) fn new(json: bool) -> Self {
        Self(count(json))
    }
}

impl EvaluateProgress for Stages {
    fn progress(&self, stage: Stage, done: usize, total: usize) {
        let message = match stage {
            Stage::Chains => "the package writes chains",
            Stage::Reference => "the checkpoint reads, layer by layer",
            Stage::Package => "the package reads",
            Stage::Sources => "sources of error, one by one",
            Stage::BaselineTasks => "the baseline answers",
            Stage::PackageTasks => "the package answers",
        };
        if self.0.message() != message {
            self.0.set_message(message);
            self.0.reset_eta();
        }
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Scan => "reading",
        Step::Compress => "compressing",
        Step::Resume => "comparing what has arrived before",
        Step::Reuse => "taking over from the installed version",
        Step::Receive => "receiving",
        Step::Verify => "verifying",
        Step::Sync => "checking and writing out",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_what_is_done_took() {
        assert_eq!(left(Duration::from_secs(60), 1, 3), ", about 2 min left");
        for (took, done, total) in [(60, 0, 3), (60, 3, 3), (1, 1, 3)] {
            assert_eq!(left(Duration::from_secs(took), done, total), "", "{took} {done} {total}");
        }
        assert_eq!([1.0, 600.0, 7200.0].map(duration), ["1 s", "10 min", "2.0 h"]);
    }

    #[test]
    fn a_part_is_named_with_how_far_it_is() {
        let spoken = Spoken::new(true);
        assert_eq!(spoken.part("tokens", 3, 9), "tokens: 3 of 9");
    }
}
