//! The line that is typed at the prompt: commands completed by Tab, text over several lines between `"""`, and the lines
//! of earlier days.

use std::path::PathBuf;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::commands;
use crate::arguments::ChatArguments;
use crate::failure::Failure;
use crate::folders;

/// Lines that are kept.
const HISTORY_LINES: usize = 1000;

/// What opens and closes a text over several lines.
const QUOTES: &str = "\"\"\"";

/// What a person did at the prompt.
pub(super) enum Typed {
    /// A line, or several between quotes.
    Text(String),
    /// Ctrl-C: what was typed is thrown away.
    Cleared,
    /// Ctrl-D, or the terminal is gone.
    End,
}

/// The prompt.
pub(super) struct Prompt {
    editor: Editor<Line, DefaultHistory>,
    history: Option<PathBuf>,
}

impl Prompt {
    pub(super) fn new(arguments: &ChatArguments) -> Result<Self, Failure> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(HISTORY_LINES)
            .map_err(std::io::Error::other)?
            .build();
        let mut editor = Editor::with_config(config).map_err(std::io::Error::other)?;
        editor.set_helper(Some(Line { files: FilenameCompleter::new() }));
        let history = history_file(arguments);
        if let Some(path) = &history {
            // The first run has no file yet.
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history })
    }

    pub(super) fn read(&mut self, prompt: &str) -> Result<Typed, Failure> {
        match self.editor.readline(prompt) {
            Ok(text) => Ok(Typed::Text(text)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Cleared),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(std::io::Error::other(error).into()),
        }
    }

    /// Keeps a line for the next time, at once, so that a lost terminal loses none.
    pub(super) fn keep(&mut self, line: &str) {
        let _ = self.editor.add_history_entry(line);
        let Some(path) = &self.history else { return };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let _ = fs_err::create_dir_all(folder);
        }
        if let Err(error) = self.editor.save_history(path) {
            anstream::eprintln!("warning: the typed lines are not kept in `{}`: {error}", path.display());
            self.history = None;
        }
    }
}

/// Where the typed lines are kept, readable by their owner alone. Beside an encrypted session they would tell what it
/// hides, so there they are kept only where a file is named.
fn history_file(arguments: &ChatArguments) -> Option<PathBuf> {
    if let Some(path) = &arguments.history {
        return Some(path.clone());
    }
    if arguments.no_history || arguments.session.session_key.is_some() {
        return None;
    }
    Some(folders::data()?.join("chat-history"))
}

/// Whether a text begins with quotes that nothing closes yet.
pub(super) fn is_open(text: &str) -> bool {
    text.trim_start().strip_prefix(QUOTES).is_some_and(|rest| !rest.contains(QUOTES))
}

/// What stands between the quotes; a text without them as it is.
pub(super) fn unquoted(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix(QUOTES) {
        Some(rest) => rest.split(QUOTES).next().unwrap_or_default().trim(),
        None => text,
    }
}

/// What Tab and Enter ask of a line.
struct Line {
    files: FilenameCompleter,
}

impl Helper for Line {}
impl Hinter for Line {
    type Hint = String;
}
impl Highlighter for Line {}

impl Completer for Line {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..at).unwrap_or(line);
        if typed.starts_with("/save ") {
            return self.files.complete(line, at, context);
        }
        let (start, words) = completions(typed);
        let pairs = words.into_iter().map(|word| Pair { display: word.clone(), replacement: word });
        Ok((start, pairs.collect()))
    }
}

impl Validator for Line {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let is_open = is_open(context.input());
        Ok(if is_open { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

/// Where the last word begins, and what it may become.
fn completions(typed: &str) -> (usize, Vec<String>) {
    let (start, words): (_, &[&str]) = match typed.rfind(' ') {
        None if typed.starts_with('/') => (0, commands::NAMES),
        Some(space) if typed.starts_with("/think ") => (space + 1, &["auto", "off"]),
        Some(space) if typed.starts_with("/reasoning ") => (space + 1, &["show", "hide"]),
        _ => return (typed.len(), Vec::new()),
    };
    let word = typed.get(start..).unwrap_or_default();
    let fitting = words.iter().filter(|known| known.starts_with(word));
    (start, fitting.map(|known| (*known).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_a_text_together_until_they_close() {
        assert!(is_open("\"\"\"first"));
        assert!(is_open("  \"\"\"first\nsecond"));
        for closed in ["first", "\"\"\"a\"\"\"", "\"\"\"a\nb\n\"\"\"", "say \"\"\"", ""] {
            assert!(!is_open(closed), "{closed}");
        }
        assert_eq!(unquoted("\"\"\"\na\nb\n\"\"\""), "a\nb");
        assert_eq!(unquoted(" a \"\"\" b "), "a \"\"\" b");
    }

    #[test]
    fn tab_knows_the_commands_and_what_follows_them() {
        assert_eq!(completions("/sa"), (0, vec!["/save".to_owned()]));
        assert_eq!(completions("/think o"), (7, vec!["off".to_owned()]));
        assert_eq!(completions("/").1.len(), commands::NAMES.len());
        assert!(completions("What is /s").1.is_empty());
    }
}
