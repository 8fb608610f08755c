//! Commands that talk to a model: `chat`, `generate`, `prompt`.

use std::path::PathBuf;

use clap::Args;

use super::model::ModelArguments;
use super::turn::TurnArguments;

const CHAT_EXAMPLES: &str = "\
Examples:
  wheelwork chat                                   talk to the small model that ships with wheelwork
  wheelwork chat \"12 + 30 = ?\"                     one question
  echo \"12 + 30 = ?\" | wheelwork chat             a question by a pipe; behind a question it is what it is about
  wheelwork chat --hide-reasoning \"12 + 30 = ?\"    only the answer
  wheelwork chat --session talk.session \"9 * 7 = ?\"    kept in a file; again to go on";

#[derive(Debug, Args)]
#[command(after_long_help = CHAT_EXAMPLES)]
pub(crate) struct ChatArguments {
    /// The question; without it, and without a text on standard input, a prompt
    pub(crate) prompt: Option<String>,
    /// Show only the answer
    #[arg(long)]
    pub(crate) hide_reasoning: bool,
    /// Tell provider, threads, prompt and times behind each answer
    #[arg(long)]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    #[command(flatten)]
    pub(crate) turn: TurnArguments,
    /// A chat template (Jinja) instead of the model's own
    #[arg(long, value_name = "FILE", help_heading = "Conversation", hide_short_help = true)]
    pub(crate) template: Option<PathBuf>,
    /// A system message; the R1 authors advise against one
    #[arg(long, value_name = "TEXT", help_heading = "Conversation")]
    pub(crate) system: Option<String>,
    /// Keep the lines typed at the prompt in this file [default: chat-history in the user's data folder; with
    /// --session-key, nowhere]
    #[arg(long, value_name = "FILE", help_heading = "Conversation", hide_short_help = true)]
    pub(crate) history: Option<PathBuf>,
    /// Keep none of the lines typed at the prompt
    #[arg(long, conflicts_with = "history", help_heading = "Conversation", hide_short_help = true)]
    pub(crate) no_history: bool,
    #[command(flatten)]
    pub(crate) session: SessionArguments,
}

/// `chat`, with the model's name first, as other programs of the kind have it.
#[derive(Debug, Args)]
#[command(mut_arg("model", |argument| argument.hide(true)))]
pub(crate) struct RunArguments {
    /// The name of an installed model, tiny-r1, or a package folder
    #[arg(value_name = "MODEL")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) chat: ChatArguments,
}

/// Where the conversation is kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Conversation")]
pub(crate) struct SessionArguments {
    /// Keep the conversation in this file; if it exists, go on from it
    #[arg(long, value_name = "FILE")]
    pub(crate) session: Option<PathBuf>,
    /// Encrypt it with the key in this file, 64 hexadecimal digits; made for a new session if it does not exist
    #[arg(long, value_name = "FILE", requires = "session", hide_short_help = true)]
    pub(crate) session_key: Option<PathBuf>,
    /// Read what is whole of a damaged session, and keep it in this new file; the damaged one stays as it is
    #[arg(long, value_name = "NEW_FILE", requires = "session", hide_short_help = true)]
    pub(crate) salvage: Option<PathBuf>,
}

const GENERATE_EXAMPLES: &str = "\
Examples:
  wheelwork generate --prompt \"12 + 30 = ?\"                    the answer alone
  wheelwork generate --prompt \"12 + 30 = ?\" --json             every event as a line of JSON
  wheelwork generate --prompt \"12 + 30 = ?\" --regex '[0-9]+'   an answer of that form

Exit codes: 0 the answer is whole; 1 failure; 2 wrong usage; 3 the answer was cut, and why is told; 130 Ctrl-C.";

#[derive(Debug, Args)]
#[command(after_long_help = GENERATE_EXAMPLES)]
pub(crate) struct GenerateArguments {
    #[command(flatten)]
    pub(crate) source: PromptSource,
    /// Take --prompt as it is, control tokens included, instead of as a user's message
    #[arg(long, requires = "prompt", hide_short_help = true)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    #[command(flatten)]
    pub(crate) turn: TurnArguments,
    /// A chat template (Jinja) instead of the model's own
    #[arg(long, value_name = "FILE", help_heading = "Conversation", hide_short_help = true)]
    pub(crate) template: Option<PathBuf>,
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
