//! One file a subcommand: each takes its arguments and `--json`, and returns success or a [`Failure`].
//!
//! [`Failure`]: crate::failure::Failure

pub(crate) mod bench;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod device_report;
pub(crate) mod devices;
pub(crate) mod doctor;
mod dry_run;
pub(crate) mod evaluate;
pub(crate) mod generate;
pub(crate) mod inspect;
pub(crate) mod manual;
pub(crate) mod package;
pub(crate) mod plan;
pub(crate) mod prepare;
mod problems;
pub(crate) mod prompt;
pub(crate) mod quantize;
mod static_graph;
