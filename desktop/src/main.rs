//! The `wheelwork` command: arguments in, a subcommand's outcome as exit code out.
//!
//! Exit codes: 0 success, 1 failure (told on stderr with a remedy), 2 wrong usage, 3 an answer of `generate` that was cut,
//! 130 interrupted.
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod compiling;
mod failure;
mod folders;
mod input_file;
mod interrupt;
#[cfg(target_os = "linux")]
mod loader_path;
mod machine;
mod model_source;
mod origin;
mod output;
mod own_stdout;
mod progress;
mod remedy;
mod session_file;
mod standard_input;
mod terminal;
mod trust;
mod typed_ahead;

use std::process::ExitCode;

use clap::FromArgMatches;

use arguments::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    loader_path::leave_out_current_folder();
    wheelwork_ort::give_back_freed_memory();
    let matches = arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let json = arguments.json;
    if (json || matches!(arguments.command, Command::Generate(_)))
        && let Err(error) = own_stdout::take()
    {
        return Failure::from(error).report(json);
    }
    let outcome = match arguments.command {
        Command::Chat(arguments) => commands::chat::run(&arguments, json),
        Command::Run(arguments) => commands::chat::run_named(arguments, json),
        Command::Generate(arguments) => commands::generate::run(&arguments, json),
        Command::Prompt(arguments) => commands::prompt::run(&arguments, json),
        Command::Quantize(arguments) => commands::quantize::run(&arguments, json),
        Command::Evaluate(arguments) => commands::evaluate::run(&arguments, json),
        Command::Key(arguments) => commands::package::key::run(&arguments, json),
        Command::Pack(arguments) => commands::package::pack::run(&arguments, json),
        Command::Sign(arguments) => commands::package::sign::run(&arguments, json),
        Command::Unpack(arguments) => commands::package::unpack::run(&arguments, json),
        Command::Verify(arguments) => commands::package::verify::run(&arguments, json),
        Command::Install(arguments) => commands::package::install::run(&arguments, json),
        Command::Prepare(arguments) => commands::prepare::run(&arguments, json),
        Command::Compact(arguments) => commands::package::compact::run(&arguments, json),
        Command::Repair(arguments) => commands::package::install::repair(&arguments, json),
        Command::List(arguments) => commands::package::list::run(&arguments, json),
        Command::Remove(arguments) => commands::package::remove::run(&arguments, json),
        Command::Gc(arguments) => commands::package::remove::collect_garbage(&arguments, json),
        Command::Inspect(arguments) => commands::inspect::run(&arguments, json),
        Command::Plan(arguments) => commands::plan::run(&arguments, json),
        Command::Devices(arguments) => commands::devices::run(&arguments, json),
        Command::Bench(arguments) => commands::bench::run(&arguments, json),
        Command::DeviceReport(arguments) => commands::device_report::run(&arguments, json),
        Command::Doctor(arguments) => commands::doctor::run(&arguments, json),
        Command::Completions(arguments) => commands::completions::run(&arguments),
        Command::Manual(arguments) => commands::manual::run(&arguments),
    };
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    };
    compiling::finish();
    code
}
