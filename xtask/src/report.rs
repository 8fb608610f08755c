//! What the developer sees: one style for steps, passes, failures and remedies. All of it goes to stderr,
//! so that stdout holds only results.

use anstream::eprintln;
use anstyle::{AnsiColor, Style};

use crate::task_error::TaskError;

const STEP: Style = AnsiColor::Cyan.on_default().bold();
const PASS: Style = AnsiColor::Green.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const FAILURE: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// A piece of work begins.
pub(crate) fn step(text: &str) {
    eprintln!("{STEP}==> {text}{STEP:#}");
}

/// A command line, before it runs.
pub(crate) fn command(line: &str) {
    eprintln!("{FAINT}$ {line}{FAINT:#}");
}

/// Something a reader may want to know.
pub(crate) fn note(text: &str) {
    eprintln!("{FAINT}{text}{FAINT:#}");
}

/// Something passed.
pub(crate) fn pass(text: &str) {
    eprintln!("{PASS}pass{PASS:#} {text}");
}

/// Something worth a look that fails nothing.
pub(crate) fn warning(text: &str) {
    eprintln!("{WARNING}warning:{WARNING:#} {text}");
}

/// Something failed.
pub(crate) fn fail(text: &str) {
    eprintln!("{FAILURE}fail{FAILURE:#} {text}");
}

/// The task stopped.
pub(crate) fn error(error: &TaskError) {
    eprintln!("{FAILURE}error:{FAILURE:#} {error}");
    if let Some(remedy) = error.remedy_text() {
        eprintln!("{WARNING}remedy:{WARNING:#} {remedy}");
    }
}
