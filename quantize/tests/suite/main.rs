//! Quantising small checkpoints that the tests make themselves.
// Helpers of tests fail as tests do; Clippy knows only the tests themselves.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../../core/package/tests/wwpkg/support/assert_matches.rs"]
mod assert_matches;
mod budget;
mod calibration;
mod checkpoint;
mod contents;
mod fidelity;
mod folders;
mod graphs;
mod package;
mod refusals;
mod resume;
mod verifier;
