//! Commands that measure: `bench`.

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
    #[arg(long, value_name = "TOKENS", value_delimiter = ',', default_values_t = [128])]
    pub(crate) context: Vec<usize>,
    /// Tokens to decode
    #[arg(long, value_name = "TOKENS", default_value_t = 64)]
    pub(crate) decode: usize,
    /// Repetitions of each; the best and the median are reported
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: u32,
}
