//! Commands about packages: `inspect`.

use std::path::PathBuf;

use clap::Args;

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
