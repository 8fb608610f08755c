//! What people and programs see of a generation.

use std::io::Write;
use std::time::Duration;

use anstyle::{AnsiColor, Reset, Style};
use indicatif::ProgressBar;
use serde::Serialize;
use wheelwork::device::{Device, GraphPlacement, KernelSet, NotUsedReason, SelfCheck};
use wheelwork::engine::Pace;
use wheelwork::{
    DevicePreference, Event, FinishReason, Generation, ModelFacts, Placement, ReasoningEnd, ReasoningStart,
    Thinking, Timings, Usage,
};

use crate::failure::Failure;
use crate::terminal::{columns, wrapped};
use crate::{own_stdout, remedy};

const DIMMED: Style = Style::new().dimmed();
const STATUS: Style = AnsiColor::Cyan.on_default().dimmed();
/// Between two pictures of the sign that hidden reasoning goes on.
const SPIN: Duration = Duration::from_millis(120);

/// One line of JSON.
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    let mut line = serde_json::to_string(value).map_err(std::io::Error::other)?;
    line.push('\n');
    let mut stdout = own_stdout::writer();
    stdout.write_all(line.as_bytes())?;
    Ok(stdout.flush()?)
}

/// One line of JSON where `json` says so, else what `words` prints.
pub(crate) fn tell(json: bool, value: &impl Serialize, words: impl FnOnce()) -> Result<(), Failure> {
    if json {
        return json_line(value);
    }
    words();
    Ok(())
}

/// Every event as a line of JSON; returns why it ended.
pub(crate) fn stream_json(generation: Generation<'_>) -> Result<FinishReason, Failure> {
    let mut ended = FinishReason::Stop;
    for event in generation {
        let event = event?;
        json_line(&event)?;
        if let Event::Finished { reason, .. } = event {
            ended = reason;
        }
    }
    Ok(ended)
}

/// What a person sees of a turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Only the answer is shown.
    pub(crate) hides_reasoning: bool,
    /// The status line tells provider, threads, prompt and times, too.
    pub(crate) stats: bool,
}

/// Reasoning dimmed and live, or between marks where nothing can be dimmed; answer plain; then a status line on stderr.
pub(crate) fn stream_text(generation: Generation<'_>, view: View) -> Result<(), Failure> {
    let is_plain = anstream::AutoStream::choice(&std::io::stdout()) == anstream::ColorChoice::Never;
    let mut stdout = anstream::stdout().lock();
    let mut used = None;
    let mut reasoning = Reasoning { view, is_plain, was_shown: false, waits: None };
    for event in generation {
        match event? {
            Event::Started { placement, reasoning, .. } => {
                used = Some(placement);
                if reasoning == ReasoningStart::Opened {
                    anstream::eprintln!(
                        "{STATUS}the template leaves it to the model to reason: opened for it{Reset}"
                    );
                }
            }
            Event::TurnsDropped { messages, tokens } => anstream::eprintln!(
                "{STATUS}the conversation got too long: its oldest {messages} messages ({tokens} tokens) are left out{Reset}"
            ),
            Event::DeviceChanged { placement } => {
                let failed = placement.not_used.first().filter(|row| row.reason == NotUsedReason::RunFailed);
                let why = failed.map_or_else(String::new, |row| format!(", {}", remedy::not_used(row)));
                anstream::eprintln!("\n{STATUS}goes on on {}{why}{Reset}", describe(&placement));
                used = Some(placement);
            }
            Event::PaceChanged { pace } => {
                anstream::eprintln!("\n{STATUS}computes {} from here on{Reset}", share_of_time(pace));
            }
            Event::ReasoningDelta { text } => reasoning.show(&mut stdout, &text)?,
            Event::ReasoningEnded { cause: ReasoningEnd::Skipped, .. } => {}
            Event::ReasoningEnded { cause, .. } => {
                reasoning.end(&mut stdout)?;
                anstream::eprint!("{}", interruption(cause));
            }
            Event::AnswerWasReasoning { .. } => {
                write!(stdout, "\n\n")?;
                anstream::eprintln!("{STATUS}what stands above was reasoning; the answer follows{Reset}");
            }
            Event::TemperatureRaised { to, .. } => {
                anstream::eprintln!("\n{STATUS}it repeats itself: temperature {to} from here on{Reset}");
            }
            Event::AnswerDelta { text } => write!(stdout, "{text}")?,
            Event::ToolCall { name, arguments, known, .. } => {
                let unknown = if known { "" } else { " (no such tool)" };
                writeln!(stdout, "{STATUS}calls {name}{unknown}: {arguments}{Reset}")?;
            }
            Event::ToolCallRejected { .. } => {
                anstream::eprintln!("\n{STATUS}this looks like a tool call and is none{Reset}");
            }
            Event::Finished { reason, usage, timings, .. } => {
                reasoning.waits = None;
                writeln!(stdout)?;
                let status = match &used {
                    Some(placement) if view.stats => long_status(placement, usage, timings),
                    Some(placement) => short_status(placement, usage, timings),
                    None => String::new(),
                };
                let status = wrapped(&format!("{status}{}", ending(reason)), columns(), 0);
                anstream::eprintln!("{STATUS}{status}{Reset}");
            }
        }
        stdout.flush()?;
    }
    Ok(())
}

