//! Reasoning that a kill ended goes on in the next process, token for token.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use super::{Desk, Row, output};
use crate::report;
use crate::task_error::TaskError;

const QUESTION: &str = "478 + 256 = ?";

/// A form whose answer is long enough for a kill to come before its end.
const FORM: &str = "(734){150}";

const ATTEMPTS: usize = 5;

/// After so many lines of events, of about 500.
const KILLS: [usize; 3] = [2, 8, 16];

pub(super) fn run(desk: &Desk<'_>) -> Result<Row, TaskError> {
    report::step("kill and resume");
    let start = Instant::now();
    let generate = |more: &[&str]| {
        let fixed = "generate --model t.ortpackage --temperature 0 --max-tokens 600 --on-loop ignore --json";
        let fixed: Vec<_> = fixed.split(' ').collect();
        desk.wheelwork(&[&fixed[..], more].concat())
    };
    let whole = events(&output(&mut generate(&["--prompt", QUESTION, "--regex", FORM]))?.0);
    // On a busy machine a turn may end before its killer gets a turn of its own.
    let resumed = |lines: usize| {
        for attempt in 1..=ATTEMPTS {
            let file = format!("{lines}-{attempt}.session");
            let mut child = generate(&["--prompt", QUESTION, "--regex", FORM, "--session", &file])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()?;
            let stdout = child.stdout.take().map(BufReader::new);
            let read = stdout.into_iter().flat_map(BufReader::lines).take(lines).count();
            // The sandbox goes, and with it everything in it, Wine's server too.
            child.kill()?;
            child.wait()?;
            let (said, _) = output(&mut generate(&["--session", &file, "--resume"]))?;
            if read == lines && !said.contains("nothing_to_resume") {
                return Ok(events(&said));
            }
        }
        Err(TaskError::new(format!("kill a turn after {lines} events, {ATTEMPTS} times: it had ended")))
    };
    let mut failed = false;
    for lines in KILLS {
        let resumed = resumed(lines)?;
        let is_same = text(&resumed) == text(&whole) && ids(&resumed) == ids(&whole);
        failed |= !is_same;
        let line = format!(
            "killed after {lines} events: {}",
            if is_same { "the same tokens" } else { "other tokens" }
        );
        if is_same { report::pass(&line) } else { report::fail(&line) }
    }
    Ok(Row {
        what: format!("killed after {KILLS:?} events, resumed"),
        result: "same text, same ids".into(),
        seconds: start.elapsed().as_secs_f64(),
        failed,
    })
}

/// The text of all deltas, however it was cut.
fn text(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["text"].as_str()).collect()
}

fn ids(events: &[Value]) -> Option<&Value> {
    events.last().map(|event| &event["token_ids"]).filter(|ids| ids.is_array())
}

/// The JSON lines of what a command said.
fn events(said: &str) -> Vec<Value> {
    said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
