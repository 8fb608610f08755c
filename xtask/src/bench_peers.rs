//! `cargo xtask bench-peers`: our rates and memory beside those of others, on the same weights, in turns.
//!
//! 1. The command, built in the release profile.
//! 2. A Python environment with onnxruntime-genai and onnx, `target/peers`; llama.cpp and OpenVINO take part where `--gguf` names a file
//!    (`testdata/peers/gguf_file.py` makes one) and the environment that `--python` names has `llama-cpp-python` (which is compiled when
//!    it is installed) and `openvino-genai`.
//! 3. `testdata/peers/bench.py`, which prints a JSON line a figure and a table, and draws decoding against context.

use std::path::PathBuf;

use clap::Args;

use crate::python::Python;
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, fetch, report, test};

#[derive(Args)]
pub(crate) struct Options {
    /// A package folder, as `wheelwork quantize` makes it.
    #[arg(long)]
    package: PathBuf,
    /// A GGUF file of the same shape, for llama.cpp and OpenVINO.
    #[arg(long)]
    gguf: Option<PathBuf>,
    /// How often each program takes its turn.
    #[arg(long, default_value_t = 3)]
    rounds: u16,
    /// Tokens of prompts.
    #[arg(long, default_value = "128,512")]
    prompt: String,
    /// Tokens behind which tokens are decoded.
    #[arg(long, default_value = "128,1024")]
    context: String,
    /// A picture of decoding against context.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// A Python that has onnxruntime-genai, instead of a new environment.
    #[arg(long)]
    python: Option<PathBuf>,
    /// A built `wheelwork`, instead of building one in the release profile.
    #[arg(long)]
    program: Option<PathBuf>,
}

const GENAI: &str = "onnxruntime-genai==0.18.0";
/// Makes the graph of the probe of int8 products.
const ONNX: &str = "onnx==1.23.2";

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let program = workspace.given_or_built(options.program.as_deref(), "release")?;
    let python = match &options.python {
        Some(program) => Python::at(&std::path::absolute(program)?),
        None => environment(workspace)?,
    };
    let mut script = python.script(&workspace.root.join("testdata").join("peers").join("bench.py"));
    script.arg("--wheelwork").arg(program).arg("--package").arg(std::path::absolute(&options.package)?);
    script.arg("--rounds").arg(options.rounds.to_string());
    script.args(["--prompt", &options.prompt, "--context", &options.context]);
    for (flag, path) in [("--gguf", &options.gguf), ("--svg", &options.svg)] {
        if let Some(path) = path {
            script.arg(flag).arg(std::path::absolute(path)?);
        }
    }
    test::prepare(&mut script, workspace)?;
    // The peers' own telemetry.
    script.env("ORT_DISABLE_TELEMETRY", "1");
    command::run(&mut script)
}

fn environment(workspace: &Workspace) -> Result<Python, TaskError> {
    let environment = workspace.target.join("peers");
    let python = Python::in_environment(&environment);
    let installed = environment.join("installed.txt");
    let wanted = format!("{GENAI} {ONNX} {}", fetch::VERSION);
    if fs_err::read_to_string(&installed).is_ok_and(|present| present == wanted) {
        return Ok(python);
    }
    report::step("installing onnxruntime-genai");
    command::run(Python::find()?.module("venv").arg("--clear").arg(&environment))?;
    let mut pip = python.module("pip");
    pip.args(["install", "--quiet", "--disable-pip-version-check", GENAI, ONNX]);
    command::run(pip.arg(format!("onnxruntime=={}", fetch::VERSION)))?;
    fs_err::write(installed, wanted)?;
    Ok(python)
}
