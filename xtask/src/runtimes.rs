//! `cargo xtask runtimes`: the tests that run a model, with the versions of ONNX Runtime that published phone builds have.
//!
//! Android's are 1.27 to 1.29, Apple's is 1.24. The desktop builds of the same versions stand for them here.

use crate::fetch;
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report, test};

/// Logits against transformers, any history of steps, several conversations, and what each version lacks.
const TESTS: [&str; 4] = ["parity", "exact_turns", "engine", "runtime_versions"];

/// What `desktop/tests/runtime_versions.rs` compares the loaded library with.
const EXPECTED_VARIABLE: &str = "WHEELWORK_EXPECT_ONNXRUNTIME";

pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    for project in &fetch::OLDER {
        report::step(&format!("tests with ONNX Runtime {}", project.version));
        let mut cargo = command::cargo();
        cargo.args(["test", "--locked", "--no-fail-fast", "-p", "wheelwork-desktop"]);
        cargo.args(TESTS.iter().flat_map(|name| ["--test", name]));
        test::prepare(&mut cargo, workspace)?;
        cargo.env(fetch::PATH_VARIABLE, fetch::library(workspace, project)?);
        cargo.env(EXPECTED_VARIABLE, project.version);
        command::run(&mut cargo)?;
    }
    Ok(())
}
