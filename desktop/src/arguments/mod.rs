//! The command line, as `--help` teaches it: one file a group of commands.

/// A choice on the command line, and what each of its values stands for.
macro_rules! choice {
    (
        $(#[$about:meta])* $vis:vis enum $name:ident => $target:ty {
            $($(#[$help:meta])* $value:ident => $meaning:expr,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, clap::ValueEnum)]
        $vis enum $name {
            $($(#[$help])* $value,)+
        }

        impl From<$name> for $target {
            fn from(choice: $name) -> Self {
                match choice {
                    $($name::$value => $meaning,)+
                }
            }
        }
    };
}

mod chat;
mod evaluate;
mod form;
mod measure;
mod model;
mod package;
mod quantize;
mod static_graph;
mod turn;

use clap::{Parser, Subcommand};

pub(crate) use chat::{ChatArguments, GenerateArguments, PromptArguments, SessionArguments};
pub(crate) use evaluate::EvaluateArguments;
pub(crate) use measure::{BenchArguments, DeviceReportArguments};
pub(crate) use model::{Device, DevicesArguments, ModelArguments, PrepareArguments, keys_dir, trials_dir};
pub(crate) use package::{
    GarbageArguments, InspectArguments, InstallArguments, KeyArguments, OriginArguments, PackArguments,
    RemoveArguments, RepairArguments, SignArguments, StoreArguments, TrustArguments, UnpackArguments,
    VerifyArguments,
};
pub(crate) use quantize::{KvChoice, Quality, QuantizeArguments};
pub(crate) use static_graph::{Rounding, StaticArguments, Switch, Target};
pub(crate) use turn::parse_thinking;

const EXAMPLES: &str = "\
Examples:
  wheelwork chat                                      talk to the small model that ships with wheelwork
  wheelwork chat \"478 + 256 = ?\"                      one question
  wheelwork quantize DeepSeek-R1-Distill-Qwen-1.5B --out r1.ortpackage
  wheelwork evaluate r1.ortpackage --reference DeepSeek-R1-Distill-Qwen-1.5B
  wheelwork chat --model r1.ortpackage --think 500    at most 500 tokens of reasoning
  wheelwork generate --prompt \"Hello\" --max-tokens 50 --temperature 0 --json
  wheelwork generate --prompt \"12 * 12 = ?\" --regex '[0-9]+'    hold the answer to a form: also --schema, --grammar
  wheelwork pack r1.ortpackage --out r1.wwpkg --key my.key.pem
  wheelwork install r1.wwpkg --key my.pub.pem         then: wheelwork chat --model r1

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
    /// Measure what a package costs against the checkpoint it was made of
    Evaluate(EvaluateArguments),
    /// Make a key pair that signs packages
    Key(KeyArguments),
    /// Turn a package folder into one file, compressed and, with a key, signed
    Pack(PackArguments),
    /// Sign a package file, or sign it anew
    Sign(SignArguments),
    /// Turn a package file into a folder, outside the installed models
    Unpack(UnpackArguments),
    /// Compare every byte of a package file, a package folder or an installed model with its digests
    Verify(VerifyArguments),
    /// Describe a package: a file, a folder or an installed model
    Inspect(InspectArguments),
    /// Install a package, or update to a newer version of it
    Install(InstallArguments),
    /// Pack a model's weights for this CPU once, so that they are mapped from the disk and not made in memory
    Prepare(PrepareArguments),
    /// Make a damaged installed model whole again
    Repair(RepairArguments),
    /// List the installed models and the unfinished transfers
    List(StoreArguments),
    /// Remove an installed model
    Remove(RemoveArguments),
    /// Free the disk space of what interrupted commands have left
    Gc(GarbageArguments),
    /// Tell what a model would take of the memory, without loading it
    Plan(ModelArguments),
    /// List what this machine and this build can run on, and why not the rest
    Devices(DevicesArguments),
    /// Measure prefill and decode
    Bench(BenchArguments),
    /// Answer problems on a device and on the CPU, and report where it ran, how fast, and what differs
    DeviceReport(DeviceReportArguments),
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
