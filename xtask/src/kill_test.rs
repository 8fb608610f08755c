//! `cargo xtask kill-test`: installations killed at every marked step and at thousands of random times.

use clap::Args;

use crate::command;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct Options {
    /// Kills at random times; about 25 a second.
    #[arg(long, default_value_t = 10_000)]
    kills: u64,
}

/// What the test reads, besides its own default.
const KILLS: &str = "WHEELWORK_TEST_KILLS";

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    command::run(
        command::cargo()
            .args(["test", "--locked", "--package", "wheelwork-package", "--test", "wwpkg"])
            .args(["kill::in_01", "--", "--nocapture"])
            .env(KILLS, options.kills.to_string())
            .current_dir(&workspace.root),
    )
}
