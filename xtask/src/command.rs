//! Child processes: shown before they run, and an error when they fail.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use crate::report;
use crate::task_error::TaskError;

/// The cargo that runs this task, so that a `+toolchain` on the command line holds for its children too.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs to the end with the developer's own stdin, stdout and stderr.
pub(crate) fn run(command: &mut Command) -> Result<(), TaskError> {
    report::command(&line(command));
    let status = command.status().map_err(|error| not_started(command, &error))?;
    ended(command, status)
}

/// As [`run`], told in a few words: for a command whose line would fill the screen.
pub(crate) fn run_briefly(command: &mut Command, words: &str) -> Result<(), TaskError> {
    report::command(words);
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(TaskError::new(format!("{words} failed ({status})")))
}

/// As [`run`], with a copy of stdout in a file.
pub(crate) fn run_logged(command: &mut Command, log: &Path) -> Result<(), TaskError> {
    report::command(&line(command));
    let mut log = fs_err::File::create(log)?;
    let child = command.stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| not_started(command, &error))?;
    for text in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
        let text = text?;
        println!("{text}");
        writeln!(log, "{text}")?;
    }
    ended(command, child.wait()?)
}

fn ended(command: &Command, status: ExitStatus) -> Result<(), TaskError> {
    if status.success() {
        return Ok(());
    }
    Err(TaskError::new(format!("`{}` failed ({status})", line(command))))
}

/// Runs quietly, with everything that it says in a file.
pub(crate) fn run_to(command: &mut Command, log: &Path) -> Result<(), TaskError> {
    let file = fs_err::File::create(log)?.into_parts().0;
    let status = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).status();
    let status = status.map_err(|error| not_started(command, &error))?;
    if status.success() {
        return Ok(());
    }
    let (line, log) = (line(command), log.display());
    Err(TaskError::new(format!("`{line}` failed ({status})")).remedy(format!("look into {log}")))
}

/// Runs quietly and gives what it wrote to stdout; its stderr is shown only in the error.
pub(crate) fn capture(command: &mut Command) -> Result<String, TaskError> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| not_started(command, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(TaskError::new(format!("`{}` failed ({}):\n{}", line(command), output.status, said.trim_end())))
}

fn not_started(command: &Command, error: &std::io::Error) -> TaskError {
    let program = command.get_program().display();
    TaskError::new(format!("start `{program}`: {error}"))
        .remedy(format!("install `{program}` or add it to PATH"))
}

fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