/// The reasoning of a turn as it is shown.
struct Reasoning {
    view: View,
    /// Nothing can be dimmed: marks tell reasoning from answer.
    is_plain: bool,
    was_shown: bool,
    /// Hidden reasoning: a sign on the terminal that it goes on.
    waits: Option<ProgressBar>,
}

impl Reasoning {
    fn show(&mut self, stdout: &mut impl Write, text: &str) -> std::io::Result<()> {
        if self.view.hides_reasoning {
            let bar = self.waits.get_or_insert_with(|| {
                let bar = ProgressBar::new_spinner().with_message("reasoning ...");
                bar.enable_steady_tick(SPIN);
                bar
            });
            bar.tick();
            return Ok(());
        }
        if self.is_plain {
            if !std::mem::replace(&mut self.was_shown, true) {
                writeln!(stdout, "[reasoning]")?;
            }
            return write!(stdout, "{text}");
        }
        self.was_shown = true;
        write!(stdout, "{DIMMED}{text}{Reset}")
    }

    fn end(&mut self, stdout: &mut impl Write) -> std::io::Result<()> {
        if let Some(bar) = self.waits.take() {
            bar.finish_and_clear();
        }
        match self.was_shown {
            false => Ok(()),
            true if self.is_plain => write!(stdout, "\n\n[answer]\n"),
            true => write!(stdout, "\n\n"),
        }
    }
}

/// Device, rate and tokens, as in `CPU · 131 tokens/s · 60 reasoning + 6 answer`.
fn short_status(placement: &Placement, usage: Usage, timings: Timings) -> String {
    let (reasoning, all) = (usage.reasoning_tokens, usage.completion_tokens);
    let tokens = match reasoning {
        0 => format!("{all} tokens"),
        _ => format!("{reasoning} reasoning + {} answer", all.saturating_sub(reasoning)),
    };
    format!("{} · {:.0} tokens/s · {tokens}", device(placement), timings.decode_tokens_per_s)
}

/// The same with provider, threads, prompt and times.
fn long_status(placement: &Placement, usage: Usage, timings: Timings) -> String {
    let mut status = format!(
        "{} · {:.1} tokens/s · {} tokens ({} reasoning) · prompt {} tokens ({} from the cache) · first after {:.0} ms · {:.1} s",
        describe(placement),
        timings.decode_tokens_per_s,
        usage.completion_tokens,
        usage.reasoning_tokens,
        usage.prompt_tokens,
        usage.reused_tokens,
        timings.first_token_ms,
        timings.total_ms / 1e3,
    );
    if usage.drafted_tokens > 0 {
        status += &format!(" · {} of {} looked up", usage.accepted_tokens, usage.drafted_tokens);
    }
    status
}

