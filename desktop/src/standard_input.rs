//! Standard input as one text, where it is no terminal.

use std::io::{IsTerminal, Read};
use std::path::Path;

use wheelwork_package::budget::NAMED_TEXT;

use crate::failure::Failure;

/// What stands for standard input in messages.
const NAME: &str = "standard input";

/// All of standard input without the line end behind it; `None` on a terminal, and where nothing stands in it.
pub(crate) fn text() -> Result<Option<String>, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Ok(None);
    }
    tell_if_it_waits();
    let limit = NAMED_TEXT.number;
    let mut bytes = Vec::new();
    stdin.lock().take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Failure::input_file(Path::new(NAME), format!("it has more than {limit} bytes")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| Failure::input_file(Path::new(NAME), format!("it is no UTF-8: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).trim_end();
    Ok((!text.trim().is_empty()).then(|| text.to_owned()))
}

/// A question with the text of standard input below it, whichever there is.
pub(crate) fn joined(question: Option<&str>, text: Option<String>) -> Option<String> {
    match (question, text) {
        (Some(question), Some(text)) => Some(format!("{question}\n\n{text}")),
        (Some(question), None) => Some(question.to_owned()),
        (None, text) => text,
    }
}

/// A program that keeps its end of the pipe open has a person wait for nothing: after a second it is said what for.
#[cfg(unix)]
fn tell_if_it_waits() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let stdin = std::io::stdin();
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    if matches!(poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&second)), Ok(0)) {
        anstream::eprintln!("reading the question from standard input ... (`</dev/null` leaves it out)");
    }
}

#[cfg(not(unix))]
fn tell_if_it_waits() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_stands_above_the_text_it_is_about() {
        let text = || Some("a\nb".to_owned());
        assert_eq!(joined(Some("Sum up:"), text()).as_deref(), Some("Sum up:\n\na\nb"));
        assert_eq!(joined(None, text()).as_deref(), Some("a\nb"));
        assert_eq!(joined(Some("q"), None).as_deref(), Some("q"));
        assert_eq!(joined(None, None), None);
    }
}
