//! Commands that measure: `bench`, `device-report`.

use std::path::PathBuf;

use clap::Args;

use super::model::ModelArguments;

#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// Prompt lengths for prefill, in tokens
    #[arg(long, value_name = "TOKENS", value_delimiter = ',', default_values_t = [128, 512])]
    pub(crate) prompt: Vec<usize>,
    /// Tokens in the cache before decoding
    #[arg(long, alias = "context", value_name = "TOKENS", value_delimiter = ',', default_values_t = [128])]
    pub(crate) depth: Vec<usize>,
    /// Tokens to decode
    #[arg(long, value_name = "TOKENS", default_value_t = 64)]
    pub(crate) decode: usize,
    /// Also measure a conversation of about so many tokens: its next turn, restoring it, saving it, sharing its prefix
    #[arg(long, value_name = "TOKENS")]
    pub(crate) session: Option<usize>,
    /// Repetitions of each; the best and the median are reported
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: u32,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceReportArguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// Problems, a JSON object a line: {"prompt", "answer", "task"}, the last two if wanted [default: three sums]
    #[arg(long, value_name = "FILE")]
    pub(crate) problems: Option<PathBuf>,
    /// Take so many problems of each task, evenly over the list
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) per_task: Option<u32>,
    /// The longest answer in tokens, reasoning included
    #[arg(long, value_name = "TOKENS", default_value_t = 256)]
    pub(crate) max_tokens: usize,
    /// Fail where fewer answers are those of the CPU
    #[arg(long, value_name = "N")]
    pub(crate) min_equal: Option<usize>,
}
