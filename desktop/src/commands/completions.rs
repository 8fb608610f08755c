//! `wheelwork completions`: what a shell needs to complete commands and flags.

use std::io::Write as _;

use crate::arguments::{CompletionsArguments, command};
use crate::failure::Failure;

pub(crate) fn run(arguments: &CompletionsArguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command(), "wheelwork", &mut script);
    Ok(std::io::stdout().write_all(&script)?)
}