/// Says on stderr that limits of reasoning are for another model.
pub(crate) fn warn_of_thinking(facts: &ModelFacts, thinking: Thinking) {
    if thinking != Thinking::Auto && !facts.reasons() {
        anstream::eprintln!("{} does not reason: limits of reasoning change nothing", facts.name);
    }
}

/// A device in letters.
pub(crate) fn kind(device: Device) -> &'static str {
    match device {
        Device::Npu => "NPU",
        Device::Gpu => "GPU",
        Device::Cpu => "CPU",
    }
}

fn device(placement: &Placement) -> String {
    let simulator = if placement.simulator { " simulator" } else { "" };
    format!("{}{simulator}", kind(placement.device))
}

/// The device with its threads.
pub(crate) fn device_and_threads(placement: &Placement) -> String {
    let plural = if placement.threads == 1 { "" } else { "s" };
    format!("{}, {} thread{plural}", device(placement), placement.threads)
}

/// The device with its provider and threads.
pub(crate) fn describe(placement: &Placement) -> String {
    let kernels = match placement.kernels {
        KernelSet::OnnxRuntime => String::new(),
        ours => format!(", {}", ours.describe()),
    };
    format!("{} ({}, {} threads{kernels})", device(placement), placement.provider, placement.threads)
}

/// A number with a comma before each three digits.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Which provider got which part of each graph, and why not a better one.
pub(crate) fn print_placement(placement: &Placement) {
    anstream::println!("variant {} on {}", placement.variant, describe(placement));
    for GraphPlacement { graph, weight_bytes, shares } in &placement.graphs {
        for share in shares {
            let nodes = share.nodes;
            anstream::println!(
                "  {graph:<24} {nodes:>6} nodes on {}, {weight_bytes} bytes of weights",
                share.provider
            );
        }
    }
    match placement.self_check {
        Some(SelfCheck::Passed { relative_rms }) => {
            anstream::println!(
                "  self-check passed: logits differ by {relative_rms:.5} (relative root mean square)"
            );
        }
        Some(SelfCheck::PassedBefore) => anstream::println!("  self-check passed at an earlier open"),
        Some(SelfCheck::NotInPackage) => {
            anstream::println!("  no self-check: the package holds no logits for one");
        }
        Some(SelfCheck::NoMemory) => {
            anstream::println!("  no self-check: memory is short for the same graph on the CPU");
        }
        Some(SelfCheck::Skipped) => anstream::println!("  no self-check: not wanted"),
        None => {}
    }
    for row in &placement.not_used {
        anstream::println!("  {}", remedy::not_used(row));
    }
}

/// Says on stderr when another device runs than the one that was asked for.
pub(crate) fn warn_of_fallback(placement: &Placement, preference: DevicePreference) {
    if preference == DevicePreference::Auto || preference.names(placement.device) {
        return;
    }
    anstream::eprintln!("{STATUS}runs on {} instead:{Reset}", describe(placement));
    for row in placement.not_used.iter().filter(|row| preference.names(row.device)) {
        anstream::eprintln!("{STATUS}  {}{Reset}", remedy::not_used(row));
    }
}

fn interruption(cause: ReasoningEnd) -> String {
    let why = match cause {
        ReasoningEnd::Budget => "its budget was used up",
        ReasoningEnd::Loop => "it repeated itself",
        ReasoningEnd::AnswerNow => "you asked for the answer",
        ReasoningEnd::Closed | ReasoningEnd::Skipped => return String::new(),
    };
    format!("{STATUS}the reasoning was ended: {why}{Reset}\n\n")
}

fn share_of_time(pace: Pace) -> &'static str {
    match pace {
        Pace::Full => "all of the time",
        Pace::Eased => "two thirds of the time",
        Pace::Slow => "a third of the time",
        Pace::Minimal => "a seventh of the time",
    }
}

fn ending(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => " · stopped at the token limit",
        FinishReason::ContextFull => " · stopped: the context is full",
        FinishReason::Cancelled => " · stopped by you",
        FinishReason::Suspended => " · left for later",
        FinishReason::Repetition => " · stopped: it repeated itself",
        FinishReason::Stop => "",
    }
}
