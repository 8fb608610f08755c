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
mod help;
mod measure;
mod model;
mod package;
mod quantize;
mod static_graph;
mod turn;

use clap::{Args, Parser, Subcommand};

pub(crate) use chat::{ChatArguments, GenerateArguments, PromptArguments, RunArguments, SessionArguments};
pub(crate) use evaluate::EvaluateArguments;
pub(crate) use help::command;
pub(crate) use measure::{BenchArguments, DeviceReportArguments};
pub(crate) use model::{
    Device, DevicesArguments, ModelArguments, PrepareArguments, default_kernels, keys_dir, trials_dir,
};
pub(crate) use package::{
    CompactArguments, GarbageArguments, InspectArguments, InstallArguments, KeyArguments, OriginArguments,
    PackArguments, RemoveArguments, RepairArguments, SignArguments, StoreArguments, TrustArguments,
    UnpackArguments, VerifyArguments,
};
pub(crate) use quantize::{KvChoice, Quality, QuantizeArguments};
pub(crate) use static_graph::{Rounding, StaticArguments, Switch, Target};
pub(crate) use turn::parse_thinking;

/// Reasoning models on this device, with nothing leaving it.
#[derive(Debug, Parser)]
#[command(name = "wheelwork", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// JSON on stdout, one object a line; errors as JSON on stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Talk to a model: reasoning dimmed, answer plain
    Chat(ChatArguments),
    /// The same, with the model's name first: run tiny-r1
    Run(RunArguments),
    /// Generate once, for scripts
    Generate(GenerateArguments),
    /// Show what the model will see: text and token ids
    Prompt(PromptArguments),
    /// Turn a Hugging Face checkpoint into a package
    Quantize(QuantizeArguments),
    /// Measure what a package lost against its checkpoint
    Evaluate(EvaluateArguments),
    /// Make a key pair that signs packages
    Key(KeyArguments),
    /// Turn a package folder into one file, signed if you like
    Pack(PackArguments),
    /// Sign a package file, or sign it anew
    Sign(SignArguments),
    /// Turn a package file into a folder
    Unpack(UnpackArguments),
    /// Compare every byte of a package or a model with its digests
    Verify(VerifyArguments),
    /// Describe a package: a file, a folder or an installed model
    #[command(visible_alias = "show")]
    Inspect(InspectArguments),
    /// Install a package, or update to a newer version of it
    Install(InstallArguments),
    /// Pack a model's weights for this CPU once: less memory when it is open
    Prepare(PrepareArguments),
    /// Keep an installed model's weights in fewer bytes
    Compact(CompactArguments),
    /// Make a damaged installed model whole again
    Repair(RepairArguments),
    /// List the models and the unfinished transfers
    #[command(visible_alias = "ls")]
    List(StoreArguments),
    /// Remove an installed model
    #[command(visible_alias = "rm")]
    Remove(RemoveArguments),
    /// Free the disk space of what interrupted commands have left
    Gc(GarbageArguments),
    /// Tell what a model would take of the memory, unloaded
    Plan(ModelArguments),
    /// List what this machine can run on, and why not the rest
    Devices(DevicesArguments),
    /// Measure prefill and decode
    Bench(BenchArguments),
    /// Answer problems on a device and on the CPU, and tell what differs
    DeviceReport(DeviceReportArguments),
    /// Look at libraries, devices, memory and disk, and say what to do
    Doctor(StoreArguments),
    /// Print completions for a shell
    #[command(hide = true)]
    Completions(CompletionsArguments),
    /// Write man pages into a folder
    #[command(hide = true)]
    Manual(ManualArguments),
}

/// For which shell.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Where man pages go.
#[derive(Debug, Args)]
pub(crate) struct ManualArguments {
    /// A folder that is there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: std::path::PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
