//! The `wheelwork` command: arguments in, a subcommand's outcome as exit code out.
//!
//! Exit codes: 0 success, 1 failure (told on stderr with a remedy), 2 wrong usage, 130 interrupted.
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod failure;
mod interrupt;
mod model_source;
mod output;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    let outcome = match arguments.command {
        Command::Chat(arguments) => commands::chat::run(&arguments, json),
        Command::Generate(arguments) => commands::generate::run(&arguments, json),
        Command::Prompt(arguments) => commands::prompt::run(&arguments, json),
        Command::Quantize(arguments) => commands::quantize::run(&arguments, json),
        Command::Inspect(arguments) => commands::inspect::run(&arguments, json),
        Command::Devices => commands::devices::run(json),
        Command::Bench(arguments) => commands::bench::run(&arguments, json),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}
