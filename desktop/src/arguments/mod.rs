//! The command line, as `--help` teaches it: one file a group of commands.

mod chat;
mod measure;
mod model;
mod package;
mod quantize;
mod turn;

use clap::{Parser, Subcommand};

pub(crate) use chat::{ChatArguments, GenerateArguments, PromptArguments};
pub(crate) use measure::BenchArguments;
pub(crate) use model::ModelArguments;
pub(crate) use package::InspectArguments;
pub(crate) use quantize::{Quality, QuantizeArguments};
pub(crate) use turn::parse_thinking;

const EXAMPLES: &str = "\
Examples:
  wheelwork chat                                      talk to the small model that ships with wheelwork
  wheelwork chat \"478 + 256 = ?\"                      one question
  wheelwork quantize DeepSeek-R1-Distill-Qwen-1.5B --out r1.ortpackage
  wheelwork chat --model r1.ortpackage --think 500    at most 500 tokens of reasoning
  wheelwork generate --prompt \"Hello\" --max-tokens 50 --temperature 0 --json

ONNX Runtime is looked for in ORT_DYLIB_PATH, then beside this program, then in the system.";

/// Reasoning models on this device, with nothing leaving it.
#[derive(Debug, Parser)]
#[command(name = "wheelwork", version, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Arguments {
    /// Machine-readable output: JSON on stdout, one object a line; errors as JSON on stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Talk to a model: reasoning dimmed, answer plain
    Chat(ChatArguments),
    /// Generate once, for scripts
    Generate(GenerateArguments),
    /// Show what the model will see: text and token ids
    Prompt(PromptArguments),
    /// Turn a Hugging Face checkpoint into a package
    Quantize(QuantizeArguments),
    /// Describe a package
    Inspect(InspectArguments),
    /// List what this machine and this build can run on, and why not the rest
    Devices,
    /// Measure prefill and decode
    Bench(BenchArguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
