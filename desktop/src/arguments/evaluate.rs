//! The command that judges a package: `evaluate`.

use std::path::PathBuf;

use clap::Args;
use wheelwork_calibrate::evaluate::Limits;

use super::model::Kv;

const HELP: &str = "\
The checkpoint reads a text in float32, layer by layer, and the package reads the same tokens as it would generate
them. After each token both give a probability for every word of the vocabulary:

  mean KL         how far the package's probabilities are from the checkpoint's, in nats; 0 is equal
  same best       how often both would choose the same token
  perplexity      how surprised each is by the text; the change is what quantising cost
  repetition      chains of the package's own that never end, and how much they repeat
  tasks           with --tasks: right answers and right steps, and which of them flipped against a baseline

Default limits of --gate: float KL 0.0005, same best 99.5 %; int8 0.003, 97.5 %; best 0.035, 92 %; balanced 0.05, 91 %;
anything else 0.10. They come from models of 7 to 8 billion parameters. Below 1 billion, from models of some hundred
million: int8 0.012, 95 %; best 0.2, 70 %; balanced 0.35, 62 %; anything else 0.35.

Examples:
  wheelwork evaluate r1.ortpackage --reference DeepSeek-R1-Distill-Qwen-1.5B
  wheelwork evaluate r1.ortpackage --reference CHECKPOINT --text book.txt --tokens 4096 --sources
  wheelwork evaluate r1.ortpackage --reference CHECKPOINT --tasks p.jsonl --baseline f32.ortpackage
  wheelwork evaluate r1.ortpackage --reference CHECKPOINT --gate=kl=0.05,same-top=91";

#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct EvaluateArguments {
    /// The package: a folder, or the name of an installed model
    pub(crate) package: String,
    /// The checkpoint's folder that the package was made of
    #[arg(long, value_name = "CHECKPOINT")]
    pub(crate) reference: PathBuf,
    /// A text to compare on [default: chains of the package's own, and a small text]
    #[arg(long, value_name = "FILE")]
    pub(crate) text: Option<PathBuf>,
    /// Tokens to compare
    #[arg(long, value_name = "N", default_value_t = 2048)]
    pub(crate) tokens: usize,
    /// Problems with known answers, one JSON object a line: {"prompt", "answer"}, if wanted "steps" and "task"
    #[arg(long, value_name = "FILE")]
    pub(crate) tasks: Option<PathBuf>,
    /// The most tokens of an answer to a problem, reasoning included
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub(crate) task_tokens: usize,
    /// A package that answers the problems too [default: the checkpoint in float32, made on the way up to 2 GiB]
    #[arg(long, value_name = "PACKAGE", requires = "tasks")]
    pub(crate) baseline: Option<PathBuf>,
    /// Also measure what each kind of matrix, activations and the int8 cache cost alone: reads the checkpoint up to ten times more
    #[arg(long)]
    pub(crate) sources: bool,
    /// Fail where a limit is broken: the recipe's own, or kl=NATS and same-top=PERCENT
    #[arg(long, value_name = "LIMITS", num_args = 0..=1, require_equals = true, default_missing_value = "", value_parser = parse_limits)]
    pub(crate) gate: Option<Limits>,
    /// Leave the package as it is, instead of putting the figures into its card
    #[arg(long)]
    pub(crate) no_card: bool,
    /// How keys and values are cached [default: what the package's self-check chose]
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) kv: Option<Kv>,
    /// CPU threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// A folder on a disk with room: tokens x vocabulary x 4 bytes [default: the system's for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
    /// Where models are installed [default: the user's data folder]
    #[arg(long, env = "WHEELWORK_MODELS_DIR", value_name = "DIR")]
    pub(crate) models_dir: Option<PathBuf>,
}

/// Nothing, or `kl=NATS` and `same-top=PERCENT` with a comma between.
fn parse_limits(text: &str) -> Result<Limits, String> {
    let mut limits = Limits::default();
    for limit in text.split(',').filter(|limit| !limit.is_empty()) {
        let (name, value) = limit.split_once('=').ok_or("expected kl=NATS or same-top=PERCENT")?;
        let value: f64 = value.parse().map_err(|_| format!("`{value}` is no number"))?;
        match name {
            "kl" if value >= 0.0 => limits.mean_kl = Some(value),
            "same-top" if (0.0..=100.0).contains(&value) => limits.same_top = Some(value / 100.0),
            "kl" | "same-top" => return Err(format!("{value} is out of range for {name}")),
            _ => return Err(format!("there is no limit `{name}`, only kl and same-top")),
        }
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_numbers_with_names() {
        assert_eq!(parse_limits(""), Ok(Limits::default()));
        let both = Limits { mean_kl: Some(0.05), same_top: Some(0.91) };
        assert_eq!(parse_limits("kl=0.05,same-top=91"), Ok(both));
        for wrong in ["kl", "kl=x", "kl=-1", "kl=nan", "same-top=101", "loops=3"] {
            assert!(parse_limits(wrong).is_err(), "{wrong}");
        }
    }
}
