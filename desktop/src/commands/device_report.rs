//! `wheelwork device-report`: a package on a device beside the same package on the CPU.
//!
//! One run tells all that the table of a device wants: what was found, which provider got the nodes, whether the
//! numbers are right, how long the first token and the next ones take, and which answers are the CPU's. With
//! `--json` a line each: the machine, every problem as it is answered, the summary. A problem is also told where it
//! differs, so that a log shows how.

use std::time::Instant;

use serde::Serialize;
use serde_json::json;
use wheelwork::{DevicePreference, Event, Model, OpenOptions, Options, Session, Timings};

use super::bench::median;
use super::problems::{self, Problem};
use crate::arguments::DeviceReportArguments;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::machine::{memory, processor};
use crate::{model_source, output};

/// What a model made of a problem.
struct Answer {
    text: String,
    token_ids: Vec<u32>,
    timings: Timings,
}

/// One problem on both.
#[derive(Serialize)]
struct Row {
    problem: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    tokens: usize,
    /// Tokens before the first that is another one than the CPU's.
    same_tokens: usize,
    /// The answer is the CPU's, to the character.
    equal: bool,
    /// The device's answer is the list's; absent where the list has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    right_on_processor: Option<bool>,
    first_token_ms: f64,
    tokens_per_s: f64,
    first_token_ms_on_processor: f64,
    tokens_per_s_on_processor: f64,
}

pub(crate) fn run(arguments: &DeviceReportArguments, json: bool) -> Result<(), Failure> {
    let cancel = Interrupt::install()?.token();
    let problems = problems::chosen(arguments.problems.as_deref(), arguments.per_task)?;
    let start = Instant::now();
    let model = model_source::open(&arguments.model, cancel.clone())?;
    let load_ms = start.elapsed().as_secs_f64() * 1e3;
    let machine = json!({
        "version": env!("CARGO_PKG_VERSION"), "system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH, "processor": processor(),
        "model": model.facts().name, "load_ms": load_ms, "memory_after_load": memory(),
        "placement": model.placement(), "devices": super::devices::report(),
    });
    output::tell(json, &machine, || {
        output::print_placement(model.placement());
        anstream::println!("  loaded in {load_ms:.0} ms\n");
    })?;
    let reference = on_cpu(arguments)?;
    let mut sessions = [model.session()?, reference.session()?];
    let options = Options {
        temperature: Some(0.0),
        max_tokens: Some(arguments.max_tokens),
        cancel: cancel.clone(),
        ..Options::default()
    };
    let mut rows = Vec::with_capacity(problems.len());
    for (index, problem) in problems.iter().enumerate() {
        let [device, cpu] = &mut sessions;
        let (found, expected) = (answer(device, problem, &options)?, answer(cpu, problem, &options)?);
        if cancel.is_cancelled() {
            return Err(Failure::Interrupted);
        }
        let row = Row::of(index, problem, &found, &expected);
        output::tell(json, &row, || print_row(&row, problem, &found, &expected))?;
        rows.push(row);
    }
    summarise(&rows, json)?;
    let equal = rows.iter().filter(|row| row.equal).count();
    match arguments.min_equal {
        Some(expected) if equal < expected => {
            Err(Failure::AnswersDiffer { equal, asked: rows.len(), expected })
        }
        _ => Ok(()),
    }
}

/// The same package on the CPU.
fn on_cpu(arguments: &DeviceReportArguments) -> Result<Model, Failure> {
    let folder =
        model_source::folder(arguments.model.model.as_deref(), arguments.model.models_dir.as_deref())?;
    let options = OpenOptions {
        device: DevicePreference::Cpu,
        strict: true,
        provider_options: Vec::new(),
        ..arguments.model.open_options()
    };
    Ok(Model::open_with(folder, &options)?)
}

fn answer(session: &mut Session, problem: &Problem, options: &Options) -> Result<Answer, Failure> {
    session.clear();
    let mut answer = Answer { text: String::new(), token_ids: Vec::new(), timings: Timings::default() };
    for event in session.ask(&problem.prompt, options)? {
        match event? {
            Event::AnswerDelta { text } => answer.text.push_str(&text),
            Event::Finished { timings, token_ids, .. } => {
                (answer.timings, answer.token_ids) = (timings, token_ids);
            }
            _ => {}
        }
    }
    Ok(answer)
}

impl Row {
    fn of(index: usize, problem: &Problem, found: &Answer, expected: &Answer) -> Self {
        let is_right =
            |answer: &Answer| problem.answer.as_ref().map(|right| answer.text.trim() == right.trim());
        let pairs = found.token_ids.iter().zip(&expected.token_ids);
        Self {
            problem: index,
            task: problem.task.clone(),
            tokens: found.token_ids.len(),
            same_tokens: pairs.take_while(|(found, expected)| found == expected).count(),
            equal: found.text == expected.text,
            right: is_right(found),
            right_on_processor: is_right(expected),
            first_token_ms: found.timings.first_token_ms,
            tokens_per_s: found.timings.decode_tokens_per_s,
            first_token_ms_on_processor: expected.timings.first_token_ms,
            tokens_per_s_on_processor: expected.timings.decode_tokens_per_s,
        }
    }
}

fn print_row(row: &Row, problem: &Problem, found: &Answer, expected: &Answer) {
    let task = row.task.as_deref().unwrap_or("-");
    let mark = if row.equal { "same " } else { "OTHER" };
    anstream::println!(
        "{:>3} {task:<10} {mark} {:>4} tokens, {:>4} the same · first after {:.0} ms · {:.2} tokens/s",
        row.problem + 1,
        row.tokens,
        row.same_tokens,
        row.first_token_ms,
        row.tokens_per_s
    );
    if !row.equal {
        anstream::println!("    {:?}: {:?}, the CPU {:?}", problem.prompt, found.text, expected.text);
    }
}

fn summarise(rows: &[Row], json: bool) -> Result<(), Failure> {
    let count = |keep: fn(&Row) -> bool| rows.iter().filter(|row| keep(row)).count();
    let equal = count(|row| row.equal);
    let same_tokens = count(|row| row.same_tokens == row.tokens);
    let [right, right_on_processor] =
        [count(|row| row.right == Some(true)), count(|row| row.right_on_processor == Some(true))];
    let median = |figure: fn(&Row) -> f64| median(rows.iter().map(figure));
    let (first, rate) = (median(|row| row.first_token_ms), median(|row| row.tokens_per_s));
    let first_on_cpu = median(|row| row.first_token_ms_on_processor);
    let rate_on_cpu = median(|row| row.tokens_per_s_on_processor);
    let summary = json!({
        "asked": rows.len(), "equal": equal, "same_tokens": same_tokens,
        "right": right, "right_on_processor": right_on_processor,
        "median_first_token_ms": first, "median_tokens_per_s": rate,
        "median_first_token_ms_on_processor": first_on_cpu,
        "median_tokens_per_s_on_processor": rate_on_cpu,
        "memory_at_end": memory(),
    });
    output::tell(json, &summary, || {
        anstream::println!(
            "\n{equal} of {} answers are the CPU's, {same_tokens} token by token; right {right}, on the CPU {right_on_processor}",
            rows.len()
        );
        anstream::println!(
            "median: first token {first:.0} ms, {rate:.2} tokens/s; on the CPU {first_on_cpu:.0} ms, {rate_on_cpu:.2} tokens/s"
        );
    })
}
