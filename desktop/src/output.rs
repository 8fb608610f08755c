//! What people and programs see of a generation.

use std::io::Write;

use anstyle::{AnsiColor, Reset, Style};
use serde::Serialize;
use wheelwork::device::{Device, GraphPlacement, KernelSet, NotUsedReason, SelfCheck};
use wheelwork::engine::Pace;
use wheelwork::{
    DevicePreference, Event, FinishReason, Generation, ModelFacts, Placement, ReasoningEnd, ReasoningStart,
    Thinking,
};

use crate::failure::Failure;
use crate::{own_stdout, remedy};

const DIMMED: Style = Style::new().dimmed();
const STATUS: Style = AnsiColor::Cyan.on_default().dimmed();

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

/// Every event as a line of JSON.
pub(crate) fn stream_json(generation: Generation<'_>) -> Result<(), Failure> {
    for event in generation {
        json_line(&event?)?;
    }
    Ok(())
}

/// Reasoning dimmed and live, answer plain, then a status line on stderr.
pub(crate) fn stream_text(generation: Generation<'_>) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    let mut used = None;
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
            Event::ReasoningDelta { text } => write!(stdout, "{DIMMED}{text}{Reset}")?,
            Event::ReasoningEnded { cause: ReasoningEnd::Skipped, .. } => {}
            Event::ReasoningEnded { cause, .. } => {
                write!(stdout, "\n\n")?;
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
                writeln!(stdout)?;
                let device = used.as_ref().map_or_else(String::new, describe);
                anstream::eprintln!(
                    "{STATUS}{device} · {:.0} tokens/s · {} tokens ({} reasoning) · first after {:.0} ms{}{Reset}",
                    timings.decode_tokens_per_s,
                    usage.completion_tokens,
                    usage.reasoning_tokens,
                    timings.first_token_ms,
                    ending(reason),
                );
            }
        }
        stdout.flush()?;
    }
    Ok(())
}

/// Says on stderr that limits of reasoning are for another model.
pub(crate) fn warn_of_thinking(facts: &ModelFacts, thinking: Thinking) {
    if thinking != Thinking::Auto && !facts.reasons() {
        anstream::eprintln!("{} does not reason: limits of reasoning change nothing", facts.name);
    }
}

/// The device in few words.
fn describe(placement: &Placement) -> String {
    let device = match placement.device {
        Device::Npu => "NPU",
        Device::Gpu => "GPU",
        Device::Cpu => "CPU",
    };
    let simulator = if placement.simulator { " simulator" } else { "" };
    let kernels = match placement.kernels {
        KernelSet::OnnxRuntime => String::new(),
        ours => format!(", {}", ours.describe()),
    };
    format!("{device}{simulator} ({}, {} threads{kernels})", placement.provider, placement.threads)
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
    let wanted = match preference {
        DevicePreference::Auto => return,
        DevicePreference::Npu => Device::Npu,
        DevicePreference::Gpu => Device::Gpu,
        DevicePreference::Cpu => Device::Cpu,
    };
    if placement.device == wanted {
        return;
    }
    anstream::eprintln!("{STATUS}runs on {} instead:{Reset}", describe(placement));
    for row in placement.not_used.iter().filter(|row| row.device == wanted) {
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
