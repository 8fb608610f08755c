//! The command line, as `--help` teaches it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use wheelwork::{DevicePreference, KvForm, OpenOptions, Options, Thinking};

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

/// Which model, and where it runs.
#[derive(Debug, Args)]
pub(crate) struct ModelArguments {
    /// A package folder, a genai model folder, or the name of an installed model [default: the small model
    /// that ships with wheelwork]
    #[arg(long, short)]
    pub(crate) model: Option<String>,
    /// Where models are installed [default: the user's data folder]
    #[arg(long, env = "WHEELWORK_MODELS_DIR", value_name = "DIR")]
    pub(crate) models_dir: Option<PathBuf>,
    /// The device to run on
    #[arg(long, value_enum, default_value_t = Device::Auto)]
    pub(crate) device: Device,
    /// Fail where that device cannot be used, instead of taking another and saying so
    #[arg(long)]
    pub(crate) strict: bool,
    /// Threads of the processor [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// The longest sequence in tokens [default: the model's]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context_length: Option<usize>,
    /// How keys and values are cached [default: what the package's self-check chose]
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) kv: Option<Kv>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kv {
    /// A quarter of the memory; faster decoding at long contexts, slower prefill
    Int8,
    /// float32, exact
    Float,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Device {
    /// The best one that can be used
    Auto,
    /// Neural processing unit
    Npu,
    /// Graphics processor
    Gpu,
    /// Processor
    Cpu,
}

/// How a turn is generated; what is not given is the model's own advice.
#[derive(Debug, Args)]
pub(crate) struct TurnArguments {
    /// How much to reason: auto, off, or at most TOKENS
    #[arg(long, value_name = "auto|off|TOKENS", default_value = "auto", value_parser = parse_thinking)]
    pub(crate) think: Thinking,
    /// The most tokens to generate, reasoning included [default: to the context's end]
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<usize>,
    /// 0 takes the most likely token; higher is more varied
    #[arg(long, value_name = "T")]
    pub(crate) temperature: Option<f32>,
    /// Sample among this many tokens
    #[arg(long, value_name = "K")]
    pub(crate) top_k: Option<u32>,
    /// Sample among the fewest tokens that reach this probability
    #[arg(long, value_name = "P")]
    pub(crate) top_p: Option<f32>,
    /// Sample among tokens with this share of the best one's probability
    #[arg(long, value_name = "P")]
    pub(crate) min_p: Option<f32>,
    /// Above 1 makes tokens already seen less likely
    #[arg(long, value_name = "R")]
    pub(crate) repetition_penalty: Option<f32>,
    /// The same seed gives the same text
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// A text that ends the answer; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    #[command(flatten)]
    pub(crate) turn: TurnArguments,
    /// A system message; the R1 authors advise against one
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// Keep the lines typed at the prompt in this file [default: only until the program ends]
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// The question; without it, an interactive prompt
    pub(crate) prompt: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    #[command(flatten)]
    pub(crate) turn: TurnArguments,
    #[command(flatten)]
    pub(crate) source: PromptSource,
    /// Take --prompt as it is, control tokens included, instead of as a user's message
    #[arg(long, requires = "prompt")]
    pub(crate) raw: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PromptSource {
    /// A user's message
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt: Option<String>,
    /// Token ids, separated by commas
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub(crate) prompt_ids: Option<Vec<u32>>,
    /// A JSON file with a list of messages: [{"role": "user", "content": "..."}]
    #[arg(long, value_name = "FILE")]
    pub(crate) messages: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PromptArguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// A folder with tokenizer.json, instead of a model
    #[arg(long, value_name = "DIR", conflicts_with = "model")]
    pub(crate) tokenizer: Option<PathBuf>,
    /// A JSON file with a list of messages: [{"role": "user", "content": "..."}]
    #[arg(long, value_name = "FILE")]
    pub(crate) messages: PathBuf,
    /// R1's template of before or after February 2025, or a file [default: the model's own]
    #[arg(long, value_name = "older|newer|FILE")]
    pub(crate) template: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct QuantizeArguments {
    /// The checkpoint's folder: config.json, *.safetensors, tokenizer.json
    pub(crate) checkpoint: PathBuf,
    /// The package folder to make; conventionally NAME.ortpackage
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// How much to store, and how much to search for it
    #[arg(long, value_enum, default_value_t = Quality::Balanced)]
    pub(crate) quality: Quality,
    /// The longest sequence that the package allows, in tokens [default: the model's, at most 32768]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context_length: Option<usize>,
    /// Replace an existing package
    #[arg(long)]
    pub(crate) overwrite: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Quality {
    /// float32, for comparisons: eight times the size
    Float,
    /// int4 by rounding to nearest
    Fast,
    /// int4 with a search for scale and zero point, int8 output layer
    Balanced,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// A package folder, a genai model folder, or the name of an installed model
    pub(crate) model: String,
    /// Where models are installed [default: the user's data folder]
    #[arg(long, env = "WHEELWORK_MODELS_DIR", value_name = "DIR")]
    pub(crate) models_dir: Option<PathBuf>,
    /// Read every file and compare its content with the card's hashes
    #[arg(long)]
    pub(crate) verify: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// Prompt lengths for prefill, in tokens
    #[arg(long, value_name = "TOKENS", value_delimiter = ',', default_values_t = [128, 512])]
    pub(crate) prompt: Vec<usize>,
    /// Tokens in the cache before decoding
    #[arg(long, value_name = "TOKENS", value_delimiter = ',', default_values_t = [128])]
    pub(crate) context: Vec<usize>,
    /// Tokens to decode
    #[arg(long, value_name = "TOKENS", default_value_t = 64)]
    pub(crate) decode: usize,
    /// Repetitions of each; the best and the median are reported
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: u32,
}

impl ModelArguments {
    pub(crate) fn open_options(&self) -> OpenOptions {
        OpenOptions {
            device: match self.device {
                Device::Auto => DevicePreference::Auto,
                Device::Npu => DevicePreference::Npu,
                Device::Gpu => DevicePreference::Gpu,
                Device::Cpu => DevicePreference::Cpu,
            },
            strict: self.strict,
            threads: self.threads.map(usize::from),
            context_length: self.context_length,
            kv_cache: self.kv.map(|form| match form {
                Kv::Int8 => KvForm::Int8,
                Kv::Float => KvForm::Float,
            }),
        }
    }
}

impl TurnArguments {
    pub(crate) fn options(&self) -> Options {
        Options {
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            seed: self.seed,
            stop: self.stop.clone(),
            thinking: self.think,
            ..Options::default()
        }
    }
}

/// `auto`, `off` or a number of tokens.
pub(crate) fn parse_thinking(text: &str) -> Result<Thinking, String> {
    match text {
        "auto" => Ok(Thinking::Auto),
        "off" => Ok(Thinking::Off),
        tokens => tokens
            .parse()
            .map(Thinking::Budget)
            .map_err(|_| "expected auto, off or a number of tokens".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn thinking_is_auto_off_or_a_budget() {
        assert_eq!(parse_thinking("auto"), Ok(Thinking::Auto));
        assert_eq!(parse_thinking("off"), Ok(Thinking::Off));
        assert_eq!(parse_thinking("500"), Ok(Thinking::Budget(500)));
        assert!(parse_thinking("some").is_err());
        assert!(parse_thinking("-1").is_err());
    }
}
