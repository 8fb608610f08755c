//! `cargo xtask judges`: our results against programs that no one here wrote.
//!
//! 1. A Python environment of their own, `target/judges/environment` (about 6 GB with PyTorch), with the
//!    versions of `testdata/judges/requirements.txt`; or the one that `--python` names.
//! 2. The command, built in the dev profile, or the one that `--program` names.
//! 3. Each judge is a script, `testdata/judges/NAME.py`, that calls the command and compares.
//!
//! The default tests compare with the golden files that come from here, so they need none of it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::python::Python;
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, fetch, report, steps, test};

#[derive(Args)]
pub(crate) struct Options {
    /// Only these judges.
    judges: Vec<Judge>,
    /// A Python that has what testdata/judges/requirements.txt names, instead of a new environment.
    #[arg(long)]
    python: Option<PathBuf>,
    /// A built `wheelwork`, instead of building one in the dev profile.
    #[arg(long)]
    program: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Judge {
    /// onnx: our graphs pass its checker.
    Graph,
    /// transformers: prompts of the same messages, in text and ids.
    Prompt,
    /// transformers: chat templates of public packages, each over the same conversations, and the golden file.
    Template,
    /// transformers: logits and greedy tokens of the float export, for every family.
    Logits,
    /// onnxruntime-genai: greedy tokens of our int4 package.
    Genai,
    /// A second reader of package files, written from docs/package-format.md alone.
    Package,
    /// onnxruntime-genai's model builder: our runtime on its folder.
    Builder,
    /// onnxruntime's own quantiser: errs more on the same tensors.
    Quantizer,
    /// Test suites of JSON, Jinja, ONNX and safetensors, from their registries: accepted, or refused with a typed error.
    Corpora,
    /// Divergence against bytes of every quality, beside llama.cpp's formats; a table and an SVG.
    Quality,
    /// transformers: 600 combinations of what differs in checkpoints, each read alike or refused; a real model's forms.
    Checkpoints,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let work = workspace.target.join("judges");
    fs_err::create_dir_all(&work)?;
    let python = match &options.python {
        Some(program) => Python::at(&std::path::absolute(program)?),
        None => environment(workspace, &work)?,
    };
    let wheelwork = workspace.given_or_built(options.program.as_deref(), "debug")?;
    steps::run_each("cargo xtask judges", &options.judges, |judge| {
        let mut script = python.script(&folder(workspace).join(format!("{}.py", steps::name(judge))));
        script.arg("--wheelwork").arg(&wheelwork).arg("--work").arg(&work);
        test::prepare(&mut script, workspace)?;
        command::run(&mut script)
    })
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join("testdata").join("judges")
}

/// The judges' environment, made anew when what it should hold has changed.
fn environment(workspace: &Workspace, work: &Path) -> Result<Python, TaskError> {
    let environment = work.join("environment");
    let requirements = folder(workspace).join("requirements.txt");
    // ONNX Runtime's version stands in one place: the judges run what the tests run.
    let onnxruntime = format!("onnxruntime=={}", fetch::VERSION);
    let wanted = format!("{onnxruntime}\n{}", fs_err::read_to_string(&requirements)?);
    let installed = environment.join("installed.txt");
    if fs_err::read_to_string(&installed).is_ok_and(|present| present == wanted) {
        return Ok(Python::in_environment(&environment));
    }
    report::step("installing the judges (about 6 GB, once)");
    command::run(Python::find()?.module("venv").arg("--clear").arg(&environment))?;
    let python = Python::in_environment(&environment);
    let mut pip = python.module("pip");
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
    command::run(pip.arg(onnxruntime))?;
    fs_err::write(installed, wanted)?;
    Ok(python)
}
