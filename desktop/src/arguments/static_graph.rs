//! What `quantize` is told about a variant for NPUs.

use clap::{Args, ValueEnum};
use wheelwork_calibrate::context_binary::{SOCS, Soc};
use wheelwork_package::card::Packing;
use wheelwork_quantize::scheme::channel::{self, ChannelScheme};

/// What a variant is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// Any CPU; every package has it
    Cpu,
    /// The NPU of a Snapdragon: static graphs in integers
    QnnHtp,
    /// The same in half precision, with the CPU's own weights and no calibration
    QnnHtpFloat,
}

/// For `--target qnn-htp` and `--target qnn-htp-float`.
#[derive(Debug, Args)]
#[command(next_help_heading = "For NPUs")]
pub(crate) struct StaticArguments {
    /// What to make the package for; several times for several
    #[arg(long = "target", value_enum, default_value = "cpu", value_name = "TARGET")]
    pub(crate) targets: Vec<Target>,
    /// For `--target qnn-htp` and `qnn-htp-float`: the context length there
    #[arg(long = "npu-context-length", alias = "npu-context", value_name = "TOKENS", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(64..=32_768), hide_short_help = true)]
    pub(crate) npu_context: u32,
    /// For `--target qnn-htp` and `qnn-htp-float`: tokens of a prompt that are read together
    #[arg(long, value_enum, default_value_t = Chunk::Of64, hide_short_help = true)]
    pub(crate) npu_chunk: Chunk,
    /// For `--target qnn-htp`: how the projections are stored
    #[arg(long, value_enum, default_value_t = Weights::Lpbq32, hide_short_help = true)]
    pub(crate) npu_weights: Weights,
    /// For `--target qnn-htp`: spread outliers by rotations that are folded into the weights
    #[arg(long, value_enum, default_value_t = Switch::On, hide_short_help = true)]
    pub(crate) rotate: Switch,
    /// For `--target qnn-htp`: round weights for their inputs (GPTQ), or to the nearest code, which is quick
    #[arg(long, value_enum, default_value_t = Rounding::Gptq, hide_short_help = true)]
    pub(crate) npu_rounding: Rounding,
    /// Compile the graphs ahead for these systems-on-chip, as in `sm8650,sc8380xp`; needs the library that
    /// WHEELWORK_QNN_DIR names
    #[arg(long = "soc", value_delimiter = ',', value_parser = soc, value_name = "SOC", hide_short_help = true)]
    pub(crate) socs: Vec<Soc>,
    /// How compiled graphs are put into files; the second is smaller and was loaded on no device yet
    #[arg(long, value_enum, default_value_t = Binaries::PerGraph, requires = "socs", hide_short_help = true)]
    pub(crate) npu_binaries: Binaries,
}

impl StaticArguments {
    /// Whether the package is made for a target, too.
    pub(crate) fn has(&self, target: Target) -> bool {
        self.targets.contains(&target)
    }

    /// Tokens that a conversation can have there.
    pub(crate) fn context_length(&self) -> usize {
        usize::try_from(self.npu_context).unwrap_or(usize::MAX)
    }
}

choice! {
    /// Tokens of a prefill call.
    pub(crate) enum Chunk => usize {
        /// Shorter prompts waste less
        #[value(name = "64")]
        Of64 => 64,
        /// Long prompts are read faster
        #[value(name = "128")]
        Of128 => 128,
    }
}

choice! {
    /// How projections are stored.
    pub(crate) enum Weights => ChannelScheme {
        /// 4 bits, a 4-bit multiplier for 32 weights
        Lpbq32 => channel::LPBQ_32,
        /// 4 bits, a 4-bit multiplier for 64 weights
        Lpbq64 => channel::LPBQ_64,
        /// 4 bits, one scale an output channel
        PerChannel => channel::CHANNEL_4,
    }
}

choice! {
    /// How compiled graphs are put into files.
    pub(crate) enum Binaries => Packing {
        /// One a graph and system-on-chip
        PerGraph => Packing::PerGraph,
        /// One a system-on-chip, with the weights of prefill and decode once
        SharedWeights => Packing::SharedWeights,
    }
}

/// How weights get their codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rounding {
    Gptq,
    Nearest,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

fn soc(name: &str) -> Result<Soc, String> {
    Soc::named(name).ok_or_else(|| {
        let known: Vec<_> = SOCS.iter().map(|soc| soc.name).collect();
        format!("expected one of {}", known.join(", "))
    })
}
