//! Writes the Kotlin of `wheelwork-uniffi`, from the metadata in the built library. Part of the workspace, so that
//! generator and library have one version of UniFFI: each refuses another's work.
//!
//! `names LIBRARY` lists what the library exports instead; see [`names`].

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

mod names;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == "names") {
        return match names::of(&arguments.next().unwrap_or_default()) {
            Ok(listing) => {
                print!("{listing}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("failed to list what the library exports: {error}");
                ExitCode::FAILURE
            }
        };
    }
    uniffi::uniffi_bindgen_main();
    ExitCode::SUCCESS
}
