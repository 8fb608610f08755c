//! `wheelwork generate`: one generation for scripts.

use wheelwork::chat::{Message, Prompt};
use wheelwork::{Event, FinishReason, Generation, ReasoningStart, Session};

use crate::arguments::GenerateArguments;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::{input_file, model_source, output, own_stdout, session_file};

pub(crate) fn run(arguments: &GenerateArguments, json: bool) -> Result<(), Failure> {
    // What is kept can go on: `--resume`.
    let interrupt = if arguments.session.session.is_some() {
        Interrupt::install_suspending()?
    } else {
        Interrupt::install()?
    };
    // One for all of it: a Ctrl-C between the steps is not lost.
    let cancel = interrupt.token();
    let model = model_source::open_with(&arguments.model, arguments.template.as_deref(), cancel.clone())?;
    output::warn_of_thinking(model.facts(), arguments.turn.think);
    let mut session = session_file::open(&model, &arguments.session)?;
    let options = wheelwork::Options { cancel, ..arguments.turn.options()? };
    let generation = start(&mut session, arguments, &options)?;
    let ended = if json { output::stream_json(generation)? } else { print_plain(generation)? };
    let held = options.output.is_some() || !options.tools.is_empty();
    match ended {
        FinishReason::Stop => Ok(()),
        FinishReason::Cancelled => Err(Failure::Interrupted),
        FinishReason::Suspended => Err(Failure::Suspended),
        cut => Err(Failure::Cut { reason: cut, is_held: held }),
    }
}

fn start<'s>(
    session: &'s mut Session,
    arguments: &GenerateArguments,
    options: &wheelwork::Options,
) -> Result<Generation<'s>, Failure> {
    let source = &arguments.source;
    let generation = if source.resume {
        session.resume(options)
    } else if let Some(ids) = &source.prompt_ids {
        let prompt = Prompt::from_ids(ids.clone(), &session.facts().tokenizer);
        session.generate(prompt, options)
    } else if let Some(path) = &source.messages {
        for message in input_file::read_json::<Vec<Message>>(path)? {
            session.push(message);
        }
        session.respond(options)
    } else {
        let text = source.prompt.as_deref().unwrap_or_default();
        if arguments.raw {
            let prompt = Prompt::from_raw_text(text, &session.facts().tokenizer)?;
            session.generate(prompt, options)
        } else {
            session.push(Message::user(text));
            session.respond(options)
        }
    };
    Ok(generation?)
}

/// The answer alone, a tool's call as its name and arguments, so that it can be piped; reasoning is for `--json` and `chat`.
/// An answer that may turn out to be reasoning waits for its end.
fn print_plain(generation: Generation<'_>) -> Result<FinishReason, Failure> {
    use std::io::Write;

    let mut stdout = own_stdout::writer();
    let mut held = None;
    let mut ended = FinishReason::Stop;
    for event in generation {
        match event? {
            Event::Started { reasoning: ReasoningStart::LeftToModel, .. } => held = Some(String::new()),
            Event::AnswerWasReasoning { .. } | Event::ReasoningEnded { .. } => held = None,
            Event::AnswerDelta { text } => match &mut held {
                Some(held) => held.push_str(&text),
                None => write!(stdout, "{text}")?,
            },
            Event::ToolCall { name, arguments, .. } => writeln!(stdout, "{name} {arguments}")?,
            Event::Finished { reason, .. } => ended = reason,
            _ => continue,
        }
        stdout.flush()?;
    }
    writeln!(stdout, "{}", held.unwrap_or_default())?;
    Ok(ended)
}
