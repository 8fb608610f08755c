//! An offline field device: a model from a USB stick, one conversation in an encrypted file, power that may go at any
//! moment.
//!
//! `install` -> `ask` -> (power lost, reboot) -> `resume`. Everything lies in one folder:
//!
//! ```text
//! STATE/models/    the installed model; an installation that power loss ends leaves the old one        -> store
//! STATE/key        32 random bytes, readable by this user alone; a product has the system's key store  -> conversation
//! STATE/session    the conversation                                                                    -> conversation
//! ```
#![forbid(unsafe_code)]
// It is a program: this is how it speaks.
#![allow(clippy::print_stderr)]

mod conversation;
mod speak;
mod store;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use wheelwork::{Options, Thinking};

#[derive(Parser)]
#[command(about = "A reasoning model on a device without a network")]
struct Arguments {
    /// The folder that holds all there is.
    #[arg(long)]
    state: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Installs a model from a package file.
    Install {
        /// The package, NAME.wwpkg.
        package: PathBuf,
        /// Install it only if the owner of this public key has signed it.
        #[arg(long)]
        key: Option<PathBuf>,
    },
    /// Asks a question in the conversation.
    Ask {
        question: String,
        /// 0 gives the same text each time.
        #[arg(long)]
        temperature: Option<f32>,
        #[arg(long, default_value_t = 1000)]
        max_tokens: usize,
        /// Tokens of reasoning.
        #[arg(long)]
        think: Option<usize>,
        #[command(flatten)]
        power: Power,
    },
    /// Goes on with the question at which the power went; what was said before it is said again.
    Resume {
        #[command(flatten)]
        power: Power,
    },
}

#[derive(Args)]
struct Power {
    /// Stands in for power loss: ends the process without any clean-up after so many pieces of text, which are a token
    /// each, or a character of several tokens.
    #[arg(long, value_name = "N")]
    die_after: Option<usize>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("field-device: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(Arguments { state, command }: Arguments) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Install { package, key } => store::install(&state, &package, key.as_deref()),
        Command::Ask { question, temperature, max_tokens, think, power } => {
            let thinking = think.map_or(Thinking::Auto, Thinking::tokens);
            let options =
                Options { max_tokens: Some(max_tokens), temperature, thinking, ..Options::default() };
            let mut session = conversation::open(&state)?;
            if session.unfinished().is_some() {
                return Err("a question is unfinished: resume it first".into());
            }
            speak::speak(session.ask(&question, &options)?, power.die_after)
        }
        Command::Resume { power } => {
            let mut session = conversation::open(&state)?;
            speak::speak(session.resume(&Options::default())?, power.die_after)
        }
    }
}
