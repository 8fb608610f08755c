//! What the device says, on standard output: the reasoning, an empty line, the answer.

use std::error::Error;
use std::io::Write;

use wheelwork::{Event, Generation};

/// Reads a turn to its end, or to the moment at which the power goes.
pub(crate) fn speak(turn: Generation<'_>, die_after: Option<usize>) -> Result<(), Box<dyn Error>> {
    let mut stdout = std::io::stdout().lock();
    let mut pieces = 0;
    for event in turn {
        match event? {
            Event::Started { resumed_tokens: 0, .. } => {}
            Event::Started { resumed_tokens, .. } => eprintln!("{resumed_tokens} tokens were saved"),
            Event::ReasoningDelta { text } | Event::AnswerDelta { text } => {
                write!(stdout, "{text}")?;
                stdout.flush()?;
                pieces += 1;
                if Some(pieces) == die_after {
                    std::process::abort();
                }
            }
            Event::ReasoningEnded { .. } => write!(stdout, "\n\n")?,
            _ => {}
        }
    }
    Ok(writeln!(stdout)?)
}
