//! Commands that talk to a model: `chat`, `generate`, `prompt`.

use std::path::PathBuf;

use clap::Args;

use super::model::ModelArguments;
use super::turn::TurnArguments;

#[derive(Debug, Args)]
pub(crate) struct ChatArguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    #[command(flatten)]
    pub(crate) turn: TurnArguments,
    /// A chat template (Jinja) instead of the model's own
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,
    /// A system message; the R1 authors advise against one
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// Keep the lines typed at the prompt in this file [default: only until the program ends]
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) session: SessionArguments,
    /// The question; without it, an interactive prompt
    pub(crate) prompt: Option<String>,
}

/// Where the conversation is kept.
#[derive(Debug, Args)]
pub(crate) struct SessionArguments {
    /// Keep the conversation in this file, unfinished reasoning included; if it exists, go on from it
    #[arg(long, value_name = "FILE")]
    pub(crate) session: Option<PathBuf>,
    /// Encrypt it with the key in this file, 64 hexadecimal digits; made for a new session if it does not exist
    #[arg(long, value_name = "FILE", requires = "session")]
    pub(crate) session_key: Option<PathBuf>,
    /// Read what is whole of a damaged session, and keep it in this new file; the damaged one stays as it is
    #[arg(long, value_name = "NEW_FILE", requires = "session")]
    pub(crate) salvage: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    #[command(flatten)]
    pub(crate) turn: TurnArguments,
    /// A chat template (Jinja) instead of the model's own
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: PromptSource,
    /// Take --prompt as it is, control tokens included, instead of as a user's message
    #[arg(long, requires = "prompt")]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) session: SessionArguments,
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
    /// Nothing new: go on with the turn that the session's file holds unfinished
    #[arg(long, requires = "session")]
    pub(crate) resume: bool,
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
