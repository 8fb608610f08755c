//! `cargo xtask npu`: tiny-r1's answers on the simulator of a Snapdragon's NPU beside the CPU's.
//!
//! For each form of static graphs: quantise tiny-r1, answer six held-out problems of each of its ten tasks on both, with
//! no node allowed on the CPU, and fail where fewer than [`MIN_EQUAL`] answers are the same. The table goes to the
//! terminal and to `target/npu/FORM.log`. The simulator takes some tenths of a second a token: ten minutes to an hour.

use std::process::Command;

use clap::{Args, ValueEnum};

use crate::fetch::qnn;
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report, steps, test};

/// Of 60: a margin for logits that are nearly equal, where 16 bits and floats choose otherwise.
const MIN_EQUAL: &str = "58";
const PER_TASK: &str = "6";

#[derive(Args)]
pub(crate) struct Options {
    /// Only these forms.
    forms: Vec<Form>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// Integers throughout.
    QnnHtp,
    /// float32 inputs and outputs, the weights of the CPU's variant.
    QnnHtpFloat,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    if qnn::libraries(workspace)?.is_none() {
        report::note("there is no simulator for this platform");
        return Ok(());
    }
    workspace.build_command("debug")?;
    steps::run_each("cargo xtask npu", &options.forms, |form| compare(workspace, &steps::name(form)))
}

/// `form` as `wheelwork quantize --target` calls it.
fn compare(workspace: &Workspace, form: &str) -> Result<(), TaskError> {
    let folder = workspace.target.join("npu");
    fs_err::create_dir_all(&folder)?;
    let checkpoint = workspace.root.join("testdata").join("tiny-r1");
    let package = folder.join(format!("{form}.ortpackage"));
    let wheelwork = || {
        let mut wheelwork = Command::new(workspace.program("debug", "wheelwork"));
        test::prepare(&mut wheelwork, workspace)?;
        Ok::<_, TaskError>(wheelwork)
    };
    let quantize = ["quantize", "--overwrite", "--target", "cpu", "--target", form, "--npu-context", "256"];
    command::run(wheelwork()?.args(quantize).arg("--out").args([&package, &checkpoint]))?;
    command::run_logged(
        wheelwork()?
            .args(["device-report", "--device", "npu", "--strict", "--per-task", PER_TASK])
            .args(["--min-equal", MIN_EQUAL, "--model"])
            .arg(&package)
            .arg("--problems")
            .arg(checkpoint.join("heldout.jsonl")),
        &folder.join(format!("{form}.log")),
    )
}
