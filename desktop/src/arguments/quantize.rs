//! The command that makes a package from a checkpoint: `quantize`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wheelwork_calibrate::TextBudget;
use wheelwork_package::container::Name;
use wheelwork_quantize::scheme::BlockSize;

use super::StaticArguments;

#[derive(Debug, Args)]
pub(crate) struct QuantizeArguments {
    /// The checkpoint's folder: config.json, *.safetensors, tokenizer.json
    pub(crate) checkpoint: PathBuf,
    /// The package folder to make; conventionally NAME.ortpackage
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// What the package is called, wherever it goes [default: the checkpoint's folder]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) name: Option<Name>,
    /// A LoRA adapter's folder (adapter_config.json, adapter_model.safetensors), to merge into the weights
    #[arg(long, value_name = "DIR", conflicts_with = "targets", hide_short_help = true)]
    pub(crate) adapter: Option<PathBuf>,
    /// How much to store, and how much to search for it
    #[arg(long, value_enum, default_value_t = Quality::Balanced)]
    pub(crate) quality: Quality,
    /// Bits per weight over all matrices, scales and zero points included: mixes 3 to 8 bits and block sizes by what they cost
    #[arg(long, value_name = "BITS")]
    pub(crate) bpw: Option<f64>,
    /// What the package's file may take at most, such as 1.1GB or 900MB; mixes as `--bpw` does
    #[arg(long, value_name = "SIZE", value_parser = size, conflicts_with = "bpw")]
    pub(crate) max_size: Option<u64>,
    /// Weights that share a scale: larger is faster and smaller, with more error [default: 32]
    #[arg(long, value_name = "WEIGHTS", value_parser = block_size, hide_short_help = true)]
    pub(crate) block_size: Option<BlockSize>,
    /// What inputs of products are rounded to; with `--quality float` they never are
    #[arg(long, value_enum, value_name = "TYPE", default_value_t = Activations::Int8, hide_short_help = true)]
    pub(crate) activations: Activations,
    /// Print sizes, memory and time that it would take, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The longest sequence that the package allows, in tokens [default: the model's, at most 32768]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context_length: Option<usize>,
    /// Whether the package also gets an int8 key-value cache, checked on chains that it writes itself [default: auto
    /// with `--quality best`, else float]
    #[arg(long, value_enum)]
    pub(crate) kv: Option<KvChoice>,
    #[command(flatten)]
    pub(crate) calibration: CalibrationArguments,
    #[command(flatten)]
    pub(crate) static_graphs: StaticArguments,
    /// Replace an existing package, and start an unfinished one over
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Go on where an earlier run of the same command was stopped; the package is the same, byte for byte
    #[arg(long)]
    pub(crate) resume: bool,
}

/// What calibration reads.
#[derive(Debug, Args)]
pub(crate) struct CalibrationArguments {
    /// Weigh the search by how large inputs get, whatever the time [default: where that takes about ten seconds at most]
    #[arg(long)]
    pub(crate) calibrate: bool,
    /// Search by the weights alone: no text is read and nothing is run
    #[arg(long, conflicts_with_all = ["calibrate", "calibration_text", "calibration_tokens", "calibration_length"], hide_short_help = true)]
    pub(crate) no_calibration: bool,
    /// A text of yours to calibrate on, for half of the tokens; the rest are built-in questions or, with `--quality best` and
    /// `--target qnn-htp`, chains that the model writes
    #[arg(long, value_name = "FILE")]
    pub(crate) calibration_text: Option<PathBuf>,
    /// Tokens to calibrate on [default: 512; 32768 with `--quality best`, 8192 with `--target qnn-htp`]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(256..=16_777_216), hide_short_help = true)]
    pub(crate) calibration_tokens: Option<u32>,
    /// Tokens of one sequence at most [default: 256; 512 with `--quality best` and `--target qnn-htp`]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(64..=131_072), hide_short_help = true)]
    pub(crate) calibration_length: Option<u32>,
}

impl QuantizeArguments {
    /// What was asked for, or what the quality suggests: calibration measures the cache's ranges on the way.
    pub(crate) fn kv(&self) -> KvChoice {
        self.kv.unwrap_or(match self.quality {
            Quality::Best => KvChoice::Auto,
            Quality::Float | Quality::Int8 | Quality::Fast | Quality::Balanced => KvChoice::Float,
        })
    }
}

impl CalibrationArguments {
    /// The first flag that was given, for qualities that calibrate nothing.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let Self { calibrate, calibration_text, calibration_tokens, calibration_length, .. } = self;
        let given = [
            (*calibrate, "--calibrate"),
            (calibration_text.is_some(), "--calibration-text"),
            (calibration_tokens.is_some(), "--calibration-tokens"),
            (calibration_length.is_some(), "--calibration-length"),
        ];
        given.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag))
    }

    /// Tokens in all and of a sequence.
    pub(crate) fn budget(&self, default: TextBudget) -> TextBudget {
        let or = |asked: Option<u32>, default| {
            asked.map_or(default, |tokens| usize::try_from(tokens).unwrap_or(usize::MAX))
        };
        TextBudget {
            tokens: or(self.calibration_tokens, default.tokens),
            sequence_tokens: or(self.calibration_length, default.sequence_tokens),
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Quality {
    /// float32, for comparisons: eight times the size
    Float,
    /// int8 throughout: nearly float32's answers
    Int8,
    /// int4 by rounding to nearest
    Fast,
    /// int4 with a search for scale and zero point, int8 output layer
    Balanced,
    /// The bits of `balanced` or of a budget, calibrated on chains that the model writes: GPTQ, layer by layer; takes hours at 7B
    Best,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Activations {
    /// int8 by blocks: the fastest, and the largest error of packages with 8 bits a weight
    Int8,
    /// Not rounded; our kernels keep 16 bits, ONNX Runtime's unpack 8-bit matrices to float32 at every product
    F32,
}

impl From<Activations> for wheelwork_quantize::recipe::Activations {
    fn from(activations: Activations) -> Self {
        match activations {
            Activations::Int8 => Self::Int8,
            Activations::F32 => Self::Float32,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KvChoice {
    /// float32 only
    Float,
    /// Both, int8 by default where its self-check passes
    Auto,
    /// Both, int8 by default
    Int8,
}

/// Bytes, with a unit of a thousand, a million or a billion of them.
fn size(text: &str) -> Result<u64, String> {
    let expected = || "expected a size such as 1.1GB, 900MB or 950000000".to_owned();
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default().to_ascii_uppercase().as_str() {
        "" | "B" => 1.0,
        "K" | "KB" => 1e3,
        "M" | "MB" => 1e6,
        "G" | "GB" => 1e9,
        _ => return Err(expected()),
    };
    let bytes = digits.trim().parse::<f64>().map_err(|_| expected())? * unit;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // used where it is within 2^53
    let whole = bytes as u64;
    if (1.0..9e15).contains(&bytes) { Ok(whole) } else { Err(expected()) }
}

fn name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|error| error.to_string())
}

fn block_size(text: &str) -> Result<BlockSize, String> {
    let size = text.parse().ok().and_then(BlockSize::of);
    size.ok_or_else(|| "expected 16, 32, 64, 128 or 256".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_and_nothing_else_passes() {
        let sizes = [("1.1GB", 1_100_000_000), ("900MB", 900_000_000), ("5k", 5000), ("12", 12)];
        for (text, bytes) in sizes {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GB", "-1GB", "nan", "inf", "1TBB", "1e30", "0", "1 2MB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
